"""Bring the changes of a batch into the tables."""

from __future__ import annotations

from typing import Any

import apsw

from opportune.storage.base import MODELS_KEPT
from opportune.storage.changes import Changes, ReservationFound
from opportune.storage.entries import EntryRow

__all__ = ["apply"]

_INSERT_ENTRY = f"insert into journal values ({', '.join('?' * len(EntryRow._fields))})"  # noqa: S608

_INSERT_RESERVATION = f"insert into reservations values ({', '.join('?' * len(ReservationFound._fields))})"  # noqa: S608

_FORGET = {
    "identifiers": "delete from identifiers where kind = ? and value = ? and person = ?",
    "profiles": "delete from profiles where person = ?",
    "links": "delete from links where sequence = ? and one = ? and other = ?",
    "units": "delete from units where person = ? and level = ?",
    "consents": "delete from consents where person = ? and channel = ? and purpose = ?",
}


def apply(connection: apsw.Connection, changes: Changes) -> None:
    """Bring in what nearly every batch has; all else comes between its entries and its counters."""
    many = connection.executemany
    for sql, rows in (
        (_INSERT_ENTRY, changes.entries),
        ("insert into payloads values (?, ?, ?)", changes.payloads),
        ("insert into keys values (?, ?, ?, ?)", changes.keys),
        ("insert into decisions values (?, ?)", changes.decisions),
        ("insert into outcomes values (?, ?, ?, ?, ?, ?)", changes.outcomes),
        ("insert into windows values (?, ?, ?, ?, ?)", changes.windows),
    ):
        if rows:
            many(sql, rows)
    if len(changes.decisions) < len(changes.entries) or changes.stocks:
        _apply_others(connection, changes)
    many(
        "insert into counters values (?, ?) on conflict do update set value = value + excluded.value",
        [(name, count) for name, count in changes.counters.items() if count],
    )


def _apply_others(connection: apsw.Connection, changes: Changes) -> None:
    many = connection.executemany
    statements: tuple[tuple[str, list[Any]], ...] = (
        *((_FORGET[table], keys) for table, keys in changes.forgotten.items()),
        ("delete from windows where decision = ? and action = ? and treatment = ?", changes.closed),
        # In the order of the index: each of its pages is then read and written once.
        ("insert into identifiers values (?, ?, ?, ?, ?)", sorted(changes.identifiers)),
        ("delete from merges where absorbed = ?", [(one,) for one, kept in changes.merges.items() if kept is None]),
        ("insert or replace into merges values (?, ?)", [row for row in changes.merges.items() if row[1] is not None]),
        ("insert or replace into links values (?, ?, ?, ?)", list(changes.links.values())),
        (
            "insert or replace into profiles values (?, ?, ?, ?, ?, ?)",
            [(person, *row) for person, row in changes.profiles.items()],
        ),
        ("insert or replace into units values (?, ?, ?, ?)", list(changes.units.values())),
        ("insert or replace into consents values (?, ?, ?, ?, ?, ?, ?, ?, ?)", list(changes.consents.values())),
        ("insert into tombstones values (?, ?, ?)", changes.tombstones),
        ("insert into bundles values (?, ?, ?)", changes.bundles),
        ("insert into revisions values (?, ?, ?)", changes.revisions),
        (_INSERT_ENTRY.replace("journal", "revision_entries").replace(")", ", ?)"), changes.revision_entries),
        ("insert into models values (?, ?, ?, ?, ?, ?)", changes.models),
        (
            "delete from models where name = ?1 and sequence not in"
            " (select sequence from models where name = ?1 order by sequence desc limit ?2)",
            [(name, MODELS_KEPT) for name in {model[1] for model in changes.models}],
        ),
        ("insert into change_states values (?, ?, ?)", changes.change_states),
        ("insert into erasures values (?, ?)", changes.erasures),
        ("delete from payloads where sequence = ?", [(sequence,) for sequence, _ in changes.erasures]),
        ("insert or replace into stocks values (?, ?, ?, ?, ?, ?)", list(changes.stocks.values())),
        (_INSERT_RESERVATION, changes.reservations),
        (
            "update reservations set state = ? where decision = ? and action = ? and treatment = ? and stock = ?",
            changes.moves,
        ),
        ("insert or replace into switches values (?, ?, ?, ?, ?, ?, ?)", list(changes.switches.values())),
    )
    for sql, rows in statements:
        if rows:
            many(sql, rows)
