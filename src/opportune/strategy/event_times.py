"""From when to when an event of iCalendar is on, each time that it is."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice

from opportune.strategy.event_reader import EventReader, Property
from opportune.strategy.event_recurrence import LAST_YEAR, begins_of
from opportune.strategy.event_values import duration_of

__all__ = ["Allowance", "times_of"]

UNREAD = ("RDATE", "EXRULE")
Length = tuple[timedelta, timedelta]
"""Days, which go by the calendar, and time that passes."""


class Allowance:
    """How often events of a file may still recur."""

    def __init__(self, times: int, rules: int) -> None:
        self.times, self.rules = times, rules


def times_of(reader: EventReader, moved: Sequence[Property], allowance: Allowance) -> list[tuple[date, date | None]]:
    """Give begins and ends: the first day, or the moment, that is no longer part of it; None where it says none.

    Args:
        moved: times that do not count, as other events stand for them.

    Raises:
        OverflowError: a year that is not reckoned with.
    """
    begin = reader.time(reader.only("DTSTART"))
    if begin is None:
        if "DTSTART" not in reader.event.lines:
            reader.fault(reader.event.line, "it has no DTSTART", "add one")
        return []
    length = _length(reader, begin)
    if length is not None and _ended(begin, length) <= begin:
        reader.fault(reader.event.line, "the end is not after the begin", "correct one of both")
    return [(one, None if length is None else _ended(one, length)) for one in _begins(reader, begin, moved, allowance)]


def _length(reader: EventReader, begin: date) -> Length | None:
    """Read how long it takes; None where it does not say."""
    if "DURATION" not in reader.event.lines:
        end = reader.time(reader.only("DTEND"), like=begin)
        if isinstance(end, datetime) and isinstance(begin, datetime):
            return timedelta(), end.astimezone(UTC) - begin.astimezone(UTC)
        return None if end is None else (end - begin, timedelta())
    if "DTEND" in reader.event.lines:
        reader.fault(reader.event.line, "it has DTEND and DURATION", "remove one of both")
        return None
    found = reader.only("DURATION")
    if found is None:
        return None
    try:
        days, passing = duration_of(found.value)
    except ValueError:
        reader.fault(found.line, "DURATION: expected one such as PT2H, P3D or P1W, found something else", "correct it")
        return None
    if passing and not isinstance(begin, datetime):
        reader.fault(found.line, "DURATION: expected days or weeks, as DTSTART is a day", "write it as P3D")
        return None
    return days, passing


def _ended(begin: date, length: Length) -> date:
    days, passing = length
    return (begin + days).astimezone(UTC) + passing if isinstance(begin, datetime) else begin + days


def _begins(reader: EventReader, begin: date, moved: Sequence[Property], allowance: Allowance) -> list[date]:
    for found in (one for name in UNREAD for one in reader.each(name)):
        reader.fault(found.line, f"{found.name} is not read", "write these times as events of their own")
    rule = reader.only("RRULE")
    if rule is None:
        return [begin]
    allowance.rules -= 1
    try:
        begins = list(islice(begins_of(rule.value, begin), max(allowance.times, 0) + 1))
    except ValueError:
        remedy = "recur by days, weeks, months or years, or write each time as an event of its own"
        reader.fault(rule.line, "RRULE: not a rule that is read", remedy)
        return []
    allowance.times -= len(begins)
    if allowance.times < 0 or allowance.rules < 0:
        message = f"RRULE: with this event those of the file recur too often, up to the end of {LAST_YEAR}"
        reader.fault(rule.line, message, "let it end sooner: 'UNTIL' or 'COUNT'")
        return []
    left_out = [
        reader.time(replace(one, value=value)) for one in reader.each("EXDATE") for value in one.value.split(",")
    ]
    # A fault of theirs is told with the event that they belong to.
    elsewhere = EventReader(reader.event, reader.zone)
    return _without(begins, [*left_out, *(elsewhere.time(one) for one in moved)])


def _without(begins: Sequence[date], left_out: Sequence[date | None]) -> list[date]:
    """Leave out moments, and days with all that begins on them."""
    moments = {one.timestamp() for one in left_out if isinstance(one, datetime)}
    days = {one for one in left_out if one is not None and not isinstance(one, datetime)}
    return [one for one in begins if not _is_among(one, moments, days)]


def _is_among(begin: date, moments: Set[float], days: Set[date]) -> bool:
    if isinstance(begin, datetime):
        return begin.timestamp() in moments or begin.date() in days
    return begin in days
