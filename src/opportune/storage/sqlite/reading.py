"""Pieces of SQL that find entries."""

from __future__ import annotations

from opportune.storage.changes import ReservationFound
from opportune.storage.kinds import Kind
from opportune.storage.statements import CONTACT, CONTACT_COLUMNS, IDENTIFIED, TODAY

__all__ = ["ABOUT", "CONTACTS", "DUE_LEASES", "OLDEST_OPEN", "RESERVATIONS", "of_kind"]

_TOGETHER = ("erasure", "merge", "model", "outcome", "revision")
"""Kinds that share an index; each other one has its own."""

ABOUT = """
    select sequence from decisions where id in (select value from json_each(?1))
    union all select sequence from outcomes where decision in (select value from json_each(?1))
"""

# The newest ones person by person: over several persons at once, SQLite would sort all of their entries.
CONTACTS = f"""
    with kept(person) as (select {TODAY} {IDENTIFIED} where i.kind = ?1 and i.value = ?2),
        persons(person) as (
            select person from kept union all select absorbed from merges where kept = (select person from kept)
        )
    select {CONTACT_COLUMNS} from persons p join journal j on j.sequence in (
        select sequence from journal where person = p.person and sequence < ?3 and {CONTACT}
        order by sequence desc limit ?4
    )
    order by sequence desc limit ?4
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


def of_kind(kind: Kind) -> str:
    """The next entries of one kind; the condition on the kind is word for word that of its index."""
    shared = f"kind in {_TOGETHER} and " if kind.value in _TOGETHER else ""
    return (
        f"select sequence from (select sequence from journal where {shared}kind = '{kind.value}'"  # noqa: S608
        " and sequence > ?1 order by sequence limit ?2)"
    )
