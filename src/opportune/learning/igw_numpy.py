"""Inverse gap weighting, NumPy form: the further behind the best, the rarer. Formula: docs/concepts/exploration.md."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opportune.learning.selection import STALE, Selection
from opportune.learning.selection_numpy import nobody, pick

__all__ = ["LEAST_UNIT", "igw"]

LEAST_UNIT = 1e-30
"""Gaps are shares of the best's mean; where that is nearly nothing, of this."""

Singles = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]


def igw(mean: Singles, spread: Singles, alive: Booleans, u: float, gamma: float, floor: float) -> Selection:
    """Draw one of the alive; STALE where somebody's mean or spread is not finite.

    Args:
        gamma: how fast chances fall with the gap, >= 0 and finite; 0 gives everybody the same.
    """
    who = np.flatnonzero(alive)
    n = len(who)
    if not n:
        return nobody(0)
    means, spreads = mean[who], spread[who]
    # NaN fails every comparison, so that extremes tell all.
    if not (float(np.abs(means).max()) < np.inf and 0.0 <= float(spreads.min()) <= spreads.max() < np.inf):
        return nobody(STALE)
    m = means.astype(np.float64)
    best = int(np.argmax(m))
    gaps = (m[best] - m) / max(abs(float(m[best])), LEAST_UNIT)
    chances = 1.0 / (n + gamma * gaps)
    chances[best] = 0.0
    # Summed in order, as the compiled form does: both give the same bits.
    chances[best] = 1.0 - float(np.add.accumulate(chances)[-1])
    chances *= 1.0 - floor
    chances += floor / n
    chosen, chance = pick(alive, who, chances, 0.0, u, n)
    return Selection(chosen, chance, who, chances, 0.0, n)
