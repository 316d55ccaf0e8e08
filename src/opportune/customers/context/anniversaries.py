"""Birthdays and other anniversaries of a date."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from opportune.customers.context.base import Contact, Doubt, Given
from opportune.records import Value

__all__ = ["Anniversary", "date_of", "day_in"]

LEAP_DAY = (2, 29)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}($|[T ])", re.ASCII)


class Anniversary:
    """A source of kind anniversary.

    Args:
        key: fact key of the date: a text such as 1990-05-17, or a moment, which counts by its day in UTC.
        wanted: "is_today", "days_until" or "years".
    """

    def __init__(self, key: str, wanted: Sequence[str]) -> None:
        self._key = key
        self._wanted = tuple(wanted)

    def values(self, contact: Contact) -> Sequence[Given]:
        """Compare the date with today in the customer's zone."""
        value = contact.facts.get(self._key)
        if value is None:
            return [None] * len(self._wanted)
        begin = date_of(value)
        if begin is None or contact.local is None:
            return [Doubt.UNREADABLE] * len(self._wanted)
        found = _compared(begin, contact.local.date())
        return [found[name] for name in self._wanted]


def _compared(begin: date, today: date) -> dict[str, Given]:
    if today < begin:
        return {"is_today": False, "days_until": (begin - today) // timedelta(days=1), "years": None}
    this_year = day_in(begin, today.year)
    is_past = this_year < today
    coming = day_in(begin, min(today.year + is_past, date.max.year))
    return {
        "is_today": today == this_year,
        "days_until": (coming - today) // timedelta(days=1) if coming >= today else None,
        "years": today.year - begin.year - (not is_past and today != this_year),
    }


def day_in(begin: date, year: int) -> date:
    """Give the anniversary in a year; that of 29 February is 1 March in years without one."""
    if (begin.month, begin.day) == LEAP_DAY and not (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)):
        return date(year, 3, 1)
    return date(year, begin.month, begin.day)


def date_of(value: Value) -> date | None:
    """Read a date: of a text of ISO 8601 its day as written, of a moment its day in UTC; None where it is neither."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).date()
    if not isinstance(value, str) or not _DAY.match(value):
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None
