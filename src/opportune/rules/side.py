"""Plain features side by side: their values select rows of the index with no Python code per feature."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from itertools import compress, count
from operator import add, is_not
from typing import Any

from opportune.records import Facts
from opportune.rules.masks import LineRows, ListRows, Member
from opportune.rules.values import NUMBER_MAX

__all__ = ["PROFILE", "Side"]

PROFILE = "customer."
"""Prefix of the facts that a profile holds; no other fact has it."""


class Side:
    """Features that are variables of the facts.

    Args:
        numbers: name, type (float or int), rows.
        listed: name, type (bool or str), rows.
        moments: name, rows, cuts as moments.
        members: entries of lists of texts.
    """

    def __init__(
        self,
        numbers: Sequence[tuple[str, type, LineRows]],
        listed: Sequence[tuple[str, type, ListRows]],
        moments: Sequence[tuple[str, LineRows, list[datetime]]],
        members: Sequence[Member],
    ) -> None:
        numbers = sorted(numbers, key=lambda number: number[1] is int)
        self._moments = moments
        self._members = members
        self._floats = sum(kind is float for _, kind, _ in numbers)
        plain: list[tuple[str, type, Any]] = [*numbers, *listed]
        self._names = [name for name, _, _ in plain]
        self._kinds = [kind for _, kind, _ in plain]
        self._plain = [rows for _, _, rows in plain]
        self._cuts = [lines.cuts for _, _, lines in numbers]
        self._firsts = [lines.first for _, _, lines in numbers]
        self._listings = [texts.rows for _, _, texts in listed]
        self._others = [texts.other for _, _, texts in listed]

    def rows(self, facts: Facts) -> list[int]:
        """Give the rows that the facts select."""
        values: list[Any] = list(map(facts.get, self._names))
        unusual = self._unusual(values) if list(map(type, values)) != self._kinds else []
        total = sum(values[: self._floats])
        if total != total:
            unusual += self._not_numbers(values)
        rest = iter(values)
        rows = [*map(add, self._firsts, map(bisect_right, self._cuts, rest))]
        rows += map(dict.get, self._listings, rest, self._others)
        for place, row in unusual:
            rows[place] = row
        for name, lines, moments in self._moments:
            rows.append(_moment_row(facts.get(name), lines, moments))
        for member in self._members:
            rows += member.rows(facts.get(member.variable))
        return rows

    def _unusual(self, values: list[Any]) -> list[tuple[int, int]]:
        """Give (place, row) of values that are not of the expected type, which are replaced by some that are."""
        found = []
        for place in compress(count(), map(is_not, map(type, values), self._kinds)):
            value, rows = values[place], self._plain[place]
            values[place] = 0
            if value is None:
                found.append((place, rows.missing))
            elif type(value) is int and self._kinds[place] is float and abs(value) < NUMBER_MAX:
                values[place] = float(value)
            else:
                found.append((place, rows.ill))
        return found

    def _not_numbers(self, values: list[Any]) -> list[tuple[int, int]]:
        """Give (place, row) of floats that are not equal to themselves."""
        return [(i, self._plain[i].nan) for i in range(self._floats) if values[i] != values[i]]


def _moment_row(value: object, lines: LineRows, moments: list[datetime]) -> int:
    if type(value) is datetime and value.tzinfo is not None:
        return lines.first + bisect_right(moments, value)
    return lines.missing if value is None else lines.ill
