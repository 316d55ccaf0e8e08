"""Events of an iCalendar file (RFC 5545) as rows of a sheet, so that they count as those of a sheet do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from opportune.strategy.event_lines import EventLines, event_lines
from opportune.strategy.event_values import day_or_time, duration_of, parted, text_of, texts_of, zone_named
from opportune.strategy.source_rows import Row, Rows, RowsError

__all__ = ["is_event_file", "read_events"]

COLUMNS = ("name", "begin", "end", "categories", "location", "status", "uid", "url")
PLACE = ("latitude", "longitude")
TEXTS = {"name": "SUMMARY", "location": "LOCATION", "status": "STATUS", "uid": "UID", "url": "URL"}
RECURRING = ("RRULE", "RDATE", "EXRULE")
FILES_KEPT = 8
"""Files whose rows stay in memory: the check asks for them more than once, and the compiler again."""
_TIMES_REMEDY = "write a day such as 20260504, or a time such as 20260504T180000"


def is_event_file(path: str) -> bool:
    """Say whether a file that a source names is iCalendar."""
    return path.endswith(".ics")


@lru_cache(maxsize=FILES_KEPT)
def read_events(text: str, zone: ZoneInfo) -> Rows:
    """Read the events that are not cancelled; what is wrong with one of them stands in its row.

    Args:
        zone: of times without zone.

    Raises:
        RowsError: it is no iCalendar, or has no such event.
    """
    rows = tuple(_Reading(event, zone).row() for event in event_lines(text) if not _is_cancelled(event))
    if not rows:
        raise RowsError(1, "no event that takes place", "add one")
    is_placed = any(row.cells["latitude"] for row in rows)
    return Rows((*COLUMNS, *PLACE) if is_placed else COLUMNS, rows)


def _is_cancelled(event: EventLines) -> bool:
    return any(
        content.rpartition(":")[2].strip().upper() == "CANCELLED" for _, content in event.lines.get("STATUS", ())
    )


@dataclass(frozen=True, slots=True)
class _Property:
    """One line: where it stands, its parameters, and its value as it is written."""

    line: int
    parameters: Mapping[str, Any]
    value: str


class _Reading:
    """Reads one event, and keeps what is wrong with it."""

    def __init__(self, event: EventLines, zone: ZoneInfo) -> None:
        self.event, self.zone = event, zone
        self.label = f"event {event.number}"
        self.faults: list[tuple[int, str, str]] = []

    def row(self) -> Row:
        """Give it as a row; of one with faults nothing but its texts is to be used."""
        for line in self.event.unreadable:
            self._fault(line, "a line without the name of a property", "begin it with a space if it goes on from above")
        for name in RECURRING:
            for line, _ in self.event.lines.get(name, ())[:1]:
                self._fault(line, f"{name}: events that recur are not read", "write each time as an event of its own")
        cells = dict.fromkeys((*COLUMNS, *PLACE), "")
        for heading, name in TEXTS.items():
            found = self._property(name)
            cells[heading] = "" if found is None else text_of(found.value)
        if not cells["name"]:
            self._fault(self.event.line, "it has no SUMMARY, which is its name", "add one")
        categories = self._categories()
        cells["categories"] = ", ".join(categories)
        self._read_place(cells)
        try:
            self._read_times(cells)
        except (OverflowError, ValueError):
            self._fault(self.event.line, "it begins or ends in a year that is not reckoned with", _TIMES_REMEDY)
        parts = {"categories": categories} if categories else {}
        return Row(self.event.line, cells, parts, self.label, tuple(self.faults))

    def _fault(self, line: int, message: str, remedy: str) -> None:
        self.faults.append((line, f"{self.label}: {message}", remedy))

    def _property(self, name: str) -> _Property | None:
        """Give a property that stands once; None where it does not, or cannot be read."""
        lines = self.event.lines.get(name, [])
        for line, _ in lines[1:]:
            self._fault(line, f"{name} stands twice", "remove one of both")
        return self._parted(name, *lines[0]) if lines else None

    def _parted(self, name: str, line: int, content: str) -> _Property | None:
        try:
            return _Property(line, *parted(content))
        except ValueError:
            self._fault(line, f"{name}: its parameters cannot be read", "correct what stands before the colon")
            return None

    def _categories(self) -> tuple[str, ...]:
        found = [self._parted("CATEGORIES", *line) for line in self.event.lines.get("CATEGORIES", ())]
        return tuple(dict.fromkeys(text for one in found if one for text in texts_of(one.value)))

    def _read_place(self, cells: dict[str, str]) -> None:
        geo = self._property("GEO")
        if geo is not None:
            latitude, _, longitude = text_of(geo.value).partition(";")
            cells["latitude"], cells["longitude"] = latitude.strip() or "-", longitude.strip() or "-"

    def _read_times(self, cells: dict[str, str]) -> None:
        """Write begin and end as a sheet has them, which names the last day of an event and not the one after it."""
        begin = self._time("DTSTART")
        if begin is None:
            if "DTSTART" not in self.event.lines:
                self._fault(self.event.line, "it has no DTSTART", "add one")
            return
        cells["begin"] = self._written(begin)
        end = self._end(begin)
        if end is not None:
            cells["end"] = self._written(end if isinstance(end, datetime) else end - timedelta(days=1))

    def _written(self, moment: date) -> str:
        return moment.astimezone(self.zone).isoformat() if isinstance(moment, datetime) else moment.isoformat()

    def _end(self, begin: date) -> date | None:
        """Give the first day, or the moment, that is no longer part of it."""
        if "DURATION" not in self.event.lines:
            return self._time("DTEND", like=begin)
        if "DTEND" in self.event.lines:
            self._fault(self.event.line, "it has DTEND and DURATION", "remove one of both")
            return None
        found = self._property("DURATION")
        try:
            return None if found is None else self._after(begin, found)
        except ValueError:
            line = self.event.lines["DURATION"][0][0]
            self._fault(line, "DURATION: expected one such as PT2H, P3D or P1W, found something else", "correct it")
            return None

    def _after(self, begin: date, found: _Property) -> date | None:
        days, passing = duration_of(found.value)
        if isinstance(begin, datetime):
            return (begin + days).astimezone(UTC) + passing
        if passing:
            self._fault(found.line, "DURATION: expected days or weeks, as DTSTART is a day", "write it as P3D")
            return None
        return begin + days

    def _time(self, name: str, like: date | None = None) -> date | None:
        """Read a day, or a moment with its zone; None where there is none, or it is wrong.

        Args:
            like: what it has to be: a day or a moment.
        """
        found = self._property(name)
        if found is None:
            return None
        try:
            moment = day_or_time(found.value)
        except ValueError:
            self._fault(found.line, f"{name}: expected a day or a time, found something else", _TIMES_REMEDY)
            return None
        if like is not None and isinstance(moment, datetime) != isinstance(like, datetime):
            kind = "a time" if isinstance(like, datetime) else "a day"
            self._fault(found.line, f"{name}: expected {kind}, as DTSTART is one", "write both alike")
            return None
        if not isinstance(moment, datetime) or moment.tzinfo is not None:
            return moment
        # What the file itself says of a zone does not count: all else goes by the database.
        text = str(found.parameters.get("TZID", ""))
        zone = zone_named(text) if text else self.zone
        if zone is None:
            self._fault(found.line, f"{name}: unknown time zone", "name it as IANA does, such as TZID=Europe/Warsaw")
            return None
        return moment.replace(tzinfo=zone)
