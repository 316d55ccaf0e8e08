"""Which pairs of predictors say more together than what a model says already.

Formulas: docs/concepts/learning-experts.md, "Screening".

Notation:
    W  pairs that are looked at, at most WINDOW at a time
    cell  coarse code of the one predictor × COARSE + that of the other
    errors, chances  float32 [2, W, CELLS] and [2, SHARED]: sums over answers of y - p, and of p (1 - p), by cell; of
            cells with the action they are kept in a table that cells share
    gains, cells  float64 [2, W], gain in log likelihood that a weight per cell would have brought, beyond what chance
            brings, and cells touched: 0 for all actions alike, 1 for each action on its own
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opportune.learning.pairs_coding import COARSE

__all__ = ["CELLS", "Interaction", "Note", "Screening", "pair_places"]

Whole = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]

Note = Callable[[Floats, Floats, Whole, Doubles, Doubles, float, float], None]

CELLS = COARSE * COARSE
WINDOW = 512
TURN = 2_000
"""Answers for which a window of pairs is looked at, where there are more pairs than fit."""
SHARED = 1 << 16
SPREAD = 0x9E3779B97F4A7C15
"""Odd number that spreads cells over the shared table."""


class Interaction(NamedTuple):
    """Two predictors that say more together than each alone, so that their pair has weights of its own.

    Args:
        first, second: names of the predictors.
        is_own: whether each action has its own weights for the pair.
        score: gain when it was last looked at, in standard deviations of what chance brings.
    """

    first: str
    second: str
    is_own: bool
    score: float


def pair_places(predictors: int) -> Whole:
    """All pairs, [2, N]: the later predictor and the earlier one."""
    later, earlier = np.tril_indices(predictors, -1)
    return np.stack((later, earlier)).astype(np.int64)


class Screening:
    """Gains of pairs, for one outcome.

    Args:
        predictors: their number.
        note: step of the kernel, see pairs_numpy.py.
    """

    def __init__(self, predictors: int, note: Note) -> None:
        self._note = note
        self.pairs = pair_places(predictors)
        self.size = min(WINDOW, self.pairs.shape[1])
        self.first = 0
        """First pair of the window."""
        self.answers = 0
        # First pair, numbers of the window's pairs and their predictors.
        self._window: tuple[int, Whole, Whole] = (-1, self.pairs[0], self.pairs)
        self._begin()

    def _begin(self) -> None:
        self.errors: Floats = np.zeros((self.size, CELLS), dtype=np.float32)
        self.chances: Floats = np.zeros_like(self.errors)
        self.shared_errors: Floats = np.zeros(SHARED, dtype=np.float32)
        self.shared_chances: Floats = np.zeros_like(self.shared_errors)
        self.gains: Doubles = np.zeros((2, self.size))
        self.cells: Doubles = np.zeros((2, self.size))

    @property
    def examined(self) -> int:
        """Pairs that were looked at so far."""
        turns = 1 + (self.answers - 1) // TURN if self.answers else 0
        pairs = int(self.pairs.shape[1])
        return min(pairs, int(self.size) * turns)

    def window(self) -> Whole:
        """Numbers of the pairs that are looked at."""
        if self._window[0] != self.first:
            pairs = (self.first + np.arange(self.size)) % max(1, self.pairs.shape[1])
            self._window = (self.first, pairs, self.pairs[:, pairs])
        return self._window[1]

    def learn(self, coarse: Whole, action: int, error: float, chance: float) -> None:
        """Note one answer: error y - p of the model, and p (1 - p).

        Args:
            action: a number that tells actions apart, in 32 bits.
        """
        if not self.size:
            return
        pairs = self.window()
        later, earlier = coarse.take(self._window[2])
        cell = later * COARSE + earlier
        place = np.arange(self.size) * CELLS + cell
        self._note(
            self.errors.reshape(-1), self.chances.reshape(-1), place, self.gains[0], self.cells[0], error, chance
        )
        mixed = (pairs * CELLS + cell + np.int64(action) * 0x5BD1E995).astype(np.uint64) * np.uint64(SPREAD)
        place = (mixed >> np.uint64(48)).astype(np.int64)
        self._note(self.shared_errors, self.shared_chances, place, self.gains[1], self.cells[1], error, chance)
        self.answers += 1
        if self.size < self.pairs.shape[1] and self.answers % TURN == 0:
            self.first = (self.first + self.size) % self.pairs.shape[1]
            self._begin()

    def scores(self) -> Doubles:
        """Gains of the window's pairs in standard deviations of what chance brings, [2, W]."""
        found: Doubles = self.gains / np.sqrt(2.0 * self.cells + 1.0)
        return found
