"""Turn the changes of a batch into statements: one per table, its rows as arrays of columns.

Arrays beat COPY at every size of group: COPY cannot go with other statements in one exchange, and costs two of its own
(measured in docs/decisions/0010-one-head-for-all-writers.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from opportune.storage.base import MODELS_KEPT
from opportune.storage.changes import Changes
from opportune.storage.postgres.link import Statement, Step
from opportune.storage.postgres.values import columns
from opportune.storage.tables import TABLES

__all__ = ["apply"]


def _arrays(types: Sequence[str]) -> str:
    return ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(types, 1))


def _insert(table: str, *types: str, then: str = "") -> Statement:
    """Rows of a table whose columns have these types."""
    # Names of our own only.
    return Statement(
        f"insert into {table} select * from unnest({_arrays(types)}){then}",  # noqa: S608
        tuple(f"{kind}[]" for kind in types),
    )


_ENTRIES = _insert("journal", *TABLES["journal"].values())
_PAYLOADS = _insert("payloads", "int8", "bytea", "bytea")
_KEYS = _insert("keys", "text", "text", "int8", "bytea")
_DECISIONS = _insert("decisions", "text", "int8")
_OUTCOMES = _insert("outcomes", "text", "text", "text", "text", "int8", "int8")
_WINDOWS = _insert("windows", "text", "text", "text", "text", "int8")
_CLOSED = Statement(
    "delete from windows w using unnest($1::text[], $2::text[], $3::text[]) as closed(decision, action, treatment)"
    " where w.decision = closed.decision and w.action = closed.action and w.treatment = closed.treatment",
    ("text[]", "text[]", "text[]"),
)
_IDENTIFIERS = _insert("identifiers", "text", "text", "text", "int8", "bytea")
_MERGES = _insert("merges", "text", "text", then=" on conflict (absorbed) do update set kept = excluded.kept")
_PARTED = Statement("delete from merges where absorbed = any($1::text[])", ("text[]",))
_LINKS = _insert(
    "links",
    *TABLES["links"].values(),
    then=" on conflict (sequence, one, other) do update set undone = excluded.undone",
)
_PROFILES = _insert(
    "profiles",
    *TABLES["profiles"].values(),
    then=" on conflict (person) do update set (version, sequence, attributes, digest, marks)"
    " = (excluded.version, excluded.sequence, excluded.attributes, excluded.digest, excluded.marks)",
)
_UNITS = _insert(
    "units",
    *TABLES["units"].values(),
    then=" on conflict (person, level) do update set (unit, sequence) = (excluded.unit, excluded.sequence)",
)
_CONSENTS = _insert(
    "consents",
    *TABLES["consents"].values(),
    then=" on conflict (person, channel, purpose) do update set (given, at, sequence, source, text_version, digest)"
    " = (excluded.given, excluded.at, excluded.sequence, excluded.source, excluded.text_version, excluded.digest)",
)
_TOMBSTONES = _insert("tombstones", *TABLES["tombstones"].values())


def _forget(table: str, **keys: str) -> Statement:
    """Rows of a table with these columns and types."""
    same = " and ".join(f"t.{name} = gone.{name}" for name in keys)
    gone = f"unnest({_arrays([*keys.values()])}) as gone({', '.join(keys)})"
    # Names of our own only.
    return Statement(f"delete from {table} t using {gone} where {same}", tuple(f"{kind}[]" for kind in keys.values()))  # noqa: S608


_FORGET = {
    "identifiers": _forget("identifiers", kind="text", value="text", person="text"),
    "profiles": _forget("profiles", person="text"),
    "links": _forget("links", sequence="int8", one="text", other="text"),
    "units": _forget("units", person="text", level="text"),
    "consents": _forget("consents", person="text", channel="text", purpose="text"),
}
_BUNDLES = _insert("bundles", "text", "bytea", "bytea")
_REVISIONS = _insert("revisions", "int8", "text", "int8")
_REVISION_ENTRIES = _insert("revision_entries", *TABLES["revision_entries"].values())
_MODELS = _insert("models", "int8", "text", "int8", "text", "bytea", "bytea")
_OLD_MODELS = Statement(
    "delete from models where name = $1 and sequence <"
    " (select min(sequence) from (select sequence from models where name = $1 order by sequence desc limit $2) kept)",
    ("text", "int8"),
)
_CHANGE_STATES = _insert("change_states", "int8", "bytea", "bytea")
_ERASURES = _insert("erasures", "int8", "int8")
_ERASED = Statement("delete from payloads where sequence = any($1::int8[])", ("int8[]",))
_STOCKS = _insert("stocks", *TABLES["stocks"].values())
_RESERVATIONS = _insert("reservations", *TABLES["reservations"].values())
_MOVES = Statement(
    "update reservations r set state = moved.state"
    " from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])"
    " as moved(state, decision, action, treatment, stock)"
    " where r.decision = moved.decision and r.action = moved.action and r.treatment = moved.treatment"
    " and r.stock = moved.stock",
    ("text[]",) * 5,
)
_SWITCHES = _insert(
    "switches",
    *TABLES["switches"].values(),
    then=" on conflict (target) do update set (is_off, author, reason, at, sequence, digest)"
    " = (excluded.is_off, excluded.author, excluded.reason, excluded.at, excluded.sequence, excluded.digest)",
)
_OLD_STOCKS = Statement(
    "delete from stocks s where exists"
    " (select from stocks n where n.stock = s.stock and n.period = s.period and n.sequence > s.sequence)"
)
_COUNTERS = _insert("counters", "text", "int8")
_END = Statement("insert into ends values ($1, $2)", ("int8", "bytea"))
_OLD_ENDS = Statement("delete from ends where sequence < $1", ("int8",))
_ADD_UP = Statement(
    "with parts as (delete from counters returning name, value)"
    " insert into counters select name, sum(value) from parts group by name"
)
ADD_UP_ENTRIES = 1 << 12
"""Entries after which the rows that commits left are added up."""


def apply(changes: Changes) -> Iterator[Step]:
    """Steps that bring the changes into the tables, in an order in which each finds what it needs."""
    tables: tuple[tuple[Statement, Sequence[Any]], ...] = (
        (_ENTRIES, changes.entries),
        (_PAYLOADS, changes.payloads),
        (_KEYS, changes.keys),
        (_DECISIONS, changes.decisions),
        (_OUTCOMES, changes.outcomes),
        (_WINDOWS, changes.windows),
        *((_FORGET[table], keys) for table, keys in changes.forgotten.items()),
        (_CLOSED, changes.closed),
        (_IDENTIFIERS, changes.identifiers),
        (_PARTED, [(one,) for one, kept in changes.merges.items() if kept is None]),
        (_MERGES, [row for row in changes.merges.items() if row[1] is not None]),
        (_LINKS, list(changes.links.values())),
        (_PROFILES, [(person, *row) for person, row in changes.profiles.items()]),
        (_UNITS, list(changes.units.values())),
        (_CONSENTS, list(changes.consents.values())),
        (_TOMBSTONES, changes.tombstones),
        (_BUNDLES, changes.bundles),
        (_REVISIONS, changes.revisions),
        (_REVISION_ENTRIES, changes.revision_entries),
        (_MODELS, changes.models),
        (_CHANGE_STATES, changes.change_states),
        (_ERASURES, changes.erasures),
        (_ERASED, [(sequence,) for sequence, _ in changes.erasures]),
        (_STOCKS, list(changes.stocks.values())),
        (_RESERVATIONS, changes.reservations),
        # A statement moves a row once: of several moves the last one counts.
        (_MOVES, [(state, *key) for key, state in {move[1:]: move[0] for move in changes.moves}.items()]),
        (_SWITCHES, list(changes.switches.values())),
        (_COUNTERS, [(name, count) for name, count in changes.counters.items() if count]),
    )
    for statement, rows in tables:
        if rows:
            yield statement, columns(rows)
    for name in {model[1] for model in changes.models}:
        yield _OLD_MODELS, (name, MODELS_KEPT)
    if changes.entries:
        first, last = changes.entries[0].sequence, changes.entries[-1].sequence
        yield _END, (last, changes.entries[-1].digest)
        if first // ADD_UP_ENTRIES != (last + 1) // ADD_UP_ENTRIES:
            yield _OLD_ENDS, (last,)
            yield _ADD_UP, ()
            yield _OLD_STOCKS, ()
