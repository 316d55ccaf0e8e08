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
    NODES_LEAST,
    NODES_MOST,
    NORMAL,
    NORMAL_REACH,
    POOL_REACH,
    REACH,
    ROOT_OF_LEAST,
)

__all__ = ["thompson"]

Doubles = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]

N0, N1, N2, N3, N4, N5, N6, N7, N8 = (np.float32(factor) for factor in NORMAL)
HALF, FAR, TWO_SIDES = np.float32(0.5), np.float32(NORMAL_REACH), np.float32(-NORMAL_REACH)


def _below(grid: Doubles, middle: float, slope: float, row: Singles) -> None:
    """Fill one contender's cumulative normal over the grid. No branches: it runs in lanes."""
    for k in range(len(grid)):
        x = min(max(np.float32((grid[k] - middle) * slope), TWO_SIDES), FAR)
        u = x * x
        row[k] = ((((((((N8 * u + N7) * u + N6) * u + N5) * u + N4) * u + N3) * u + N2) * u + N1) * u + N0) * x + HALF


_below_fast = njit(cache=True, fastmath=True, error_model="numpy")(_below)


def _gained(product: Singles, row: Singles, others: Singles) -> np.float32:
    """Integrate what one contender gains; `others` is room to work."""
    for k in range(len(row)):
        others[k] = product[k] / row[k]
    gained = np.float32(0.0)
    for k in range(len(row) - 1):
        gained += (row[k + 1] - row[k]) * (others[k + 1] + others[k])
    return gained


_gained_fast = njit(cache=True, fastmath=True, error_model="numpy")(_gained)


def _power(row: Singles, times: int, base: Singles) -> None:
    """Raise a row to a whole power by squaring; `base` is room to work."""
    for k in range(len(row)):
        base[k] = row[k]
        row[k] = np.float32(1.0)
    while times > 0:
        if times % 2 == 1:
            for k in range(len(row)):
                row[k] *= base[k]
        times //= 2
        for k in range(len(row)):
            base[k] = max(base[k] * base[k], ROOT_OF_LEAST)
            row[k] = max(row[k], LEAST_BELOW)


_power_fast = njit(cache=True, fastmath=True, error_model="numpy")(_power)


def _sort(grid: Doubles) -> Doubles:
    """Sort by buckets and insertion: nodes are spread well enough that this beats a general sort three times."""
    size = len(grid)
    low = grid.min()
    width = grid.max() - low
    if not width > 0.0:
        return grid
    scale = (size - 1) / width
    ends = np.zeros(size + 1, dtype=np.intp)
    for z in grid:
        ends[int((z - low) * scale) + 1] += 1
    for k in range(size):
        ends[k + 1] += ends[k]
    placed = np.empty(size)
    for z in grid:
        bucket = int((z - low) * scale)
        placed[ends[bucket]] = z
        ends[bucket] += 1
    for k in range(1, size):
        z = placed[k]
        at = k
        while at > 0 and placed[at - 1] > z:
            placed[at] = placed[at - 1]
            at -= 1
        placed[at] = z
    return placed


_sort_fast = njit(cache=True)(_sort)


def _chances(m: Doubles, s: Doubles, pool: float, count: int, chances: Doubles) -> None:
    q = max(NODES_LEAST, min(NODES_MOST, NODES // count))
    lowest = -math.inf
    for i in range(count):
        lowest = max(lowest, m[i] - REACH * s[i])
    grid = np.empty(count * q)
    for i in range(count):
        reach = POOL_REACH if pool > 1.0 and i == count - 1 else REACH
        for k in range(q):
            grid[i * q + k] = max(m[i] + s[i] * reach * ((k + (i + 0.5) / count) * (2.0 / q) - 1.0), lowest)
    grid = _sort_fast(grid)
    below = np.empty((count, len(grid)), dtype=np.float32)
    product = np.ones(len(grid), dtype=np.float32)
    others = np.empty(len(grid), dtype=np.float32)
    for i in range(count):
        row = below[i]
        _below_fast(grid, m[i], 1.0 / s[i], row)
        if pool > 1.0 and i == count - 1:
            _power_fast(row, int(pool), others)
        for k in range(len(grid)):
            product[k] = max(product[k] * row[k], LEAST_BELOW)
    total = 0.0
    for i in range(count):
        # What lies below the grid is nobody's in particular: all share it by size.
        share = pool if i == count - 1 else 1.0
        chances[i] = max(_gained_fast(product, below[i], others), 0.0) + 1e-300 * share
        total += chances[i]
    for i in range(count):
        chances[i] /= total


_chances_fast = njit(cache=True, error_model="numpy")(_chances)


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
    # The BOUND with the highest upper ends stand alone, in falling order, ties in candidate order.
    top = np.empty(BOUND)
    who = np.empty(BOUND, dtype=np.intp)
    m = np.zeros(BOUND + 1)
    s = np.zeros(BOUND + 1)
    pooled = count - BOUND
    kept = 0
    for i in range(count):
        c = contenders[i]
        own = max(float(spread[c]) * scale, least)
        upper = float(mean[c]) + REACH * own
        m[BOUND] += float(mean[c])
        s[BOUND] += own
        if kept == BOUND and upper <= top[BOUND - 1]:
            continue
        at = kept if kept < BOUND else BOUND - 1
        kept = min(kept + 1, BOUND)
        while at > 0 and top[at - 1] < upper:
            top[at] = top[at - 1]
            who[at] = who[at - 1]
            at -= 1
        top[at] = upper
        who[at] = i
    for k in range(BOUND):
        c = contenders[who[k]]
        m[k] = float(mean[c])
        s[k] = max(float(spread[c]) * scale, least)
        m[BOUND] -= m[k]
        s[BOUND] -= s[k]
    m[BOUND] /= pooled
    s[BOUND] /= pooled
    chances = np.empty(BOUND + 1)
    _chances_fast(m, s, float(pooled), BOUND + 1, chances)
    for i in range(count):
        probabilities[i] = chances[BOUND] / pooled
    for k in range(BOUND):
        probabilities[who[k]] = chances[k]


_shares = njit(cache=True, error_model="numpy")(_share_out)


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
