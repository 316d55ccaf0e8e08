"""Properties of one event of iCalendar, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from opportune.strategy.event_lines import EventLines, Line
from opportune.strategy.event_values import day_or_time, parted, zone_named

__all__ = ["TIMES_REMEDY", "EventReader", "Property"]

TIMES_REMEDY = "write a day such as 20260504, or a time such as 20260504T180000"


@dataclass(frozen=True, slots=True)
class Property:
    """One line.

    Args:
        line: where it stands, 1-based.
        value: as it is written.
    """

    name: str
    line: int
    parameters: Mapping[str, Any]
    value: str


class EventReader:
    """Reads properties.

    Args:
        zone: of times without zone.

    Attributes:
        label: what messages call the event.
        faults: line, message and remedy; no message repeats a text.
    """

    def __init__(self, event: EventLines, zone: ZoneInfo) -> None:
        self.event, self.zone = event, zone
        self.label = f"event {event.number}"
        self.faults: list[tuple[int, str, str]] = []

    def fault(self, line: int, message: str, remedy: str) -> None:
        """Keep something that is wrong."""
        self.faults.append((line, f"{self.label}: {message}", remedy))

    def only(self, name: str) -> Property | None:
        """Give a property that may stand once; None where it does not, or cannot be read."""
        lines = self.event.lines.get(name, [])
        for line, _ in lines[1:]:
            self.fault(line, f"{name} stands twice", "remove one of both")
        return self._parted(name, lines[0]) if lines else None

    def each(self, name: str) -> list[Property]:
        """Give every line of a property that can be read."""
        found = [self._parted(name, line) for line in self.event.lines.get(name, ())]
        return [one for one in found if one is not None]

    def _parted(self, name: str, line: Line) -> Property | None:
        number, content = line
        try:
            return Property(name, number, *parted(content))
        except ValueError:
            self.fault(number, f"{name}: its parameters cannot be read", "correct what stands before the colon")
            return None

    def time(self, found: Property | None, like: date | None = None) -> date | None:
        """Read a day, or a moment with its zone; None where there is none, or it is wrong.

        Args:
            like: what it has to be: a day or a moment.
        """
        if found is None:
            return None
        try:
            moment = day_or_time(found.value)
        except ValueError:
            self.fault(found.line, f"{found.name}: expected a day or a time, found something else", TIMES_REMEDY)
            return None
        if like is not None and isinstance(moment, datetime) != isinstance(like, datetime):
            kind = "a time" if isinstance(like, datetime) else "a day"
            self.fault(found.line, f"{found.name}: expected {kind}, as DTSTART is one", "write both alike")
            return None
        if not isinstance(moment, datetime) or moment.tzinfo is not None:
            return moment
        # What the file itself says of a zone does not count: all else goes by the database.
        text = str(found.parameters.get("TZID", ""))
        zone = zone_named(text) if text else self.zone
        if zone is None:
            message, remedy = f"{found.name}: unknown time zone", "name it as IANA does, such as TZID=Europe/Warsaw"
            self.fault(found.line, message, remedy)
            return None
        return moment.replace(tzinfo=zone)
