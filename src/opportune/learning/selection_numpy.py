"""The draw from given probabilities, and the two plain methods, NumPy form. Notation: exploration.py."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opportune.learning.selection import STALE, Selection

__all__ = ["greedy", "nobody", "pick", "uniform"]

Singles = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Booleans = npt.NDArray[np.bool_]


def greedy(mean: Singles, spread: Singles, alive: Booleans, u: float, floor: float) -> Selection:
    """Draw the alive with the highest mean, the first of equals, but for the floor; STALE where one is not finite."""
    indices = np.flatnonzero(alive)
    if not len(indices):
        return nobody(0)
    means, spreads = mean[indices], spread[indices]
    # NaN fails every comparison, so that extremes tell all.
    if not (float(np.abs(means).max()) < np.inf and 0.0 <= float(spreads.min()) <= spreads.max() < np.inf):
        return nobody(STALE)
    rest = floor / len(indices)
    who, chances = indices[[int(np.argmax(means))]], np.full(1, 1.0 - floor + rest)
    chosen, chance = pick(alive, who, chances, rest, u, len(indices))
    return Selection(chosen, chance, who, chances, rest, len(indices))


def uniform(alive: Booleans, u: float) -> Selection:
    """Draw one of the alive, all alike."""
    indices = np.flatnonzero(alive)
    n = len(indices)
    if not n:
        return nobody(0)
    return Selection(int(indices[min(int(u * n), n - 1)]), 1.0 / n, _NOBODY, _NOTHING, 1.0 / n, n)


def nobody(alive: int) -> Selection:
    """Give the selection that drew nobody."""
    return Selection(-1, 0.0, _NOBODY, _NOTHING, 0.0, alive)


def pick(alive: Booleans, who: Places, probabilities: Doubles, rest: float, u: float, n: int) -> tuple[int, float]:
    """Draw from the cumulative probability, the contenders in order, then the others; give candidate and chance.

    Args:
        probabilities: of the contenders `who`; every other alive candidate has `rest`.
        n: number of alive candidates.
    """
    total = np.add.accumulate(probabilities)
    others = n - len(who)
    target = u * (float(total[-1]) + rest * others)
    place = int(total.searchsorted(target, side="right"))
    if place >= len(who) and rest * others > 0.0:
        step = min(int((target - float(total[-1])) / rest), others - 1)
        return int(np.setdiff1d(np.flatnonzero(alive), who, assume_unique=True)[step]), rest
    if place >= len(who):
        place = int(np.flatnonzero(probabilities)[-1])
    return int(who[place]), float(probabilities[place])


_NOBODY = np.zeros(0, dtype=np.intp)
_NOTHING = np.zeros(0)
