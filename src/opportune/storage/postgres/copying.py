"""Statements that fill a store with the rows of another one."""

from __future__ import annotations

from typing import Any

from opportune.errors import StoreBusyError
from opportune.storage.digests import GENESIS
from opportune.storage.postgres.link import Link, Statement
from opportune.storage.postgres.partitions import begin_partition, drop_partitions
from opportune.storage.postgres.reading import Reads
from opportune.storage.postgres.values import columns
from opportune.storage.statements import STOCKS
from opportune.storage.tables import TABLES

__all__ = ["begin", "select", "take"]

_EVER = 2**62
_MARK = Statement("insert into copies values ($1, $2)", ("text", "text"))
_END = Statement("insert into ends values ($1, $2)", ("int8", "bytea"))
_NO_ROOM = Statement("update head set room = 1")
_HAS_PARTITIONS = Statement("select exists (select from partitions)")


def select(table: str) -> str:
    """All rows of a table; those of partitions in order."""
    if table == "counters":
        return Reads.COUNTERS.sql
    if table == "stocks":
        return STOCKS
    order = " order by sequence" if table in ("journal", "payloads") else ""
    # Names of our own only.
    return f"select {', '.join(TABLES[table])} from {table}{order}"  # noqa: S608


def begin(link: Link, source: str, at: str) -> None:
    """Empty all tables and leave the mark, in the transaction that holds the head."""
    if not drop_partitions(link, _EVER):
        raise StoreBusyError("the store to copy into: somebody reads what is to be replaced; try again")
    rest = [table for table in TABLES if table not in ("journal", "payloads")]
    link.run(
        [
            (Statement(f"truncate {', '.join(rest)}, ends, copies, live_models"), ()),
            (_NO_ROOM, ()),
            (_END, (0, GENESIS)),
            (_MARK, (source, at)),
        ]
    )


def take(link: Link, table: str, rows: list[tuple[Any, ...]], room: int) -> None:
    """Add rows, in the transaction that holds the head; a page of the journal moves its end.

    Args:
        room: first sequence that no partition has a place for.
    """
    kinds = list(TABLES[table].values())
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(kinds, 1))
    insert = Statement(
        f"insert into {table} ({', '.join(TABLES[table])}) select * from unnest({arrays})",  # noqa: S608
        tuple(f"{kind}[]" for kind in kinds),
    )
    if table == "journal":
        first, last, digest, recorded_at = rows[0][0], rows[-1][0], rows[-1][-1], rows[0][5]
        if not link.one(_HAS_PARTITIONS)[0][0]:
            room = first
        if last >= room:
            begin_partition(link, room, first - 1, recorded_at, last - room + 1)
        link.one(_END, last, digest)
    link.one(insert, *columns(rows))
