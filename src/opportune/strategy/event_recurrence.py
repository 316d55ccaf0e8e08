"""When an event of iCalendar recurs: rules as the library dateutil reckons them, bounded in years."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from typing import Any, cast

from opportune.strategy.event_values import day_or_time

__all__ = ["LAST_YEAR", "begins_of", "goes_on"]

LAST_YEAR = 2035
"""The last year in which events recur: a revision holds all of them, so there has to be an end, and the same one
whenever it is read."""
_BOUND = datetime(LAST_YEAR, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001  By the clock of the event.
_DAYS_OF_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_NUMBER = r"[1-9]\d{0,3}"
_WEEKDAY = r"(MO|TU|WE|TH|FR|SA|SU)"
_MONTH = r"(1[0-2]|0?[1-9])"
_MONTH_DAY = r"[+-]?(3[01]|[12]\d|0?[1-9])"
_PARTS = {
    "FREQ": r"(YEARLY|MONTHLY|WEEKLY|DAILY)",
    "INTERVAL": _NUMBER,
    "COUNT": _NUMBER,
    "UNTIL": r"\d{8}(T\d{6}Z?)?",
    "WKST": _WEEKDAY,
    "BYDAY": rf"([+-]?[1-5])?{_WEEKDAY}(,([+-]?[1-5])?{_WEEKDAY})*",
    "BYMONTH": rf"{_MONTH}(,{_MONTH})*",
    "BYMONTHDAY": rf"{_MONTH_DAY}(,{_MONTH_DAY})*",
    "BYSETPOS": r"[+-]?[1-5](,[+-]?[1-5])*",
}
"""Parts of rules that are read, and how they are written."""


def begins_of(rule: str, begin: date) -> Iterator[date]:
    """Give the begins of an event up to the end of `LAST_YEAR`, its own first.

    Args:
        rule: value of RRULE.
        begin: a day, or a moment with its zone, by whose clock the rule goes.

    Raises:
        ValueError: it is no rule, or none that is read.
    """
    found, until = _found(rule, begin)
    return _begins(found, begin, min(until, _BOUND))


def goes_on(rule: str, begin: date) -> bool:
    """Say whether an event comes after `LAST_YEAR` too, where nothing knows of it; arguments as of `begins_of`."""
    found, until = _found(rule, begin)
    return until > _BOUND and any(_BOUND < one <= until for one in found)


def _found(rule: str, begin: date) -> tuple[Iterable[datetime], datetime]:
    """Give what a rule comes to without an end, and the end that it names."""
    from dateutil.rrule import rrulestr

    parts = _parts_of(rule)
    until = _last(parts.pop("UNTIL", ""), begin)
    written = ";".join(f"{name}={value}" for name, value in parts.items())
    return cast(Any, rrulestr)(written, dtstart=_on_clock(begin)), until


def _begins(found: Iterable[datetime], begin: date, last: datetime) -> Iterator[date]:
    yield begin
    for one in found:
        if one > last:
            return
        if one != _on_clock(begin):
            yield one.replace(tzinfo=begin.tzinfo) if isinstance(begin, datetime) else one.date()


def _on_clock(begin: date) -> datetime:
    return begin.replace(tzinfo=None) if isinstance(begin, datetime) else datetime.combine(begin, time())


def _last(until: str, begin: date) -> datetime:
    """Give the last moment that counts, by the clock of the event; a day counts in full."""
    if not until:
        return datetime.max  # noqa: DTZ901  By the clock of the event.
    moment = day_or_time(until)
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time.max)
    if moment.tzinfo is not None and isinstance(begin, datetime):
        moment = moment.astimezone(begin.tzinfo)
    return moment.replace(tzinfo=None)


def _parts_of(rule: str) -> dict[str, str]:
    """Take a rule apart, and refuse what would mean something else to others, or never come."""
    parts: dict[str, str] = {}
    for part in rule.strip().rstrip(";").upper().split(";"):
        name, _, value = part.partition("=")
        if name in parts or name not in _PARTS or not re.fullmatch(_PARTS[name], value, re.ASCII):
            raise ValueError("a part that is not read")
        parts[name] = value
    often = parts.get("FREQ", "")
    of_months = often in ("YEARLY", "MONTHLY")
    has_ordinals = any(letter in "12345" for letter in parts.get("BYDAY", ""))
    if not often or ("BYSETPOS" in parts or has_ordinals) > of_months or _never_comes(parts):
        raise ValueError("parts that do not fit together")
    if ("COUNT" in parts and "UNTIL" in parts) or ("BYMONTHDAY" in parts and often == "WEEKLY"):
        raise ValueError("parts that do not fit together")
    return parts


def _never_comes(parts: Mapping[str, str]) -> bool:
    days = [abs(int(day)) for day in parts.get("BYMONTHDAY", "1").split(",")]
    months = [int(month) for month in parts.get("BYMONTH", "1").split(",")]
    return min(days) > max(_DAYS_OF_MONTHS[month - 1] for month in months)
