"""Chances of contenders for consecutive places, NumPy form. Notation and formulas: exploration.py.

What holds for all places is worked out once, as a field; a place then asks who left it, and needs one pass over it.

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
"""Powers are kept above this: smaller numbers are a hundred times slower, and change nothing."""

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

A minimax fit made for this; multiplications alone run many lanes at once, which a table of values does not. It is the
compiled form's: here every step is a call, and `LOG_ODDS` takes fewer.
"""
LOG_ODDS = (
    -1.5957394653126744,
    -0.07278438384269485,
    0.00017572383970096376,
    7.333137813420488e-05,
    -2.843786710465e-06,
)
"""The same as log odds: 1 / (1 + exp(x * sum LOG_ODDS[k] * x ** (2 k))), right to 2e-6; a minimax fit, too.

Odds so small that they vanish beside 1 still tell the log of 1 / (1 + odds), which pools need.
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
        row_of: intp [K], row of each contender; BOUND is the pool's.
        below: float64 [R, Q], chance that the draws of a row, one or all of the pool's, are below each node.
        shares: float64 [R, Q], what the chance of a row gains at each node, as a part of the product of all rows.
        product: float64 [Q], of all rows.
        pool: float64 [Q + 2], log of the chance that the draw of one of the pool is below each node, the ends twice.
        members: of the pool.
    """

    contenders: Places
    best: Places
    least: int
    row_of: Places
    below: Doubles
    shares: Doubles
    product: Doubles
    pool: Doubles
    members: int


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
    if len(field.best):
        drawn = _draw(field, alive, u, floor)
        if drawn.alive >= 0:
            return drawn, field
    indices = alive.nonzero()[0]
    if not len(indices):
        return nobody(0), field
    field = _enter(mean, spread, indices, places, strength)
    return _draw(field, alive, u, floor), field


def nowhere() -> Field:
    """Give a field without contenders, from which every draw is stale."""
    return Field(_NOBODY, _NOBODY, 1, _NOBODY, _NO_ROWS, _NO_ROWS, _NO_NODES, _NO_NODES, 0)


def _enter(mean: Singles, spread: Singles, indices: Places, places: int, scale: float) -> Field:
    """Find the contenders of the next `places` places among those with these indices."""
    m = mean.take(indices).astype(np.float64)
    s = spread.take(indices).astype(np.float64)
    lowest = np.minimum.reduce(s)
    s *= scale
    # As fine as the float32 mean itself, and still a grid.
    size = np.abs(m)
    size *= FINEST
    np.maximum(s, size, out=s)
    np.maximum(s, 1e-30, out=s)
    # A mean or spread that is infinite or NaN is so in `s`, too; NaN fails every comparison.
    if not (lowest >= 0.0 and np.add.reduce(s) < np.inf):
        return nowhere()
    cut, depth, least = _cut(m, s, min(places, len(m)))
    near = (m + REACH * s >= cut).nonzero()[0]
    contenders, m, s = indices.take(near), m.take(near), s.take(near)
    best = (m - depth * s >= cut).nonzero()[0]
    members = len(near) - BOUND
    if members > 0:
        rank = s * -RANK
        rank -= m
        by_rank = rank.argsort(kind="stable")
        row_of = np.empty_like(near)
        row_of.fill(BOUND)
        row_of[by_rank[:BOUND]] = _ROWS[:BOUND]
        # The first BOUND as they are, and the average of the others.
        m, s = np.add.reduceat(m.take(by_rank), _ROWS), np.add.reduceat(s.take(by_rank), _ROWS)
        m[BOUND] /= members
        s[BOUND] /= members
    else:
        row_of = _ROWS[: len(near)]
    below, pool = _below(m, s, cut)
    if members > 0:
        below[BOUND] = _raised(pool, members)
    inner = below[:, 1:-1]
    return Field(
        contenders, best, least, row_of, inner, _shares(below), np.multiply.reduce(inner, axis=0), pool, members
    )


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
    chances = _gained(field, here)
    chances *= (1.0 - floor) / np.add.reduce(chances)
    chances += rest
    who = field.contenders[here]
    chosen, probability = pick(alive, who, chances, rest, u, n)
    return Selection(chosen, probability, who, chances, rest, n)


_NOBODY = np.zeros(0, dtype=np.intp)
_NO_ROWS = np.zeros((0, 0))
_NO_NODES = np.zeros(0)
_ROWS = np.arange(BOUND + 1)


def _gained(field: Field, here: Booleans) -> Doubles:
    """Give every contender who is here, `here` as bool [K], a positive number in proportion to its chance, float64."""
    rows = field.row_of[here]
    product, shares, members = field.product, field.shares, field.members
    if len(rows) < len(here):
        gone = field.row_of[~here].tolist()
        for row in gone:
            if row < BOUND:
                product = product / field.below[row]
            else:
                members -= 1
        if members < field.members:
            raised = _raised(field.pool, members)
            product *= raised[1:-1] / field.below[BOUND]
            shares = shares.copy()
            shares[BOUND] = _shares(raised)
    gained = np.einsum("rq,q->r", shares, product)
    if members > 0:
        gained[BOUND] /= members
    # What lies below the grid: everybody's draw is there. It is nobody's in particular, so all share it by size.
    np.maximum(gained, 1e-300, out=gained)
    gained_each: Doubles = gained.take(rows)
    return gained_each


def _below(m: Doubles, s: Doubles, cut: float) -> tuple[Doubles, Doubles]:
    """Chance that the draw of one of each row is below each node, float64 [R, Q + 2], and its log for the pool.

    The ends stand there twice.
    """
    reach = REACH * s
    if len(m) > BOUND:
        reach[BOUND] = POOL_REACH * s[BOUND]
    nodes = reach[:, None] * _offsets(len(m))
    nodes += m[:, None]
    inner = nodes[nodes > cut]
    inner.sort()
    grid = np.empty(len(inner) + 3)
    grid[0] = grid[1] = cut
    grid[2:-1] = inner
    grid[-1] = grid[-2]
    # Single precision has the bits that the fit is good for, once a sharp contender's mean is taken off.
    x = (grid - m[:, None]).astype(np.float32)
    x *= (1.0 / s).astype(np.float32)[:, None]
    odds = _odds_above(x)
    pool = -np.log1p(odds[BOUND:].astype(np.float64)).reshape(-1)
    odds += 1
    return np.reciprocal(odds, out=odds).astype(np.float64), pool


def _shares(below: Doubles) -> Doubles:
    """What a chance gains at each node, as a part of the product: the ends stand twice in `below`."""
    shares = below[..., 2:] - below[..., :-2]
    shares /= below[..., 1:-1]
    return shares


def _raised(pool: Doubles, members: int) -> Doubles:
    """Chance that all draws of a pool are below each node."""
    return np.maximum(np.exp(pool * members), LEAST_BELOW)


@functools.cache
def _offsets(count: int) -> Doubles:
    """Nodes around each contender, in units of its reach.

    Each one's are shifted by another part of a step, so that equals refine each other's grid.
    """
    q = max(NODES_LEAST, min(NODES_MOST, NODES // count))
    steps: Doubles = np.arange(q) + (np.arange(count)[:, None] + 0.5) / count
    return steps * (2.0 / q) - 1.0


def _odds_above(x: Singles) -> Singles:
    """Odds that a draw of the standard normal is above every x, which is changed."""
    x.clip(-NORMAL_REACH, NORMAL_REACH, out=x)
    square = x * x
    odds: Singles = square * LOG_ODDS[-1]
    for factor in LOG_ODDS[-2:0:-1]:
        odds += factor
        odds *= square
    odds += LOG_ODDS[0]
    odds *= x
    np.exp(odds, out=odds)
    return odds
