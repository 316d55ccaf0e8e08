"""Chances of contenders for consecutive places, NumPy form. Notation and formulas: exploration.py.

What holds for all places is worked out once, as a field; every place then needs two passes over it.

Further notation:
    K  contenders; R rows: one per contender, or BOUND of them and the pool; Q nodes of the grid
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opportune.learning.igw_numpy import igw
from opportune.learning.selection import GREEDY, IGW, STALE, UNIFORM, Selection
from opportune.learning.selection_numpy import greedy, nobody, pick, uniform

__all__ = ["Field", "next_place", "nowhere"]

BOUND = 32
"""Contenders beyond this many are pooled: integrated as equals of their average, sharing what that gives."""
REACH = 3.5
"""A candidate has a real chance if its mean + REACH * s reaches the cut."""
NODES = 112
"""Grid nodes of one place, shared by the contenders: 8 to 24 for each. Fewer than 8 were wrong by up to 0.015."""
NODES_LEAST, NODES_MOST = 8, 24
POOL_REACH = 4.0
"""The largest draw of a large pool lies further out; beyond this the normal below is taken as 0 or 1."""
FINEST = 1e-7
"""Least spread in shares of the mean: each candidate's own, so that no extreme one blurs the others."""
LEAST_BELOW = np.float32(1e-30)
"""Products are kept above this: smaller numbers are a hundred times slower, and change nothing."""

NORMAL_REACH = 4.0
NORMAL = (
    0.39892270956524134,
    -0.06641059485821914,
    0.009877476507899814,
    -0.0011339219222382775,
    9.890803263533726e-05,
    -6.294993574748775e-06,
    2.716151899796704e-07,
    -7.003450085189219e-09,
    8.063391966248296e-11,
)
"""Cumulative normal at x, |x| <= NORMAL_REACH: 0.5 + x * sum NORMAL[k] * x ** (2 k), right to 4e-6.

A minimax fit made for this; multiplications alone run many lanes at once, which a table of values does not.
"""

Singles = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Booleans = npt.NDArray[np.bool_]


class Field(NamedTuple):
    """Contenders of the next places and their normals over one grid; arrays are not changed.

    Args:
        contenders: intp [K], candidate indices, ascending.
        best: intp, places in `contenders` of those of whom one has to be there, or the field is stale.
        own: intp [R], places in `contenders` of those with a row of their own.
        row_of: intp [K], row of each contender; R is the pool's.
        below: float32 [R, Q], chance that a row's draw is below each node.
        shares: float32 [R, Q], what the chance of a row gains at each node, as a part of the product of all rows.
        pool: float32 [Q + 2], log of the chance that the draw of one of the pool is below each node, the ends twice.
    """

    contenders: Places
    best: Places
    own: Places
    row_of: Places
    below: Singles
    shares: Singles
    pool: Singles


def next_place(
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
    """Draw one place and give the field for the next ones; the selection is STALE where somebody is not finite.

    Args:
        field: of the place before, or `nowhere`.
        alive: bool [C], who may take the place: those of the place before, or some of them.
        places: how many will still be drawn, this one included.
        method: THOMPSON, GREEDY, UNIFORM or IGW.
        strength: scale of THOMPSON, >= 0 (0 makes it greedy), or gamma of IGW.
    """
    if method == UNIFORM:
        return uniform(alive, u), field
    if method == IGW:
        return igw(mean, spread, alive, u, strength, floor), field
    if method == GREEDY or strength == 0.0:
        return greedy(mean, spread, alive, u, floor), field
    drawn = _draw(field, alive, u, floor)
    if drawn.alive >= 0:
        return drawn, field
    if not alive.any():
        return nobody(0), field
    field = _enter(mean, spread, alive, places, strength)
    return _draw(field, alive, u, floor), field


def nowhere() -> Field:
    """Give a field without contenders, from which every draw is stale."""
    return Field(_NOBODY, _NOBODY, _NOBODY, _NOBODY, _NO_ROWS, _NO_ROWS, _NO_ROWS)


def _enter(mean: Singles, spread: Singles, alive: Booleans, places: int, scale: float) -> Field:
    """Find the contenders of the next `places` places; some are alive."""
    indices = np.flatnonzero(alive)
    m = mean.take(indices).astype(np.float64)
    s = spread.take(indices).astype(np.float64)
    # NaN fails every comparison, so that extremes tell all.
    size = np.abs(m)
    if not (float(size.max()) < np.inf and float(s.min()) >= 0.0 and float(s.max()) < np.inf):
        return nowhere()
    s *= scale
    # As fine as the float32 mean itself, and still a grid.
    np.maximum(s, np.maximum(size * FINEST, 1e-30), out=s)
    reach = REACH * s
    lows = m - reach
    last = len(lows) - min(places, len(lows))
    cut = float(np.partition(lows, last)[last])
    upper = m + reach
    near = np.flatnonzero(upper >= cut)
    contenders, m, s, lows = indices.take(near), m.take(near), s.take(near), lows.take(near)
    row_of = own = np.arange(len(near))
    if len(near) > BOUND:
        by_upper = np.argsort(-upper.take(near), kind="stable")
        own, pooled = by_upper[:BOUND], by_upper[BOUND:]
        row_of = np.full(len(near), BOUND)
        row_of[own] = np.arange(BOUND)
        m = np.append(m[own], m[pooled].sum() / len(pooled))
        s = np.append(s[own], s[pooled].sum() / len(pooled))
    below = _below(m, s, cut, len(near) > BOUND)
    shares = below[:, 2:] - below[:, :-2]
    shares /= below[:, 1:-1]
    best = np.flatnonzero(lows >= cut)
    return Field(contenders, best, own, row_of, below[: len(own), 1:-1], shares[: len(own)], np.log(below[-1]))


def _draw(field: Field, alive: Booleans, u: float, floor: float) -> Selection:
    """Draw one place."""
    here = alive.take(field.contenders)
    if not here.take(field.best).any():
        return nobody(STALE)
    n = int(np.count_nonzero(alive))
    rest = floor / n
    chances = _chances(field, here)
    chances *= 1.0 - floor
    chances += rest
    who, probabilities = field.contenders[here], chances.take(field.row_of[here])
    chosen, probability = pick(alive, who, probabilities, rest, u, n)
    return Selection(chosen, probability, who, probabilities, rest, n)


_NOBODY = np.zeros(0, dtype=np.intp)
_NO_ROWS = np.zeros((0, 0), dtype=np.float32)


def _chances(field: Field, here: Booleans) -> Doubles:
    """Chance to draw the largest of one contender of each row, float64 [R + 1]; those here are `here`, bool [K]."""
    is_own = here.take(field.own)
    own = np.flatnonzero(is_own)
    members = int(np.count_nonzero(here)) - len(own)
    product = np.multiply.reduce(field.below if len(own) == len(is_own) else field.below.take(own, axis=0), axis=0)
    gained = np.zeros(len(is_own) + 1)
    if members:
        pool = np.maximum(np.exp(field.pool * np.float32(members)), LEAST_BELOW)
        product *= pool[1:-1]
    np.maximum(product, LEAST_BELOW, out=product)
    gained[:-1] = np.einsum("rq,q->r", field.shares, product)
    if members:
        gained[-1] = np.einsum("q,q->", (pool[2:] - pool[:-2]) / pool[1:-1], product) / members
    # What lies below the grid: everybody's draw is there. It is nobody's in particular, so all share it by size.
    np.maximum(gained, 1e-300, out=gained)
    gained /= float(gained.take(own).sum()) + members * float(gained[-1])
    return gained


def _below(m: Doubles, s: Doubles, cut: float, is_pooled: bool) -> Singles:
    """Chance that each row's draw is below each node of the grid, float32 [R, Q + 2]: the ends stand there twice."""
    count = len(m)
    reach = REACH * s
    if is_pooled:
        reach[-1] = POOL_REACH * s[-1]
    nodes = reach[:, None] * _offsets(count)
    nodes += m[:, None]
    grid = np.empty(nodes.size + 2)
    inner = np.maximum(nodes.ravel(), cut, out=grid[1:-1])
    inner.sort()
    grid[0], grid[-1] = grid[1], grid[-2]
    # In two parts, since a sharp contender far above the cut must not fall between two nodes.
    grid_high, grid_low = _parts(grid)
    m_high, m_low = _parts(m)
    distance = grid_high - m_high[:, None]
    distance += grid_low - m_low[:, None]
    distance *= (1.0 / s).astype(np.float32)[:, None]
    return _normal(distance)


def _parts(numbers: Doubles) -> tuple[Singles, Singles]:
    """Split into single precision and what it leaves."""
    high = numbers.astype(np.float32)
    return high, (numbers - high).astype(np.float32)


@functools.cache
def _offsets(count: int) -> Doubles:
    """Nodes around each contender, in units of its reach.

    Each one's are shifted by another part of a step, so that equals refine each other's grid.
    """
    q = max(NODES_LEAST, min(NODES_MOST, NODES // count))
    steps: Doubles = np.arange(q) + (np.arange(count)[:, None] + 0.5) / count
    return steps * (2.0 / q) - 1.0


def _normal(x: Singles) -> Singles:
    """Cumulative normal of every x, which is changed."""
    np.minimum(x, np.float32(NORMAL_REACH), out=x)
    np.maximum(x, np.float32(-NORMAL_REACH), out=x)
    square = x * x
    total = square * np.float32(NORMAL[-1])
    for factor in NORMAL[-2:0:-1]:
        total += np.float32(factor)
        total *= square
    total += np.float32(NORMAL[0])
    total *= x
    total += np.float32(0.5)
    return total
