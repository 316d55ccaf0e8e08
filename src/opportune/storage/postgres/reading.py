"""Statements of the reads, and the rows of the journal as the contract wants them."""

from __future__ import annotations

from collections.abc import Collection

from opportune.storage.changes import ReservationFound
from opportune.storage.kinds import Kind
from opportune.storage.postgres.link import Statement
from opportune.storage.statements import (
    CONTACT,
    CONTACT_COLUMNS,
    HAPPENED_COLUMNS,
    IDENTIFIED,
    JOURNAL_ROWS,
    OF_UNION,
    PROVED,
    TODAY,
    TURNS,
)
from opportune.storage.tables import TABLES

__all__ = ["Reads", "rows_of_kinds"]

_ABOUT = """
    select sequence from decisions where id = any($1::text[])
    union all select sequence from outcomes where decision = any($1::text[])
"""
_REVISION = "select r.number, r.hash, r.sequence, b.body, b.digest from revisions r join bundles b using (hash)"
_RESERVATION = ", ".join(ReservationFound._fields)
_UNION = OF_UNION.format("$1", "$2")


class Reads:
    """One statement per read; all of them find their rows by a key."""

    ROWS = Statement(f"{JOURNAL_ROWS} where j.sequence > $1 order by j.sequence limit $2", ("int8", "int8"))
    ROWS_OF_KINDS = Statement(
        f"{JOURNAL_ROWS} where j.sequence > $1 and j.kind = any($3::text[]) order by j.sequence limit $2",
        ("int8", "int8", "text[]"),
    )
    ABOUT = Statement(
        # As an array, which is made once: a subquery would be joined row by row.
        f"{JOURNAL_ROWS} where j.sequence = any(array({_ABOUT})) order by j.sequence",
        ("text[]",),
    )
    ROW = Statement(f"{JOURNAL_ROWS} where j.sequence = $1", ("int8",))
    HISTORY = Statement(
        f"{JOURNAL_ROWS} where j.person = $1 and j.sequence < $2 order by j.sequence desc limit $3",
        ("text", "int8", "int8"),
    )
    LAST = Statement("select sequence from ends order by sequence desc limit 1")
    PERSON = Statement(f"select {TODAY} {IDENTIFIED} where i.kind = $1 and i.value = $2", ("text", "text"))
    IDENTIFIERS = Statement("select kind, value from identifiers where person = any($1::text[])", ("text[]",))
    MERGES = Statement(
        "select sequence, one, other, undone from links where one = any($1::text[]) or other = any($1::text[])",
        ("text[]",),
    )
    ABSORBED = Statement("select absorbed from merges where kept = $1", ("text",))
    PROFILE = Statement(
        "select coalesce(m.kept, i.person), m.kept is not null or exists (select from merges where kept = i.person),"
        " p.person, p.version, p.sequence, p.attributes, p.digest, p.marks"
        " from identifiers i left join merges m on m.absorbed = i.person left join profiles p on p.person = i.person"
        " where i.kind = $1 and i.value = $2",
        ("text", "text"),
    )
    UNITED = Statement(
        f"{_UNION} select (select person from kept), p.person, p.version, p.sequence, p.attributes, p.digest, p.marks,"  # noqa: S608
        " null::text from persons u join profiles p on p.person = u.person"
        " union all select (select person from kept), l.one, 0, l.sequence, null, null, null, l.other"
        " from persons u join links l on l.one = u.person where l.undone = 0",
        ("text", "text"),
    )
    CONSENTS = Statement(
        f"{_UNION} select {', '.join(f'c.{column}' for column in TABLES['consents'])}"  # noqa: S608
        " from persons u join consents c on c.person = u.person",
        ("text", "text"),
    )
    UNITS = Statement(
        f"{_UNION} select m.level, m.unit, m.sequence, i.value from persons u join units m on m.person = u.person"  # noqa: S608
        " left join identifiers i on i.person = m.unit and i.kind = m.level",
        ("text", "text"),
    )
    MEMBERS = Statement(
        f"{_UNION}, roots(root) as (select distinct coalesce(m.kept, u.person)"  # noqa: S608
        " from persons p join units u on u.unit = p.person and u.level = $3 left join merges m on m.absorbed = u.person"
        "), members(root, person) as (select root, root from roots"
        " union all select r.root, m.absorbed from roots r join merges m on m.kept = r.root)"
        " select m.root, m.person, coalesce(u.sequence, 0), u.unit in (select person from persons)"
        " from members m left join units u on u.person = m.person and u.level = $3",
        ("text", "text", "text"),
    )
    HAPPENED = Statement(
        f"{_UNION}, everybody(person) as (select person from persons union select unnest($5::text[]))"  # noqa: S608
        f" select {HAPPENED_COLUMNS} from everybody p cross join lateral"
        " (select * from journal where person = p.person and sequence < $3 order by sequence desc limit $4) j"
        " left join payloads y on y.sequence = j.sequence and j.kind = 'event' order by j.sequence desc limit $4",
        ("text", "text", "int8", "int8", "text[]"),
    )
    SESSION = Statement(
        f"{JOURNAL_ROWS} where j.session = $1 and j.sequence < $2 order by j.sequence desc limit $3",
        ("text", "int8", "int8"),
    )
    TURNS = Statement(
        f"{JOURNAL_ROWS} where j.sequence in ({TURNS.format('$1', '$2', 'position($3 in body)')})"
        " order by j.sequence desc limit $4",
        ("text", "int8", "bytea", "int8"),
    )
    DECISION = Statement("select sequence from decisions where id = $1", ("text",))
    KEY = Statement("select sequence from keys where kind = $1 and id = $2", ("text", "text"))
    OUTCOMES = Statement("select sequence from outcomes where decision = $1 order by sequence", ("text",))
    CHECKPOINT = Statement("select max(position) from models where position <= $1", ("int8",))
    LOST = Statement(
        "select 1::int8 where exists (select 1 from erasures) and exists ("
        "select 1 from journal o join decisions d on d.id = o.decision join erasures e on e.sequence = d.sequence"
        " where o.kind = 'outcome' and o.sequence > $1 and o.sequence <= $2)",
        ("int8", "int8"),
    )
    DUE = Statement(
        "select decision, action, treatment, outcome, due_at from windows where due_at <= $1 order by due_at limit $2",
        ("int8", "int8"),
    )
    SECRET = Statement("select value from secrets where name = $1", ("text",))
    COUNTERS = Statement("select name, sum(value)::int8 from counters group by name")
    CURRENT = Statement(f"{_REVISION} order by r.number desc limit 1")
    NUMBERED = Statement(f"{_REVISION} where r.number = $1", ("int8",))
    HASHED = Statement(f"{_REVISION} where r.hash = $1 order by r.number desc limit 1", ("text",))
    REVISION_ENTRY = Statement(f"{PROVED['revision_entries']} where sequence = $1", ("int8",))
    MODELS = Statement(
        "select sequence, position, hash, state, digest from models where name = $1 order by sequence desc limit $2",
        ("text", "int8"),
    )
    CHANGE_STATE = Statement("select state, digest from change_states where sequence = $1", ("int8",))
    STATES = Statement("select sequence, name, position, hash from models order by sequence")
    OLDEST_OPEN = Statement(
        "select least((select min(d.sequence) from windows w join decisions d on d.id = w.decision),"
        " (select min(sequence) from reservations where state = 'reserved'))"
    )
    CONTACTS = Statement(
        f"{_UNION} select {CONTACT_COLUMNS} from persons p cross join lateral"  # noqa: S608
        f" (select * from journal where person = p.person and sequence < $3 and {CONTACT}"
        " order by sequence desc limit $4) j order by j.sequence desc limit $4",
        ("text", "text", "int8", "int8"),
    )
    DUE_LEASES = Statement(
        f"select {_RESERVATION} from reservations where state = 'reserved' and lease_until <= $1"  # noqa: S608
        " order by lease_until limit $2",
        ("int8", "int8"),
    )
    SWITCHES = Statement(f"{PROVED['switches']} order by target")
    RESERVATIONS = Statement(
        f"select {_RESERVATION} from reservations where stock = $1 and sequence < $2"  # noqa: S608
        " order by sequence desc, action, treatment limit $3",
        ("text", "int8", "int8"),
    )
    LAST_ANSWERS = Statement(
        "select j.sequence, max(o.sequence) from journal j join outcomes o on o.decision = j.decision"
        " where j.sequence > $1 and j.sequence <= $2 and j.kind = 'decision' group by j.sequence order by j.sequence",
        ("int8", "int8"),
    )


def rows_of_kinds(kinds: Collection[Kind]) -> Statement:
    """The next entries of some kinds that have an index; kind by kind, each found without the others."""
    each = " union all ".join(
        f"(select sequence from journal where kind = '{kind.value}' and sequence > $1 order by sequence limit $2)"  # noqa: S608
        for kind in sorted(set(kinds))
    )
    found = f"array(select sequence from ({each}) found order by sequence limit $2)"  # noqa: S608
    return Statement(f"{JOURNAL_ROWS} where j.sequence = any({found}) order by j.sequence", ("int8", "int8"))
