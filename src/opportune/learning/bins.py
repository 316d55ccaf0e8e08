"""Bins of one predictor, cut from counts over cells.

Formulas: docs/concepts/learning-experts.md, "Bins".

A cut is what tells the row of a value: for numbers the keys where a new bin begins, for categories the row of each
level that has one. It is a function of the counts at the moment of cutting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opportune.learning.cells import EMPTY, MISSING, NUMBERS, STRANGE
from opportune.records import ValueType

__all__ = ["BINS_MAX", "LEVELS_MAX", "Block", "cut_levels", "cut_numbers"]

Counts = npt.NDArray[np.float64]

BINS_MAX = 20
"""Bins of one number, "missing" not counted."""
LEVELS_MAX = 48
"""Levels of one text or list that have a row of their own: those with the most answers."""
BIN_ANSWERS = 5.0
"""Answers that a bin needs."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of one predictor: bins or levels from `start`, then other (of a category), then missing, empty, strange."""

    start: int
    own: int
    """Rows of bins or levels."""
    is_number: bool

    @property
    def size(self) -> int:
        """All rows of the predictor."""
        return self.own + (1 if self.is_number else 4)

    def special(self, key: int) -> int:
        """Row of a special key; of a number all of these are missing."""
        if self.is_number:
            return self.start + self.own
        return self.start + self.own + {MISSING: 1, EMPTY: 2, STRANGE: 3}[key]

    @property
    def other(self) -> int:
        """Row of levels without an own one."""
        return self.start + self.own


def blocks(types: Sequence[ValueType]) -> list[Block]:
    """Lay out the rows of predictors one after the other."""
    found: list[Block] = []
    start = 0
    for kind in types:
        is_number = kind in NUMBERS
        own = BINS_MAX if is_number else 2 if kind is ValueType.BOOLEAN else LEVELS_MAX
        block = Block(start, own, is_number)
        found.append(block)
        start += block.size
    return found


def cut_numbers(keys: Sequence[int], counts: Counts) -> list[int]:
    """Cut cells into bins of about equal counts.

    Args:
        keys: keys of touched cells, ascending.
        counts: answers in each, > 0.

    Returns:
        First key of each bin after the first, ascending; at most BINS_MAX - 1.
    """
    total = float(counts.sum())
    bins = int(min(BINS_MAX, max(2.0, np.sqrt(total) / 2.0), max(1.0, total / BIN_ANSWERS)))
    edges: list[int] = []
    left, held = total, 0.0
    for k in range(len(keys) - 1):
        if len(edges) >= bins - 1:
            break
        held += float(counts[k])
        aim = left / (bins - len(edges))
        # The border stands where it misses the aim by least.
        if held + 0.5 * float(counts[k + 1]) >= aim:
            edges.append(keys[k + 1])
            left -= held
            held = 0.0
    return edges


def cut_levels(keys: Sequence[int], counts: Counts, rows: int) -> list[int]:
    """Choose the levels that get a row: those with the most answers, of equals the smaller key; ascending."""
    order = sorted(range(len(keys)), key=lambda k: (-float(counts[k]), keys[k]))
    return sorted(keys[k] for k in order[:rows])
