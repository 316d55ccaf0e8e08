"""Pieces of SQL that find entries."""

from __future__ import annotations

__all__ = ["ABOUT", "OF_KIND"]

OF_KIND = (
    "select sequence from (select sequence from journal"
    " where kind in ('erasure', 'merge', 'model', 'outcome', 'revision') and kind = '{}' and sequence > ?1"
    " order by sequence limit ?2)"
)
"""The next entries of one kind; the condition on the kind is word for word that of its index."""

ABOUT = """
    select sequence from decisions where id in (select value from json_each(?1))
    union all select sequence from outcomes where decision in (select value from json_each(?1))
"""
