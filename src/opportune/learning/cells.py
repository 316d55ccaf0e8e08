"""Values of facts as cells of a fixed lattice, for models that count.

Formulas: docs/concepts/learning-experts.md, "Cells".

The cell of a value is a function of the value alone, so that counts over cells are sums over the answers, in whatever
order these came. A cell has a key; `Lattice` gives the cells that answers have touched a slot each, and halves the
resolution of a predictor (two cells become one) whenever it holds more of them than it may. That depends on the set of
values and leaves that were ever learned, not on their order.

Keys: numbers and categories are integers > SPECIAL; the others are named below.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Sequence
from datetime import datetime
from itertools import repeat
from math import nan
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.learning.base import Predictor
from opportune.records import Facts, ValueType

__all__ = ["EMPTY", "MISSING", "NUMBERS", "SPECIAL", "STRANGE", "CellReader", "Lattice"]

Keys = npt.NDArray[np.int64]

SPECIAL = -(1 << 60)
EMPTY, STRANGE, MISSING = SPECIAL, SPECIAL - 1, SPECIAL - 2
"""A list without items; a value of another type than the predictor's; no value."""
NUMBERS = (ValueType.NUMBER, ValueType.INTEGER, ValueType.TIMESTAMP)
MAGNITUDE_MAX = 1e18
"""Larger numbers count as missing."""
MAGNITUDE_MIN = 1e-9
"""Smaller numbers count as 0."""
MANTISSA_SHIFT = np.int64(52 - 16)
"""Of the 52 bits of a number after its leading 1, the first 16 tell cells apart: 65,536 cells from one power of two to
the next."""
ITEMS_MAX = 32
"""Items of one list that are looked at."""
CELLS_TOTAL = 1 << 16
CELLS_MAX, CELLS_MIN = 256, 48
"""Cells of one predictor, by how many leaves count in them: CELLS_TOTAL / leaves within these bounds."""
REMEMBERED, REMEMBERED_LENGTH = 4096, 200
"""Texts of one predictor whose keys are kept at hand, if they are no longer than this."""
_DAY_SECONDS = 86_400.0


def _number(value: object) -> float:
    if isinstance(value, int):
        return float(value) if abs(value) <= MAGNITUDE_MAX else nan
    return value if isinstance(value, float) else nan


def _age_days(value: object, now: object) -> float:
    if not (isinstance(value, datetime) and isinstance(now, datetime)):
        return nan
    if (value.tzinfo is None) != (now.tzinfo is None):
        return nan
    return (now - value).total_seconds() / _DAY_SECONDS


def text_key(text: str) -> int:
    """Key of a text: 32 bits of its bytes, the same in every process; texts themselves are not kept."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def number_keys(raw: npt.NDArray[np.float64]) -> Keys:
    """Keys of numbers, in their order; NaN, infinities and absurd magnitudes are missing."""
    size = np.abs(raw)
    missing = ~(size <= MAGNITUDE_MAX)
    size[missing | (size < MAGNITUDE_MIN)] = 0.0
    keys: Keys = size.view(np.int64) >> MANTISSA_SHIFT
    np.negative(keys, out=keys, where=raw < 0.0)
    keys[missing] = MISSING
    return keys


class CellReader:
    """Turns facts into keys of cells: one per number, boolean and text, several per list.

    Args:
        predictors: facts to read; `numbers`, `choices` and `lists` are their places by kind.
    """

    def __init__(self, predictors: Sequence[Predictor]) -> None:
        self.predictors = tuple(predictors)
        kinds = [predictor.type for predictor in self.predictors]
        self.numbers = [j for j, kind in enumerate(kinds) if kind in NUMBERS]
        self.choices = [j for j, kind in enumerate(kinds) if kind in (ValueType.BOOLEAN, ValueType.TEXT)]
        self.lists = [j for j, kind in enumerate(kinds) if kind is ValueType.TEXTS]
        names = [predictor.name for predictor in self.predictors]
        self._number_names = [names[j] for j in self.numbers]
        self._times = [place for place, j in enumerate(self.numbers) if kinds[j] is ValueType.TIMESTAMP]
        self._choice_names = [names[j] for j in self.choices]
        self._is_text = [kinds[j] is ValueType.TEXT for j in self.choices]
        self._list_names = [names[j] for j in self.lists]
        known: dict[Any, int] = {None: MISSING}
        # 0 and 1 given for a boolean count as one, as they are equal to it.
        self._memory = [dict(known) if is_text else known | {False: 0, True: 1} for is_text in self._is_text]

    def raw_numbers(self, facts: Facts) -> npt.NDArray[np.float64]:
        """Numbers as they are, timestamps as their age in days at `now`; NaN where there is none."""
        values: list[Any] = list(map(facts.get, self._number_names, repeat(nan)))
        if self._times:
            now = facts.get("now")
            for place in self._times:
                values[place] = _age_days(values[place], now)
        try:
            return np.frombuffer(array("d", values))
        except (TypeError, OverflowError):
            return np.frombuffer(array("d", [_number(value) for value in values]))

    def choice_values(self, facts: Facts) -> list[Any]:
        """Values of booleans and texts as they are, in the order of `choices`."""
        return list(map(facts.get, self._choice_names))

    def choice_keys(self, facts: Facts) -> list[int]:
        """Keys of booleans and texts, in the order of `choices`."""
        values = self.choice_values(facts)
        try:
            return list(map(dict.__getitem__, self._memory, values))
        except (KeyError, TypeError):
            return [self._choice_key(place, value) for place, value in enumerate(values)]

    def _choice_key(self, place: int, value: object) -> int:
        if value is None:
            return MISSING
        if self._is_text[place]:
            if not isinstance(value, str):
                return STRANGE
            key = text_key(value)
            memory = self._memory[place]
            if len(memory) < REMEMBERED and len(value) <= REMEMBERED_LENGTH:
                memory[value] = key
            return key
        return int(value == 1) if isinstance(value, int | float) and value in (0, 1) else STRANGE

    def list_keys(self, facts: Facts) -> list[list[int]]:
        """Distinct keys of the items of each list, sorted, in the order of `lists`."""
        found = []
        for name in self._list_names:
            value = facts.get(name)
            if value is None:
                found.append([MISSING])
            elif not isinstance(value, list):
                found.append([STRANGE])
            elif not value:
                found.append([EMPTY])
            else:
                items = {text_key(item) if isinstance(item, str) else STRANGE for item in value[:ITEMS_MAX]}
                found.append(sorted(items))
        return found

    def keys(self, facts: Facts) -> tuple[list[int], list[int]]:
        """All keys of the facts with the predictor of each: numbers, choices, items of lists."""
        owners = [*self.numbers, *self.choices]
        keys = [*number_keys(self.raw_numbers(facts)).tolist(), *self.choice_keys(facts)] if owners else []
        for j, items in zip(self.lists, self.list_keys(facts), strict=True):
            owners += [j] * len(items)
            keys += items
        return owners, keys


class Lattice:
    """Slots of the cells that were touched, and how coarse each predictor's cells are.

    Args:
        count: number of predictors.
    """

    def __init__(self, count: int) -> None:
        self.level = [0] * count
        """Halvings of the resolution, by predictor."""
        self.slots: list[dict[int, int]] = [{} for _ in range(count)]
        """Slot of each touched cell, by predictor and key at its level."""
        self.size = 0
        """Slots in use or free."""
        self.changes = 0
        """Cells made and resolutions halved."""
        self._free: list[int] = []

    def coarse(self, predictor: int, key: int) -> int:
        """Key at the predictor's present resolution."""
        return key if key <= SPECIAL else key >> self.level[predictor]

    def take(self, predictor: int, key: int) -> int:
        """Slot of a cell, which is made if need be."""
        cells = self.slots[predictor]
        at = key if key <= SPECIAL else key >> self.level[predictor]
        slot = cells.get(at)
        if slot is None:
            if self._free:
                slot = self._free.pop()
            else:
                slot = self.size
                self.size += 1
            cells[at] = slot
            self.changes += 1
        return slot

    def find(self, predictor: int, key: int) -> int | None:
        """Slot of a cell, None if it was never touched."""
        return self.slots[predictor].get(self.coarse(predictor, key))

    def halve(self, predictor: int) -> list[tuple[int, int]]:
        """Make two cells one; return (slot that goes, slot that takes its counts)."""
        merged: list[tuple[int, int]] = []
        cells: dict[int, int] = {}
        for key, slot in sorted(self.slots[predictor].items()):
            at = key if key <= SPECIAL else key >> 1
            if at in cells:
                merged.append((slot, cells[at]))
                self._free.append(slot)
            else:
                cells[at] = slot
        self.level[predictor] += 1
        self.changes += 1
        self.slots[predictor] = cells
        return merged

    def most(self, leaves: int) -> int:
        """Cells that one predictor may have where so many leaves count."""
        return max(CELLS_MIN, min(CELLS_MAX, CELLS_TOTAL // max(leaves, 1)))

    def is_full(self, predictor: int, leaves: int) -> bool:
        """Whether a predictor has more cells than it may have."""
        return len(self.slots[predictor]) > self.most(leaves)
