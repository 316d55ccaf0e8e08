"""Operators of CEL on numbers, texts, lists and times; integers have 64 bits and overflow is an error."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from opportune.rules.values import (
    NANOS,
    Duration,
    Failed,
    MapValue,
    RuntimeValue,
    Timestamp,
    equal,
)

__all__ = ["INT_MAX", "INT_MIN", "NO_OVERLOAD", "OPERATORS", "duration", "timestamp", "whole"]

INT_MIN, INT_MAX = -(1 << 63), (1 << 63) - 1
TIMESTAMP_MIN, TIMESTAMP_MAX = -62_135_596_800 * NANOS, 253_402_300_800 * NANOS - 1
"""0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z."""
DURATION_MAX = 315_576_000_000 * NANOS + (NANOS - 1)
"""Ten thousand years, as in google.protobuf.Duration."""

NO_OVERLOAD = Failed("no operation for values of these types")
_INT_OVERFLOW = Failed("integer overflow")
_DIVIDED_BY_ZERO = Failed("division by zero")
_REST_OF_ZERO = Failed("modulus by zero")
_LIST_MAX = 10_000


def whole(value: int) -> RuntimeValue:
    """Give the integer, Failed beyond 64 bits."""
    return value if INT_MIN <= value <= INT_MAX else _INT_OVERFLOW


def timestamp(nanos: int) -> RuntimeValue:
    """Give the timestamp, Failed outside of the years 1 to 9999."""
    return Timestamp(nanos) if TIMESTAMP_MIN <= nanos <= TIMESTAMP_MAX else Failed("timestamp overflow")


def difference(nanos: int) -> RuntimeValue:
    """Give the duration that a calculation came to, Failed where it has no 64 bits: about 292 years."""
    return Duration(nanos) if INT_MIN <= nanos <= INT_MAX else _INT_OVERFLOW


def duration(nanos: int) -> RuntimeValue:
    """Give the duration, Failed beyond ten thousand years."""
    return Duration(nanos) if -DURATION_MAX <= nanos <= DURATION_MAX else Failed("duration overflow")


def add(a: RuntimeValue, b: RuntimeValue) -> RuntimeValue:
    """CEL's +."""
    match type(a), type(b):
        case (k, m) if k is int and m is int:
            return whole(a + b)
        case (k, m) if (k is float and m is float) or (k is str and m is str):
            return a + b
        case (k, m) if k is list and m is list:
            return a + b if len(a) + len(b) <= _LIST_MAX else Failed("list too long")
        case (k, m) if {k, m} == {Timestamp, Duration}:
            return timestamp(int(a) + int(b))
        case (k, m) if k is Duration and m is Duration:
            return difference(int(a) + int(b))
        case _:
            return NO_OVERLOAD


def subtract(a: RuntimeValue, b: RuntimeValue) -> RuntimeValue:
    """CEL's binary -."""
    match type(a), type(b):
        case (k, m) if k is int and m is int:
            return whole(a - b)
        case (k, m) if k is float and m is float:
            return a - b
        case (k, m) if k is Timestamp and m is Duration:
            return timestamp(int(a) - int(b))
        case (k, m) if k is m and k in (Timestamp, Duration):
            return difference(int(a) - int(b))
        case _:
            return NO_OVERLOAD


def multiply(a: RuntimeValue, b: RuntimeValue) -> RuntimeValue:
    """CEL's *."""
    if type(a) is int and type(b) is int:
        return whole(a * b)
    return a * b if type(a) is float and type(b) is float else NO_OVERLOAD


def divide(a: RuntimeValue, b: RuntimeValue) -> RuntimeValue:
    """CEL's /: integers towards zero; numbers as IEEE 754, so x / 0.0 is infinite or not a number."""
    if type(a) is int and type(b) is int:
        if b == 0:
            return _DIVIDED_BY_ZERO
        quotient = abs(a) // abs(b)
        return whole(quotient if (a < 0) == (b < 0) else -quotient)
    if type(a) is not float or type(b) is not float:
        return NO_OVERLOAD
    if b:
        return a / b
    return math.nan if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1.0, b)


def remainder(a: RuntimeValue, b: RuntimeValue) -> RuntimeValue:
    """CEL's %: the sign of the left side."""
    if type(a) is not int or type(b) is not int:
        return NO_OVERLOAD
    if b == 0:
        return _REST_OF_ZERO
    if a == INT_MIN and b == -1:
        return _INT_OVERFLOW
    rest = abs(a) % abs(b)
    return -rest if a < 0 else rest


def negate(a: RuntimeValue) -> RuntimeValue:
    """CEL's unary -."""
    if type(a) is int:
        return whole(-a)
    return -a if type(a) is float else NO_OVERLOAD


def invert(a: RuntimeValue) -> RuntimeValue:
    """CEL's !."""
    return not a if type(a) is bool else NO_OVERLOAD


_ORDERED = (bool, int, float, str, Timestamp, Duration)


def _comparison(compare: Callable[[Any, Any], bool]) -> Callable[[RuntimeValue, RuntimeValue], RuntimeValue]:
    def call(a: RuntimeValue, b: RuntimeValue) -> RuntimeValue:
        kind, other = type(a), type(b)
        if kind is other and kind in _ORDERED:
            return compare(a, b)
        if kind in (int, float) and other in (int, float):
            return compare(float(a), float(b))  # as CEL does, which rounds integers beyond 2 ** 53
        return NO_OVERLOAD

    return call


def contained(item: RuntimeValue, places: RuntimeValue) -> RuntimeValue:
    """CEL's in: an entry of a list, a key of a map."""
    if type(places) is list:
        return any(equal(item, place) for place in places)
    if type(places) is MapValue:
        return type(item) in (bool, int, float, str) and item in places
    return NO_OVERLOAD


def at(places: RuntimeValue, index: RuntimeValue) -> RuntimeValue:
    """CEL's [ ]."""
    if type(places) is MapValue:
        if type(index) not in (bool, int, float, str):
            return NO_OVERLOAD
        return places[index] if index in places else Failed("no such key")
    if type(places) is not list or type(index) not in (int, float):
        return NO_OVERLOAD
    if index != index or index in (math.inf, -math.inf) or int(index) != index or not 0 <= index < len(places):
        return Failed("index out of range")
    return places[int(index)]


def size(value: RuntimeValue) -> RuntimeValue:
    """Count the characters of a text, the entries of a list or map."""
    return len(value) if type(value) in (str, list, MapValue) else NO_OVERLOAD


OPERATORS: dict[tuple[str, int], Callable[..., RuntimeValue]] = {
    ("_+_", 2): add,
    ("_-_", 2): subtract,
    ("_*_", 2): multiply,
    ("_/_", 2): divide,
    ("_%_", 2): remainder,
    ("-_", 1): negate,
    ("!_", 1): invert,
    ("_==_", 2): equal,
    ("_!=_", 2): lambda a, b: not equal(a, b),
    ("_<_", 2): _comparison(lambda a, b: a < b),
    ("_<=_", 2): _comparison(lambda a, b: a <= b),
    ("_>_", 2): _comparison(lambda a, b: a > b),
    ("_>=_", 2): _comparison(lambda a, b: a >= b),
    ("@in", 2): contained,
    ("_[_]", 2): at,
    ("size", 1): size,
}
