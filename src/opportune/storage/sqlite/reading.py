"""Pieces of SQL that find entries."""

from __future__ import annotations

from opportune.storage.kinds import Kind

__all__ = ["ABOUT", "of_kind"]

_TOGETHER = ("erasure", "merge", "model", "outcome", "revision")
"""Kinds that share an index; each other one has its own."""

ABOUT = """
    select sequence from decisions where id in (select value from json_each(?1))
    union all select sequence from outcomes where decision in (select value from json_each(?1))
"""


def of_kind(kind: Kind) -> str:
    """The next entries of one kind; the condition on the kind is word for word that of its index."""
    shared = f"kind in {_TOGETHER} and " if kind.value in _TOGETHER else ""
    return (
        f"select sequence from (select sequence from journal where {shared}kind = '{kind.value}'"  # noqa: S608
        " and sequence > ?1 order by sequence limit ?2)"
    )
