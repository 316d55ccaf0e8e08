"""Statements of the reads, and the rows of the journal as the contract wants them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opportune.storage.entries import GENESIS, EntryRow, Kind, StoredRow
from opportune.storage.postgres.link import Row, Statement
from opportune.storage.tables import TABLES as COLUMNS

__all__ = ["TABLES", "Reads", "rows_of_kinds", "stored_row"]

_ENTRY = ", ".join(f"j.{column}" for column in EntryRow._fields)
# Names of our own columns only.
_ROWS = f"""
    select {_ENTRY},
        coalesce(
            (select digest from journal where sequence = j.sequence - 1),
            (select digest from anchor where sequence = j.sequence - 1)
        ),
        p.salt, p.body, e.sequence is not null
    from journal j
    left join payloads p on p.sequence = j.sequence
    left join erasures e on e.sequence = j.sequence
"""  # noqa: S608
_ABOUT = """
    select sequence from decisions where id = any($1::text[])
    union all select sequence from outcomes where decision = any($1::text[])
"""
_IDENTIFIED = "from identifiers i left join merges m on m.absorbed = i.person"
"""An identifier leads to the person it was given to, and on to the one who absorbed that person."""
_REVISION = "select r.number, r.hash, r.sequence, b.body, b.digest from revisions r join bundles b using (hash)"


TABLES = {
    "keys": "select kind, id, sequence from keys where request_digest is null",
    "decisions": "select id, sequence from decisions",
    "outcomes": "select decision, action, treatment, outcome, sequence, decision_sequence from outcomes",
    "windows": "select decision, action, treatment, outcome, due_at from windows",
    "erasures": "select sequence, erased_by from erasures",
    "revisions": "select number, hash, sequence from revisions",
    "revision_entries": f"select {', '.join(COLUMNS['revision_entries'])} from revision_entries",  # noqa: S608
    "identifiers": "select kind, value, person, sequence, salt from identifiers",
    "merges": "select absorbed, kept from merges",
    "profiles": "select person, version, sequence, attributes, digest from profiles",
    "bundles": "select hash, body, digest from bundles",
    "models": "select name || ' adopted by entry ' || sequence, state, digest from models",
}


class Reads:
    """One statement per read; all of them find their rows by a key."""

    ROWS = Statement(f"{_ROWS} where j.sequence > $1 order by j.sequence limit $2", ("int8", "int8"))
    ROWS_OF_KINDS = Statement(
        f"{_ROWS} where j.sequence > $1 and j.kind = any($3::text[]) order by j.sequence limit $2",
        ("int8", "int8", "text[]"),
    )
    ABOUT = Statement(
        # As an array, which is made once: a subquery would be joined row by row.
        f"{_ROWS} where j.sequence = any(array({_ABOUT})) order by j.sequence",
        ("text[]",),
    )
    ROW = Statement(f"{_ROWS} where j.sequence = $1", ("int8",))
    HISTORY = Statement(
        f"{_ROWS} where j.person = $1 and j.sequence < $2 order by j.sequence desc limit $3", ("text", "int8", "int8")
    )
    LAST = Statement("select sequence from ends order by sequence desc limit 1")
    PERSON = Statement(
        f"select coalesce(m.kept, i.person) {_IDENTIFIED} where i.kind = $1 and i.value = $2", ("text", "text")
    )
    ABSORBED = Statement("select absorbed from merges where kept = $1", ("text",))
    PROFILE = Statement(
        f"select p.person, p.version, p.sequence, p.attributes, p.digest {_IDENTIFIED}"
        " join profiles p on p.person = coalesce(m.kept, i.person) where i.kind = $1 and i.value = $2",
        ("text", "text"),
    )
    DECISION = Statement("select sequence from decisions where id = $1", ("text",))
    KEY = Statement("select sequence from keys where kind = $1 and id = $2", ("text", "text"))
    OUTCOMES = Statement("select sequence from outcomes where decision = $1 order by sequence", ("text",))
    CHECKPOINT = Statement("select max(position) from models where name = $1 and position <= $2", ("text", "int8"))
    LOST = Statement(
        "select 1::int8 from erasures e join journal d on d.sequence = e.sequence and d.kind = 'decision'"
        " join outcomes o on o.decision = d.decision where o.sequence > $1 and o.sequence <= $2 limit 1",
        ("int8", "int8"),
    )
    DUE = Statement(
        "select decision, action, treatment, outcome, due_at from windows where due_at <= $1 order by due_at limit $2",
        ("int8", "int8"),
    )
    COUNTERS = Statement("select name, sum(value)::int8 from counters group by name")
    CURRENT = Statement(f"{_REVISION} order by r.number desc limit 1")
    NUMBERED = Statement(f"{_REVISION} where r.number = $1", ("int8",))
    HASHED = Statement(f"{_REVISION} where r.hash = $1 order by r.number desc limit 1", ("text",))
    REVISION_ENTRY = Statement(f"{TABLES['revision_entries']} where sequence = $1", ("int8",))
    MODELS = Statement(
        "select sequence, position, hash, state, digest from models where name = $1 order by sequence desc limit $2",
        ("text", "int8"),
    )
    STATES = Statement("select sequence, name, position, hash from models order by sequence")
    OLDEST_OPEN = Statement("select min(d.sequence) from windows w join decisions d on d.id = w.decision")
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
    return Statement(f"{_ROWS} where j.sequence = any({found}) order by j.sequence", ("int8", "int8"))


def stored_row(row: Row) -> StoredRow:
    """A row of the journal in the form that is checked against its digests."""
    entry: list[Any]
    *entry, previous, salt, payload, erased = row
    head = EntryRow(*entry)
    return StoredRow(
        entry=head,
        previous=GENESIS if head.sequence == 1 else previous,
        payload=None if salt is None else (salt, payload),
        erased=erased,
    )
