"""Chances of contenders for consecutive places, NumPy form. Notation and formulas: exploration.py.

What holds for all places is worked out once, as a field; every place then needs two passes over it.

Further notation:
    K  contenders; R rows: one per contender, or BOUND of them and the pool; Q nodes of the grid
"""

from __future__ import annotations

import functools
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from opportune.learning.igw_numpy import igw
from opportune.learning.selection import GREEDY, IGW, STALE, UNIFORM, Selection
from opportune.learning.selection_numpy import greedy, nobody, pick, uniform

__all__ = ["Field", "next_place", "nowhere"]

BOUND = 24
"""Contenders beyond this many are pooled: integrated as equals of their average, sharing what that gives."""
RANK = 2.0
"""Those with the highest mean + RANK * s are integrated one by one; by REACH, unsure ones far behind came first."""
REACH = 3.5
"""A candidate has a real chance if its mean + REACH * s reaches the cut."""
CUTS = ((REACH, 1), (1.55, 3), (0.0, 12))
"""Where `count` candidates have mean - depth * s above the cut, all draws are below it with a chance of 0.00025."""
NODES = 112
"""Grid nodes of one place, shared by the contenders: 8 to 24 for each, of which those above the cut are used. Fewer
than 8 were wrong by up to 0.015."""
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
Real = TypeVar("Real", np.float32, np.float64)


class Field(NamedTuple):
    """Contenders of the next places and their normals over one grid; arrays are not changed.

    Args:
        contenders: intp [K], candidate indices, ascending.
        best: intp, places in `contenders` of those of whom `least` have to be there, or the field is stale.
        own: intp [R], places in `contenders` of those with a row of their own.
        row_of: intp [K], row of each contender; R is the pool's.
        below: float32 [R, Q], chance that a row's draw is below each node.
        shares: float32 [R, Q], what the chance of a row gains at each node, as a part of the product of all rows.
        pool: float64 [Q + 2], log of the chance that the draw of one of the pool is below each node, the ends twice;
            in double precision, since it is taken as many times as the pool has members.
    """

    contenders: Places
    best: Places
    least: int
    own: Places
    row_of: Places
    below: Singles
    shares: Singles
    pool: Doubles


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
    return Field(_NOBODY, _NOBODY, 1, _NOBODY, _NOBODY, _NO_ROWS, _NO_ROWS, _NO_POOL)


def _enter(mean: Singles, spread: Singles, alive: Booleans, places: int, scale: float) -> Field:
    """Find the contenders of the next `places` places; some are alive."""
    indices = alive.nonzero()[0]
    m = mean.take(indices).astype(np.float64)
    s = spread.take(indices).astype(np.float64)
    # NaN fails every comparison, so that extremes tell all.
    size = np.abs(m)
    if not (size.max() < np.inf and s.min() >= 0.0 and s.max() < np.inf):
        return nowhere()
    s *= scale
    # As fine as the float32 mean itself, and still a grid.
    size *= FINEST
    np.maximum(s, size, out=s)
    np.maximum(s, 1e-30, out=s)
    cut, depth, least = _cut(m, s, min(places, len(m)))
    near = (m + REACH * s >= cut).nonzero()[0]
    contenders, m, s = indices.take(near), m.take(near), s.take(near)
    best = (m - depth * s >= cut).nonzero()[0]
    row_of = own = np.arange(len(near))
    if len(near) > BOUND:
        by_rank = (-(m + RANK * s)).argsort(kind="stable")
        own, row_of = by_rank[:BOUND], np.empty_like(by_rank)
        row_of[by_rank] = np.arange(len(near))
        np.minimum(row_of, BOUND, out=row_of)
        m, s = _pooled(m.take(by_rank)), _pooled(s.take(by_rank))
    below, pool = _below(m, s, cut, len(near) > BOUND)
    shares = below[:, 2:] - below[:, :-2]
    shares /= below[:, 1:-1]
    return Field(contenders, best, least, own, row_of, below[:, 1:-1], shares, pool)


def _pooled(numbers: Doubles) -> Doubles:
    """Give the first BOUND and the average of the others."""
    pooled = numbers[: BOUND + 1].copy()
    pooled[BOUND] = np.add.reduce(numbers[BOUND:]) / (len(numbers) - BOUND)
    return pooled


def _cut(m: Doubles, s: Doubles, places: int) -> tuple[float, float, int]:
    """Where the grid begins: the highest of CUTS; with its depth and how many candidates it needs."""
    cut, depth, least = -np.inf, REACH, 1
    for reach, count in CUTS:
        last = len(m) - (places - 1 + count)
        if last >= 0:
            lows = m - reach * s
            lows.partition(last)
            if lows[last] > cut:
                cut, depth, least = float(lows[last]), reach, count
    return cut, depth, least


def _draw(field: Field, alive: Booleans, u: float, floor: float) -> Selection:
    """Draw one place."""
    here = alive.take(field.contenders)
    if np.count_nonzero(here.take(field.best)) < field.least:
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
_NO_POOL = np.zeros(0)


def _chances(field: Field, here: Booleans) -> Doubles:
    """Chance to draw the largest of one contender of each row, float64 [R + 1]; those here are `here`, bool [K]."""
    is_own = here.take(field.own)
    own = is_own.nonzero()[0]
    members = int(np.count_nonzero(here)) - len(own)
    product = np.multiply.reduce(field.below if len(own) == len(is_own) else field.below.take(own, axis=0), axis=0)
    gained = np.zeros(len(is_own) + 1)
    if members:
        pool = np.maximum(np.exp(field.pool * members), LEAST_BELOW)
        product *= pool[1:-1].astype(np.float32)
    np.maximum(product, LEAST_BELOW, out=product)
    gained[:-1] = np.einsum("rq,q->r", field.shares, product)
    if members:
        gained[-1] = np.einsum("q,q->", (pool[2:] - pool[:-2]) / pool[1:-1], product) / members
    # What lies below the grid: everybody's draw is there. It is nobody's in particular, so all share it by size.
    np.maximum(gained, 1e-300, out=gained)
    gained /= float(gained.take(own).sum()) + members * float(gained[-1])
    return gained


def _below(m: Doubles, s: Doubles, cut: float, is_pooled: bool) -> tuple[Singles, Doubles]:
    """Chance that each own row's draw is below each node, float32 [R, Q + 2], and its log of the pool, float64 [Q + 2].

    The ends stand there twice. The pool's mean and standard deviation are the last.
    """
    reach = REACH * s
    if is_pooled:
        reach[-1] = POOL_REACH * s[-1]
    nodes = reach[:, None] * _offsets(len(m))
    nodes += m[:, None]
    inner = nodes[nodes > cut]
    inner.sort()
    grid = np.empty(len(inner) + 3)
    grid[:2], grid[2:-1] = cut, inner
    grid[-1] = grid[-2]
    pool = _NO_POOL
    if is_pooled:
        pool = np.log(_normal((grid - m[-1]) / s[-1]))
        m, s = m[:-1], s[:-1]
    # In two parts, since a sharp contender far above the cut must not fall between two nodes.
    grid_high, grid_low = _parts(grid)
    m_high, m_low = _parts(m)
    distance = grid_high - m_high[:, None]
    distance += grid_low - m_low[:, None]
    distance *= (1.0 / s).astype(np.float32)[:, None]
    return _normal(distance), pool


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


def _normal(x: npt.NDArray[Real]) -> npt.NDArray[Real]:
    """Cumulative normal of every x, which is changed."""
    np.minimum(x, NORMAL_REACH, out=x)
    np.maximum(x, -NORMAL_REACH, out=x)
    square = x * x
    total = square * NORMAL[-1]
    for factor in NORMAL[-2:0:-1]:
        total += factor
        total *= square
    total += NORMAL[0]
    total *= x
    total += 0.5
    return total
