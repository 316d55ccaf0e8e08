"""Whether the world has changed: a running sum of surprises that chance does not explain.

Formulas: docs/concepts/learning.md, "Change".

Notation:
    O   outcomes (heads)
    surprise  float64 [O, 3], running sums: of too much that happened, of too little, and of misjudged answers
    since     int64 [O], answers since the world last changed, or since the first
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from opportune.learning.base import Snapshot
from opportune.learning.snapshot import read_array

__all__ = ["Drift"]

LIMIT = 60.0
"""Sum beyond which the world has changed."""
LIMIT_SHARE = 0.004
"""The same, per answer since the last change: a few who act together must not look like a changed world."""
FALSE_ALARM = 6.0
"""Limit times allowance: chance alone gets there once in e^(2 x 6) answers, 160,000, or more rarely."""
SURPRISE_MAX = 4.0
"""Of one answer: what happens against odds of more than 16 to 1 tells of rare events, not of change."""
SUMS = 3


class Drift:
    """Page's running sums of how far answers were from their propensities, by head."""

    def __init__(self, heads: int) -> None:
        self.surprise = np.zeros((heads, SUMS))
        self.since = np.zeros(heads, dtype=np.int64)

    def learn(self, head: int, log_odds: float, happened: bool) -> None:
        """Learn what one answer cost, from the log odds before it."""
        self._move(head, log_odds, _surprise(log_odds, happened), 1)

    def unlearn(self, head: int, log_odds: float, happened: bool) -> None:
        """Take back what one answer cost, from the log odds without it."""
        self._move(head, log_odds, -_surprise(log_odds, happened), -1)

    def _move(self, head: int, log_odds: float, residual: float, answers: int) -> None:
        misjudged = residual if log_odds < 0.0 else -residual
        since = max(0, int(self.since[head]) + answers)
        limit = max(LIMIT, LIMIT_SHARE * since)
        allowance = answers * FALSE_ALARM / limit
        more, less, wrong = self.surprise[head].tolist()
        sums = (
            max(more + residual - allowance, 0.0),
            max(less - residual - allowance, 0.0),
            max(wrong + misjudged - allowance, 0.0),
        )
        has_changed = max(sums) > limit
        self.surprise[head] = 0.0 if has_changed else sums
        self.since[head] = 0 if has_changed else since

    def copy(self) -> Drift:
        """Give another one that goes on from here."""
        other = Drift(len(self.since))
        other.surprise[:], other.since[:] = self.surprise, self.since
        return other

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Copy what was learned."""
        return {"surprise": self.surprise.copy(), "since": self.since.copy()}

    def take(self, snapshot: Snapshot, heads: dict[int, int], count: int) -> None:
        """Take over own heads from those of a snapshot of so many.

        Raises:
            ValueError: the snapshot holds no such sums.
        """
        surprise = read_array(snapshot, "surprise", np.float64, (count, SUMS))
        since = read_array(snapshot, "since", np.int64, (count,))
        limits = np.maximum(LIMIT, LIMIT_SHARE * since)
        if ((surprise < 0.0) | (surprise > limits[:, None])).any() or (since < 0).any():
            raise ValueError("snapshot: surprise or answers since are out of range")
        for own, theirs in heads.items():
            self.surprise[own], self.since[own] = surprise[theirs], since[theirs]


def _surprise(log_odds: float, happened: bool) -> float:
    """Give how far an answer was from its propensity, in standard deviations."""
    chance = 1.0 / (1.0 + math.exp(-log_odds))
    residual = ((1.0 if happened else 0.0) - chance) / math.sqrt(chance * (1.0 - chance))
    return min(max(residual, -SURPRISE_MAX), SURPRISE_MAX)
