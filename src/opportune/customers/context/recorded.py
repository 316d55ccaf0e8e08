"""What a file recorded or foresaw for days or hours, such as weather."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from opportune.customers.context.base import Contact, Doubt, Given, text_at
from opportune.records import Value

__all__ = ["EVERYWHERE", "Recorded", "Span"]

EVERYWHERE = ""
"""Place of rows of a file without places."""

Span = tuple[float, float, int]
"""Seconds since 1970 at which a row begins and ends, and the number of the row."""


class Recorded:
    """A source of kind weather.

    Args:
        spans: place → its rows by their begin; none overlap.
        columns: wanted column → its values by number of the row; None where a cell is empty.
        place: fact key of the place's name; "" for a file without places.
        wanted: names of columns.
    """

    def __init__(
        self,
        spans: Mapping[str, Sequence[Span]],
        columns: Mapping[str, Sequence[Value | None]],
        place: str,
        wanted: Sequence[str],
    ) -> None:
        self._spans = {name: sorted(rows) for name, rows in spans.items()}
        self._begins = {name: [row[0] for row in rows] for name, rows in self._spans.items()}
        self._columns = [columns[name] for name in wanted]
        self._place = place

    def values(self, contact: Contact) -> Sequence[Given]:
        """Give the row of the moment; no data where there is none, or its cell is empty."""
        place = text_at(contact.facts, self._place) if self._place else EVERYWHERE
        if place is None:
            return [None] * len(self._columns)
        row = self._row(place, contact.now.timestamp())
        if row is None:
            return [Doubt.NO_DATA] * len(self._columns)
        cells = (column[row] for column in self._columns)
        return [Doubt.NO_DATA if cell is None else cell for cell in cells]

    def _row(self, place: str, moment: float) -> int | None:
        at = bisect_right(self._begins.get(place, ()), moment) - 1
        if at < 0:
            return None
        _, end, row = self._spans[place][at]
        return row if moment < end else None
