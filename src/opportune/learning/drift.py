"""Whether the world has changed: a running sum of surprises that chance does not explain.

Formulas: docs/concepts/learning.md, "Change".

Notation:
    O   outcomes (heads)
    surprise  float64 [O, 3], running sums: of too much that happened, of too little, and of misjudged answers
    haste     int64 [O], answers for which weights will still forget faster
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from opportune.learning.base import Snapshot
from opportune.learning.snapshot import read_array

__all__ = ["HASTE", "Drift"]

ALLOWANCE = 0.1
"""Surprise per answer, in standard deviations, that a good model may show while it still learns."""
LIMIT = 60.0
"""Sum beyond which the world has changed. Chance alone gets there once in e^(2 x 0.1 x 60) answers: 160,000."""
SURPRISE_MAX = 4.0
"""Of one answer: what happens against odds of more than 16 to 1 tells of rare events, not of change."""
HASTE = 30.0
"""How much faster weights forget then."""
HASTE_ANSWERS = 1000
SUMS = 3


class Drift:
    """Page's running sums of how far answers were from their propensities, by head."""

    def __init__(self, heads: int) -> None:
        self.surprise = np.zeros((heads, SUMS))
        self.haste = np.zeros(heads, dtype=np.int64)

    def factor(self, head: int) -> float:
        """Give how many times faster than usual to forget now."""
        return HASTE if self.haste[head] else 1.0

    def learn(self, head: int, log_odds: float, happened: bool) -> None:
        """Learn what one answer cost, from the log odds before it."""
        chance = 1.0 / (1.0 + math.exp(-log_odds))
        residual = ((1.0 if happened else 0.0) - chance) / math.sqrt(chance * (1.0 - chance))
        residual = min(max(residual, -SURPRISE_MAX), SURPRISE_MAX)
        misjudged = residual if log_odds < 0.0 else -residual
        if self.haste[head]:
            self.haste[head] -= 1
            return
        sums = self.surprise[head]
        sums += np.array((residual, -residual, misjudged)) - ALLOWANCE
        np.maximum(sums, 0.0, out=sums)
        if sums.max() > LIMIT:
            self.haste[head] = HASTE_ANSWERS
            sums[:] = 0.0

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Copy what was learned."""
        return {"surprise": self.surprise.copy(), "haste": self.haste.copy()}

    def take(self, snapshot: Snapshot, heads: dict[int, int], count: int) -> None:
        """Take over own heads from those of a snapshot of so many.

        Raises:
            ValueError: the snapshot holds no such sums.
        """
        surprise = read_array(snapshot, "surprise", np.float64, (count, SUMS))
        haste = read_array(snapshot, "haste", np.int64, (count,))
        if ((surprise < 0.0) | (surprise > LIMIT)).any() or ((haste < 0) | (haste > HASTE_ANSWERS)).any():
            raise ValueError("snapshot: surprise or haste is out of range")
        for own, theirs in heads.items():
            self.surprise[own], self.haste[own] = surprise[theirs], haste[theirs]
