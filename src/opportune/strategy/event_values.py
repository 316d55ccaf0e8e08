"""Values of iCalendar lines as the library reads them; it is loaded when a file first needs it, which takes 0.1 s."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from opportune.strategy.codes import zones

__all__ = ["day_or_time", "duration_of", "parted", "text_of", "texts_of", "zone_named"]

_DAY = re.compile(r"\d{8}", re.ASCII)
_TIME = re.compile(r"\d{8}T\d{6}Z?", re.ASCII)


def parted(content: str) -> tuple[dict[str, Any], str]:
    """Part a line into the parameters of the property and its value, as it is written.

    Raises:
        ValueError: the parameters cannot be read.
    """
    from icalendar.parser import Contentline

    make = cast(Any, Contentline)
    _, parameters, value = make(content).raw_parts()
    return parameters, value


def text_of(value: str) -> str:
    """Give the text that a value stands for, trimmed."""
    from icalendar.parser.property import unescape_backslash

    return str(unescape_backslash(value)).strip()


def texts_of(value: str) -> list[str]:
    """Give the texts of a list, trimmed, without empty ones."""
    from icalendar.parser.property import split_on_unescaped_comma

    return [text.strip() for text in split_on_unescaped_comma(value) if text.strip()]


def day_or_time(value: str) -> date:
    """Read a day or a time; of times only those in UTC have a zone.

    Raises:
        ValueError: it is neither.
    """
    from icalendar.prop import vDate, vDatetime

    text = value.strip()
    if _DAY.fullmatch(text):
        return cast(date, cast(Any, vDate).from_ical(text))
    if _TIME.fullmatch(text):
        return cast(datetime, cast(Any, vDatetime).from_ical(text))
    raise ValueError("neither a day nor a time")


def duration_of(value: str) -> tuple[timedelta, timedelta]:
    """Read a duration: its weeks and days, which go by the calendar, and its time, which passes.

    Raises:
        ValueError: it is none.
    """
    from icalendar.prop import vDuration

    read = cast(Any, vDuration).from_ical
    text = value.strip().lstrip("+-")
    time = text.partition("T")[2]
    passing = read(f"PT{time}") if time else timedelta()
    days = read(text) - passing
    return (-days, -passing) if value.strip().startswith("-") else (days, passing)


def zone_named(name: str) -> ZoneInfo | None:
    """Give the zone of the database that a file means: by its name, by what a path ends in, or as Windows calls it."""
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    parts = name.strip("/").split("/")
    ends = ("/".join(parts[start:]) for start in range(len(parts)))
    known = next((end for end in ends if end in zones()), WINDOWS_TO_OLSON.get(name, ""))
    return ZoneInfo(known) if known in zones() else None
