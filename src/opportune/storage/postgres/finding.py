"""Look up what a batch of writes depends on: all of it in one exchange with the server, in most cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from opportune.storage.changes import (
    ConsentFound,
    DecisionReference,
    Found,
    IdentifierFound,
    KeyFound,
    MemberFound,
    ProfileFound,
    ReportFound,
    ReservationFound,
    SwitchFound,
    Tombstone,
    Wanted,
)
from opportune.storage.postgres.link import Link, LinkError, Row, Statement, Step
from opportune.storage.postgres.values import columns
from opportune.storage.reservations import StockCount
from opportune.storage.unions import Link as Merge

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

_DIGITS = 19
"""A sequence has fewer."""
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
    "select d.id, d.sequence, j.person, j.session, j.zone, j.revision"
    " from unnest($1::text[]) as wanted(id) join decisions d using (id) join journal j on j.sequence = d.sequence",
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
    "select i.kind, i.value, i.person, m.kept"
    " from unnest($1::text[], $2::text[]) as wanted(kind, value) join identifiers i using (kind, value)"
    " left join merges m on m.absorbed = i.person",
    ("text[]", "text[]"),
)
_OWN = "from unnest($1::text[], $2::text[]) as wanted(kind, value) join identifiers i using (kind, value)"
_STOOD = f"select distinct coalesce(m.kept, i.person) as root {_OWN} left join merges m on m.absorbed = i.person"
_SPLIT_ROOTS = (
    "select distinct coalesce(m.kept, l.one) as root from links l left join merges m on m.absorbed = l.one"
    " where l.sequence = any($1::int8[])"
)
_MEMBERS = (
    "(select root, root as person from roots"
    " union all select r.root, m.absorbed from roots r join merges m on m.kept = r.root)"
)


def _unions(roots: str, *types: str) -> tuple[Statement, Statement]:
    """Who is one with whom, with their own profiles; and the merges among them."""
    begin = f"with roots as ({roots}), persons as {_MEMBERS}"
    return (
        Statement(
            f"{begin} select u.root, u.person, p.version, p.attributes, p.sequence, p.marks"  # noqa: S608
            " from persons u left join profiles p on p.person = u.person order by u.root, u.person <> u.root",
            types,
        ),
        Statement(
            f"{begin} select l.sequence, l.one, l.other, l.undone from persons u join links l on l.one = u.person"  # noqa: S608
            f" union select l.sequence, l.one, l.other, l.undone from persons u join links l on l.other = u.person",
            types,
        ),
    )


_UNIONS, _LINKS = _unions(_STOOD, "text[]", "text[]")
_SPLIT_UNIONS, _SPLIT_LINKS = _unions(_SPLIT_ROOTS, "int8[]")
_SPLITS = Statement(
    "select w.name, k.sequence from unnest($1::text[]) as w(name) join keys k on k.kind = 'merge' and k.id = w.name",
    ("text[]",),
)
_UNITS = Statement(f"select distinct u.* {_OWN} join units u on u.person = i.person", ("text[]", "text[]"))
_CONSENTS = Statement(f"select distinct c.* {_OWN} join consents c on c.person = i.person", ("text[]", "text[]"))
_ERASING = f"with roots as ({_STOOD}), persons as {_MEMBERS}"
_OWNED = Statement(
    f"{_ERASING} select i.kind, i.value, i.person, i.sequence, i.salt"  # noqa: S608
    " from persons u join identifiers i on i.person = u.person",
    ("text[]", "text[]"),
)
_KINDS = Statement(
    f"{_ERASING} select distinct u.person, i.kind from persons u join identifiers i on i.person = u.person",  # noqa: S608
    ("text[]", "text[]"),
)
_TOLD = Statement(
    f"{_ERASING} select u.person, p.sequence from persons u join journal j on j.person = u.person"  # noqa: S608
    " join payloads p on p.sequence = j.sequence",
    ("text[]", "text[]"),
)
_JOINED = Statement(
    f"{_ERASING} select t.* from persons u join units t on t.person = u.person"  # noqa: S608
    " union select t.* from persons u join units t on t.unit = u.person",
    ("text[]", "text[]"),
)
_ALLOWED = Statement(
    f"{_ERASING} select c.* from persons u join consents c on c.person = u.person",  # noqa: S608
    ("text[]", "text[]"),
)
_LAST_ERASURE = Statement("select max(at) from tombstones")
_TOMBSTONES = Statement(
    "select distinct on (mark) mark, at, sequence from tombstones where mark = any($1::bytea[]) order by mark, at desc",
    ("bytea[]",),
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
    "select k.person, u.person, n.kind, n.sequence"
    " from unnest($1::text[], $2::int8[]) as w(person, seen) left join merges m on m.absorbed = w.person"
    " cross join lateral (select coalesce(m.kept, w.person) as person) k cross join lateral"
    " (select k.person as person union all select absorbed from merges where kept = k.person) u left join lateral"
    " (select j.kind, max(j.sequence) as sequence from journal j"
    " where j.person = u.person and j.sequence > w.seen group by j.kind) n on true",
    ("text[]", "int8[]"),
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
    last_erasure = None
    for (step, fill), rows in zip(looks, answers, strict=True):
        fill(found, rows)
        if step[0] is _LAST_ERASURE:
            ((last_erasure,),) = rows
    if last_erasure is not None or wanted.splits or wanted.erasing:
        _find_more(link, wanted, found, last_erasure)
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
    yield from _looks_at_persons(wanted)
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
        yield (_CONTACTS, columns([*wanted.contacts.items()])), _fill_contacts
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


def _looks_at_persons(wanted: Wanted) -> Iterator[tuple[Step, _Fill]]:
    if wanted.identifiers:
        yield (_IDENTIFIERS, columns(sorted(set(wanted.identifiers)))), _fill_identifiers
    if wanted.profiles:
        pairs = columns(wanted.profiles)
        yield (_UNIONS, pairs), _fill_unions
        yield (_LINKS, pairs), _fill_links
        if wanted.kinds:
            yield (_KINDS, pairs), _fill_kinds
    if wanted.units:
        yield (_UNITS, columns(wanted.units)), _fill_units
    if wanted.consents:
        yield (_CONSENTS, columns(wanted.consents)), _fill_consents
    if wanted.erasing:
        pairs = columns(wanted.erasing)
        yield (_OWNED, pairs), _fill_owned
        yield (_TOLD, pairs), _fill_told
        yield (_JOINED, pairs), _fill_units
        yield (_ALLOWED, pairs), _fill_consents
    if wanted.dated:
        yield (_LAST_ERASURE, ()), lambda found, rows: None
    if wanted.splits:
        yield (_SPLITS, (wanted.splits,)), _fill_splits


def _fill_identifiers(found: Found, rows: list[Row]) -> None:
    for kind, value, person, kept in rows:
        found.persons[kind, value] = person
        if kept is not None:
            found.roots[person] = kept


def _fill_unions(found: Found, rows: list[Row]) -> None:
    for root, person, version, *profile in rows:
        persons = found.unions.setdefault(root, [])
        if person not in persons:
            persons.append(person)
        found.roots[person] = root
        if version is not None:
            found.profiles[person] = ProfileFound(version, *profile)


def _fill_links(found: Found, rows: list[Row]) -> None:
    for row in rows:
        link = Merge(*row)
        found.links[link[:3]] = link


def _fill_units(found: Found, rows: list[Row]) -> None:
    for row in map(MemberFound._make, rows):
        found.units.setdefault(row.person, {})[row.level] = row


def _fill_consents(found: Found, rows: list[Row]) -> None:
    for row in map(ConsentFound._make, rows):
        found.consents.setdefault(row.person, {})[row.channel, row.purpose] = row


def _fill_owned(found: Found, rows: list[Row]) -> None:
    for row in map(IdentifierFound._make, rows):
        found.owned.setdefault(row.person, []).append(row)


def _fill_kinds(found: Found, rows: list[Row]) -> None:
    for person, kind in rows:
        found.kinds.setdefault(person, set()).add(kind)


def _fill_told(found: Found, rows: list[Row]) -> None:
    for person, sequence in rows:
        found.told.setdefault(person, []).append(sequence)


def _fill_splits(found: Found, rows: list[Row]) -> None:
    found.merges.update((name, sequence) for name, sequence in rows)


def _find_more(link: Link, wanted: Wanted, found: Found, last_erasure: int | None) -> None:
    """Look up what depends on what was found; all of it is rare."""
    if last_erasure is not None and (marks := wanted.marks(last_erasure)):
        for row in map(Tombstone._make, link.one(_TOMBSTONES, list(marks))):
            found.buried[marks[row.mark]] = row
    if wanted.splits:
        for name in wanted.splits:
            if name not in found.merges and name.isascii() and name.isdigit() and len(name) < _DIGITS:
                found.merges[name] = int(name)
        sequences = list(found.merges.values())
        _fill_unions(found, link.one(_SPLIT_UNIONS, sequences))
        _fill_links(found, link.one(_SPLIT_LINKS, sequences))
    if wanted.erasing:
        linked = [one.sequence for one in found.links.values()]
        found.payloads.update(sequence for (sequence,) in link.one(_PAYLOADS, linked))


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
    for kept, person, kind, newest in rows:
        found.roots[person] = kept
        news = found.news.setdefault(kept, {})
        if kind is not None:
            news[kind] = max(newest, news.get(kind, 0))


def _fill_switches(found: Found, rows: list[Row]) -> None:
    for row in rows:
        found.switches[row[0]] = SwitchFound(*row)
