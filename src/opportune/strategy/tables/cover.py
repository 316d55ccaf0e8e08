"""What the rows of a table cover together: overlaps, gaps, and rows that never decide.

Between two neighbouring cuts of a column all values are alike, so a few points stand for all; a row is one set of
points per column, in bits, and what follows is exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from opportune.records import ValueType
from opportune.strategy.tables.cells import MISSING, Condition, Point

__all__ = ["Axis", "Cover", "TooManyError"]

STEPS_MAX = 200_000
"""Pieces of the space of values that are looked at before the question is given up."""


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
        self._masks = [
            [_mask(condition, points) for condition, points in zip(row, self.points, strict=True)] for row in rows
        ]
        self._steps = 0

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
        self._steps = 0
        known = [sum(1 << i for i, point in enumerate(points) if point is not MISSING) for points in self.points]
        found = self._uncovered(0, known, tuple(range(len(self._masks))), {})
        return None if found is None else [points[at] for points, at in zip(self.points, found, strict=True)]

    def is_hidden(self, row: int) -> bool:
        """Say whether the rows before it cover all that fits a row.

        Raises:
            TooManyError: there are too many cases.
        """
        self._steps = 0
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
            self._steps += 1
            if self._steps > STEPS_MAX:
                raise TooManyError
            left = tuple(row for row in rows if self._masks[row][column] >> at & 1)
            rest = self._uncovered(column + 1, space, left, seen)
            if rest is not None:
                return [at, *rest]
        seen[column, rows] = True
        return None


def _mask(condition: Condition, points: Sequence[Point]) -> int:
    if not condition.rule:
        return (1 << len(points)) - 1
    return sum(1 << i for i, point in enumerate(points) if condition.holds(point))


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
