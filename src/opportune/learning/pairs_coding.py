"""Facts as small whole numbers, one per predictor, for models that look at pairs of them.

Formulas: docs/concepts/learning-experts.md, "Codes".

Notation:
    P  predictors
    codes  int64 [2, P], fine ones and coarse ones (below COARSE, for pairs, whose cells are many): 0 missing, 1 other
           or of another type, then bins of a number or levels in the order of learning

A list counts as one level: the set of its items. What is known of levels and bins comes from `observe` alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from opportune.learning.base import Predictor
from opportune.learning.cells import MISSING, SPECIAL, CellReader, number_keys, text_key
from opportune.records import Facts

__all__ = ["COARSE", "FIRST", "Coding", "Recoded"]

Whole = npt.NDArray[np.int64]

FIRST = 2
"""First code of a level or bin."""
COARSE = 16
BINS = (16, 8)
"""Bins of one number, fine and coarse."""
LEVELS = (62, COARSE - FIRST)
"""Levels of one category that have a code of their own."""
COUNTS_MAX = 256
"""Cells over which the values of a number are counted, before their resolution is halved."""
LINE = 1.6
"""Ends of the scale on which the place of a number counts as a line."""
CUTS = frozenset(2**n for n in range(4, 50))
"""Numbers of answers at which numbers are cut again: 16, 32, 64 ..."""


class Recoded(NamedTuple):
    """Bins of one number that were cut again.

    Args:
        predictor: its place.
        fine: for each bin from the first, the fine code that its middle had before; `coarse` the same of coarse codes.
    """

    predictor: int
    fine: list[int]
    coarse: list[int]


class Coding:
    """Codes of facts; learns levels and bins from the facts that it observes.

    Args:
        predictors: facts to read.
    """

    def __init__(self, predictors: Sequence[Predictor]) -> None:
        self.predictors = tuple(predictors)
        self.reader = CellReader(predictors)
        self.seen = 0
        """Answers observed."""
        numbers = self.reader.numbers
        self.coarseness = [0] * len(numbers)
        """Halvings of the resolution at which a number's values are counted."""
        self.counts: list[dict[int, int]] = [{} for _ in numbers]
        self.edges: list[tuple[list[int], list[int]]] = [([], []) for _ in numbers]
        """First key of each bin after the first, fine and coarse."""
        self.levels: dict[int, dict[int, int]] = {j: {} for j in [*self.reader.choices, *self.reader.lists]}
        """Code of each level, by predictor and key."""
        sizes = np.full(len(self.predictors), FIRST + LEVELS[0], dtype=np.int64)
        sizes[numbers] = FIRST + BINS[0]
        self.starts: Whole = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(sizes)))
        """Row of each predictor's fine code 0, then that of the first number's line."""
        self.rows = int(self.starts[-1]) + len(numbers)
        """Rows of fine codes and of lines."""

    def codes(self, facts: Facts) -> Whole:
        """Codes by what is known so far."""
        return self._coded(self._keys(facts))

    def lines(self, codes: Whole) -> npt.NDArray[np.float32]:
        """Place of each number among the values seen, [N], from low to high with mean 0 and variance about 1."""
        found = np.zeros(len(self.edges), dtype=np.float32)
        for place, j in enumerate(self.reader.numbers):
            bins = len(self.edges[place][0])
            if bins and codes[0, j] >= FIRST:
                found[place] = LINE * (2.0 * float(codes[0, j] - FIRST) / bins - 1.0)
        return found

    def observe(self, facts: Facts) -> tuple[list[Recoded], Whole]:
        """Learn levels and bins from these facts; return whose bins moved, and the codes."""
        keys = self._keys(facts)
        self.seen += 1
        for place, j in enumerate(self.reader.numbers):
            if keys[j] > SPECIAL:
                self._count(place, keys[j])
        for j, levels in self.levels.items():
            if keys[j] > SPECIAL and keys[j] not in levels and len(levels) < LEVELS[0]:
                levels[keys[j]] = FIRST + len(levels)
        moved = [self._recode(place) for place in range(len(self.edges))] if self.seen in CUTS else []
        return moved, self._coded(keys)

    def _keys(self, facts: Facts) -> list[int]:
        keys = [MISSING] * len(self.predictors)
        reader = self.reader
        for j, key in zip(reader.numbers, number_keys(reader.raw_numbers(facts)).tolist(), strict=True):
            keys[j] = key
        for j, key in zip(reader.choices, reader.choice_keys(facts), strict=True):
            keys[j] = key
        for j, items in zip(reader.lists, reader.list_keys(facts), strict=True):
            keys[j] = items[0] if items[0] <= SPECIAL and len(items) == 1 else text_key(repr(items))
        return keys

    def _coded(self, keys: Sequence[int]) -> Whole:
        codes = np.zeros((2, len(keys)), dtype=np.int64)
        for place, j in enumerate(self.reader.numbers):
            if keys[j] > SPECIAL:
                fine, coarse = self.edges[place]
                codes[0, j] = FIRST + bisect_right(fine, keys[j])
                codes[1, j] = FIRST + bisect_right(coarse, keys[j])
        for j, levels in self.levels.items():
            code = 0 if keys[j] == MISSING else levels.get(keys[j], 1)
            codes[:, j] = code, code if code < COARSE else 1
        return codes

    def _count(self, place: int, key: int) -> None:
        counts = self.counts[place]
        at = key >> self.coarseness[place]
        counts[at] = counts.get(at, 0) + 1
        while len(counts) > COUNTS_MAX:
            self.coarseness[place] += 1
            halved: dict[int, int] = {}
            for cell, count in counts.items():
                halved[cell >> 1] = halved.get(cell >> 1, 0) + count
            self.counts[place] = counts = halved

    def _recode(self, place: int) -> Recoded:
        """Cut a number again."""
        cells = sorted(self.counts[place].items())
        level = self.coarseness[place]
        fine, coarse = (_cut(cells, bins) for bins in BINS)
        old = self.edges[place]
        self.edges[place] = [cells[k][0] << level for k in fine], [cells[k][0] << level for k in coarse]
        former = [
            [FIRST + bisect_right(edges, cells[k][0] << level) for k in _middles(cells, firsts)]
            for edges, firsts in zip(old, (fine, coarse), strict=True)
        ]
        return Recoded(self.reader.numbers[place], *former)

    def state(self) -> dict[str, Any]:
        """What is known, as JSON-able data."""
        return {
            "seen": self.seen,
            "coarseness": list(self.coarseness),
            "counts": [sorted([key, count] for key, count in counts.items()) for counts in self.counts],
            "edges": [[list(fine), list(coarse)] for fine, coarse in self.edges],
            "levels": [[j, list(levels)] for j, levels in self.levels.items()],
        }

    def restored(self, state: object) -> Coding:
        """Make a coding of the same predictors that knows what a state says.

        Raises:
            ValueError: the state is not of these predictors.
        """
        found = Coding(self.predictors)
        try:
            found._take(state)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError("snapshot: coding: expected that of these predictors") from error
        return found

    def _take(self, state: Any) -> None:
        self.seen = _whole(state["seen"])
        numbers = len(self.edges)
        if {len(state[name]) for name in ("coarseness", "counts", "edges")} != {numbers}:
            raise ValueError("snapshot: coding: expected as many numbers as the model has")
        for place in range(numbers):
            self.coarseness[place] = min(_whole(state["coarseness"][place]), 62)
            self.counts[place] = {_key(key): _whole(count) for key, count in state["counts"][place]}
            fine, coarse = ([_key(key) for key in edges] for edges in state["edges"][place])
            for edges, bins in ((fine, BINS[0]), (coarse, BINS[1])):
                if len(edges) >= bins or edges != sorted(edges):
                    raise ValueError("snapshot: coding: edges are too many or not in order")
            self.edges[place] = fine, coarse
        if [j for j, _ in state["levels"]] != list(self.levels):
            raise ValueError("snapshot: coding: levels are not those of the predictors")
        for j, keys in state["levels"]:
            if len(keys) > LEVELS[0] or len(set(keys)) != len(keys):
                raise ValueError("snapshot: coding: levels are too many or not distinct")
            self.levels[j] = {_key(key): FIRST + k for k, key in enumerate(keys)}

    def carry(self, former: Coding) -> None:
        """Take over what another coding knows of predictors of the same name and type."""
        self.seen = former.seen
        numbers = {former.predictors[j]: place for place, j in enumerate(former.reader.numbers)}
        for place, j in enumerate(self.reader.numbers):
            was = numbers.get(self.predictors[j])
            if was is not None:
                self.coarseness[place] = former.coarseness[was]
                self.counts[place] = dict(former.counts[was])
                self.edges[place] = former.edges[was]
        others = {former.predictors[j]: levels for j, levels in former.levels.items()}
        for j in self.levels:
            self.levels[j] = dict(others.get(self.predictors[j], {}))


def _cut(cells: Sequence[tuple[int, int]], bins: int) -> list[int]:
    """First cell of each bin after the first, so that bins hold about the same.

    Args:
        cells: key and count of each, in order.
    """
    total = sum(count for _, count in cells)
    firsts: list[int] = []
    held = 0
    for k in range(len(cells) - 1):
        held += cells[k][1]
        if held * bins >= total * (len(firsts) + 1) and len(firsts) < bins - 1:
            firsts.append(k + 1)
    return firsts


def _middles(cells: Sequence[tuple[int, int]], firsts: Sequence[int]) -> list[int]:
    """Cell in which half of each bin's count is reached."""
    found = []
    for first, end in zip((0, *firsts), (*firsts, len(cells)), strict=True):
        half = sum(count for _, count in cells[first:end]) / 2.0
        held, k = 0.0, first
        while k < end - 1 and held + cells[k][1] < half:
            held += cells[k][1]
            k += 1
        if end > first:
            found.append(k)
    return found


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("snapshot: coding: expected whole numbers from 0")
    return value


def _key(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 1 << 60:
        raise ValueError("snapshot: coding: expected keys")
    return value
