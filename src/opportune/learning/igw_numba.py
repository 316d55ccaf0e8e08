"""Inverse gap weighting, compiled: the same as in igw_numpy.py, bit by bit."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from opportune.learning.igw_numpy import LEAST_UNIT
from opportune.learning.selection import STALE, Selection
from opportune.learning.selection_numba import count_alive, nobody, pick, plain

__all__ = ["igw"]

Singles = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]


@plain
def igw(mean: Singles, spread: Singles, alive: Booleans, u: float, gamma: float, floor: float) -> Selection:
    """Draw one of the alive; STALE where somebody's mean or spread is not finite."""
    n = count_alive(alive)
    if n == 0:
        return nobody(0)
    who = np.empty(n, dtype=np.intp)
    best = count = 0
    for c in range(len(alive)):
        if alive[c]:
            # NaN fails every comparison.
            if not ((abs(mean[c]) < math.inf) & (spread[c] >= 0.0) & (spread[c] < math.inf)):
                return nobody(STALE)
            who[count] = c
            if mean[c] > mean[who[best]]:
                best = count
            count += 1
    highest = np.float64(mean[who[best]])
    unit = max(abs(highest), LEAST_UNIT)
    chances = np.empty(n)
    total = 0.0
    for i in range(n):
        gap = (highest - np.float64(mean[who[i]])) / unit
        chances[i] = 0.0 if i == best else 1.0 / (n + gamma * gap)
        total += chances[i]
    chances[best] = 1.0 - total
    for i in range(n):
        chances[i] = chances[i] * (1.0 - floor) + floor / n
    chosen, chance = pick(alive, who, chances, 0.0, 0, u)
    return Selection(chosen, chance, who, chances, 0.0, n)
