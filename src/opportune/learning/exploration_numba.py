"""Chances of contenders for consecutive places, compiled: the same steps and notation as in exploration_numpy.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit, types

from opportune.learning.exploration_numpy import (
    BOUND,
    FINEST,
    LEAST_BELOW,
    NODES,
    NODES_LEAST,
    NODES_MOST,
    NORMAL,
    NORMAL_REACH,
    POOL_REACH,
    REACH,
    Field,
)

__all__ = ["draw", "enter", "warm_up"]

Doubles = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]
Booleans = npt.NDArray[np.bool_]

GRID = max(NODES, NODES_LEAST * (BOUND + 1))
"""Most nodes of a grid."""
N0, N1, N2, N3, N4, N5, N6, N7, N8 = (np.float32(factor) for factor in NORMAL)
ZERO, HALF, ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
ROOT_OF_LEAST = np.float32(1e-15)
FAR, TWO_SIDES = np.float32(NORMAL_REACH), np.float32(-NORMAL_REACH)

Step = TypeVar("Step", bound=Callable[..., Any])


def _fast(step: Step) -> Step:
    """Compile so that sums may run in lanes; the same machine code gives the same bits."""
    return cast(Step, njit(cache=True, fastmath=True, error_model="numpy")(step))


def _plain(step: Step) -> Step:
    return cast(Step, njit(cache=True, error_model="numpy")(step))


@_fast
def _fill_below(grid: Doubles, middle: float, slope: float, row: Singles) -> None:
    """Fill one row's cumulative normal over the grid. No branches: it runs in lanes."""
    for k in range(len(grid)):
        x = min(max(np.float32((grid[k] - middle) * slope), TWO_SIDES), FAR)
        u = x * x
        row[k] = ((((((((N8 * u + N7) * u + N6) * u + N5) * u + N4) * u + N3) * u + N2) * u + N1) * u + N0) * x + HALF


@_fast
def _fill_shares(row: Singles, shares: Singles) -> None:
    last = len(row) - 1
    shares[0] = (row[1] - row[0]) / row[0]
    for k in range(1, last):
        shares[k] = (row[k + 1] - row[k - 1]) / row[k]
    shares[last] = (row[last] - row[last - 1]) / row[last]


@_fast
def _multiply(product: Singles, row: Singles) -> None:
    for k in range(len(row)):
        product[k] = max(product[k] * row[k], LEAST_BELOW)


@_fast
def _dot(product: Singles, shares: Singles) -> np.float32:
    total = ZERO
    for k in range(len(shares)):
        total += product[k] * shares[k]
    return total


@_fast
def _power(row: Singles, times: int, raised: Singles) -> None:
    """Raise a row to a whole power by squaring."""
    base = row.copy()
    raised[:] = ONE
    while times > 0:
        if times % 2 == 1:
            _multiply(raised, base)
        times //= 2
        for k in range(len(base)):
            base[k] = max(base[k] * base[k], ROOT_OF_LEAST)


@_plain
def _sorted(nodes: Doubles) -> Doubles:
    """Sort by buckets and insertion: nodes are spread well enough that this beats a general sort three times."""
    size = len(nodes)
    low = nodes.min()
    width = nodes.max() - low
    if not width > 0.0:
        return nodes
    scale = (size - 2) / width
    ends = np.zeros(size, dtype=np.uint32)
    bucket = np.empty(size, dtype=np.uint32)
    for k in range(size):
        bucket[k] = np.uint32(np.int32((nodes[k] - low) * scale))
    for k in range(size):
        ends[bucket[k] + np.uint32(1)] += np.uint32(1)
    for k in range(1, size):
        ends[k] += ends[k - 1]
    placed = np.empty(size)
    for k in range(size):
        at = ends[bucket[k]]
        placed[at] = nodes[k]
        ends[bucket[k]] = at + np.uint32(1)
    for k in range(1, size):
        z = placed[k]
        at = k
        while at > 0 and placed[at - 1] > z:
            placed[at] = placed[at - 1]
            at -= 1
        placed[at] = z
    return placed


@_plain
def _keep_best(best: Doubles, kept: int, value: float) -> int:
    """Insert a value that is above the last of `kept` falling ones, or below with room left; give its place."""
    at = min(kept, len(best) - 1)
    while at > 0 and best[at - 1] < value:
        best[at] = best[at - 1]
        at -= 1
    best[at] = value
    return at


@_plain
def _gather(
    mean: Singles, spread: Singles, alive: Booleans, places: int, scale: float, who: Places, m: Doubles, s: Doubles
) -> tuple[int, float]:
    """Lay the alive side by side; return their number (-1 where one is not finite) and the cut."""
    n = 0
    for c in range(len(mean)):
        who[n] = c
        n += alive[c]
    is_valid = True
    for k in range(n):
        m[k] = mean[who[k]]
        s[k] = spread[who[k]]
        # NaN fails every comparison.
        is_valid &= (abs(m[k]) < math.inf) & (s[k] >= 0.0) & (s[k] < math.inf)
    if not is_valid:
        return -1, 0.0
    best = np.full(min(places, n), -math.inf)
    for k in range(n):
        s[k] = max(s[k] * scale, abs(m[k]) * FINEST, 1e-30)
        low = m[k] - REACH * s[k]
        if low > best[-1]:
            _keep_best(best, len(best), low)
    return n, best[-1]


@_plain
def _pool(m: Doubles, s: Doubles, row_of: Places) -> None:
    """Give the BOUND with the highest upper ends rows of their own, ties in candidate order; pool the others.

    m, s of the K contenders are replaced by those of the rows.
    """
    top = np.empty(BOUND)
    who = np.empty(BOUND, dtype=np.intp)
    kept = 0
    for i in range(len(row_of)):
        row_of[i] = BOUND
        upper = m[i] + REACH * s[i]
        if kept == BOUND and upper <= top[BOUND - 1]:
            continue
        at = _keep_best(top, kept, upper)
        kept = min(kept + 1, BOUND)
        for k in range(kept - 1, at, -1):
            who[k] = who[k - 1]
        who[at] = i
    for k in range(BOUND):
        row_of[who[k]] = k
    own_m, own_s = m[who], s[who]
    pooled_m = pooled_s = 0.0
    for i in range(len(row_of)):
        if row_of[i] == BOUND:
            pooled_m += m[i]
            pooled_s += s[i]
    m[:BOUND], s[:BOUND] = own_m, own_s
    m[BOUND], s[BOUND] = pooled_m / (len(row_of) - BOUND), pooled_s / (len(row_of) - BOUND)


@_plain
def _lay_rows(m: Doubles, s: Doubles, cut: float, is_pooled: bool, below: Singles, shares: Singles) -> None:
    """Fill the rows over the grid that they share."""
    rows = len(m)
    q = max(NODES_LEAST, min(NODES_MOST, NODES // rows))
    nodes = np.empty(rows * q)
    for i in range(rows):
        reach = s[i] * (POOL_REACH if is_pooled and i == BOUND else REACH)
        for k in range(q):
            nodes[i * q + k] = max(m[i] + reach * ((k + (i + 0.5) / rows) * (2.0 / q) - 1.0), cut)
    grid = _sorted(nodes)
    size = len(grid)
    for i in range(rows):
        row = below[i * size : (i + 1) * size]
        _fill_below(grid, m[i], 1.0 / s[i], row)
        _fill_shares(row, shares[i * size : (i + 1) * size])


def _enter(
    mean: Singles,
    spread: Singles,
    alive: Booleans,
    places: int,
    scale: float,
    contenders: Places,
    lows: Doubles,
    row_of: Places,
    below: Singles,
    shares: Singles,
) -> tuple[int, int, float]:
    """Fill contenders, lows, row_of, below, shares; return contenders (-1: not finite), rows, cut."""
    m, s = np.empty(len(mean)), np.empty(len(mean))
    n, cut = _gather(mean, spread, alive, places, scale, contenders, m, s)
    count = 0
    for k in range(n):
        contenders[count], m[count], s[count] = contenders[k], m[k], s[k]
        lows[count], row_of[count] = m[k] - REACH * s[k], count
        count += m[k] + REACH * s[k] >= cut
    if n < 0:
        return -1, 0, 0.0
    rows = min(count, BOUND + 1)
    if count > BOUND:
        _pool(m, s, row_of[:count])
    if count > 1:
        _lay_rows(m[:rows], s[:rows], cut, count > BOUND, below, shares)
    return count, rows, cut


@_plain
def _fill_chances(row_of: Places, below: Singles, shares: Singles, rows: int, chances: Doubles) -> None:
    """Fill the chance of every contender that is here, of those in `row_of`."""
    nodes = max(NODES_LEAST, min(NODES_MOST, NODES // rows)) * rows
    is_here = np.zeros(rows, dtype=np.bool_)
    members = 0
    for row in row_of:
        is_here[row] = True
        members += row == BOUND
    product = np.ones(nodes, dtype=np.float32)
    pool = np.empty(nodes, dtype=np.float32)
    for i in range(rows):
        if is_here[i]:
            row = below[i * nodes : (i + 1) * nodes]
            if i == BOUND:
                _power(row, members, pool)
                row = pool
            _multiply(product, row)
    gained = np.zeros(rows)
    for i in range(rows):
        if is_here[i]:
            share = shares[i * nodes : (i + 1) * nodes]
            if i == BOUND:
                share = np.empty(nodes, dtype=np.float32)
                _fill_shares(pool, share)
            # What lies below the grid is nobody's in particular: all share it by size.
            gained[i] = max(float(_dot(product, share)) / (members if i == BOUND else 1), 1e-300)
    total = 0.0
    for i in range(len(row_of)):
        chances[i] = gained[row_of[i]]
        total += chances[i]
    for i in range(len(row_of)):
        chances[i] /= total


@_plain
def _pick(
    alive: Booleans, who: Places, probabilities: Doubles, rest: float, others: int, u: float
) -> tuple[int, float]:
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


def _draw(
    alive: Booleans,
    u: float,
    floor: float,
    cut: float,
    contenders: Places,
    lows: Doubles,
    row_of: Places,
    below: Singles,
    shares: Singles,
    rows: int,
    who: Places,
    probabilities: Doubles,
) -> tuple[int, int, int, float]:
    """Fill who and probabilities; return alive, those here (-1: stale), the chosen and its probability."""
    here = 0
    highest = -math.inf
    their_rows = np.empty(len(contenders), dtype=np.intp)
    for i in range(len(contenders)):
        if alive[contenders[i]]:
            who[here] = contenders[i]
            their_rows[here] = row_of[i]
            highest = max(highest, lows[i])
            here += 1
    if here == 0 or highest < cut:
        return 0, -1, -1, 0.0
    n = 0
    for is_alive in alive:
        n += is_alive
    if here == 1:
        probabilities[0] = 1.0
    else:
        _fill_chances(their_rows[:here], below, shares, rows, probabilities[:here])
    rest = floor / n
    for i in range(here):
        probabilities[i] = probabilities[i] * (1.0 - floor) + rest
    chosen, probability = _pick(alive, who[:here], probabilities[:here], rest, n - here, u)
    return n, here, chosen, probability


def _given(dtype: types.Type) -> types.Type:
    return types.Array(dtype, 1, "C", readonly=True)


# One signature each, compiled when this module is imported: no request waits for a new combination of types.
_PLACES, _DOUBLES, _SINGLES = types.intp[::1], types.float64[::1], types.float32[::1]
_entering = njit(
    [
        (
            *(_given(types.float32), _given(types.float32), _given(types.boolean), types.intp, types.float64),
            *(_PLACES, _DOUBLES, _PLACES, _SINGLES, _SINGLES),
        )
    ],
    cache=True,
    error_model="numpy",
)(_enter)
_drawing = njit(
    [
        (
            *(_given(types.boolean), types.float64, types.float64, types.float64),
            *(_PLACES, _DOUBLES, _PLACES, _SINGLES, _SINGLES, types.intp, _PLACES, _DOUBLES),
        )
    ],
    cache=True,
    error_model="numpy",
)(_draw)


def enter(mean: Singles, spread: Singles, alive: Booleans, places: int, scale: float) -> Field | None:
    """As exploration_numpy.enter."""
    size = len(mean)
    contenders, row_of = np.empty((2, size + 1), dtype=np.intp)
    lows = np.empty(size + 1)
    below, shares = np.empty((2, min(size, BOUND + 1) * GRID), dtype=np.float32)
    count, rows, cut = _entering(mean, spread, alive, places, scale, contenders, lows, row_of, below, shares)
    if count < 0:
        return None
    return Field(cut, contenders[:count], lows[:count], row_of[:count], below, shares, rows)


def draw(
    field: Field, alive: Booleans, u: float, floor: float
) -> tuple[int, float, Places, Doubles, float, int] | None:
    """Draw one place; give what a Selection holds, None where the field is stale."""
    count = len(field.contenders)
    who, probabilities = np.empty(count, dtype=np.intp), np.empty(count)
    n, here, chosen, probability = _drawing(
        alive,
        u,
        floor,
        field.cut,
        field.contenders,
        field.lows,
        field.row_of,
        field.below,
        field.shares,
        field.rows,
        who,
        probabilities,
    )
    return None if here < 0 else (chosen, probability, who[:here], probabilities[:here], floor / n, n)


def warm_up() -> None:
    """Importing this module compiles all, or loads it from the compiler's cache; the first call links it."""
    ones = np.ones(2, dtype=np.float32)
    field = enter(ones, ones, np.ones(2, dtype=np.bool_), 1, 1.0)
    assert field is not None
    draw(field, np.ones(2, dtype=np.bool_), 0.5, 0.0)
