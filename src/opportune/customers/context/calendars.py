"""Events of a calendar: which runs now near somebody, and when the next one begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import h3.api.basic_int as h3

from opportune.customers.context.base import Contact, Doubt, Given
from opportune.customers.context.positions import Pairs, position_of
from opportune.records import Value
from opportune.rules.domain import great_circle_km

__all__ = ["EVENT", "Calendar", "Event"]

EVENT = ("is_now", "name", "days_until", "next_name")
"""What the source gives beside the columns of its file, which are those of the event that runs now."""

RESOLUTION = 6
"""Cells of about 36 km2, by which events nearby are kept."""
CELLS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the file.

    Args:
        begin, end: seconds since 1970; the end is the first moment after it.
        position: latitude and longitude in degrees; None where it is on everywhere.
        cells: its values of the wanted columns.
    """

    name: str
    begin: float
    end: float
    position: tuple[float, float] | None
    cells: Mapping[str, Value | None]


class Calendar:
    """A source of kind calendar.

    Args:
        events: in any order; of those that run the one counts that ends first, of those to come the first to begin.
        pairs: where the contact is; () where the file has no places.
        within_km: how far an event may be.
        wanted: names of `EVENT` and of columns.
    """

    def __init__(self, events: Sequence[Event], pairs: Pairs, within_km: float, wanted: Sequence[str]) -> None:
        self._events = tuple(sorted(events, key=lambda event: event.begin))
        self._pairs, self._within_km = pairs, within_km
        self._wanted = tuple(wanted)
        self._kept: dict[tuple[int, int], tuple[Event, ...]] = {}

    def values(self, contact: Contact) -> Sequence[Given]:
        """Find the events; nothing is known of events near somebody whose position is not."""
        position = position_of(contact, self._pairs)
        if isinstance(position, Doubt) or (position is None and self._pairs):
            return [position] * len(self._wanted)
        now = contact.now.timestamp()
        running, coming = self._found(now, position)
        return [self._value(name, running, coming, contact) for name in self._wanted]

    def _found(self, now: float, position: tuple[float, float] | None) -> tuple[Event | None, Event | None]:
        running = coming = None
        for event in self._near(now, position):
            if event.end <= now or not self._reaches(event, position):
                continue
            if event.begin > now:
                coming = event
                break
            if running is None or event.end < running.end:
                running = event
        return running, coming

    def _reaches(self, event: Event, position: tuple[float, float] | None) -> bool:
        if event.position is None or position is None:
            return True
        return great_circle_km(*position, *event.position) <= self._within_km

    def _near(self, now: float, position: tuple[float, float] | None) -> tuple[Event, ...]:
        """Give the events, by their begin, that may count in this hour and this cell; made once for both."""
        cell = 0 if position is None else h3.latlng_to_cell(*position, RESOLUTION)
        key = (int(now // 3600), cell)
        kept = self._kept.get(key)
        if kept is None:
            if len(self._kept) >= CELLS_MAX:
                self._kept.clear()
            kept = self._kept[key] = tuple(self._candidates(now // 3600 * 3600, position, cell))
        return kept

    def _candidates(self, since: float, position: tuple[float, float] | None, cell: int) -> Iterator[Event]:
        alive = (event for event in self._events if event.end > since)
        if position is None:
            yield from alive
            return
        lat, lon = h3.cell_to_latlng(cell)
        # No place of a cell is further from the centre than twice its furthest corner.
        reach = self._within_km + 2 * max(great_circle_km(lat, lon, *corner) for corner in h3.cell_to_boundary(cell))
        for event in alive:
            if event.position is None or great_circle_km(lat, lon, *event.position) <= reach:
                yield event

    def _value(self, name: str, running: Event | None, coming: Event | None, contact: Contact) -> Given:
        match name:
            case "is_now":
                return running is not None
            case "name":
                return None if running is None else running.name
            case "days_until":
                return _days_until(running, coming, contact)
            case "next_name":
                return None if coming is None else coming.name
        return None if running is None else running.cells[name]


def _days_until(running: Event | None, coming: Event | None, contact: Contact) -> Given:
    """Count days of the calendar in the customer's zone; 0 where one runs or begins today."""
    if running is not None:
        return 0
    if coming is None:
        return None
    if contact.local is None:
        return Doubt.UNREADABLE
    begin = datetime.fromtimestamp(coming.begin, UTC).astimezone(contact.local.tzinfo)
    return _days(contact.local.date(), begin.date())


def _days(first: date, last: date) -> int:
    return (last - first) // timedelta(days=1)
