"""When an event of iCalendar recurs: rules as the library dateutil reckons them, bounded in years."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from typing import Any, cast

from opportune.strategy.event_values import day_or_time

__all__ = ["LAST_YEAR", "begins_of"]

LAST_YEAR = 2035
"""The last year in which events recur: a revision holds all of them, so there has to be an end."""
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
    from dateutil.rrule import rrulestr

    parts = _parts_of(rule)
    last = _last(parts.pop("UNTIL", ""), begin)
    written = ";".join(f"{name}={value}" for name, value in parts.items())
    return _begins(cast(Any, rrulestr)(written, dtstart=_on_clock(begin)), begin, last)


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
    bound = datetime.combine(date(LAST_YEAR, 12, 31), time.max)
    if not until:
        return bound
    moment = day_or_time(until)
    if not isinstance(moment, datetime):
        return min(datetime.combine(moment, time.max), bound)
    if moment.tzinfo is not None and isinstance(begin, datetime):
        moment = moment.astimezone(begin.tzinfo)
    return min(moment.replace(tzinfo=None), bound)


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
