"""Moments, days and lengths of time, as sections hold them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import Field, PlainValidator, StrictInt
from pydantic_core import PydanticCustomError

from opportune.strategy.sections.base import Section

__all__ = ["DayOrMoment", "Duration", "Moment"]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _moment(value: Any) -> datetime:
    """Read an aware timestamp; pydantic's own reading would accept numbers and naive times."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if isinstance(value, str) and not _DAY.fullmatch(value):
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            read = None
        if read is not None and read.tzinfo is not None and 1 < read.year < 9999:
            return read.astimezone(UTC)
    raise PydanticCustomError("moment", "expected a moment with its offset from UTC, such as 2026-05-04T18:00:00Z")


def _day_or_moment(value: Any) -> date | datetime:
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            read = date.fromisoformat(value)
        except ValueError:
            read = None
        if read is not None and 1 < read.year < 9999:
            return read
        raise PydanticCustomError("day", "expected a day of the calendar, such as 2026-12-31")
    if type(value) is date:
        return value
    try:
        return _moment(value)
    except PydanticCustomError:
        raise PydanticCustomError(
            "day", "expected a day such as 2026-12-31, or a moment such as 2026-12-31T18:00:00Z"
        ) from None


Moment = Annotated[datetime, PlainValidator(_moment, json_schema_input_type=str)]
DayOrMoment = Annotated[date | datetime, PlainValidator(_day_or_moment, json_schema_input_type=str)]


class Duration(Section):
    """A length of time; its parts add up to 1 minute at least and 3660 days at most.

    Keys:
        weeks, days: calendar time in the customer's zone: the same time of day so many days before.
        hours, minutes: elapsed time.
    """

    weeks: Annotated[StrictInt, Field(ge=0, le=520)] = 0
    days: Annotated[StrictInt, Field(ge=0, le=3_660)] = 0
    hours: Annotated[StrictInt, Field(ge=0, le=100_000)] = 0
    minutes: Annotated[StrictInt, Field(ge=0, le=1_000_000)] = 0

    @property
    def calendar_days(self) -> int:
        """Days of the calendar, weeks included."""
        return 7 * self.weeks + self.days

    @property
    def elapsed_seconds(self) -> int:
        """Seconds beside the days."""
        return 3_600 * self.hours + 60 * self.minutes

    @property
    def seconds(self) -> int:
        """About how long it is, a day taken as 24 hours."""
        return 86_400 * self.calendar_days + self.elapsed_seconds
