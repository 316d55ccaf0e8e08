"""The selection of one place, compiled: the same steps and notation as in exploration.py, in one pass."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit, types

from opportune.learning.exploration import (
    BOUND,
    LEAST_BELOW,
    NODES,
    NORMAL,
    POOL_REACH,
    REACH,
    RISES,
    TABLE_REACH,
    TABLE_STEPS,
)

__all__ = ["thompson"]

Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

_STEP_SCALE = TABLE_STEPS / (2.0 * TABLE_REACH)


def _chances(m: Doubles, s: Doubles, pool: float, count: int, chances: Doubles) -> None:
    q = max(8, min(24, NODES // count))
    lowest = -math.inf
    for i in range(count):
        lowest = max(lowest, m[i] - REACH * s[i])
    grid = np.empty(count * q)
    for i in range(count):
        reach = POOL_REACH if pool > 1.0 and i == count - 1 else REACH
        for k in range(q):
            grid[i * q + k] = max(m[i] + s[i] * reach * ((k + (i + 0.5) / count) * (2.0 / q) - 1.0), lowest)
    grid.sort()
    below = np.empty(count)
    before = np.empty(count)
    slope = _STEP_SCALE / s[:count]
    others_before = np.empty(count)
    for i in range(count):
        chances[i] = 0.0
    first = True
    previous = 0.0
    for z in grid:
        if not first and z == previous:
            continue
        all_below = 1.0
        for i in range(count):
            position = min(max((z - m[i]) * slope[i] + TABLE_STEPS / 2.0, 0.0), TABLE_STEPS - 1e-9)
            step = int(position)
            value = NORMAL[step] + RISES[step] * (position - step)
            if pool > 1.0 and i == count - 1:
                value = max(value**pool, LEAST_BELOW)
            below[i] = value
            all_below *= value
        for i in range(count):
            others = all_below / below[i]
            if not first:
                chances[i] += (below[i] - before[i]) * (others + others_before[i])
            before[i] = below[i]
            others_before[i] = others
        first = False
        previous = z
    total = 0.0
    for i in range(count):
        chances[i] += 1e-300 * (pool if i == count - 1 else 1.0)
        total += chances[i]
    for i in range(count):
        chances[i] /= total


_chances_fast = njit(cache=True)(_chances)


def _thompson(
    mean: npt.NDArray[np.float32],
    spread: npt.NDArray[np.float32],
    alive: npt.NDArray[np.bool_],
    u: float,
    scale: float,
    floor: float,
    contenders: Places,
    probabilities: Doubles,
) -> tuple[int, int, int, float]:
    """Fill contenders and probabilities; return (alive or -1 where not finite, contenders, chosen, its probability)."""
    size = len(mean)
    n = 0
    largest = np.float32(0.0)
    lowest = -math.inf
    is_valid = True
    for c in range(size):
        if alive[c]:
            n += 1
            # NaN fails every comparison.
            is_valid &= (abs(mean[c]) < math.inf) & (spread[c] >= 0.0) & (spread[c] < math.inf)
            largest = max(largest, abs(mean[c]))
            lowest = max(lowest, float(mean[c]) - REACH * (float(spread[c]) * scale))
    if not is_valid:
        return -1, 0, -1, 0.0
    if n == 0:
        return 0, 0, -1, 0.0
    least = max(float(largest) * 1e-9, 1e-30)
    count = 0
    for c in range(size):
        if alive[c] and float(mean[c]) + REACH * max(float(spread[c]) * scale, least) >= lowest:
            contenders[count] = c
            count += 1
    _shares(mean, spread, scale, least, contenders, probabilities, count)
    rest = floor / n
    total = 0.0
    for i in range(count):
        probabilities[i] = probabilities[i] * (1.0 - floor) + rest
        total += probabilities[i]
    others = n - count
    target = u * (total + rest * others)
    running = 0.0
    last = 0
    for i in range(count):
        running += probabilities[i]
        if running > target:
            return n, count, contenders[i], probabilities[i]
        if probabilities[i] > 0.0:
            last = i
    if rest * others == 0.0:
        return n, count, contenders[last], probabilities[last]
    left = min(int((target - total) / rest), others - 1)
    i = 0
    for c in range(size):
        if i < count and contenders[i] == c:
            i += 1
        elif alive[c]:
            if left == 0:
                return n, count, c, rest
            left -= 1
    return n, count, contenders[last], probabilities[last]


def _share_out(
    mean: npt.NDArray[np.float32],
    spread: npt.NDArray[np.float32],
    scale: float,
    least: float,
    contenders: Places,
    probabilities: Doubles,
    count: int,
) -> None:
    if count == 1:
        probabilities[0] = 1.0
        return
    if count <= BOUND:
        m = np.empty(count)
        s = np.empty(count)
        for i in range(count):
            m[i] = mean[contenders[i]]
            s[i] = max(float(spread[contenders[i]]) * scale, least)
        _chances_fast(m, s, 1.0, count, probabilities)
        return
    falling = np.empty(count)
    for i in range(count):
        c = contenders[i]
        falling[i] = -(float(mean[c]) + REACH * max(float(spread[c]) * scale, least))
    order = np.argsort(falling, kind="mergesort")
    m = np.zeros(BOUND + 1)
    s = np.zeros(BOUND + 1)
    pooled = count - BOUND
    for k in range(count):
        c = contenders[order[k]]
        at = min(k, BOUND)
        m[at] += float(mean[c])
        s[at] += max(float(spread[c]) * scale, least)
    m[BOUND] /= pooled
    s[BOUND] /= pooled
    chances = np.empty(BOUND + 1)
    _chances_fast(m, s, float(pooled), BOUND + 1, chances)
    for k in range(count):
        probabilities[order[k]] = chances[k] if k < BOUND else chances[BOUND] / pooled


_shares = njit(cache=True)(_share_out)


def _given(dtype: types.Type) -> types.Type:
    return types.Array(dtype, 1, "C", readonly=True)


# One signature, compiled when this module is imported: no request waits for a new combination of types.
thompson = njit(
    [
        (
            _given(types.float32),
            _given(types.float32),
            _given(types.boolean),
            types.float64,
            types.float64,
            types.float64,
            types.intp[::1],
            types.float64[::1],
        )
    ],
    cache=True,
)(_thompson)
