"""Events of a calendar: which runs now near somebody, and when the next one begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter

from opportune.customers.context.base import Contact, Doubt, Given
from opportune.customers.context.cells import CellIndex, cell_of
from opportune.customers.context.positions import Pairs, position_of
from opportune.records import Value
from opportune.rules.domain import great_circle_km

__all__ = ["EVENT", "Calendar", "Event"]

EVENT = ("is_now", "name", "days_until", "next_name")
"""What the source gives beside the columns of its file, which are those of the event that runs now."""

HOURS_MAX = 1_000
CELLS_MAX = 10_000
"""For how many hours and cells, and cells alone, it is kept which events may count."""
_BEGIN = attrgetter("begin")


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
        self._everywhere = [event for event in events if event.position is None]
        self._placed = [event for event in events if event.position is not None]
        places = [event.position for event in events if event.position is not None]
        self._index = CellIndex([lat for lat, _ in places], [lon for _, lon in places]) if places else None
        self._pairs, self._within_km = pairs, within_km
        self._wanted = tuple(wanted)
        self._kept: dict[tuple[int, int], tuple[Event, ...]] = {}
        self._cells: dict[int, tuple[Event, ...]] = {}

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
        """Give the events, by their begin, that may count in this hour near this place."""
        cell = 0 if position is None else cell_of(*position)
        key = int(now // 3600), cell
        kept = self._kept.get(key)
        if kept is None:
            if len(self._kept) >= HOURS_MAX:
                self._kept.clear()
            kept = self._kept[key] = tuple(event for event in self._of_cell(cell) if event.end > now // 3600 * 3600)
        return kept

    def _of_cell(self, cell: int) -> tuple[Event, ...]:
        """Give the events, by their begin, that may count in a cell."""
        kept = self._cells.get(cell)
        if kept is None:
            if len(self._cells) >= CELLS_MAX:
                self._cells.clear()
            numbers = self._index.around(cell, self._within_km) if cell and self._index else range(len(self._placed))
            near = [*self._everywhere, *(self._placed[number] for number in numbers)]
            kept = self._cells[cell] = tuple(sorted(near, key=_BEGIN))
        return kept

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
