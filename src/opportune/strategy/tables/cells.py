"""Cells as conditions on one value.

| cell | holds of |
|---|---|
| empty, or - | every value, missing ones too |
| 18 | that value; texts without quotes, or in quotes where they hold a comma |
| 1, 2, 3 | one of them; not 1, 2, 3: none of them |
| < 18, <= 18, > 18, >= 18 | numbers |
| 18..30, 18..<30 | numbers from 18 to 30, the last included or not |
| true, false | booleans |
| known, missing | whether there is a value, of an attribute |
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from opportune.records import ValueType
from opportune.rules.quote import quote

__all__ = ["MISSING", "CellError", "Condition", "Point", "condition_of"]


class _Missing:
    """Stands for a value that is not there."""


MISSING = _Missing()
Point = bool | float | str | _Missing
"""A value that a cell is tried on."""

_NUMBER = r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_BOUND = re.compile(rf"(<=|>=|<|>)\s*({_NUMBER})")
_RANGE = re.compile(rf"({_NUMBER})\s*\.\.\s*(<?)\s*({_NUMBER})")
_ONE = re.compile(_NUMBER)
_COMMA = re.compile(r"[0-9]{1,15},[0-9]{1,15}")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class CellError(Exception):
    """The cell is no condition on a value of that type."""

    def __init__(self, message: str, remedy: str) -> None:
        self.message, self.remedy = message, remedy
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Condition:
    """What one cell asks of a value.

    Args:
        rule: CEL, "" where every value will do.
        holds: of a point; not asked where every value will do.
        cuts: values at which the answer may change: numbers, or texts.
    """

    rule: str
    holds: Callable[[Point], bool]
    cuts: tuple[Point, ...] = ()


ANY = Condition("", lambda _: True)


def condition_of(text: str, expression: str, kind: ValueType, is_attribute: bool) -> Condition:
    """Read a cell.

    Args:
        expression: CEL of its column.
        kind: type of what the expression gives.
        is_attribute: whether the expression is an attribute alone, which may be missing.

    Raises:
        CellError: it is no condition on values of that type.
    """
    if text in ("", "-"):
        return ANY
    if text in ("known", "missing"):
        return _presence(text, expression, is_attribute)
    if kind is ValueType.BOOLEAN:
        return _boolean(text, expression)
    negated = text.startswith("not ")
    listed = text.removeprefix("not ").strip()
    if kind in (ValueType.INTEGER, ValueType.NUMBER):
        compared = None if negated else _compared(listed, expression, kind)
        return compared or _listed(_numbers(listed, kind), negated, expression)
    if kind is ValueType.TEXT:
        return _listed(_texts(listed), negated, expression)
    raise CellError(
        f"a column of type {kind.value}", "use an expression that gives a number, text or boolean, such as days_since()"
    )


def _presence(text: str, expression: str, is_attribute: bool) -> Condition:
    if not is_attribute:
        raise CellError(f"'{text}' of an expression", "ask it of a column that is an attribute alone")
    wants_missing = text == "missing"
    rule = f"!known({expression})" if wants_missing else f"known({expression})"
    return Condition(rule, lambda point: (point is MISSING) == wants_missing)


def _boolean(text: str, expression: str) -> Condition:
    wanted = {"true": True, "false": False}.get(text.lower())
    if wanted is None:
        raise CellError(f"expected true or false, found '{text[:60]}'", "write true, false, or - for both")
    return Condition(f"({expression}) == {'true' if wanted else 'false'}", lambda point: point is wanted)


def _compared(text: str, expression: str, kind: ValueType) -> Condition | None:
    """Read a bound or a range; None where it is neither."""
    if match := _BOUND.fullmatch(text):
        sign, bound = match[1], _number(match[2], kind)
        test = _COMPARE[sign]
        rule = f"({expression}) {sign} {quote(bound)}"
        return Condition(rule, lambda point: isinstance(point, float) and test(point, bound), (float(bound),))
    if match := _RANGE.fullmatch(text):
        low, high, sign = _number(match[1], kind), _number(match[3], kind), match[2] or "<="
        test = _COMPARE[sign]
        if not test(low, high):
            raise CellError(f"the range '{text[:60]}' is empty", "write the smaller number first")
        rule = f"({expression}) >= {quote(low)} && ({expression}) {sign} {quote(high)}"
        return Condition(
            rule,
            lambda point: isinstance(point, float) and low <= point and test(point, high),
            (float(low), float(high)),
        )
    return None


def _listed(values: list[float] | list[str], negated: bool, expression: str) -> Condition:
    wanted = frozenset(float(value) if not isinstance(value, str) else value for value in values)
    rule = f"({expression}) in [{', '.join(quote(value) for value in values)}]"
    if len(values) == 1:
        rule = f"({expression}) == {quote(values[0])}"
    if negated:
        return Condition(f"!({rule})", lambda point: point is not MISSING and point not in wanted, tuple(wanted))
    return Condition(rule, lambda point: point in wanted, tuple(wanted))


def _numbers(text: str, kind: ValueType) -> list[float]:
    parts = [part.strip() for part in text.split(",")]
    if kind is ValueType.NUMBER and _COMMA.fullmatch(text):
        # Sheets of many countries write decimals so, and both readings are plausible.
        whole, part = text.split(",")
        raise CellError(f"'{text[:60]}' may be a number or two", f"write {whole}.{part}, or '{whole}, {part}' for both")
    wrong = next((part for part in parts if not _ONE.fullmatch(part)), None)
    if wrong is not None:
        has_comma = kind is ValueType.NUMBER and _COMMA.search(text)
        remedy = "write decimals with a point" if has_comma else "write 18, >= 18, 18..30, 1, 2, 3 or not 1, 2"
        raise CellError(f"expected a condition on a number, found '{text[:60]}'", remedy)
    return [_number(part, kind) for part in parts]


def _number(text: str, kind: ValueType) -> float:
    """Read a number of the column's type; whole numbers of an integer column stay whole."""
    number = float(text)
    if not math.isfinite(number) or abs(number) > 1e15:
        raise CellError(f"the number {text[:30]} is too large", "write one of at most 15 digits")
    if kind is ValueType.NUMBER:
        return number
    if not number.is_integer():
        raise CellError(f"expected a whole number, found {text[:30]}", "write it without fraction")
    return int(number)


def _texts(text: str) -> list[str]:
    try:
        (parts,) = csv.reader([text], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):
        raise CellError(f"cannot tell the texts in '{text[:60]}' apart", "close the quotes") from None
    found = [part.strip() for part in parts]
    if not all(found):
        raise CellError(f"an empty text in '{text[:60]}'", "remove the comma too many")
    return found
