"""Look up what a batch of writes depends on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import apsw

from opportune.storage.changes import (
    DecisionReference,
    Found,
    KeyFound,
    ProfileFound,
    ReportFound,
    ReservationFound,
    SwitchFound,
    Wanted,
)
from opportune.storage.digests import GENESIS
from opportune.storage.reservations import StockCount
from opportune.storage.statements import CONTACT, IDENTIFIED, TODAY

__all__ = ["find"]

_RESERVATION = ", ".join(f"r.{column}" for column in ReservationFound._fields)
_NEWEST = f"""
    select max((select sequence from journal where person = u.person and {CONTACT} order by sequence desc limit 1))
    from (select ?1 as person union all select absorbed from merges where kept = ?1) u
"""  # noqa: S608


def find(connection: apsw.Connection, wanted: Wanted) -> Found:
    """Look up what a batch needs; apsw runs a statement once per set of values."""
    one = connection.execute
    many = partial(_each, connection)
    tail = one("select sequence, digest from journal order by sequence desc limit 1").fetchone()
    found = Found(*(tail or (0, GENESIS)))
    for kind, id_, sequence, request_digest, salt in many(
        "select k.kind, k.id, k.sequence, coalesce(k.request_digest, j.request_digest),"
        " iif(k.request_digest is null and j.payload_digest is not null, p.salt, x'')"
        # A second id may be of a revision whose entry went.
        " from keys k left join journal j on j.sequence = k.sequence"
        " left join payloads p on p.sequence = k.sequence"
        " where k.kind = ? and k.id = ?",
        wanted.keys,
    ):
        found.keys[kind, id_] = KeyFound(sequence, request_digest, salt)
    for decision, *reference in many(
        "select d.id, d.sequence, coalesce(m.kept, j.person), j.session, j.zone, j.revision"
        " from decisions d join journal j on j.sequence = d.sequence left join merges m on m.absorbed = j.person"
        " where d.id = ?",
        [(decision,) for decision in wanted.decisions],
    ):
        found.decisions[decision] = DecisionReference(*reference)
    for decision, *report in many(
        "select o.decision, j.sequence, j.id, j.schema, j.occurred_at, j.recorded_at, j.body"
        " from outcomes o join journal j on j.sequence = o.sequence where o.decision = ? order by o.sequence",
        [(decision,) for decision in dict.fromkeys(wanted.reports)],
    ):
        found.reports.setdefault(decision, []).append(ReportFound(*report))
    for decision, action, treatment, outcome, due_at in many(
        "select decision, action, treatment, outcome, due_at from windows where decision = ?",
        [(decision,) for decision in wanted.windows],
    ):
        found.windows.setdefault(decision, {})[action, treatment] = outcome, due_at
    for kind, value, person, version, attributes in many(
        f"select i.kind, i.value, {TODAY}, p.version, p.attributes {IDENTIFIED}"
        f" left join profiles p on p.person = {TODAY} where i.kind = ? and i.value = ?",
        sorted(wanted.identifiers),
    ):
        found.persons[kind, value] = person
        if version is not None:
            found.profiles[person] = ProfileFound(version, attributes)
    for kept, absorbed in many(
        f"select k.kept, k.absorbed {IDENTIFIED} join merges k on k.kept = {TODAY} where i.kind = ? and i.value = ?",
        list(dict.fromkeys(wanted.merging)),
    ):
        others = found.absorbed.setdefault(kept, [])
        if absorbed not in others:
            others.append(absorbed)
    if wanted.revision:
        found.revision = (
            one("select number, hash, sequence from revisions order by number desc limit 1").fetchone()
            or found.revision
        )
    for (hash_,) in many("select hash from bundles where hash = ?", [(hash_,) for hash_ in wanted.bundles]):
        found.bundles.add(hash_)
    for (sequence,) in many(
        "select sequence from payloads where sequence = ?", [(sequence,) for sequence in wanted.payloads]
    ):
        found.payloads.add(sequence)
    if wanted.stocks or wanted.reservations or wanted.contacts or wanted.switches:
        _find_limits(connection, wanted, found)
    return found


def _each(connection: apsw.Connection, sql: str, values: Sequence[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    """Give what a query finds for each set of values; nothing is asked where there is none."""
    return connection.executemany(sql, values) if values else ()


def _find_limits(connection: apsw.Connection, wanted: Wanted, found: Found) -> None:
    many = partial(_each, connection)
    counts = "s.stock, s.period, s.sequence, s.taken, s.confirmed, s.unmet"
    for row in many(f"select {counts} from stocks s where stock = ? and period = ?", list(wanted.stocks)):  # noqa: S608
        found.stocks[row[0], row[1]] = StockCount(*row)
    size = len(ReservationFound._fields)
    for row in many(
        f"select {_RESERVATION}, {counts} from reservations r"  # noqa: S608
        " join stocks s on s.stock = r.stock and s.period = r.period where r.decision = ?",
        [(decision,) for decision in dict.fromkeys(wanted.reservations)],
    ):
        reservation, count = ReservationFound(*row[:size]), StockCount(*row[size:])
        key = reservation.action, reservation.treatment, reservation.stock
        found.reservations.setdefault(reservation.decision, {})[key] = reservation
        found.stocks[count.stock, count.period] = count
    for person in wanted.contacts:
        kept = connection.execute("select kept from merges where absorbed = ?", (person,)).get or person
        found.today[person] = kept
        found.newest[kept] = connection.execute(_NEWEST, (kept,)).get or 0
    for row in many("select * from switches where target = ?", [(target,) for target in wanted.switches]):
        found.switches[row[0]] = SwitchFound(*row)
