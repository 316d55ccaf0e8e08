"""How a cell becomes a value: texts are read as the attribute's type, in the way that the mapping says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from opportune.customers.attributes import Attribute
from opportune.records import ValueType

__all__ = ["SETTINGS_OF", "Conversion", "cell_reader"]

_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")
_COMMA = re.compile(r"[+-]?(?:\d{1,3}(?:[ .\u00a0\u202f]\d{3})+|\d+)(?:,\d+)?")
"""A number with decimal comma; thousands may be apart by dot or space."""
_NO_FRACTION = re.compile(r"(?<=\d)\.0(?=\s*$)")
_MARKS = str.maketrans({" ": None, ".": None, "\u00a0": None, "\u202f": None, ",": "."})


class Conversion(msgspec.Struct, frozen=True):
    """What a mapping says of one attribute.

    Args:
        format: of a time, as Python's strptime takes it; "" takes ISO 8601.
        zone: IANA zone of times that do not tell theirs.
        decimal: sign before the fraction, "." or ",".
        when_true, when_false: texts of a boolean, in small letters.
        separator: between the items of a list.
    """

    format: str = ""
    zone: str = ""
    decimal: str = "."
    when_true: tuple[str, ...] = _TRUE
    when_false: tuple[str, ...] = _FALSE
    separator: str = ";"


SETTINGS_OF = {
    ValueType.TIMESTAMP: ("format", "zone"),
    ValueType.NUMBER: ("decimal",),
    ValueType.INTEGER: ("decimal",),
    ValueType.BOOLEAN: ("when_true", "when_false"),
    ValueType.TEXTS: ("separator",),
    ValueType.TEXT: (),
}
"""Settings that say something about an attribute of that type."""

Reader = Callable[[Any], Any]
"""Gives a value that the attribute may take; raises ValueError with a message that does not repeat it."""


def cell_reader(attribute: Attribute, conversion: Conversion) -> Reader:
    """Give what prepares cells for an attribute, which then judges the value itself."""
    match attribute.type:
        case ValueType.BOOLEAN:
            return _boolean(conversion)
        case ValueType.INTEGER:
            return _number(conversion, int, "a whole number")
        case ValueType.NUMBER:
            return _number(conversion, float, "a number")
        case ValueType.TEXTS:
            return _texts(conversion)
        case ValueType.TIMESTAMP:
            return _timestamp(conversion)
    return _text


def _text(value: Any) -> Any:
    return value


def _boolean(conversion: Conversion) -> Reader:
    meaning = dict.fromkeys(conversion.when_true, True) | dict.fromkeys(conversion.when_false, False)
    expected = " or ".join(" / ".join(texts) for texts in (conversion.when_true, conversion.when_false))
    if conversion.when_true == _TRUE and conversion.when_false == _FALSE:
        expected = "true or false"

    def read(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = meaning.get(value.lower())
        if found is None:
            raise ValueError(f"expected {expected}")
        return found

    return read


def _number(conversion: Conversion, type_: Callable[[str], int | float], expected: str) -> Reader:
    has_comma = conversion.decimal == ","

    def read(value: Any) -> Any:
        if isinstance(value, str):
            if has_comma:
                if _COMMA.fullmatch(value.strip()) is None:
                    raise ValueError(f"expected {expected} with decimal comma")
                value = value.strip().translate(_MARKS)
            elif type_ is int:
                # A table with gaps writes its whole numbers as 3.0; 3.000 may be three thousand.
                value = _NO_FRACTION.sub("", value)
            # Python reads 1_000 as a number; nobody else does.
            if "_" in value or len(value) > 400:
                raise ValueError(f"expected {expected}")
            try:
                return type_(value)
            except ValueError:
                raise ValueError(f"expected {expected}") from None
        return float(value) if isinstance(value, Decimal) else value

    return read


def _texts(conversion: Conversion) -> Reader:
    separator = conversion.separator

    def read(value: Any) -> Any:
        if isinstance(value, str):
            return [item.strip() for item in value.split(separator) if item.strip()]
        return value

    return read


def _timestamp(conversion: Conversion) -> Reader:
    format_, zone = conversion.format, ZoneInfo(conversion.zone) if conversion.zone else None
    expected = "a time with its offset, such as 2026-05-04T18:00:00Z"
    if conversion.format:
        expected = f"a time written as {conversion.format}"
    elif zone is not None:
        expected = "a date or time such as 2026-05-04 or 2026-05-04T18:00:00"

    def read(value: Any) -> Any:
        if isinstance(value, str):
            try:
                found = datetime.strptime(value, format_) if format_ else datetime.fromisoformat(value[:41])  # noqa: DTZ007  See below.
            except ValueError:
                raise ValueError(f"expected {expected}") from None
            value = found
        elif isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time())
        if isinstance(value, datetime) and value.tzinfo is None:
            if zone is None:
                raise ValueError("expected a time with its offset, found one without; name its zone in the mapping")
            value = value.replace(tzinfo=zone)
        return value

    return read
