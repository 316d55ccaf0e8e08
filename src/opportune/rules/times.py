"""Timestamps and durations of rules: their text form and their parts on a clock."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from opportune.rules import domain
from opportune.rules.arithmetic import NO_OVERLOAD, duration, timestamp
from opportune.rules.values import EPOCH, NANOS, Duration, Failed, RuntimeValue, Timestamp

__all__ = ["OF_MOMENTS", "TIMES", "duration_text", "parse_duration", "parse_timestamp", "timestamp_text"]

_STAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_SPAN = re.compile(r"([+-])?((?:\d+(?:\.\d*)?|\.\d+)(?:h|ms|us|µs|μs|ns|m|s))+", re.ASCII)
_SPAN_PART = re.compile(r"(\d*)(?:\.(\d*))?(h|ms|us|µs|μs|ns|m|s)", re.ASCII)
_UNITS = {"h": 3600 * NANOS, "m": 60 * NANOS, "s": NANOS, "ms": 10**6, "us": 1000, "µs": 1000, "μs": 1000, "ns": 1}
DIGITS_MAX = 1000
"""Digits that a number in a duration may have; Python reads no whole number of many thousands."""
_ZONE_OFFSET = re.compile(r"([+-])?([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


def parse_timestamp(text: str) -> RuntimeValue:
    """Read RFC 3339."""
    found = _STAMP.fullmatch(text)
    if not found:
        return Failed("no RFC 3339 timestamp")
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError:
        return Failed("no RFC 3339 timestamp")
    nanos = ((moment - EPOCH) // timedelta(seconds=1)) * NANOS + int((fraction or "0").ljust(9, "0"))
    if offset not in "Zz":
        sign = -1 if offset[0] == "-" else 1
        nanos -= sign * (int(offset[1:3]) * 60 + int(offset[4:])) * 60 * NANOS
    return timestamp(nanos)


def parse_duration(text: str) -> RuntimeValue:
    """Read a duration such as "1h30m" or "-1.5s"."""
    found = _SPAN.fullmatch(text)
    if not found:
        return Failed("no duration") if text not in ("0", "+0", "-0") else Duration(0)
    nanos = 0
    for whole, fraction, unit in _SPAN_PART.findall(text):
        if len(whole) > DIGITS_MAX or len(fraction) > DIGITS_MAX:
            return Failed("no duration")
        nanos += int(whole or 0) * _UNITS[unit]
        nanos += int(fraction or 0) * _UNITS[unit] // 10 ** len(fraction)
    return duration(-nanos if found.group(1) == "-" else nanos)


def _fraction(nanos: int) -> str:
    """Write no, three, six or nine digits, as CEL's engine does."""
    text = f"{nanos:09d}"
    while text.endswith("000"):
        text = text[:-3]
    return f".{text}" if text else ""


def timestamp_text(value: RuntimeValue) -> str:
    """Write RFC 3339 in UTC."""
    seconds, nanos = divmod(int(value), NANOS)
    moment = EPOCH + timedelta(seconds=seconds)
    return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}{_fraction(nanos)}Z"


def duration_text(value: RuntimeValue) -> str:
    """Write seconds, such as "5400s" or "-1.500s"."""
    seconds, nanos = divmod(abs(int(value)), NANOS)
    return f"{'-' if value < 0 else ''}{seconds}{_fraction(nanos)}s"


def _on_clock(value: Timestamp, zone: str) -> datetime | Failed:
    """Give the local time, without fractions of a microsecond."""
    place: tzinfo
    if found := _ZONE_OFFSET.fullmatch(zone):
        minutes = int(found.group(2)) * 60 + int(found.group(3))
        place = timezone(timedelta(minutes=-minutes if found.group(1) == "-" else minutes))
    else:
        try:
            place = ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            return Failed("no time zone")
    try:
        return (EPOCH + timedelta(microseconds=value // 1000)).astimezone(place)
    except OverflowError:
        return Failed("timestamp overflow")


_CALENDAR: dict[str, Callable[[datetime], int]] = {
    "getFullYear": lambda moment: moment.year,
    "getMonth": lambda moment: moment.month - 1,
    "getDate": lambda moment: moment.day,
    "getDayOfMonth": lambda moment: moment.day - 1,
    "getDayOfWeek": lambda moment: moment.isoweekday() % 7,
    "getDayOfYear": lambda moment: moment.timetuple().tm_yday - 1,
    "getHours": lambda moment: moment.hour,
    "getMinutes": lambda moment: moment.minute,
    "getSeconds": lambda moment: moment.second,
    "getMilliseconds": lambda moment: moment.microsecond // 1000,
}
_SPANS = {"getHours": 3600 * NANOS, "getMinutes": 60 * NANOS, "getSeconds": NANOS, "getMilliseconds": 10**6}


def _part(name: str) -> Callable[..., RuntimeValue]:
    read, unit = _CALENDAR[name], _SPANS.get(name)

    def call(value: RuntimeValue, zone: RuntimeValue = "UTC") -> RuntimeValue:
        if type(value) is Duration and unit and zone == "UTC":
            span = abs(int(value)) // unit
            if name == "getMilliseconds":
                span %= 1000
            return -span if value < 0 else span
        if type(value) is not Timestamp or type(zone) is not str:
            return NO_OVERLOAD
        moment = _on_clock(value, zone)
        return moment if isinstance(moment, Failed) else read(moment)

    return call


def _ours(function: domain.Function) -> Callable[..., RuntimeValue]:
    """Call a domain function with plain values."""

    def call(*args: RuntimeValue) -> RuntimeValue:
        plain = [EPOCH + timedelta(microseconds=arg // 1000) if type(arg) is Timestamp else arg for arg in args]
        try:
            return function.call(*plain)
        except (ValueError, OverflowError) as error:
            return Failed(str(error))

    return call


TIMES: dict[tuple[str, int], Callable[..., RuntimeValue]] = {
    **{(name, arity): _part(name) for name in _CALENDAR for arity in (1, 2)},
    **{(function.name, len(function.parameters)): _ours(function) for function in domain.FUNCTIONS},
}

OF_MOMENTS: dict[str, tuple[Callable[..., RuntimeValue], type]] = {
    "days_since": (domain.days_since, datetime),
    "local_hour": (TIMES["local_hour", 2], str),
    "local_weekday": (TIMES["local_weekday", 2], str),
}
"""Functions of a moment and another argument, as they take facts, and the type of the other."""
