"""The draw from given probabilities, and the two plain methods, compiled: the same as in selection_numpy.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit

from opportune.learning.selection import STALE, Selection

__all__ = ["count_alive", "greedy", "highest", "nobody", "pick", "plain", "uniform"]

Singles = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Booleans = npt.NDArray[np.bool_]

LANES = 32
"""Into so many the values are dealt out to find a bound."""
NEAR_MOST = 3
"""Times as many reach the bound where not many are equal."""

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
def _first_highest(values: npt.NDArray[Any], who: npt.NDArray[np.int32], count: int) -> Places:
    """Give `who` of the `count` highest values, falling, ties in order, by insertion."""
    tops, places = values[:count].copy(), np.zeros(count, dtype=np.intp)
    found = 0
    for i in range(len(values)):
        if found == count and values[i] <= tops[count - 1]:
            continue
        at = min(found, count - 1)
        while at > 0 and tops[at - 1] < values[i]:
            tops[at], places[at] = tops[at - 1], places[at - 1]
            at -= 1
        tops[at], places[at] = values[i], who[i]
        found = min(found + 1, count)
    return places


@plain
def highest(values: npt.NDArray[Any], count: int) -> Places:
    """Give the places of the `count` highest values, falling, ties in order; no values may be NaN, or some are missing.

    Almost without branches, since which way they go is hard to foresee: a bound that `count` values reach, then the
    place of each of those by counting who stands before it.
    """
    size = len(values)
    count = min(count, size)
    who = np.empty(size + 1, dtype=np.int32)
    n = 0
    if size <= max(2 * LANES, count):
        for i in range(size):
            who[i] = i
        n = size
    else:
        # The highest of every so-manieth value: the count-th highest of them is such a bound.
        lanes = max(LANES, count)
        tops = values[:lanes].copy()
        for start in range(lanes, size - lanes + 1, lanes):
            for lane in range(lanes):
                value = values[start + lane]
                tops[lane] = value if value > tops[lane] else tops[lane]
        bound = tops[0]
        for lane in range(lanes):
            before = 0
            for other in range(lanes):
                before += tops[other] > tops[lane]
            bound = min(bound, tops[lane]) if before < count else bound
        for i in range(size):
            who[n] = i
            n += values[i] >= bound
    near = np.empty(n, dtype=values.dtype)
    for i in range(n):
        near[i] = values[who[i]]
    places = np.zeros(n, dtype=np.intp)
    if n > NEAR_MOST * max(LANES, count):
        # Many equals, of which the first are wanted: counting would cost the square.
        return _first_highest(near, who, count)
    for i in range(n):
        before = 0
        for k in range(n):
            before += (near[k] > near[i]) | ((near[k] == near[i]) & (k < i))
        places[before] = who[i]
    return places[: min(count, n)]


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
