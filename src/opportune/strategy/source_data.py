"""Sources made from their files; the same reading serves the check, which reports faults, and the compiler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from opportune.customers.attributes import Attribute
from opportune.customers.context import Calendar, Event, Places, Recorded, Source
from opportune.customers.context.calendars import EVENT
from opportune.customers.context.places import PLACE
from opportune.customers.context.positions import Pairs
from opportune.customers.context.recorded import EVERYWHERE, Span
from opportune.records import Value
from opportune.strategy.sections.context import ContextSource
from opportune.strategy.source_events import is_event_file, read_events
from opportune.strategy.source_rows import (
    Report,
    Row,
    Rows,
    RowsError,
    column,
    coordinates,
    day_after,
    day_or_moment,
    is_passed_over,
    read_rows,
)

__all__ = ["calendar_of", "has_positions", "places_of", "recorded_of"]

HOUR_SECONDS = 3600.0
EARTH_KM = 20_100.0
"""No two places are further apart."""

Wanted = Mapping[str, Attribute]
"""What is wanted of a source → the attribute that takes it."""


def places_of(section: ContextSource, text: str, pairs: Pairs, wanted: Wanted, report: Report) -> Source | None:
    """Make a source of kind places; None where no row is sound.

    Raises:
        RowsError: the file is no sheet, or lacks a column.
    """
    rows = _chosen(read_rows(text), section)
    rows.expect("name", "latitude", "longitude")
    names = [_name(row, report) for row in rows.rows]
    found = [coordinates(row, report) for row in rows.rows]
    if section.place is not None:
        _expect_once(rows, "name", report)
    columns = {name: column(rows, name, wanted[name], report, PLACE) for name in wanted if name not in PLACE[1:]}
    if None in found:
        return None
    places = [place for place in found if place is not None]
    return Places(
        names=names,
        latitudes=[latitude for latitude, _ in places],
        longitudes=[longitude for _, longitude in places],
        columns=columns,
        pairs=pairs,
        place=section.place or "",
        within_km=section.within_km or EARTH_KM,
        wanted=tuple(wanted),
    )


def recorded_of(section: ContextSource, text: str, zone: ZoneInfo, wanted: Wanted, report: Report) -> Source:
    """Make a source of kind weather.

    Raises:
        RowsError: the file is no sheet, or lacks a column.
    """
    rows = read_rows(text)
    unit = "hour" if "hour" in rows.headings else "date"
    rows.expect(unit, *(["place"] if section.place is not None else []))
    if section.place is None and "place" in rows.headings:
        raise RowsError(1, "a column 'place' that nothing asks for", "name the attribute with the place: 'place:'")
    spans: dict[str, list[Span]] = {}
    taken: dict[tuple[str, float], int] = {}
    for number, row in enumerate(rows.rows):
        read = day_or_moment(row.cells[unit], zone)
        if read is None or read[1] != (unit == "date"):
            example = "a day such as 2026-05-04" if unit == "date" else "an hour such as 2026-05-04T13:00"
            report(row.line, f"{unit}: expected {example}, found '{row.cells[unit][:60]}'", "correct the cell")
            continue
        if unit == "hour" and is_passed_over(row.cells[unit], zone):
            message = f"hour: the clocks of {zone.key} pass over '{row.cells[unit][:60]}'"
            report(row.line, message, "remove the row, or write the hour with its offset")
            continue
        place, begin = row.cells["place"] if section.place is not None else EVERYWHERE, read[0].timestamp()
        if (place, begin) in taken:
            report(row.line, f"the same {unit} as in line {taken[place, begin]}", "remove one of both")
            continue
        taken[place, begin] = row.line
        end = day_after(read[0], zone).timestamp() if unit == "date" else begin + HOUR_SECONDS
        spans.setdefault(place, []).append((begin, end, number))
    columns = {name: column(rows, name, attribute, report) for name, attribute in wanted.items()}
    return Recorded(spans, columns, section.place or "", tuple(wanted))


def has_positions(section: ContextSource, text: str, zone: ZoneInfo) -> bool:
    """Say whether a file of events says where they are.

    Raises:
        RowsError: the file is neither a sheet nor iCalendar.
    """
    return "latitude" in _events(section, text, zone).headings


def _events(section: ContextSource, text: str, zone: ZoneInfo) -> Rows:
    return read_events(text, zone) if is_event_file(section.file or "") else read_rows(text)


def calendar_of(
    section: ContextSource, text: str, pairs: Pairs, zone: ZoneInfo, wanted: Wanted, report: Report
) -> Source:
    """Make a source of kind calendar.

    Raises:
        RowsError: the file is neither a sheet nor iCalendar, or lacks a column.
    """
    rows = _sound(_chosen(_events(section, text, zone), section), report)
    is_placed = "latitude" in rows.headings
    rows.expect("name", "begin", *(["latitude", "longitude"] if is_placed else []))
    asked = [name for name in wanted if name not in EVENT]
    for name in wanted:
        if name in ("name", "next_name"):
            column(rows, "name", wanted[name], report)
    columns = {name: column(rows, name, wanted[name], report, EVENT) for name in asked}
    events = []
    for number, row in enumerate(rows.rows):
        time = _time(row, zone, report)
        place = coordinates(row, report) if is_placed and (row.cells["latitude"] or row.cells["longitude"]) else None
        if time is not None:
            cells: dict[str, Value | None] = {name: columns[name][number] for name in asked}
            events.append(Event(_name(row, report), time[0].timestamp(), time[1].timestamp(), place, cells))
    return Calendar(events, pairs if is_placed else (), section.within_km or EARTH_KM, tuple(wanted))


def _time(row: Row, zone: ZoneInfo, report: Report) -> tuple[datetime, datetime] | None:
    """Read begin and end; an end that is a day is its last, and without one it ends with the day it begins."""
    begin = day_or_moment(row.cells["begin"], zone)
    is_open = not row.cells.get("end")
    end = (begin[0], True) if is_open and begin else day_or_moment(row.cells.get("end", ""), zone)
    for name, found in (("begin", begin), ("end", end)):
        if found is None and not (name == "end" and is_open):
            message = f"{name}: expected a day such as 2026-05-04, or a moment, found {row.found(name)}"
            row.report(report, message, "correct the cell")
    if begin is None or end is None:
        return None
    last = day_after(end[0], zone) if end[1] else end[0]
    if last <= begin[0]:
        row.report(report, "the end is not after the begin", "correct one of both")
        return None
    return begin[0], last


def _chosen(rows: Rows, section: ContextSource) -> Rows:
    """Keep the rows that count."""
    where = section.where or {}
    rows.expect(*where)
    kept = [row for row in rows.rows if all(_has(row, name, texts) for name, texts in where.items())]
    if not kept:
        raise RowsError(1, "no row has what 'where' asks for", "correct 'where', or add rows")
    return Rows(rows.headings, tuple(kept))


def _has(row: Row, name: str, texts: Sequence[str]) -> bool:
    """Say whether a cell, or one of the texts that it holds, is among some texts."""
    return any(text in texts for text in row.parts.get(name, (row.cells[name],)))


def _sound(rows: Rows, report: Report) -> Rows:
    """Keep the rows without faults, and report those of the others."""
    for row in rows.rows:
        for fault in row.faults:
            report(*fault)
    return Rows(rows.headings, tuple(row for row in rows.rows if not row.faults))


def _name(row: Row, report: Report) -> str:
    if not row.cells["name"]:
        row.report(report, "name: expected a text, found nothing", "fill in the cell")
    return row.cells["name"]


def _expect_once(rows: Rows, name: str, report: Report) -> None:
    lines: dict[str, int] = {}
    for row in rows.rows:
        text = row.cells[name]
        if text in lines:
            message = f"{name}: '{text[:60]}' stands in line {lines[text]} too"
            report(row.line, message, "rename one of both, so that it is clear which is meant")
        lines.setdefault(text, row.line)
