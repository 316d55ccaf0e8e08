"""Every function that our own evaluation knows: (name in the checked tree, number of arguments) → implementation.

Implementations take values, never Unknown or Failed, and give a value or Failed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any

import re2

from opportune.rules.arithmetic import INT_MAX, INT_MIN, NO_OVERLOAD, OPERATORS, timestamp
from opportune.rules.times import TIMES, duration_text, parse_duration, parse_timestamp, timestamp_text
from opportune.rules.values import NANOS, Duration, Failed, RuntimeValue, Timestamp

__all__ = ["FUNCTIONS", "NO_OVERLOAD", "number_text"]

_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?)0*([0-9]{1,19})[ \t\n\v\f\r]*")
"""An integer that may have 64 bits: its sign, and its digits without the zeros before them."""
_TRUE = frozenset(("true", "True", "TRUE", "t", "1"))
_FALSE = frozenset(("false", "False", "FALSE", "f", "0"))


def to_int(value: RuntimeValue) -> RuntimeValue:
    """CEL's int(): numbers lose their fraction, texts are read, timestamps give seconds."""
    match value:
        case Timestamp():
            return value // NANOS
        case float():
            # The borders themselves are refused: they may have been rounded from beyond.
            return int(value) if -(2.0**63) < value < 2.0**63 else Failed("number out of the range of integers")
        case str():
            found = _INTEGER.fullmatch(value)
            number = int("".join(found.groups())) if found else INT_MAX + 1
            return number if INT_MIN <= number <= INT_MAX else Failed("no integer")
        case _:
            return value if type(value) is int else NO_OVERLOAD


def to_double(value: RuntimeValue) -> RuntimeValue:
    """CEL's double()."""
    if type(value) is str:
        if "_" in value or not value.isascii():
            return Failed("no number")
        try:
            return float.fromhex(value) if "x" in value.lower() else float(value)
        except (ValueError, OverflowError):
            return Failed("no number")
    return float(value) if type(value) in (int, float) else NO_OVERLOAD


def to_bool(value: RuntimeValue) -> RuntimeValue:
    """CEL's bool()."""
    if type(value) is str:
        return True if value in _TRUE else False if value in _FALSE else Failed("no boolean")
    return value if type(value) is bool else NO_OVERLOAD


def number_text(value: float) -> str:
    """Write a number as CEL's engine does: the fewest digits that read back; exponents below 1e-4 and from 1e6."""
    if not math.isfinite(value):
        return "nan" if value != value else "inf" if value > 0 else "-inf"
    if value == 0:
        return "-0" if math.copysign(1.0, value) < 0 else "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    power = len(digits) + int(exponent) - 1
    if -4 <= power < 6:
        return f"{Decimal(repr(value)).normalize():f}"
    first, rest = str(digits[0]), "".join(map(str, digits[1:]))
    return f"{'-' * sign}{first}{'.' + rest if rest else ''}e{'-' if power < 0 else '+'}{abs(power):02d}"


def to_string(value: RuntimeValue) -> RuntimeValue:
    """CEL's string()."""
    kind = type(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if kind is float:
        return number_text(value)
    if kind is Timestamp:
        return timestamp_text(value)
    if kind is Duration:
        return duration_text(value)
    return value if kind is str else NO_OVERLOAD


def to_timestamp(value: RuntimeValue) -> RuntimeValue:
    """CEL's timestamp(): RFC 3339, or seconds since 1970."""
    if type(value) is str:
        return parse_timestamp(value)
    if type(value) is int:
        return timestamp(value * NANOS)
    return value if type(value) is Timestamp else NO_OVERLOAD


def to_duration(value: RuntimeValue) -> RuntimeValue:
    """CEL's duration()."""
    if type(value) is str:
        return parse_duration(value)
    return value if type(value) is Duration else NO_OVERLOAD


@lru_cache(maxsize=4096)
def _pattern(text: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text, options)
    except re2.error:
        return None


def matches(text: RuntimeValue, pattern: RuntimeValue) -> RuntimeValue:
    """CEL's matches(): an RE2 expression is found somewhere in the text; time is linear in the text."""
    if type(text) is not str or type(pattern) is not str:
        return NO_OVERLOAD
    try:
        compiled = _pattern(pattern)
        return Failed("invalid regular expression") if compiled is None else compiled.search(text) is not None
    except UnicodeEncodeError:
        return Failed("text with half a surrogate pair")


def _of_texts(call: Callable[[str, str], bool]) -> Callable[[RuntimeValue, RuntimeValue], RuntimeValue]:
    return lambda a, b: call(a, b) if type(a) is str and type(b) is str else NO_OVERLOAD


FUNCTIONS: dict[tuple[str, int], Callable[..., RuntimeValue]] = {
    **OPERATORS,
    **TIMES,
    ("int", 1): to_int,
    ("double", 1): to_double,
    ("bool", 1): to_bool,
    ("string", 1): to_string,
    ("timestamp", 1): to_timestamp,
    ("duration", 1): to_duration,
    ("dyn", 1): lambda value: value,
    ("matches", 2): matches,
    ("contains", 2): _of_texts(lambda text, part: part in text),
    ("startsWith", 2): _of_texts(str.startswith),
    ("endsWith", 2): _of_texts(str.endswith),
}
