"""Who takes one place: selection probabilities first, then a draw from them.

Formulas: docs/concepts/exploration.md.

Notation:
    C      candidates of the plan
    mean   float32 [C], expected priority
    spread float32 [C], standard deviation of the priority
    alive  bool [C], candidates that may take this place; n of them
    n      number of alive candidates
    s_i    scale * spread_i, standard deviation of the Thompson draw
    t_i    chance that candidate i's normal draw is the largest
    p_i    (1 - floor) * t_i + floor / n, selection probability
    B      most contenders that are integrated one by one (BOUND)
    Q      grid nodes around each of them
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from types import ModuleType
from typing import Literal

import numpy as np
import numpy.typing as npt

from opportune.learning.kernels import resolve_kernel

__all__ = ["METHODS", "Method", "Selection", "select"]

Method = Literal["thompson", "greedy", "uniform"]
METHODS: tuple[Method, ...] = ("thompson", "greedy", "uniform")

BOUND = 32
"""Contenders beyond this many are pooled: integrated as equals of their average, sharing what that gives."""
REACH = 3.5
"""A candidate has a real chance if its mean + REACH * s reaches the highest mean - REACH * s."""
NODES = 112
"""Grid nodes of one place, shared by the contenders: 8 to 24 for each. Fewer than 8 were wrong by up to 0.015."""
NODES_LEAST, NODES_MOST = 8, 24
POOL_REACH = 4.0
"""The largest draw of a large pool lies further out; beyond this the normal below is taken as 0 or 1."""
LEAST_BELOW = np.float32(1e-30)
"""Products are kept above this: smaller numbers are a hundred times slower, and change nothing."""
ROOT_OF_LEAST = np.float32(1e-15)

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


@dataclass(frozen=True, slots=True)
class Selection:
    """The draw of one place with the probabilities it was drawn from.

    Args:
        chosen: candidate index, -1 where nobody is alive.
        probability: chance with which `chosen` was picked, 0 where nobody is alive.
        contenders: intp [K], candidates with a real chance, ascending.
        probabilities: float64 [K], theirs.
        rest: probability of every other alive candidate.
        alive: number of alive candidates.
    """

    chosen: int
    probability: float
    contenders: npt.NDArray[np.intp]
    probabilities: npt.NDArray[np.float64]
    rest: float
    alive: int

    def probability_of(self, candidate: int) -> float:
        """Selection probability of a candidate that was alive."""
        place = int(np.searchsorted(self.contenders, candidate))
        if place < len(self.contenders) and int(self.contenders[place]) == candidate:
            return float(self.probabilities[place])
        return self.rest


_NOBODY = np.zeros(0, dtype=np.intp)
_NOTHING = np.zeros(0, dtype=np.float64)


def select(
    mean: npt.NDArray[np.float32],
    spread: npt.NDArray[np.float32],
    alive: npt.NDArray[np.bool_],
    u: float,
    *,
    scale: float = 0.2,
    floor: float = 0.02,
    method: Method = "thompson",
    kernel: str = "auto",
) -> Selection:
    """Pick the candidate of one place.

    Args:
        mean: float32 [C].
        spread: float32 [C], >= 0.
        alive: bool [C].
        u: uniform draw in [0, 1).
        scale: share of the spread that Thompson draws use, >= 0; 0 makes "thompson" greedy.
        floor: probability shared evenly by all alive candidates, in [0, 1].
        method: "thompson"; "greedy": the best, ties to the lowest index, plus the floor; "uniform": 1/n each.
        kernel: "auto", "numpy" or "numba".

    Raises:
        ValueError: an argument is out of range, shapes differ, or an alive mean or spread is not finite.
    """
    _check(mean, spread, alive, u, scale, floor, method)
    if method == "uniform":
        return _uniform(alive, u)
    if method == "thompson" and scale > 0.0 and resolve_kernel(kernel) == "numba":
        return _fused(mean, spread, alive, u, scale, floor)
    indices = np.flatnonzero(alive)
    if not len(indices):
        return Selection(-1, 0.0, _NOBODY, _NOTHING, 0.0, 0)
    means = mean[indices]
    spreads = spread[indices]
    # NaN fails every comparison, so that two extremes tell all.
    if not (float(np.abs(means).max()) < math.inf and float(spreads.min()) >= 0.0 and float(spreads.max()) < math.inf):
        raise _not_finite()
    if method == "greedy" or scale == 0.0:
        contenders, chances = indices[[int(np.argmax(means))]], np.ones(1)
    else:
        places, chances = _thompson(means, spreads, scale)
        contenders = indices[places]
    return _draw(indices, contenders, chances, u, floor)


def _check(
    mean: npt.NDArray[np.float32],
    spread: npt.NDArray[np.float32],
    alive: npt.NDArray[np.bool_],
    u: float,
    scale: float,
    floor: float,
    method: str,
) -> None:
    if not 0.0 <= u < 1.0:
        raise ValueError("u: expected a number in [0, 1)")
    if not (0.0 <= scale < math.inf and 0.0 <= floor <= 1.0):
        raise ValueError("scale: expected a finite number >= 0; floor: expected a number in [0, 1]")
    if method not in METHODS:
        raise ValueError(f"method: expected one of {', '.join(METHODS)}")
    if not (mean.shape == spread.shape == alive.shape and mean.ndim == 1):
        raise ValueError(f"expected one axis of equal length, found {mean.shape}, {spread.shape}, {alive.shape}")


def _not_finite() -> ValueError:
    return ValueError("mean and spread: expected finite numbers (spread >= 0) for every alive candidate")


def _uniform(alive: npt.NDArray[np.bool_], u: float) -> Selection:
    indices = np.flatnonzero(alive)
    n = len(indices)
    if not n:
        return Selection(-1, 0.0, _NOBODY, _NOTHING, 0.0, 0)
    return Selection(int(indices[min(int(u * n), n - 1)]), 1.0 / n, _NOBODY, _NOTHING, 1.0 / n, n)


def _thompson(
    means: npt.NDArray[np.float32], spreads: npt.NDArray[np.float32], scale: float
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Places of the contenders among the alive, ascending, and the chance of each to draw the largest."""
    m = means.astype(np.float64)
    s = spreads.astype(np.float64) * scale
    lowest = (m - REACH * s).max()
    np.maximum(s, _least(m), out=s)
    upper = m + REACH * s
    places = np.flatnonzero(upper >= lowest)
    if len(places) == 1:
        return places, np.ones(1)
    if len(places) <= BOUND:
        return places, _chances(m[places], s[places], np.ones(len(places)))
    by_upper = np.argsort(-upper[places], kind="stable")
    own, pooled = places[by_upper[:BOUND]], places[by_upper[BOUND:]]
    members = np.ones(BOUND + 1)
    members[BOUND] = len(pooled)
    chances = _chances(
        np.append(m[own], m[pooled].sum() / len(pooled)), np.append(s[own], s[pooled].sum() / len(pooled)), members
    )
    shares = np.append(chances[:BOUND], np.full(len(pooled), chances[BOUND] / len(pooled)))
    order = np.argsort(places[by_upper], kind="stable")
    return places, shares[order]


def _least(m: npt.NDArray[np.float64]) -> float:
    """Smallest standard deviation that still gives a grid: far below any difference that float32 means can have."""
    return max(float(np.abs(m).max()) * 1e-9, 1e-30)


def _chances(
    m: npt.NDArray[np.float64], s: npt.NDArray[np.float64], members: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Chance of each contender (pool: of all its members together) to draw the largest; they sum to 1."""
    count = len(m)
    q = max(NODES_LEAST, min(NODES_MOST, NODES // count))
    reach = np.full(count, REACH)
    if members[-1] > 1.0:
        reach[-1] = POOL_REACH
    grid = (m[:, None] + (s * reach)[:, None] * _offsets(count, q)).ravel()
    np.maximum(grid, (m - REACH * s).max(), out=grid)
    grid.sort()
    # From the lowest node on, single precision resolves every node that matters.
    lowest = grid[0]
    distance = (grid - lowest).astype(np.float32) - (m - lowest).astype(np.float32)[:, None]
    distance *= (1.0 / s).astype(np.float32)[:, None]
    below = _normal(distance)
    pool = members[-1]
    if pool > 1.0:
        np.maximum(_power(below[-1], int(pool)), LEAST_BELOW, out=below[-1])
    product = np.multiply.reduce(below, axis=0, dtype=np.float64)
    others = np.maximum(product, LEAST_BELOW).astype(np.float32) / below
    rises = below[:, 1:] - below[:, :-1]
    gained = np.einsum("ij,ij->i", others[:, 1:], rises) + np.einsum("ij,ij->i", others[:, :-1], rises)
    chances: npt.NDArray[np.float64] = np.maximum(gained.astype(np.float64), 0.0)
    # What lies below the grid: everybody's draw is there. It is nobody's in particular, so all share it by size.
    chances += 1e-300 * members
    chances /= chances.sum()
    return chances


@functools.cache
def _offsets(count: int, q: int) -> npt.NDArray[np.float64]:
    """Nodes around each contender, in units of its reach.

    Each one's are shifted by another part of a step, so that equals refine each other's grid.
    """
    steps: npt.NDArray[np.float64] = np.arange(q) + (np.arange(count)[:, None] + 0.5) / count
    return steps * (2.0 / q) - 1.0


def _normal(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
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


def _power(base: npt.NDArray[np.float32], times: int) -> npt.NDArray[np.float32]:
    """Raise to a whole power by squaring, which is several times faster than a general power."""
    result = np.ones_like(base)
    while times:
        if times & 1:
            np.maximum(result * base, LEAST_BELOW, out=result)
        times >>= 1
        base = np.maximum(base * base, ROOT_OF_LEAST)
    return result


def _draw(
    indices: npt.NDArray[np.intp],
    contenders: npt.NDArray[np.intp],
    chances: npt.NDArray[np.float64],
    u: float,
    floor: float,
) -> Selection:
    """Inverse of the cumulative probability: the contenders in order, then the others in order."""
    n = len(indices)
    rest = floor / n
    probabilities = chances * (1.0 - floor) + rest
    total = np.add.accumulate(probabilities)
    others = n - len(contenders)
    target = u * (float(total[-1]) + rest * others)
    place = int(total.searchsorted(target, side="right"))
    if place < len(contenders):
        return Selection(int(contenders[place]), float(probabilities[place]), contenders, probabilities, rest, n)
    if rest * others == 0.0:
        last = int(np.flatnonzero(probabilities)[-1])
        return Selection(int(contenders[last]), float(probabilities[last]), contenders, probabilities, rest, n)
    step = min(int((target - float(total[-1])) / rest), others - 1)
    chosen = int(np.setdiff1d(indices, contenders, assume_unique=True)[step])
    return Selection(chosen, rest, contenders, probabilities, rest, n)


@functools.cache
def _numba() -> ModuleType:
    from opportune.learning import exploration_numba

    return exploration_numba


def _fused(
    mean: npt.NDArray[np.float32],
    spread: npt.NDArray[np.float32],
    alive: npt.NDArray[np.bool_],
    u: float,
    scale: float,
    floor: float,
) -> Selection:
    size = len(mean)
    contenders = np.empty(size, dtype=np.intp)
    probabilities = np.empty(size)
    n, count, chosen, probability = _numba().thompson(
        np.ascontiguousarray(mean, dtype=np.float32),
        np.ascontiguousarray(spread, dtype=np.float32),
        np.ascontiguousarray(alive),
        u,
        scale,
        floor,
        contenders,
        probabilities,
    )
    if n < 0:
        raise _not_finite()
    rest = floor / n if n else 0.0
    return Selection(chosen, probability, contenders[:count], probabilities[:count], rest, n)
