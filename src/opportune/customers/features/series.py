"""What one source takes of a history, in the order of time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any

__all__ = ["Series", "Span"]


class Series:
    """Moments in microseconds, oldest first, and the value of each.

    Where several have one moment, they stand in any order; nothing that is made of them may depend on it.

    Args:
        has_values: False where the moments are all that counts.
    """

    __slots__ = ("ats", "values")

    def __init__(self, has_values: bool) -> None:
        self.ats: list[int] = []
        self.values: list[Any] | None = [] if has_values else None

    def add(self, at: int, value: Any) -> None:
        """Take in one more, at its place."""
        ats, values = self.ats, self.values
        if not ats or ats[-1] <= at:
            ats.append(at)
            if values is not None:
                values.append(value)
            return
        place = bisect_right(ats, at)
        ats.insert(place, at)
        if values is not None:
            values.insert(place, value)

    def leave_out(self, at: int, value: Any) -> None:
        """Take one of this moment and value out, which is there."""
        ats, values = self.ats, self.values
        place = bisect_left(ats, at)
        if values is not None:
            place = values.index(value, place)
            del values[place]
        del ats[place]

    def span(self, since: int, until: int) -> Span:
        """Give what lies after `since` and not after `until`."""
        first = bisect_right(self.ats, since)
        return Span(self, first, max(first, bisect_right(self.ats, until)))


class Span:
    """The part of a series from `first` to before `end`."""

    __slots__ = ("end", "first", "series")

    def __init__(self, series: Series, first: int, end: int) -> None:
        self.series = series
        self.first = first
        self.end = end

    def __len__(self) -> int:
        return self.end - self.first

    @property
    def ats(self) -> list[int]:
        """Its moments."""
        return self.series.ats[self.first : self.end]

    @property
    def values(self) -> list[Any]:
        """Its values."""
        values = self.series.values
        assert values is not None
        return values[self.first : self.end]
