"""Events of an iCalendar file (RFC 5545) as rows of a sheet, so that they count as those of a sheet do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from opportune.strategy.event_lines import EventLines, event_lines
from opportune.strategy.event_reader import TIMES_REMEDY, EventReader, Property
from opportune.strategy.event_recurrence import goes_on
from opportune.strategy.event_times import Allowance, times_of
from opportune.strategy.event_values import text_of, texts_of
from opportune.strategy.source_rows import Row, Rows, RowsError

__all__ = ["goes_on_unknown", "is_event_file", "read_events"]

COLUMNS = ("name", "begin", "end", "categories", "location", "status", "uid", "url")
PLACE = ("latitude", "longitude")
TEXTS = {"name": "SUMMARY", "location": "LOCATION", "status": "STATUS", "uid": "UID", "url": "URL"}
FILES_KEPT = 8
"""Files whose rows stay in memory: the check asks for them more than once, and the compiler again."""
TIMES_MAX = 5_000
RULES_MAX = 500
"""How often the events of a file may recur, and how many of them."""


def is_event_file(path: str) -> bool:
    """Say whether a file that a source names is iCalendar."""
    return path.endswith(".ics")


@lru_cache(maxsize=FILES_KEPT)
def read_events(text: str, zone: ZoneInfo) -> Rows:
    """Read the events that are not cancelled, each as often as it comes; what is wrong with one stands in its row.

    Args:
        zone: of times without zone.

    Raises:
        RowsError: it is no iCalendar, or has no such event.
    """
    events = event_lines(text)
    moved = _moved(events, zone)
    allowance = Allowance(TIMES_MAX, RULES_MAX)
    rows = tuple(row for event in events if not _is_cancelled(event) for row in _rows(event, zone, moved, allowance))
    if not rows:
        raise RowsError(1, "no event that takes place", "add one")
    is_placed = any(row.cells["latitude"] for row in rows)
    return Rows((*COLUMNS, *PLACE) if is_placed else COLUMNS, rows)


def goes_on_unknown(text: str, zone: ZoneInfo) -> bool:
    """Say whether events of a sound file come after the last year that is reckoned with."""
    for event in event_lines(text):
        reader = EventReader(event, zone)
        begin = reader.time(reader.only("DTSTART"))
        rules = () if begin is None or _is_cancelled(event) else reader.each("RRULE")
        if begin is not None and any(goes_on(rule.value, begin) for rule in rules):
            return True
    return False


def _is_cancelled(event: EventLines) -> bool:
    return any(
        content.rpartition(":")[2].strip().upper() == "CANCELLED" for _, content in event.lines.get("STATUS", ())
    )


def _moved(events: Sequence[EventLines], zone: ZoneInfo) -> dict[str, list[Property]]:
    """Give UID → the times of a recurring event that other events stand for, cancelled ones too."""
    found: dict[str, list[Property]] = {}
    for event in events:
        if "RECURRENCE-ID" in event.lines:
            reader = EventReader(event, zone)
            for uid in reader.each("UID"):
                found.setdefault(text_of(uid.value), []).extend(reader.each("RECURRENCE-ID"))
    return found


def _rows(event: EventLines, zone: ZoneInfo, moved: dict[str, list[Property]], allowance: Allowance) -> Iterator[Row]:
    """Give an event as rows; one with faults is one row, of which nothing but its texts is to be used."""
    reader = EventReader(event, zone)
    for line in event.unreadable:
        reader.fault(line, "a line without the name of a property", "begin it with a space if it goes on from above")
    cells = dict.fromkeys((*COLUMNS, *PLACE), "")
    for heading, name in TEXTS.items():
        found = reader.only(name)
        cells[heading] = "" if found is None else text_of(found.value)
    if not cells["name"]:
        reader.fault(event.line, "it has no SUMMARY, which is its name", "add one")
    categories = tuple(dict.fromkeys(text for one in reader.each("CATEGORIES") for text in texts_of(one.value)))
    cells["categories"] = ", ".join(categories)
    _read_place(reader, cells)
    parts = {"categories": categories} if categories else {}
    times: list[dict[str, str]] = []
    try:
        found_times = times_of(reader, _instead(reader, cells["uid"], moved), allowance)
        times = [{"begin": _written(begin, zone), "end": _end(end, zone)} for begin, end in found_times]
    except (OverflowError, ValueError):
        reader.fault(event.line, "it begins or ends in a year that is not reckoned with", TIMES_REMEDY)
    if reader.faults:
        yield Row(event.line, cells, parts, reader.label, tuple(reader.faults))
        return
    yield from (Row(event.line, cells | one, parts, reader.label) for one in times)


def _instead(reader: EventReader, uid: str, moved: dict[str, list[Property]]) -> Sequence[Property]:
    """Give the times of this event that others stand for; examine the one that it stands for itself."""
    own = reader.only("RECURRENCE-ID")
    if own is None:
        return moved.get(uid, ()) if uid else ()
    reader.time(own)
    if "RANGE" in own.parameters:
        reader.fault(own.line, "RECURRENCE-ID: a RANGE is not read", "write each time as an event of its own")
    return ()


def _read_place(reader: EventReader, cells: dict[str, str]) -> None:
    geo = reader.only("GEO")
    if geo is not None:
        latitude, _, longitude = text_of(geo.value).partition(";")
        cells["latitude"], cells["longitude"] = latitude.strip() or "-", longitude.strip() or "-"


def _written(moment: date, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat() if isinstance(moment, datetime) else moment.isoformat()


def _end(moment: date | None, zone: ZoneInfo) -> str:
    """Write an end as a sheet has it, which names the last day of an event and not the one after it."""
    if moment is None:
        return ""
    return _written(moment if isinstance(moment, datetime) else moment - timedelta(days=1), zone)
