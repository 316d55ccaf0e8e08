"""What the rows of a table cover together: overlaps, gaps, and rows that never decide.

Between two neighbouring cuts of a column all values are alike, so a few points stand for all; a row is one set of
points per column, in bits, and what follows is exact.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from opportune.records import ValueType
from opportune.strategy.tables.cells import MISSING, Condition, Point

__all__ = ["Axis", "Cover", "TooManyError"]

WORK_MAX = 10_000_000
"""Rows that are held against pieces of the space of values, for one table, before its questions are given up."""


class TooManyError(Exception):
    """There are too many cases to look at."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What values a column may have.

    Args:
        low, high: of numbers, both included.
        values: of texts, None for any.
        is_optional: whether there may be no value.
    """

    kind: ValueType
    low: float = -math.inf
    high: float = math.inf
    values: tuple[str, ...] | None = None
    is_optional: bool = True


_OTHER = "\x00"
"""A text that no cell names."""


class Cover:
    """Judges rows by the points that stand for all values.

    Args:
        axes: of every column.
        rows: condition of every column, for each row.
    """

    def __init__(self, axes: Sequence[Axis], rows: Sequence[Sequence[Condition]]) -> None:
        self.points = [
            _points(axis, [row[column] for row in rows if row[column].rule]) for column, axis in enumerate(axes)
        ]
        columns = [_Column(points) for points in self.points]
        self._masks = [[column.mask(condition) for condition, column in zip(row, columns, strict=True)] for row in rows]
        self._work = 0

    def overlap(self, first: int, second: int) -> bool:
        """Say whether some values fit both rows."""
        return all(a & b for a, b in zip(self._masks[first], self._masks[second], strict=True))

    def is_possible(self, row: int) -> bool:
        """Say whether any values fit a row."""
        return all(self._masks[row])

    def gap(self) -> list[Point] | None:
        """Give values, none of them missing, that no row fits; None where there are none.

        Raises:
            TooManyError: there are too many cases.
        """
        known = [sum(1 << i for i, point in enumerate(points) if point is not MISSING) for points in self.points]
        found = self._uncovered(0, known, tuple(range(len(self._masks))), {})
        return None if found is None else [points[at] for points, at in zip(self.points, found, strict=True)]

    def is_hidden(self, row: int) -> bool:
        """Say whether the rows before it cover all that fits a row.

        Raises:
            TooManyError: there are too many cases.
        """
        before = tuple(other for other in range(row) if self.overlap(other, row))
        return bool(before) and self._uncovered(0, self._masks[row], before, {}) is None

    def _uncovered(
        self, column: int, space: Sequence[int], rows: tuple[int, ...], seen: dict[tuple[int, tuple[int, ...]], bool]
    ) -> list[int] | None:
        """Give a point of the space, by its place in every further column, that none of the rows covers."""
        if column == len(space):
            return None if rows else []
        if (column, rows) in seen:
            return None
        for at, _ in enumerate(self.points[column]):
            if not space[column] >> at & 1:
                continue
            self._work += len(rows) + 1
            if self._work > WORK_MAX:
                raise TooManyError
            left = tuple(row for row in rows if self._masks[row][column] >> at & 1)
            rest = self._uncovered(column + 1, space, left, seen)
            if rest is not None:
                return [at, *rest]
        seen[column, rows] = True
        return None


class _Column:
    """The points of a column, and which of them conditions hold of; between its own cuts, a condition is asked once."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.points = points
        self._place = {point: at for at, point in enumerate(points) if isinstance(point, str)}
        self._numbers = [point for point in points if isinstance(point, float)]

    def mask(self, condition: Condition) -> int:
        """Give the points that a condition holds of, in bits."""
        if not condition.rule:
            return (1 << len(self.points)) - 1
        if self._numbers:
            return self._by_numbers(condition)
        if self._place:
            return self._by_texts(condition)
        return sum(1 << at for at, point in enumerate(self.points) if condition.holds(point))

    def _by_numbers(self, condition: Condition) -> int:
        numbers = self._numbers
        cuts = sorted(cut for cut in condition.cuts if isinstance(cut, float))
        edges = sorted({0, len(numbers), *(side(numbers, cut) for cut in cuts for side in (bisect_left, bisect_right))})
        mask = sum((1 << b) - (1 << a) for a, b in pairwise(edges) if condition.holds(numbers[a]))
        return mask | self._rest(condition, len(numbers))

    def _by_texts(self, condition: Condition) -> int:
        count = len(self._place)
        mask = (1 << count) - 1 if condition.holds(_OTHER) else 0
        for cut in condition.cuts:
            at = self._place.get(cut) if isinstance(cut, str) else None
            if at is not None:
                mask = mask | 1 << at if condition.holds(cut) else mask & ~(1 << at)
        return mask | self._rest(condition, count)

    def _rest(self, condition: Condition, count: int) -> int:
        """Give what holds of the points behind numbers or texts: that there is none."""
        return sum(1 << at for at in range(count, len(self.points)) if condition.holds(self.points[at]))


def _points(axis: Axis, conditions: Sequence[Condition]) -> list[Point]:
    """Give points such that every value is like one of them to all conditions."""
    cuts = {cut for condition in conditions for cut in condition.cuts}
    points: list[Point]
    if axis.kind is ValueType.BOOLEAN:
        points = [True, False]
    elif axis.kind is ValueType.TEXT:
        named = sorted(cut for cut in cuts if isinstance(cut, str))
        points = [*named, _OTHER] if axis.values is None else list(axis.values)
    else:
        points = list(_numbers(sorted(cut for cut in cuts if isinstance(cut, float)), axis))
    return [*points, MISSING] if axis.is_optional else points


def _numbers(cuts: list[float], axis: Axis) -> list[float]:
    """Give every cut, one number between each two, and one on either side, as far as the column's values reach."""
    step = 1.0
    edges = [cuts[0] - step, *cuts, cuts[-1] + step] if cuts else [0.0]
    if math.isfinite(axis.low):
        edges = [axis.low, *(edge for edge in edges if edge > axis.low)]
    if math.isfinite(axis.high):
        edges = [*(edge for edge in edges if edge < axis.high), axis.high]
    found = []
    for left, right in pairwise(edges):
        middle = math.floor((left + right) / 2) if axis.kind is ValueType.INTEGER else (left + right) / 2
        found += [left, float(middle)] if left < middle < right else [left]
    return [number for number in (*found, edges[-1]) if axis.low <= number <= axis.high]
