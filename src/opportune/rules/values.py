"""Run-time values of rules.

CEL type → Python type while a rule runs: bool → bool, int → int, double → float, string → str, list → list,
map → MapValue, timestamp → Timestamp, duration → Duration, null → None. No value: Unknown or Failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from opportune.records import Value, ValueType

__all__ = [
    "Duration",
    "Failed",
    "MapValue",
    "NoValue",
    "RuntimeValue",
    "Timestamp",
    "Unknown",
    "equal",
    "from_fact",
    "from_plain",
    "merge",
    "to_fact",
]

RuntimeValue: TypeAlias = Any

NANOS = 1_000_000_000
NUMBER_MAX = 1 << 1023
"""Integers below have a double."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class NoValue:
    """Base of Unknown and Failed: what an expression gives when it has no value."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Unknown(NoValue):
    """Not decidable, because these variables are missing."""

    missing: frozenset[str]


@dataclass(frozen=True, slots=True)
class Failed(NoValue):
    """A run-time error, such as division by zero; `error` says which."""

    error: str


class Timestamp(int):
    """Nanoseconds since 1970-01-01T00:00:00Z."""

    __slots__ = ()


class Duration(int):
    """Nanoseconds."""

    __slots__ = ()


class MapValue:
    """A CEL map: keys are booleans, integers or texts; true and 1 are different keys, 1 and 1.0 are one."""

    __slots__ = ("entries",)

    def __init__(self, pairs: Iterable[tuple[RuntimeValue, RuntimeValue]]) -> None:
        self.entries = {self._slot(key): (key, value) for key, value in pairs}

    @staticmethod
    def _slot(key: RuntimeValue) -> RuntimeValue:
        return (key,) if type(key) is bool else key

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[RuntimeValue]:
        return (key for key, _ in self.entries.values())

    def __contains__(self, key: RuntimeValue) -> bool:
        return self._slot(key) in self.entries

    def __getitem__(self, key: RuntimeValue) -> RuntimeValue:
        return self.entries[self._slot(key)][1]


def merge(a: NoValue, b: NoValue) -> NoValue:
    """Join two reasons for having no value: unknown outweighs failed, since a value could still decide."""
    if isinstance(a, Unknown):
        return Unknown(a.missing | b.missing) if isinstance(b, Unknown) else a
    return b if isinstance(b, Unknown) else a


def equal(a: RuntimeValue, b: RuntimeValue) -> bool:
    """Compare as CEL's `==`: numbers by value over int and double, other types never equal each other."""
    kind, other = type(a), type(b)
    if kind is not other:
        return kind in (int, float) and other in (int, float) and float(a) == float(b)
    if kind is list:
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    if kind is MapValue:
        return len(a) == len(b) and all(key in b and equal(a[key], b[key]) for key in a)
    return bool(a == b)


def from_fact(name: str, value: Value, expected: ValueType) -> RuntimeValue:
    """Turn a fact into a run-time value of its declared type; Failed where it has another type."""
    kind = type(value)
    if expected is ValueType.NUMBER:
        if kind is float:
            return value
        if isinstance(value, int) and kind is int:
            return float(value) if abs(value) < NUMBER_MAX else Failed(f"{name} should be {expected.value}")
    elif expected is ValueType.TIMESTAMP:
        if isinstance(value, datetime) and value.tzinfo is not None:
            return Timestamp((value - EPOCH) // _MICROSECOND * 1000)
    elif expected is ValueType.TEXTS:
        if isinstance(value, list | tuple):
            return value if kind is list else list(value)
    elif kind is _PYTHON[expected]:
        return value
    return Failed(f"{name} should be {expected.value}")


_PYTHON = {ValueType.BOOLEAN: bool, ValueType.INTEGER: int, ValueType.TEXT: str}


def from_plain(value: Any) -> RuntimeValue:
    """Turn a result of CEL's engine into a run-time value, as far as rules can give it."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return Timestamp((aware - EPOCH) // _MICROSECOND * 1000)
    return value


def to_fact(value: RuntimeValue) -> Value | Unknown | Failed:
    """Turn a result into what callers see; times are rounded down to microseconds."""
    if type(value) is Timestamp:
        return EPOCH + timedelta(microseconds=value // 1000)
    if isinstance(value, NoValue | bool | int | float | str):
        return value  # type: ignore[return-value]
    if type(value) is list and all(type(item) is str for item in value):
        return value
    return Failed("the result is of a type that facts cannot have")
