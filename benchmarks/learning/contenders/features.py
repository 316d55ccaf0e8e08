"""Facts in the forms that peers take: words and numbers, scaled online, as a dictionary or as a row of columns.

Nothing looks ahead: means, deviations and levels are those of answers learned so far.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from opportune.learning import Predictor
from opportune.records import Facts, ValueType

__all__ = ["Columns", "Levels", "Scaler", "split"]

Z_MAX = 5.0


def split(predictors: Sequence[Predictor], facts: Facts) -> tuple[dict[str, float], dict[str, str]]:
    """Give numbers and words by their plain names; a missing word is "?", a missing number has no key."""
    numbers: dict[str, float] = {}
    words: dict[str, str] = {}
    for predictor in predictors:
        name = predictor.name.rpartition("customer.")[2]
        value = facts.get(predictor.name)
        if predictor.type == ValueType.NUMBER:
            if value is None:
                words[f"{name}?"] = "?"
            else:
                numbers[name] = float(str(value))
        else:
            words[name] = "?" if value is None else str(value)
    return numbers, words


class Scaler:
    """Running mean and deviation of every number."""

    def __init__(self) -> None:
        self._moments: dict[str, tuple[int, float, float]] = {}

    def learn(self, numbers: dict[str, float]) -> None:
        """Take in one row."""
        for name, value in numbers.items():
            count, mean, squares = self._moments.get(name, (0, 0.0, 0.0))
            step = (value - mean) / (count + 1)
            self._moments[name] = (count + 1, mean + step, squares + (value - mean) * (value - mean - step))

    def scaled(self, numbers: dict[str, float]) -> dict[str, float]:
        """Give standard scores within ±5; 0 while there is no deviation."""
        found = {}
        for name, value in numbers.items():
            count, mean, squares = self._moments.get(name, (0, 0.0, 0.0))
            deviation = math.sqrt(squares / count) if count else 0.0
            z = (value - mean) / deviation if deviation > 0.0 else 0.0
            found[name] = min(Z_MAX, max(-Z_MAX, z))
        return found


class Columns:
    """Fixed number of columns: numbers scaled, then one column per level in the order in which levels come.

    Args:
        room: columns for levels; levels beyond share none.
    """

    def __init__(self, predictors: Sequence[Predictor], room: int) -> None:
        self._predictors = predictors
        names = [p.name.rpartition("customer.")[2] for p in predictors if p.type == ValueType.NUMBER]
        self._places = {name: place for place, name in enumerate(names)}
        words = len(names) < len(predictors)
        self.size = len(names) + (room if words else 0)
        self._levels: dict[tuple[str, str], int] = {}
        self._scaler = Scaler()

    def learn(self, facts: Facts) -> None:
        """Take in scales and levels of one row."""
        numbers, words = split(self._predictors, facts)
        self._scaler.learn(numbers)
        for level in words.items():
            place = len(self._places) + len(self._levels)
            if level not in self._levels and place < self.size:
                self._levels[level] = place

    def row(self, facts: Facts) -> npt.NDArray[np.float64]:
        """Give one row; missing numbers are at their mean."""
        numbers, words = split(self._predictors, facts)
        row = np.zeros(self.size)
        for name, value in self._scaler.scaled(numbers).items():
            row[self._places[name]] = value
        for level in words.items():
            place = self._levels.get(level)
            if place is not None:
                row[place] = 1.0
        return row


class Levels:
    """Rows with words as small whole numbers, in the order in which they come, for trees; missing is NaN."""

    def __init__(self, predictors: Sequence[Predictor]) -> None:
        self._predictors = predictors
        self._codes: dict[str, dict[str, int]] = {p.name: {} for p in predictors}
        self.words = [i for i, p in enumerate(predictors) if p.type != ValueType.NUMBER]

    def row(self, facts: Facts, learn: bool) -> npt.NDArray[np.float64]:
        """Give one row; a level that was never learned is missing."""
        row = np.full(len(self._predictors), np.nan)
        for place, predictor in enumerate(self._predictors):
            value = facts.get(predictor.name)
            if value is None:
                continue
            if predictor.type == ValueType.NUMBER:
                row[place] = float(str(value))
                continue
            codes = self._codes[predictor.name]
            if learn:
                codes.setdefault(str(value), len(codes))
            row[place] = codes.get(str(value), np.nan)
        return row
