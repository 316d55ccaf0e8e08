"""Look up what a batch of writes depends on: all of it in one exchange with the server, in most cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

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
from opportune.storage.postgres.link import Link, LinkError, Row, Statement, Step
from opportune.storage.postgres.values import columns
from opportune.storage.reservations import StockCount
from opportune.storage.statements import CONTACT

__all__ = ["BEGIN", "COMMIT", "FROZEN", "ROLLBACK", "SNAPSHOT", "find"]

_END: Step = (Statement("select sequence, digest from ends order by sequence desc limit 1"), ())
BEGIN = (
    (Statement("begin"), ()),
    # Statements that follow begin after the lock is ours, so they see what its last holder committed.
    (Statement("select room from head for update"), ()),
    _END,
)
SNAPSHOT = (
    (Statement("begin isolation level repeatable read read only"), ()),
    (Statement("select room from head"), ()),
    _END,
)
FROZEN = ((Statement("select 1::int8"), ()), *SNAPSHOT[1:])
"""For a link that stays in one transaction."""
COMMIT: Step = (Statement("commit"), ())
ROLLBACK: Step = (Statement("rollback"), ())

_DAMAGED = "XX001"
"""SQLSTATE of a server that finds its own data damaged."""

_Fill = Callable[[Found, list[Row]], None]

_KEYS = Statement(
    "select k.kind, k.id, k.sequence, k.request_digest"
    " from unnest($1::text[], $2::text[]) as wanted(kind, id) join keys k using (kind, id)",
    ("text[]", "text[]"),
)
_REQUESTS = Statement(
    "select j.sequence, j.request_digest, j.payload_digest is not null, p.salt"
    " from journal j left join payloads p on p.sequence = j.sequence where j.sequence = any($1::int8[])",
    ("int8[]",),
)
_DECISIONS = Statement(
    "select d.id, d.sequence, coalesce(m.kept, j.person), j.session, j.zone, j.revision"
    " from unnest($1::text[]) as wanted(id) join decisions d using (id) join journal j on j.sequence = d.sequence"
    " left join merges m on m.absorbed = j.person",
    ("text[]",),
)
_REPORTS = Statement(
    "select o.decision, j.sequence, j.id, j.schema, j.occurred_at, j.recorded_at, j.body"
    " from outcomes o join journal j on j.sequence = o.sequence"
    " where o.decision = any($1::text[]) order by o.sequence",
    ("text[]",),
)
_WINDOWS = Statement(
    "select w.decision, w.action, w.treatment, w.outcome, w.due_at"
    " from unnest($1::text[]) as wanted(decision) join windows w using (decision)",
    ("text[]",),
)
_IDENTIFIERS = Statement(
    "select i.kind, i.value, coalesce(m.kept, i.person), p.version, p.attributes"
    " from unnest($1::text[], $2::text[]) as wanted(kind, value) join identifiers i using (kind, value)"
    " left join merges m on m.absorbed = i.person left join profiles p on p.person = coalesce(m.kept, i.person)",
    ("text[]", "text[]"),
)
_ABSORBED = Statement(
    "select distinct k.kept, k.absorbed"
    " from unnest($1::text[], $2::text[]) as wanted(kind, value) join identifiers i using (kind, value)"
    " left join merges m on m.absorbed = i.person join merges k on k.kept = coalesce(m.kept, i.person)",
    ("text[]", "text[]"),
)
_REVISION = Statement("select number, hash, sequence from revisions order by number desc limit 1")
_BUNDLES = Statement("select hash from bundles where hash = any($1::text[])", ("text[]",))
_PAYLOADS = Statement("select sequence from payloads where sequence = any($1::int8[])", ("int8[]",))

_COUNT = "c.stock, c.period, c.sequence, c.taken, c.confirmed, c.unmet"
_LAST_COUNT = (
    "cross join lateral (select * from stocks s where s.stock = {0}.stock and s.period = {0}.period"
    " order by s.sequence desc limit 1) c"
)
_STOCKS = Statement(
    f"select {_COUNT} from unnest($1::text[], $2::text[]) as wanted(stock, period) {_LAST_COUNT.format('wanted')}",  # noqa: S608
    ("text[]", "text[]"),
)
_RESERVATION_COLUMNS = len(ReservationFound._fields)
_RESERVATIONS = Statement(
    f"select {', '.join(f'r.{column}' for column in ReservationFound._fields)}, {_COUNT}"  # noqa: S608
    " from unnest($1::text[]) as wanted(decision) join reservations r using (decision)"
    f" {_LAST_COUNT.format('r')}",
    ("text[]",),
)
_CONTACTS = Statement(
    "select w.person, k.person, (select max(n.sequence) from"  # noqa: S608
    " (select k.person as person union all select absorbed from merges where kept = k.person) u"
    " cross join lateral (select j.sequence from journal j where j.person = u.person"
    f" and j.{CONTACT} order by j.sequence desc limit 1) n)"
    " from unnest($1::text[]) as w(person) left join merges m on m.absorbed = w.person"
    " cross join lateral (select coalesce(m.kept, w.person) as person) k",
    ("text[]",),
)
_SWITCHES = Statement("select * from switches where target = any($1::text[])", ("text[]",))


def find(link: Link, beginning: Sequence[Step], wanted: Wanted) -> tuple[Found, int]:
    """Begin a transaction and look up what is wanted in it; leave it open.

    Args:
        beginning: `BEGIN` to write, `SNAPSHOT` or `FROZEN` to read.

    Returns:
        What was found, and the first sequence without a partition.
    """
    looks = list(_looks(wanted))
    _, head, end, keys, *answers = link.run([*beginning, (_KEYS, _pairs(wanted.keys)), *(step for step, _ in looks)])
    if not head or not end:
        raise LinkError("the row of the journal's end is missing", _DAMAGED)
    ((room,),), ((last, digest),) = head, end
    found = Found(last, digest)
    for (_, fill), rows in zip(looks, answers, strict=True):
        fill(found, rows)
    if keys:
        _fill_keys(link, found, keys)
    return found, room


def _pairs(rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    return columns(rows) or ((), ())


def _looks(wanted: Wanted) -> Iterator[tuple[Step, _Fill]]:
    """Every look-up that there is something for, and what takes its rows."""
    if wanted.decisions:
        yield (_DECISIONS, (wanted.decisions,)), _fill_decisions
    if wanted.reports:
        yield (_REPORTS, (wanted.reports,)), _fill_reports
    if wanted.windows:
        yield (_WINDOWS, (list(dict.fromkeys(wanted.windows)),)), _fill_windows
    if wanted.identifiers:
        yield (_IDENTIFIERS, columns(wanted.identifiers)), _fill_identifiers
    if wanted.merging:
        yield (_ABSORBED, columns(wanted.merging)), _fill_absorbed
    if wanted.revision:
        yield (_REVISION, ()), _fill_revision
    if wanted.bundles:
        yield (_BUNDLES, (wanted.bundles,)), lambda found, rows: found.bundles.update(hash_ for (hash_,) in rows)
    if wanted.payloads:
        yield (_PAYLOADS, (wanted.payloads,)), lambda found, rows: found.payloads.update(row[0] for row in rows)
    if wanted.stocks:
        yield (_STOCKS, columns(wanted.stocks)), _fill_stocks
    if wanted.reservations:
        yield (_RESERVATIONS, (list(dict.fromkeys(wanted.reservations)),)), _fill_reservations
    if wanted.contacts:
        yield (_CONTACTS, (wanted.contacts,)), _fill_contacts
    if wanted.switches:
        yield (_SWITCHES, (wanted.switches,)), _fill_switches


def _fill_keys(link: Link, found: Found, keys: list[Row]) -> None:
    """Ids that were used before are few, so what their requests were is asked for only then."""
    first = [sequence for _, _, sequence, own in keys if own is None]
    requests = {sequence: rest for sequence, *rest in link.one(_REQUESTS, first)}
    for kind, id_, sequence, own in keys:
        if own is not None:
            found.keys[kind, id_] = KeyFound(sequence, own, b"")
        elif sequence in requests:
            digest, has_payload, salt = requests[sequence]
            found.keys[kind, id_] = KeyFound(sequence, digest, salt if has_payload else b"")


def _fill_decisions(found: Found, rows: list[Row]) -> None:
    for decision, *reference in rows:
        found.decisions[decision] = DecisionReference(*reference)


def _fill_reports(found: Found, rows: list[Row]) -> None:
    for decision, *report in rows:
        found.reports.setdefault(decision, []).append(ReportFound(*report))


def _fill_windows(found: Found, rows: list[Row]) -> None:
    for decision, action, treatment, outcome, due_at in rows:
        found.windows.setdefault(decision, {})[action, treatment] = outcome, due_at


def _fill_identifiers(found: Found, rows: list[Row]) -> None:
    for kind, value, person, version, attributes in rows:
        found.persons[kind, value] = person
        if version is not None:
            found.profiles[person] = ProfileFound(version, attributes)


def _fill_absorbed(found: Found, rows: list[Row]) -> None:
    for kept, absorbed in rows:
        found.absorbed.setdefault(kept, []).append(absorbed)


def _fill_revision(found: Found, rows: list[Row]) -> None:
    for number, hash_, sequence in rows:
        found.revision = (number, hash_, sequence)


def _fill_stocks(found: Found, rows: list[Row]) -> None:
    for row in rows:
        found.stocks[row[0], row[1]] = StockCount(*row)


def _fill_reservations(found: Found, rows: list[Row]) -> None:
    for row in rows:
        reservation = ReservationFound(*row[:_RESERVATION_COLUMNS])
        key = reservation.action, reservation.treatment, reservation.stock
        found.reservations.setdefault(reservation.decision, {})[key] = reservation
    _fill_stocks(found, [row[_RESERVATION_COLUMNS:] for row in rows])


def _fill_contacts(found: Found, rows: list[Row]) -> None:
    for person, kept, newest in rows:
        found.today[person] = kept
        found.newest[kept] = newest or 0


def _fill_switches(found: Found, rows: list[Row]) -> None:
    for row in rows:
        found.switches[row[0]] = SwitchFound(*row)
