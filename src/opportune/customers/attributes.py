"""The registry of attributes: what may be known, of which type and in which range; reads untyped input into facts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from opportune.customers.own_zone import own_zone_fault
from opportune.customers.plain import Plain, PlainForms, plain_of
from opportune.errors import InputError, Problem, and_more, suggest
from opportune.records import Value, ValueType

__all__ = ["Attribute", "Registry", "read_value"]

INTEGER_MAX = 2**63 - 1
"""Rules compute with 64-bit integers."""
ZONE = "time_zone"
"""Name of the customer's own zone."""
UNKNOWN_MAX = 20
"""Undeclared names that are told one by one: comparing each with all that is declared takes long."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One fact that may be known.

    Args:
        range: least and greatest allowed number, None where open.
        values: closed list of texts, None where open.
        length_max: characters of a text or of each item.
        items_max: items of texts.
        visible_to: roles that may read it.
        is_barred: nothing may depend on it; it is kept, and no fact of any decision.
    """

    name: str
    type: ValueType
    range: tuple[float | None, float | None] = (None, None)
    values: frozenset[str] | None = None
    length_max: int = 200
    items_max: int = 100
    visible_to: frozenset[str] = frozenset({"agent"})
    is_barred: bool = False


class Registry:
    """Attributes of one kind (customer, context, or one event type).

    Args:
        prefix: what the facts' keys begin with, such as "customer.".
        ignores_unknown: True drops undeclared names and says so, False refuses them.
    """

    def __init__(self, attributes: Iterable[Attribute], prefix: str, ignores_unknown: bool = False) -> None:
        self.attributes = {attribute.name: attribute for attribute in attributes}
        self.prefix = prefix
        self.barred = tuple(prefix + name for name, attribute in self.attributes.items() if attribute.is_barred)
        """Keys of what is never a fact."""
        self._keys = {name: prefix + name for name in self.attributes}
        self._plain = PlainForms(
            {name: plain for name, attribute in self.attributes.items() if (plain := _plain(attribute)) is not None}
        )
        self.ignores_unknown = ignores_unknown

    def read(self, values: Mapping[str, Any], missing_allowed: bool = True) -> tuple[dict[str, Value], tuple[str, ...]]:
        """Turn input into facts: as `typed`, with prefixed keys."""
        typed, ignored = self.typed(values, missing_allowed)
        # All profiles in memory share these keys.
        keys = self._keys
        return {keys[name]: value for name, value in typed.items()}, ignored

    def typed(
        self, values: Mapping[str, Any], missing_allowed: bool = True, is_profile: bool = False
    ) -> tuple[Mapping[str, Value], tuple[str, ...]]:
        """Give input its types.

        Args:
            values: name → JSON value; null means missing.
            missing_allowed: False refuses null.
            is_profile: it is to be kept of a customer, whose own time zone must be one then. What was kept before that
                was asked is read without.

        Returns:
            name → value, which may be `values` itself, and the undeclared names that were dropped.

        Raises:
            InputError: with all that is wrong; values are never repeated.
        """
        if self._plain.fits(values) and not (is_profile and ZONE in values):
            return values, ()
        typed: dict[str, Value] = {}
        ignored: list[str] = []
        problems: list[Problem] = []
        unknown = 0
        for name, value in values.items():
            attribute = self.attributes.get(name)
            if attribute is None:
                if self.ignores_unknown:
                    ignored.append(name)
                    continue
                unknown += 1
                if unknown <= UNKNOWN_MAX:
                    problems.append(self._unknown(name))
                continue
            if value is None:
                if not missing_allowed:
                    problems.append(_problem(self.prefix + name, "null is not a value", "leave the attribute out"))
                continue
            try:
                typed[name] = _READERS[attribute.type](attribute, value)
            except ValueError as error:
                problems.append(_problem(self.prefix + name, str(error)))
                continue
            fault = own_zone_fault(self.prefix + name, typed[name]) if is_profile else None
            if fault is not None:
                problems.append(_problem(self.prefix + name, *fault))
        if problems:
            raise InputError([*problems, *and_more(unknown - UNKNOWN_MAX)], "invalid-attribute")
        return typed, tuple(ignored)

    def left_out(self, values: Mapping[str, Any], facts: Mapping[str, Value]) -> tuple[str, ...]:
        """Name the declared attributes whose values are not among the facts that were read of them, and should be."""
        if len(facts) == len(values):
            return ()
        return tuple(
            name
            for name, value in values.items()
            if value is not None
            and (attribute := self.attributes.get(name)) is not None
            and not attribute.is_barred
            and self._keys[name] not in facts
        )

    def _unknown(self, name: str) -> Problem:
        remedy = suggest(name, self.attributes, "declare it in the project, or leave it out")
        return _problem(self.prefix.rstrip("."), "there is an attribute that the project does not declare", remedy)


def read_value(attribute: Attribute, value: Any) -> Value:
    """Turn one value of input into a fact.

    Raises:
        ValueError: the attribute does not take it; the message does not repeat it.
    """
    return _READERS[attribute.type](attribute, value)


def _problem(where: str, message: str, remedy: str = "") -> Problem:
    return Problem("", 0, 0, where, message, remedy, "invalid-attribute")


def _boolean(attribute: Attribute, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, found {_kind(value)}")
    return value


def _integer(attribute: Attribute, value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"expected a whole number, found {_kind(value)}")
    if not -INTEGER_MAX <= value <= INTEGER_MAX:
        raise ValueError("expected a whole number of at most 63 bits, found a greater one")
    _in_range(attribute, value)
    return value


def _number(attribute: Attribute, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"expected a number, found {_kind(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("expected a finite number")
    _in_range(attribute, number)
    return number


def _in_range(attribute: Attribute, value: float) -> None:
    low, high = attribute.range
    if (low is not None and value < low) or (high is not None and value > high):
        raise ValueError(f"expected {_bounds(low, high)}, found a number outside")


def _bounds(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high:g}"
    return f"at least {low:g}" if high is None else f"{low:g} to {high:g}"


def _text(attribute: Attribute, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text, found {_kind(value)}")
    if len(value) > attribute.length_max:
        raise ValueError(f"expected at most {attribute.length_max} characters, found {len(value)}")
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError("expected valid Unicode, found a lone surrogate")
    if attribute.values is not None and value not in attribute.values:
        raise ValueError("expected one of the declared values (" + ", ".join(sorted(attribute.values)) + ")")
    return value


def _texts(attribute: Attribute, value: Any) -> list[str]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"expected a list of texts, found {_kind(value)}")
    if len(value) > attribute.items_max:
        raise ValueError(f"expected at most {attribute.items_max} items, found {len(value)}")
    return [_text(attribute, item) for item in value]


def _timestamp(attribute: Attribute, value: Any) -> datetime:
    if isinstance(value, str) and len(value) <= 40:
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("expected a time with its offset, such as 2026-05-04T18:00:00Z")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("expected a time between the years 1 and 9999") from None


def _kind(value: Any) -> str:
    """Name the JSON kind of a value, never the value."""
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), "something else")


def _plain(attribute: Attribute) -> Plain | None:
    texts = attribute.values
    if texts is not None:
        texts = frozenset(text for text in texts if _is_right(attribute, text))
    return plain_of(attribute.type, attribute.range, texts)


def _is_right(attribute: Attribute, text: str) -> bool:
    try:
        _text(attribute, text)
    except ValueError:
        return False
    return True


_READERS: dict[ValueType, Callable[[Attribute, Any], Value]] = {
    ValueType.BOOLEAN: _boolean,
    ValueType.INTEGER: _integer,
    ValueType.NUMBER: _number,
    ValueType.TEXT: _text,
    ValueType.TEXTS: _texts,
    ValueType.TIMESTAMP: _timestamp,
}
