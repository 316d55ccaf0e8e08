"""Sets of the values of one expression, as unions of intervals or as listed values.

A set says for every state of the expression whether it is in: each value it can have, not-a-number, missing, and
ill (there, but of another type than declared).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Cut", "Lines", "Listed", "Listing", "ValueSet", "join", "meet"]

Cut: TypeAlias = int | float
Listing: TypeAlias = bool | str


@dataclass(frozen=True, slots=True)
class Lines:
    """Numbers or times; `low` holds below the first cut, and every cut turns it over from itself upwards."""

    low: bool
    cuts: tuple[Cut, ...]
    nan: bool = False
    missing: bool = False
    ill: bool = False

    def is_all(self) -> bool:
        """Say whether every state is in."""
        return self.low and not self.cuts and self.nan and self.missing and self.ill

    def is_empty(self) -> bool:
        """Say whether no state is in."""
        return not (self.low or self.cuts or self.nan or self.missing or self.ill)

    def invert(self) -> Lines:
        """Give the values that are not in; no missing or ill ones."""
        return Lines(not self.low, self.cuts, not self.nan)


@dataclass(frozen=True, slots=True)
class Listed:
    """Texts or booleans; those not in `values` are in when `rest` holds, those in `values` when it does not."""

    values: frozenset[Listing]
    rest: bool = False
    missing: bool = False
    ill: bool = False

    def is_all(self) -> bool:
        """Say whether every state is in."""
        return self.rest and not self.values and self.missing and self.ill

    def is_empty(self) -> bool:
        """Say whether no state is in."""
        return not (self.rest or self.values or self.missing or self.ill)

    def invert(self) -> Listed:
        """Give the values that are not in; no missing or ill ones."""
        return Listed(self.values, not self.rest)


ValueSet: TypeAlias = Lines | Listed


def join(a: ValueSet, b: ValueSet) -> ValueSet:
    """Give what is in one of the sets or both."""
    return _combine(a, b, lambda x, y: x or y)


def meet(a: ValueSet, b: ValueSet) -> ValueSet:
    """Give what is in both sets."""
    return _combine(a, b, lambda x, y: x and y)


def _combine(a: ValueSet, b: ValueSet, rule: Callable[[bool, bool], bool]) -> ValueSet:
    missing, ill = rule(a.missing, b.missing), rule(a.ill, b.ill)
    if isinstance(a, Lines) and isinstance(b, Lines):
        low = rule(a.low, b.low)
        return Lines(low, _merged(a, b, low, rule), rule(a.nan, b.nan), missing, ill)
    if isinstance(a, Listed) and isinstance(b, Listed):
        rest = rule(a.rest, b.rest)
        all_values = a.values | b.values
        values = (v for v in all_values if rule((v in a.values) != a.rest, (v in b.values) != b.rest) != rest)
        return Listed(frozenset(values), rest, missing, ill)
    raise TypeError("sets of different kinds do not combine")


def _merged(a: Lines, b: Lines, low: bool, rule: Callable[[bool, bool], bool]) -> tuple[Cut, ...]:
    of_a, of_b = set(a.cuts), set(b.cuts)
    in_a, in_b, state = a.low, b.low, low
    cuts = []
    for cut in sorted(of_a | of_b):
        in_a ^= cut in of_a
        in_b ^= cut in of_b
        if rule(in_a, in_b) != state:
            state = not state
            cuts.append(cut)
    return tuple(cuts)
