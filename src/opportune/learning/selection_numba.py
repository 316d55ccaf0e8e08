"""The draw from given probabilities, and the two plain methods, compiled: the same as in selection_numpy.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit

from opportune.learning.selection import STALE, Selection

__all__ = ["count_alive", "greedy", "nobody", "pick", "plain", "uniform"]

Singles = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Booleans = npt.NDArray[np.bool_]

Step = TypeVar("Step", bound=Callable[..., Any])


def plain(step: Step) -> Step:
    """Compile so that sums run in the order in which they are written."""
    return cast(Step, njit(cache=True, error_model="numpy")(step))


@plain
def nobody(alive: int) -> Selection:
    """Give the selection that drew nobody."""
    return Selection(-1, 0.0, np.empty(0, dtype=np.intp), np.empty(0), 0.0, alive)


@plain
def count_alive(alive: Booleans) -> int:
    n = 0
    for is_alive in alive:
        n += is_alive
    return n


@plain
def pick(alive: Booleans, who: Places, probabilities: Doubles, rest: float, others: int, u: float) -> tuple[int, float]:
    total = 0.0
    for probability in probabilities:
        total += probability
    target = u * (total + rest * others)
    running = 0.0
    last = 0
    for i in range(len(who)):
        running += probabilities[i]
        if running > target:
            return who[i], probabilities[i]
        if probabilities[i] > 0.0:
            last = i
    if rest * others > 0.0:
        left = min(int((target - total) / rest), others - 1)
        i = 0
        for c in range(len(alive)):
            if i < len(who) and who[i] == c:
                i += 1
            elif alive[c]:
                if left == 0:
                    return c, rest
                left -= 1
    return who[last], probabilities[last]


@plain
def greedy(mean: Singles, spread: Singles, alive: Booleans, u: float, floor: float) -> Selection:
    """Draw the alive with the highest mean, the first of equals, but for the floor; STALE where one is not finite."""
    best = -1
    for c in range(len(mean)):
        if alive[c]:
            # NaN fails every comparison.
            if not ((abs(mean[c]) < math.inf) & (spread[c] >= 0.0) & (spread[c] < math.inf)):
                return nobody(STALE)
            if best < 0 or mean[c] > mean[best]:
                best = c
    if best < 0:
        return nobody(0)
    n = count_alive(alive)
    rest = floor / n
    who, probabilities = np.full(1, best), np.full(1, 1.0 - floor + rest)
    chosen, probability = pick(alive, who, probabilities, rest, n - 1, u)
    return Selection(chosen, probability, who, probabilities, rest, n)


@plain
def uniform(alive: Booleans, u: float) -> Selection:
    """Draw one of the alive, all alike."""
    n = count_alive(alive)
    left = min(int(u * n), n - 1)
    for c in range(len(alive)):
        left -= alive[c]
        if left < 0 < n:
            return Selection(c, 1.0 / n, np.empty(0, dtype=np.intp), np.empty(0), 1.0 / n, n)
    return nobody(0)
