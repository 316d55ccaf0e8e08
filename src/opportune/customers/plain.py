"""Recognise input that is right as it stands, in a few steps for all attributes together.

Nearly all input is: numbers are floats within their range, texts are of the declared ones. What is not recognised here
is not wrong; it is read attribute by attribute.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from math import isfinite
from operator import contains, itemgetter, le
from typing import Any, NamedTuple

from opportune.records import ValueType

__all__ = ["Plain", "PlainForms", "plain_of"]

FORMS_MAX = 64
"""Sets of names that are remembered; a channel sends one or a few."""


class Plain(NamedTuple):
    """What one attribute may be without being turned: its Python type, and bounds or texts."""

    type: type
    low: float = -sys.float_info.max
    high: float = sys.float_info.max
    texts: frozenset[str] = frozenset()

    @property
    def is_bounded(self) -> bool:
        """Whether some finite numbers are too small or too large."""
        return self.low > -sys.float_info.max or self.high < sys.float_info.max


class _Form:
    """The same for all attributes of input with certain names in a certain order."""

    def __init__(self, plains: list[Plain]) -> None:
        self._types = [plain.type for plain in plains]
        numbers = [index for index, plain in enumerate(plains) if plain.type is float]
        bounded = [index for index in numbers if plains[index].is_bounded]
        texts = [index for index, plain in enumerate(plains) if plain.type is str]
        self._numbers, self._bounded, self._texts = _taker(numbers), _taker(bounded), _taker(texts)
        self._lows = [plains[index].low for index in bounded]
        self._highs = [plains[index].high for index in bounded]
        self._allowed = [plains[index].texts for index in texts]

    def fits(self, values: list[Any]) -> bool:
        if list(map(type, values)) != self._types:
            return False
        # A number that is none, or infinite, makes such a sum; where a sum is too large, one looks at each.
        if not isfinite(sum(self._numbers(values))):
            return False
        bounded = self._bounded(values)
        return (
            all(map(le, self._lows, bounded))
            and all(map(le, bounded, self._highs))
            and all(map(contains, self._allowed, self._texts(values)))
        )


class PlainForms:
    """Tells input that is right as it stands.

    Args:
        plains: by name; attributes that always have to be looked at are left out.
    """

    def __init__(self, plains: Mapping[str, Plain]) -> None:
        self._plains = plains
        self._forms: dict[tuple[str, ...], _Form | None] = {}

    def fits(self, values: Mapping[str, Any]) -> bool:
        """Whether every value is one that its attribute takes without turning it."""
        names = tuple(values)
        try:
            form = self._forms[names]
        except KeyError:
            form = self._learn(names)
        return form is not None and form.fits(list(values.values()))

    def _learn(self, names: tuple[str, ...]) -> _Form | None:
        if not self._plains.keys() >= set(names):
            return None
        form = _Form([self._plains[name] for name in names])
        if len(self._forms) < FORMS_MAX:
            self._forms[names] = form
        return form


def _taker(places: list[int]) -> Any:
    """Give what takes the values at some places out of a list, as a sequence."""
    if len(places) == 1:
        return itemgetter(slice(places[0], places[0] + 1))
    return itemgetter(*places) if places else lambda values: ()


def plain_of(type_: ValueType, bounds: tuple[float | None, float | None], texts: frozenset[str] | None) -> Plain | None:
    """Give the plain form of an attribute; None where every value has to be looked at.

    Args:
        texts: those of the declared ones that are right; None where any text is.
    """
    if type_ is ValueType.BOOLEAN:
        return Plain(bool)
    if type_ is ValueType.NUMBER:
        low, high = bounds
        return Plain(float, Plain(float).low if low is None else low, Plain(float).high if high is None else high)
    return Plain(str, texts=texts) if type_ is ValueType.TEXT and texts is not None else None
