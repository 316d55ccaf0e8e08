"""Drop the oldest entries of the journal and what goes with them: whole partitions at once, the rest row by row."""

from __future__ import annotations

from opportune.storage.anchor import Anchor
from opportune.storage.postgres.link import Link, Statement
from opportune.storage.postgres.partitions import drop_partitions

__all__ = ["ANCHOR", "TABLES", "drop"]

TABLES = ("journal", "payloads", "keys", "decisions", "outcomes", "erasures", "change_states", "reservations")
"""Those that lose rows."""

ANCHOR = Statement("select sequence, digest, recorded_at, learnable_from, summary, seal from anchor")

_ANSWERED = Statement(
    "select 1::int8 from journal j join outcomes o on o.decision = j.decision"
    " where j.sequence > $1 and j.kind = 'outcome' and o.decision_sequence > 0 and o.decision_sequence <= $2 limit 1",
    ("int8", "int8"),
)
# In this order: the first ones find their rows through the journal. Values: anchor before, anchor.
_PASSING = tuple(
    Statement(sql, ("int8", "int8"))
    for sql in (
        "delete from keys k using journal j where j.sequence > $1 and j.sequence <= $2"
        " and k.kind = j.kind and k.id = j.id",
        "delete from decisions d using journal j where j.sequence > $1 and j.sequence <= $2"
        " and j.kind = 'decision' and d.id = j.decision",
        "delete from outcomes o using journal j where j.sequence > $1 and j.sequence <= $2"
        " and j.kind = 'decision' and o.decision = j.decision and o.decision_sequence <= $2",
        "delete from outcomes where decision_sequence = 0 and sequence > $1 and sequence <= $2",
        "delete from erasures where sequence > $1 and sequence <= $2",
        "delete from change_states where sequence > $1 and sequence <= $2",
        "delete from reservations where sequence > $1 and sequence <= $2",
    )
)
# From the beginning: a second id of a revision may have come after its entry went.
_SECOND_IDS = Statement("delete from keys where request_digest is not null and sequence <= $1", ("int8",))
_ENTRIES = tuple(
    Statement(f"delete from {table} where sequence > $1 and sequence <= $2", ("int8", "int8"))  # noqa: S608
    for table in ("payloads", "journal")
)
_KEEP = Statement(
    "insert into anchor values (1, $1, $2, $3, $4, $5, $6) on conflict (id) do update set"
    " (sequence, digest, recorded_at, learnable_from, summary, seal) = (excluded.sequence, excluded.digest,"
    " excluded.recorded_at, excluded.learnable_from, excluded.summary, excluded.seal)",
    ("int8", "bytea", "int8", "int8", "bytea", "bytea"),
)


def drop(link: Link, anchor: Anchor, previous: int, seen: int) -> bool:
    """Do as `Storage._drop` says, in the transaction that holds the head."""
    before = link.one(ANCHOR)
    if (before[0][0] if before else 0) != previous:
        return False
    if link.one(_ANSWERED, seen, anchor.sequence):
        return False
    stretch = (previous, anchor.sequence)
    link.run([*((statement, stretch) for statement in _PASSING), (_SECOND_IDS, (anchor.sequence,))])
    drop_partitions(link, anchor.sequence)
    link.run([*((statement, stretch) for statement in _ENTRIES), (_KEEP, anchor)])
    return True
