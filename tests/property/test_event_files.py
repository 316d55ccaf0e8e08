"""A calendar in a file of iCalendar is the one that a sheet with the same events is."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
from hypothesis import given, settings
from hypothesis import strategies as st

from opportune.customers.attributes import Attribute
from opportune.customers.context import Source
from opportune.customers.context.base import NO_ANSWERS, contact_of
from opportune.records import Value, ValueType
from opportune.strategy.sections.context import ContextSource
from opportune.strategy.source_data import calendar_of
from opportune.strategy.source_events import read_events
from opportune.strategy.source_rows import RowsError
from tests.customers.context.strategies import request

WANTED = ("is_now", "name", "days_until", "next_name", "location", "categories")
TYPES = {"is_now": ValueType.BOOLEAN, "days_until": ValueType.INTEGER}
ATTRIBUTES = {name: Attribute(name, TYPES.get(name, ValueType.TEXT)) for name in WANTED}
PAIRS = [("customer.latitude", "customer.longitude")]
ZONES = st.sampled_from(("UTC", "Europe/Warsaw", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"))
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.sampled_from(' ,;:"\\n'), max_size=90)
NAMES = TEXTS.map(lambda text: f"x{text}".strip())
DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))
TIMES = st.integers(0, 31_000_000).map(lambda seconds: datetime(2026, 1, 1) + timedelta(seconds=seconds))  # noqa: DTZ001
"""On a clock of no zone."""
PLACES = st.tuples(st.integers(-900, 900), st.integers(-1800, 1800)).map(lambda place: (place[0] / 10, place[1] / 10))


@dataclass(frozen=True)
class Happening:
    """An event before it is written.

    Args:
        begin: a day, or a time in a zone or in none.
        last: its last day, or its end; None where it says none.
        is_long: whether iCalendar says how long it takes in place of when it ends.
    """

    name: str
    begin: date
    last: date | None
    place: tuple[float, float] | None
    location: str
    category: str
    is_long: bool


@st.composite
def happenings(draw: st.DrawFn) -> Happening:
    begin: date
    last: date | None
    if draw(st.booleans()):
        begin = draw(DAYS)
        last = begin + timedelta(days=draw(st.integers(0, 40)))
    else:
        zone = draw(st.none() | ZONES)
        begin = draw(TIMES).replace(tzinfo=None if zone is None else ZoneInfo(zone), fold=0)
        # An hour that the clocks skip, or show twice, is said otherwise by both ways to write an end.
        last = begin.replace(hour=3) + timedelta(days=2, minutes=draw(st.integers(0, 9000)))
    rest = (draw(st.none() | PLACES), draw(TEXTS).strip(), draw(NAMES).replace(",", ""), draw(st.booleans()))
    return Happening(draw(NAMES), begin, draw(st.sampled_from((last, None))), *rest)


def sheet_of(events: Sequence[Happening]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(("name", "begin", "end", "latitude", "longitude", "location", "categories"))
    for one in events:
        end = "" if one.last is None else one.last.isoformat()
        writer.writerow(
            (one.name, one.begin.isoformat(), end, *(one.place or ("", "")), one.location, one.category),
        )
    return stream.getvalue()


def file_of(events: Sequence[Happening]) -> str:
    """Write iCalendar with a writer that is not ours."""
    found = icalendar.Calendar()
    for one in events:
        event = icalendar.Event()
        event.add("summary", one.name)
        event.add("dtstart", one.begin)
        if one.last is not None:
            end = one.last if isinstance(one.last, datetime) else one.last + timedelta(days=1)
            if one.is_long and not isinstance(end, datetime):
                event.add("duration", end - one.begin)
            else:
                event.add("dtend", end)
        if one.place is not None:
            event.add("geo", one.place)
        event.add("location", one.location)
        event.add("categories", [one.category])
        found.add_component(event)
    return found.to_ical().decode().replace("\r\n", "\n")


def made(file: str, text: str, is_placed: bool, zone: str) -> Source:
    section = ContextSource(kind="calendar", file=file, within_km=3_000.0)
    faults: list[str] = []
    source = calendar_of(
        section,
        text,
        PAIRS if is_placed else (),
        ZoneInfo(zone),
        ATTRIBUTES,
        lambda line, message, remedy: faults.append(message),
    )
    assert faults == []
    return source


@settings(max_examples=50)
@given(
    st.lists(happenings(), min_size=1, max_size=8),
    ZONES,
    ZONES,
    st.lists(st.tuples(TIMES, PLACES), min_size=1, max_size=9),
)
def test_events_of_a_file_count_as_those_of_a_sheet(
    events: list[Happening], zone: str, own: str, asked: list[tuple[datetime, tuple[float, float]]]
) -> None:
    is_placed = any(one.place for one in events)
    if not is_placed:
        events = [*events, Happening("placed", date(2026, 6, 1), None, (0.0, 0.0), "", "x", False)]
    sheet = made("sources/x.csv", sheet_of(events), True, zone)
    file = made("sources/x.ics", file_of(events), True, zone)
    edges = [edge for one in events for edge in (one.begin, one.last) if isinstance(edge, datetime)]
    moments = [(moment, place) for moment, place in asked]
    moments += [(edge.replace(tzinfo=None), one.place or (0.0, 0.0)) for edge, one in zip(edges, events, strict=False)]
    for moment, place in moments:
        known: dict[str, Value] = {"customer.latitude": place[0], "customer.longitude": place[1]}
        contact = contact_of(known, request(), moment.replace(tzinfo=UTC), own, NO_ANSWERS)

        assert list(file.values(contact)) == list(sheet.values(contact))


LINES = st.sampled_from(
    (
        *("BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VEVENT", "END:VEVENT", "SUMMARY:Fair", "DTSTART:20260504"),
        *("DTEND:20260505T000000Z", "DURATION:P1D", "GEO:1;2", " and on", "DTSTART;TZID=x:y"),
        *("RRULE:FREQ=MONTHLY;COUNT=3", "EXDATE:20260604", "RECURRENCE-ID:20260604", "UID:1", "STATUS:CANCELLED"),
    )
)


@given(st.text(max_size=200) | st.lists(LINES | st.text(max_size=30), max_size=20).map("\n".join))
def test_no_text_makes_the_reading_fail_otherwise_than_by_saying_so(text: str) -> None:
    wrapped = f"BEGIN:VCALENDAR\nBEGIN:VEVENT\n{text}\nEND:VEVENT\nEND:VCALENDAR\n"
    for one in (text, wrapped):
        with suppress(RowsError):
            for row in read_events(one, ZoneInfo("Europe/Warsaw")).rows:
                assert row.faults or (row.cells["name"] and row.cells["begin"])
