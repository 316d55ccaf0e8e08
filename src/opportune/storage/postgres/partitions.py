"""Journal and payloads in partitions by ranges of sequences, each about a month of entries.

Sequences grow with time, so a range of them is a stretch of time. How many entries a month has is known from the last
one. A range is fixed when its partition begins: to cut one that is in use, PostgreSQL would have to read all of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from opportune.storage.postgres.address import LOCK_SECONDS
from opportune.storage.postgres.link import Link, LinkError, Statement, Step

__all__ = ["ENTRIES_LEAST", "PERIOD_SECONDS", "begin_partition", "drop_partitions", "width_of"]

PERIOD_SECONDS = 30 * 86_400
ENTRIES_LEAST = 1 << 17
"""Some 200 MB: smaller partitions would cost more in planning than they save in deleting."""
GROWTH_MOST = 8
"""A partition is at most so many times as wide as the last one: the pace of an import is not that of its month."""

_LAST = Statement("select first, begun_at from partitions order by first desc limit 1")
_OVER = Statement("select first from partitions where after_last <= $1 + 1 order by first", ("int8",))
_FORGET = Statement("delete from partitions where after_last <= $1 + 1", ("int8",))
_RECORD = Statement("insert into partitions values ($1, $2, $3)", ("int8", "int8", "int8"))
_ROOM = Statement("update head set room = $1", ("int8",))

_MARK = Statement("savepoint dropping")
_BACK = Statement("rollback to savepoint dropping")
_WAIT_LITTLE = Statement("set local lock_timeout = '100ms'")
_WAIT_AGAIN = Statement(f"set local lock_timeout = '{LOCK_SECONDS}s'")
_LOCKED = "55P03"

_TABLES = ("journal", "payloads")


def begin_partition(link: Link, room: int, last: int, now: int, entries: int = 0) -> int:
    """Give the entries from `room` on their partition, in the transaction that holds the head; return the new room.

    Args:
        last: sequence of the last entry.
        now: microseconds since 1970.
        entries: those that it must have a place for.
    """
    before = link.one(_LAST)
    width = width_of(last - before[0][0] + 1, (now - before[0][1]) / 1e6) if before else ENTRIES_LEAST
    after = room + max(width, entries)
    link.run([*_made(room, after), (_RECORD, (room, after, now)), (_ROOM, (after,))])
    return after


def width_of(entries: int, seconds: float) -> int:
    """Entries of a period, at the pace of the last stretch."""
    pace = entries / max(seconds, 1.0)
    return max(ENTRIES_LEAST, int(min(pace * PERIOD_SECONDS, GROWTH_MOST * entries)))


def _made(first: int, after: int) -> Iterator[Step]:
    # Made apart and attached: so readers and writers of the other partitions are not held up.
    for table in _TABLES:
        name = f"{table}_{first}"
        yield (
            # A row of up to a page stays in one piece, without an attempt to compress what is compressed already.
            Statement(f"create table {name} (like {table} including all) with (toast_tuple_target = 8160)"),
            (),
        )
        yield Statement(f"alter table {table} attach partition {name} for values from ({first}) to ({after})"), ()
    # The server's samples of values would outlive an erasure.
    yield Statement(f"alter table payloads_{first} alter column body set statistics 0"), ()


def drop_partitions(link: Link, upto: int) -> bool:
    """Drop the partitions all of whose entries go, which costs the same for any number of entries.

    Where a long read, such as a backup, has the journal open, they stay for a later call, and this returns false:
    everybody else would queue up behind the one who waits to drop them.
    """
    firsts = [first for (first,) in link.one(_OVER, upto)]
    if not firsts:
        return True
    drops = [(Statement(f"drop table {table}_{first}"), ()) for first in firsts for table in _TABLES]
    try:
        link.run([(_MARK, ()), (_WAIT_LITTLE, ()), *drops, (_FORGET, (upto,)), (_WAIT_AGAIN, ())])
    except LinkError as error:
        if error.code != _LOCKED:
            raise
        link.run([(_BACK, ())])
        return False
    return True
