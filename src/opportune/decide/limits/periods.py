"""Periods of a calendar: the hour, day, week, month or year that a moment lies in, in a zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from opportune.decide.limits.windows import STEP, instant, micros

__all__ = ["period_of"]


def period_of(kind: str, now: datetime, zone: str) -> tuple[str, int, int]:
    """Give name, begin and end of a period, moments in microseconds since 1970.

    Args:
        kind: "hour", "day", "week", "month" or "year". An hour is named with its offset, since one may come twice, and
            lasts as long as the clock tells it by that offset.
    """
    return _period(kind, micros(now) // STEP, zone)


@lru_cache(maxsize=256)
def _period(kind: str, step: int, zone: str) -> tuple[str, int, int]:
    """Give the period that a whole step lies in: none begins within one."""
    if kind == "hour":
        name = _hour(step, zone)
        # Of the three quarters beside this one, what has the same name lies side by side.
        own = [one for one in range(step - 3, step + 4) if _hour(one, zone) == name]
        return name, own[0] * STEP, (own[-1] + 1) * STEP
    day = instant(step * STEP).astimezone(ZoneInfo(zone)).date()
    match kind:
        case "day":
            name, first, last = day.isoformat(), day, day + timedelta(days=1)
        case "week":
            year, week, weekday = day.isocalendar()
            first = day - timedelta(days=weekday - 1)
            name, last = f"{year}-W{week:02}", first + timedelta(days=7)
        case "month":
            first = day.replace(day=1)
            name, last = f"{day:%Y-%m}", _new_year(day) if day.month == 12 else day.replace(month=day.month + 1, day=1)
        case _:
            first = day.replace(month=1, day=1)
            name, last = f"{day:%Y}", _new_year(day)
    begin, end = (micros(datetime.combine(one, time(), ZoneInfo(zone)).astimezone(UTC)) for one in (first, last))
    return name, begin, end


def _hour(step: int, zone: str) -> str:
    """Name the hour that a whole step lies in."""
    return instant(step * STEP).astimezone(ZoneInfo(zone)).isoformat(timespec="hours")


def _new_year(day: date) -> date:
    """Give the first day of the next year; after the last year that a calendar can tell, its last day."""
    return date(day.year + 1, 1, 1) if day.year < date.max.year else date.max
