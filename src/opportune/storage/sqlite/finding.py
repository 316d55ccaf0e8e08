"""Look up what a batch of writes depends on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import apsw

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
from opportune.storage.digests import GENESIS
from opportune.storage.reservations import StockCount
from opportune.storage.unions import Link

__all__ = ["find"]

_RESERVATION = ", ".join(f"r.{column}" for column in ReservationFound._fields)
_DIGITS = 19
"""A sequence has fewer."""
_ABSORBED = "select kept, absorbed from merges where kept = ?"
_NEWS = "select person, kind, sequence from journal where person = ? and sequence > ?"
_PROFILE = "select person, version, attributes, sequence, marks from profiles where person = ?"


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
        "select d.id, d.sequence, j.person, j.session, j.zone, j.revision"
        " from decisions d join journal j on j.sequence = d.sequence where d.id = ?",
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
    if wanted.identifiers:
        _find_persons(connection, wanted, found)
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
    if wanted.splits:
        _find_merges(connection, wanted, found)
    if wanted.dated:
        _find_tombstones(connection, wanted, found)
    if wanted.stocks or wanted.reservations or wanted.contacts or wanted.switches:
        _find_limits(connection, wanted, found)
    return found


def _each(connection: apsw.Connection, sql: str, values: Sequence[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    """Give what a query finds for each set of values; nothing is asked where there is none."""
    return connection.executemany(sql, values) if values else ()


def _find_persons(connection: apsw.Connection, wanted: Wanted, found: Found) -> None:
    many = partial(_each, connection)
    for kind, value, person, kept in many(
        "select i.kind, i.value, i.person, m.kept from identifiers i left join merges m on m.absorbed = i.person"
        " where i.kind = ? and i.value = ?",
        sorted(set(wanted.identifiers)),
    ):
        found.persons[kind, value] = person
        if kept is not None:
            found.roots[person] = kept
    known = dict.fromkeys(person for one in wanted.profiles if (person := found.persons.get(one)))
    if known:
        _find_unions(connection, found, dict.fromkeys(found.roots.get(person, person) for person in known))
    if wanted.kinds:
        persons = [(person,) for union in found.unions.values() for person in union]
        for person, kind in many("select distinct person, kind from identifiers where person = ?", persons):
            found.kinds.setdefault(person, set()).add(kind)
    for one in dict.fromkeys(wanted.units):
        person = found.persons.get(one, "")
        found.units.setdefault(person, {}).update(
            (row[1], MemberFound(*row)) for row in many("select * from units where person = ?", [(person,)])
        )
    for one in dict.fromkeys(wanted.consents):
        _find_consents(connection, found, found.persons.get(one, ""))
    for one in dict.fromkeys(wanted.erasing):
        person = found.persons.get(one, "")
        for each in found.unions.get(found.roots.get(person, person), ()):
            _find_all(connection, found, each)


def _find_unions(connection: apsw.Connection, found: Found, roots: Iterable[str]) -> None:
    """Who is one with those who stand for them, their own profiles, and the merges among them."""
    wanted = [(root,) for root in roots if root not in found.unions]
    found.unions |= {root: [root] for (root,) in wanted}
    absorbed = [*_each(connection, _ABSORBED, wanted)]
    for root, person in absorbed:
        found.unions[root].append(person)
        found.roots[person] = root
    others = [(person,) for _, person in absorbed]
    for person, *profile in _each(connection, _PROFILE, wanted + others):
        found.profiles[person] = ProfileFound(*profile)
    if others:
        _find_links(connection, found, [*dict.fromkeys(root for root, _ in absorbed), *(one for (one,) in others)])


def _find_links(connection: apsw.Connection, found: Found, persons: Iterable[str]) -> None:
    either = "select * from links where one = ?1 union select * from links where other = ?1"
    for link in map(Link._make, _each(connection, either, [(person,) for person in persons])):
        found.links[link[:3]] = link


def _find_consents(connection: apsw.Connection, found: Found, person: str) -> None:
    rows = (ConsentFound(*row) for row in connection.execute("select * from consents where person = ?", (person,)))
    found.consents.setdefault(person, {}).update(((row.channel, row.purpose), row) for row in rows)


def _find_all(connection: apsw.Connection, found: Found, person: str) -> None:
    """All rows of a person that is to be erased."""
    if person in found.owned:
        return
    one = connection.execute
    owned = one("select kind, value, person, sequence, salt from identifiers where person = ?", (person,))
    found.owned[person] = [IdentifierFound(*row) for row in owned]
    told = "select p.sequence from journal j join payloads p on p.sequence = j.sequence where j.person = ?"
    found.told[person] = [sequence for (sequence,) in one(told, (person,))]
    for row in one("select * from units where person = ?1 union select * from units where unit = ?1", (person,)):
        found.units.setdefault(row[0], {})[row[1]] = MemberFound(*row)
    _find_consents(connection, found, person)
    _find_links(connection, found, [person])
    linked = [link[:1] for link in found.links.values()]
    for (sequence,) in _each(connection, "select sequence from payloads where sequence = ?", linked):
        found.payloads.add(sequence)


def _find_merges(connection: apsw.Connection, wanted: Wanted, found: Found) -> None:
    for merge in dict.fromkeys(wanted.splits):
        sequence = connection.execute("select sequence from keys where kind = 'merge' and id = ?", (merge,)).get
        if sequence is None and merge.isascii() and merge.isdigit() and len(merge) < _DIGITS:
            sequence = int(merge)
        for (person,) in _each(connection, "select one from links where sequence = ?", [(sequence or -1,)]):
            found.merges[merge] = sequence
            root = connection.execute("select kept from merges where absorbed = ?", (person,)).get or person
            _find_unions(connection, found, [root])
            _find_links(connection, found, found.unions[root])


def _find_tombstones(connection: apsw.Connection, wanted: Wanted, found: Found) -> None:
    last = connection.execute("select max(at) from tombstones").get
    if last is None:
        return
    marks = wanted.marks(last)
    for row in _each(
        connection, "select mark, max(at), sequence from tombstones where mark = ? group by mark", [(m,) for m in marks]
    ):
        found.buried[marks[row[0]]] = Tombstone(*row)


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
    if wanted.contacts:
        _find_news(connection, wanted.contacts, found)
    for row in many("select * from switches where target = ?", [(target,) for target in wanted.switches]):
        found.switches[row[0]] = SwitchFound(*row)


def _find_news(connection: apsw.Connection, contacts: dict[str, int], found: Found) -> None:
    """What is newer than what was seen of persons, and of all who are one with them."""
    many = partial(_each, connection)
    for person, kept in many("select absorbed, kept from merges where absorbed = ?", [(one,) for one in contacts]):
        found.roots[person] = kept
    since: dict[str, int] = {}
    for person, seen in contacts.items():
        root = found.roots.get(person, person)
        since[root] = min(seen, since.get(root, seen))
    wanted = [*since.items()]
    for root, person in [*many(_ABSORBED, [(root,) for root in since])]:
        found.roots[person] = root
        wanted.append((person, since[root]))
    for root in since:
        found.news.setdefault(root, {})
    for person, kind, sequence in many(_NEWS, wanted):
        news = found.news[found.roots.get(person, person)]
        news[kind] = max(sequence, news.get(kind, 0))
