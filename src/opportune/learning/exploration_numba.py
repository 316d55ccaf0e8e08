"""Chances of contenders for consecutive places, compiled: the same steps and notation as in exploration_numpy.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit, types

from opportune.learning.exploration_numpy import (
    BOUND,
    CUTS,
    FINEST,
    LEAST_BELOW,
    NODES,
    NODES_LEAST,
    NODES_MOST,
    NORMAL,
    NORMAL_REACH,
    POOL_REACH,
    RANK,
    REACH,
)
from opportune.learning.igw_numba import igw
from opportune.learning.selection import GREEDY, IGW, STALE, UNIFORM, Selection
from opportune.learning.selection_numba import count_alive, greedy, highest, nobody, pick, plain, uniform

__all__ = ["Field", "next_place", "nowhere", "warm_up"]

Doubles = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]
Booleans = npt.NDArray[np.bool_]

N0, N1, N2, N3, N4, N5, N6, N7, N8 = (np.float32(factor) for factor in NORMAL)
ZERO, HALF, ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
LEAST, ROOT_OF_LEAST = float(LEAST_BELOW), 1e-15
FAR, TWO_SIDES = np.float32(NORMAL_REACH), np.float32(-NORMAL_REACH)


class Field(NamedTuple):
    """Contenders of the next places and their normals over one grid; arrays are not changed.

    Args:
        contenders: intp [K], candidate indices, ascending.
        is_best: bool [K]; `least` of them have to be there, or the field is stale.
        row_of: intp [K], row of each contender; BOUND is the pool's.
        below: float32 [R * Q], chance that a row's draw is below each node; of own rows alone.
        shares: float32 [R * Q], what the chance of a row gains at each node, as a part of the product of all rows.
        pool: float64 [Q], chance that the draw of one of the pool is below each node.
        rows: R, with that of the pool.
        nodes: Q.
    """

    contenders: npt.NDArray[np.intp]
    is_best: npt.NDArray[np.bool_]
    least: int
    row_of: npt.NDArray[np.intp]
    below: npt.NDArray[np.float32]
    shares: npt.NDArray[np.float32]
    pool: npt.NDArray[np.float64]
    rows: int
    nodes: int


Step = TypeVar("Step", bound=Callable[..., Any])


def _fast(step: Step) -> Step:
    """Compile so that sums may run in lanes; the same machine code gives the same bits."""
    return cast(Step, njit(cache=True, fastmath=True, error_model="numpy")(step))


@njit(cache=True, fastmath={"contract", "nnan", "ninf", "nsz"}, error_model="numpy")
def _fill_below(high: Singles, low: Singles, middle: float, slope: np.float32, row: Singles) -> None:
    """Fill one row's cumulative normal over the grid, given in two parts. No branches: it runs in lanes."""
    middle_high = np.float32(middle)
    middle_low = np.float32(middle - np.float64(middle_high))
    for k in range(len(row)):
        x = min(max(((high[k] - middle_high) + (low[k] - middle_low)) * slope, TWO_SIDES), FAR)
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
def _fill_pool(grid: Doubles, middle: float, slope: float, pool: Doubles) -> None:
    """Fill the pool's cumulative normal over the grid, in double precision: it is multiplied with itself many times."""
    for k in range(len(grid)):
        x = min(max((grid[k] - middle) * slope, -NORMAL_REACH), NORMAL_REACH)
        u = x * x
        total = NORMAL[8]
        for power in range(7, -1, -1):
            total = total * u + NORMAL[power]
        pool[k] = total * x + 0.5


@_fast
def _raise(pool: Doubles, times: int, product: Singles, shares: Singles) -> None:
    """Multiply the product by the chance that so many of the pool are below each node; fill the shares of all."""
    raised, base = np.ones(len(pool)), pool.copy()
    while times > 0:
        if times % 2 == 1:
            for k in range(len(base)):
                raised[k] = max(raised[k] * base[k], LEAST)
        times //= 2
        for k in range(len(base)):
            base[k] = max(base[k] * base[k], ROOT_OF_LEAST)
    last = len(pool) - 1
    for k in range(len(pool)):
        shares[k] = np.float32((raised[min(k + 1, last)] - raised[max(k - 1, 0)]) / raised[k])
        product[k] = max(product[k] * np.float32(raised[k]), LEAST_BELOW)


@plain
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


@plain
def _gather(mean: Singles, spread: Singles, alive: Booleans, scale: float, who: Places, m: Doubles, s: Doubles) -> int:
    """Lay the alive side by side; return their number, -1 where one is not finite."""
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
        s[k] = max(s[k] * scale, abs(m[k]) * FINEST, 1e-30)
    return n if is_valid else -1


@plain
def _cut(m: Doubles, s: Doubles, places: int) -> tuple[float, float, int]:
    """Give where the grid begins, its depth, and how many candidates it needs."""
    cut, depth, least = -math.inf, REACH, 1
    lows = np.empty(len(m))
    for reach, count in CUTS:
        size = places - 1 + count
        if size > len(m):
            continue
        for k in range(len(m)):
            lows[k] = m[k] - reach * s[k]
        last = lows[highest(lows, size)[-1]]
        if last > cut:
            cut, depth, least = last, reach, count
    return cut, depth, least


@plain
def _pool(m: Doubles, s: Doubles, row_of: Places) -> None:
    """Give the BOUND that rank highest rows of their own, ties in candidate order; pool the others.

    m, s of the K contenders are replaced by those of the rows.
    """
    rank = np.empty(len(m))
    for i in range(len(m)):
        rank[i] = m[i] + RANK * s[i]
    row_of[:] = BOUND
    who = highest(rank, BOUND)
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


@plain
def _grid(m: Doubles, s: Doubles, cut: float, is_pooled: bool) -> Doubles:
    """Give the nodes that the rows share, ascending."""
    rows = len(m)
    q = max(NODES_LEAST, min(NODES_MOST, NODES // rows))
    nodes = np.empty(rows * q + 2)
    nodes[0] = cut
    size = 1
    for i in range(rows):
        reach = s[i] * (POOL_REACH if is_pooled and i == BOUND else REACH)
        for k in range(q):
            node = m[i] + reach * ((k + (i + 0.5) / rows) * (2.0 / q) - 1.0)
            nodes[size] = node
            size += node > cut
    return _sorted(nodes[:size])


@plain
def _enter(mean: Singles, spread: Singles, alive: Booleans, places: int, scale: float) -> Field:
    # No more room than the alive take: what is written first is slow.
    size = count_alive(alive) + 1
    contenders, row_of, is_best = np.empty(size, dtype=np.intp), np.empty(size, dtype=np.intp), np.empty(size, np.bool_)
    m, s = np.empty(size), np.empty(size)
    n = _gather(mean, spread, alive, scale, contenders, m, s)
    if n < 0:
        return nowhere()
    cut, depth, least = _cut(m[:n], s[:n], min(places, n))
    count = 0
    for k in range(n):
        contenders[count], m[count], s[count] = contenders[k], m[k], s[k]
        is_best[count], row_of[count] = m[k] - depth * s[k] >= cut, count
        count += m[k] + REACH * s[k] >= cut
    rows = min(count, BOUND + 1)
    own = min(count, BOUND)
    if count > BOUND:
        _pool(m[:count], s[:count], row_of[:count])
    grid = _grid(m[:rows], s[:rows], cut, count > BOUND) if rows > 1 else m[:0]
    nodes = len(grid)
    below, shares = np.empty(own * nodes, dtype=np.float32), np.empty(own * nodes, dtype=np.float32)
    # In two parts, since a sharp contender far above the cut must not fall between two nodes.
    high = grid.astype(np.float32)
    low = (grid - high).astype(np.float32)
    for i in range(own if nodes else 0):
        row = below[i * nodes : (i + 1) * nodes]
        _fill_below(high, low, m[i], np.float32(1.0 / s[i]), row)
        _fill_shares(row, shares[i * nodes : (i + 1) * nodes])
    pool = np.empty(nodes if rows > own else 0)
    if rows > own:
        _fill_pool(grid, m[BOUND], 1.0 / s[BOUND], pool)
    return Field(contenders[:count], is_best[:count], least, row_of[:count], below, shares, pool, rows, nodes)


@plain
def _fill_chances(field: Field, row_of: Places, chances: Doubles) -> None:
    """Fill the chance of every contender that is here, of those in `row_of`."""
    rows, nodes = field.rows, field.nodes
    is_here = np.zeros(rows, dtype=np.bool_)
    members = 0
    for row in row_of:
        is_here[row] = True
        members += row == BOUND
    product, of_pool = np.ones(nodes, dtype=np.float32), np.empty(nodes, dtype=np.float32)
    for i in range(min(rows, BOUND)):
        if is_here[i]:
            _multiply(product, field.below[i * nodes : (i + 1) * nodes])
    if members:
        _raise(field.pool, members, product, of_pool)
    gained = np.zeros(rows)
    for i in range(rows):
        if is_here[i]:
            share = of_pool if i == BOUND else field.shares[i * nodes : (i + 1) * nodes]
            # What lies below the grid is nobody's in particular: all share it by size.
            gained[i] = max(float(_dot(product, share)) / (members if i == BOUND else 1), 1e-300)
    total = 0.0
    for i in range(len(row_of)):
        chances[i] = gained[row_of[i]]
        total += chances[i]
    for i in range(len(row_of)):
        chances[i] /= total


@plain
def nowhere() -> Field:
    """Give a field without contenders, from which every draw is stale."""
    no_one, no_row = np.empty(0, dtype=np.intp), np.empty(0, dtype=np.float32)
    return Field(no_one, np.empty(0, dtype=np.bool_), 1, no_one, no_row, no_row, np.empty(0), 0, 0)


@plain
def _draw(field: Field, alive: Booleans, u: float, floor: float) -> Selection:
    here = best = 0
    count = len(field.contenders)
    who, probabilities, rows = np.empty(count, dtype=np.intp), np.empty(count), np.empty(count, dtype=np.intp)
    for i in range(count):
        if alive[field.contenders[i]]:
            who[here], rows[here] = field.contenders[i], field.row_of[i]
            best += field.is_best[i]
            here += 1
    if best < field.least:
        return nobody(STALE)
    if here == 1:
        probabilities[0] = 1.0
    else:
        _fill_chances(field, rows[:here], probabilities[:here])
    n = count_alive(alive)
    rest = floor / n
    for i in range(here):
        probabilities[i] = probabilities[i] * (1.0 - floor) + rest
    chosen, probability = pick(alive, who[:here], probabilities[:here], rest, n - here, u)
    return Selection(chosen, probability, who[:here], probabilities[:here], rest, n)


def _next_place(
    field: Field,
    mean: Singles,
    spread: Singles,
    alive: Booleans,
    u: float,
    places: int,
    method: int,
    strength: float,
    floor: float,
) -> tuple[Selection, Field]:
    if method == UNIFORM:
        return uniform(alive, u), field
    if method == IGW:
        return igw(mean, spread, alive, u, strength, floor), field
    if method == GREEDY or strength == 0.0:
        return greedy(mean, spread, alive, u, floor), field
    drawn = _draw(field, alive, u, floor)
    if drawn.alive >= 0:
        return drawn, field
    if count_alive(alive) == 0:
        return nobody(0), field
    field = _enter(mean, spread, alive, places, strength)
    return _draw(field, alive, u, floor), field


def _given(dtype: types.Type) -> types.Type:
    return types.Array(dtype, 1, "C", readonly=True)


_INDICES, _DOUBLES, _SINGLES = types.intp[::1], types.float64[::1], types.float32[::1]
_BOOLEANS = types.boolean[::1]
_FIELD = types.NamedTuple(  # type: ignore[no-untyped-call]
    (_INDICES, _BOOLEANS, types.intp, _INDICES, _SINGLES, _SINGLES, _DOUBLES, types.intp, types.intp), Field
)
# One signature, compiled when this module is imported: no request waits for a new combination of types.
next_place = njit(
    [
        (
            *(_FIELD, _given(types.float32), _given(types.float32), _given(types.boolean)),
            *(types.float64, types.intp, types.intp, types.float64, types.float64),
        )
    ],
    cache=True,
    error_model="numpy",
)(_next_place)


def warm_up() -> None:
    """Importing this module compiles all, or loads it from the compiler's cache; the first call links it."""
    ones = np.ones(2, dtype=np.float32)
    next_place(nowhere(), ones, ones, np.ones(2, dtype=np.bool_), 0.5, 1, 0, 1.0, 0.0)
