"""Pieces of SQL that find entries."""

from __future__ import annotations

from opportune.storage.changes import ReservationFound
from opportune.storage.kinds import Kind
from opportune.storage.statements import CONTACT, CONTACT_COLUMNS, HAPPENED_COLUMNS, OF_UNION

__all__ = [
    "ABOUT",
    "CONSENTS",
    "CONTACTS",
    "DUE_LEASES",
    "HAPPENED",
    "LOST",
    "MEMBERS",
    "OLDEST_OPEN",
    "PERSON",
    "RESERVATIONS",
    "UNITED",
    "UNITS",
    "of_kind",
]

_TOGETHER = ("erasure", "merge", "model", "outcome", "revision")
"""Kinds that share an index; each other one has its own."""

ABOUT = """
    select sequence from decisions where id in (select value from json_each(?1))
    union all select sequence from outcomes where decision in (select value from json_each(?1))
"""

# The newest ones person by person: over several persons at once, SQLite would sort all of their entries.
_UNION = OF_UNION.format("?1", "?2")
CONTACTS = f"""
    {_UNION} select {CONTACT_COLUMNS} from persons p join journal j on j.sequence in (
        select sequence from journal where person = p.person and sequence < ?3 and {CONTACT}
        order by sequence desc limit ?4
    )
    order by sequence desc limit ?4
"""  # noqa: S608
HAPPENED = f"""
    {_UNION}, all_persons(person) as (select person from persons union select value from json_each(?5))
    select {HAPPENED_COLUMNS} from all_persons p join journal j on j.sequence in (
        select sequence from journal where person = p.person and sequence < ?3 order by sequence desc limit ?4
    )
    left join payloads y on y.sequence = j.sequence and j.kind = 'event'
    order by j.sequence desc limit ?4
"""  # noqa: S608
PERSON = """
    select coalesce(m.kept, i.person), m.kept is not null or exists (select 1 from merges where kept = i.person),
        p.person, p.version, p.sequence, p.attributes, p.digest, p.marks
    from identifiers i left join merges m on m.absorbed = i.person left join profiles p on p.person = i.person
    where i.kind = ? and i.value = ?
"""
"""Who stands for an identifier's person, whether others are one with it, and its own profile."""
UNITED = f"""
    {_UNION} select (select person from kept), p.person, p.version, p.sequence, p.attributes, p.digest, p.marks
    from persons u join profiles p on p.person = u.person
    union all select (select person from kept), l.one, 0, l.sequence, cast(l.other as blob), null, null
    from persons u join links l on l.one = u.person where l.undone = 0
"""  # noqa: S608
"""Profiles of all who are one with an identifier's person, and the merges among them, whose version is 0."""
CONSENTS = f"""
    {_UNION} select c.* from persons u join consents c on c.person = u.person
"""  # noqa: S608
UNITS = f"""
    {_UNION} select m.level, m.unit, m.sequence, i.value from persons u join units m on m.person = u.person
    left join identifiers i on i.person = m.unit and i.kind = m.level
"""  # noqa: S608
MEMBERS = f"""
    {_UNION}, roots(root) as (
        select distinct coalesce(m.kept, u.person) from persons p join units u on u.unit = p.person and u.level = ?3
        left join merges m on m.absorbed = u.person
    ), members(root, person) as (
        select root, root from roots union all select r.root, m.absorbed from roots r join merges m on m.kept = r.root
    )
    select m.root, m.person, coalesce(u.sequence, 0), u.unit in (select person from persons)
    from members m left join units u on u.person = m.person and u.level = ?3
"""  # noqa: S608

_RESERVATION = ", ".join(ReservationFound._fields)
DUE_LEASES = f"""
    select {_RESERVATION} from reservations where state = 'reserved' and lease_until <= ? order by lease_until limit ?
"""  # noqa: S608
RESERVATIONS = f"""
    select {_RESERVATION} from reservations where stock = ? and sequence < ?
    order by sequence desc, action, treatment limit ?
"""  # noqa: S608
OLDEST_OPEN = """
    select min(sequence) from (
        select min(d.sequence) as sequence from windows w join decisions d on d.id = w.decision
        union all select min(sequence) from reservations where state = 'reserved'
    )
"""
LOST = f"""
    select 1 where exists (select 1 from erasures) and exists (
        select 1 from (
            select decision from journal
            where kind in {_TOGETHER} and kind = 'outcome' and sequence > ?1 and sequence <= ?2
        ) o
        cross join decisions d on d.id = o.decision
        cross join erasures e on e.sequence = d.sequence
    )
"""  # noqa: S608
"""Cross joins are made in the order written, from the outcomes of the stretch: SQLite would look for what was erased
through the whole journal."""


def of_kind(kind: Kind) -> str:
    """The next entries of one kind; the condition on the kind is word for word that of its index."""
    shared = f"kind in {_TOGETHER} and " if kind.value in _TOGETHER else ""
    return (
        f"select sequence from (select sequence from journal where {shared}kind = '{kind.value}'"  # noqa: S608
        " and sequence > ?1 order by sequence limit ?2)"
    )
