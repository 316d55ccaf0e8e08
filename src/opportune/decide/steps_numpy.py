"""Array steps of a decision, NumPy form; notation: plan.py.

A slate's "contenders" are the candidates with a chance of their own, see docs/concepts/exploration.md.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["keep", "weigh"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]


def weigh(propensity: Floats, spread: Floats, values: Floats, shown: Floats, boost: Floats) -> tuple[Floats, Floats]:
    """Give priority and its standard deviation, float32 [C].

    Args:
        propensity: float32 [O, C]; `spread` of its log odds.
        values: float32 [O, C], worth of each outcome; `shown` float32 [C], worth of showing.
        boost: float32 [C], lever × context weight.
    """
    gain = propensity * values
    parts = (1 - propensity) * spread
    parts *= gain
    priority = gain[0] if len(gain) == 1 else gain.sum(axis=0)
    if len(gain) == 1:
        deviation: Floats = np.abs(parts[0])
    else:
        # Squares of great values do not fit single precision.
        deviation = np.sqrt(np.square(parts, dtype=np.float64).sum(axis=0)).astype(np.float32)
    priority += shown
    priority *= boost
    deviation *= boost
    return priority, deviation


def keep(
    priority: Floats,
    is_open: Booleans,
    chosen: Indices,
    count: int,
    propensity: Floats,
    spread: Floats,
    contenders: Indices,
    chances: Doubles,
    rest: float,
) -> tuple[Indices, Floats]:
    """Choose whose score parts to keep: the chosen, then the `count` best by priority, ties in candidate order.

    Args:
        is_open: bool [C], candidates that passed the gate.
        contenders: intp [K], ascending, with `chances` for the first drawn place; all others have `rest`.

    Returns:
        kept: intp [n].
        parts: float32 [n, 2 O + 2], propensity and spread per outcome, priority, chance.
    """
    open_ones = np.flatnonzero(is_open)
    # Negated, so that the best come first and equals stay in candidate order.
    rank = -priority.take(open_ones)
    if len(open_ones) > count:
        near = (rank <= np.partition(rank, count - 1)[count - 1]).nonzero()[0]
        rank, open_ones = rank.take(near), open_ones.take(near)
    first = chosen.tolist()
    best = open_ones.take(rank.argsort(kind="stable")[:count]).tolist()
    kept = np.array([*first, *(i for i in best if i not in first)], dtype=np.intp)
    outcomes = len(propensity)
    parts = np.empty((len(kept), 2 * outcomes + 2), dtype=np.float32)
    parts[:, :outcomes] = propensity.take(kept, axis=1).T
    parts[:, outcomes:-2] = spread.take(kept, axis=1).T
    parts[:, -2] = priority.take(kept)
    parts[:, -1] = rest
    if len(contenders):
        place = np.minimum(contenders.searchsorted(kept), len(contenders) - 1)
        own = contenders.take(place) == kept
        parts[own, -1] = chances.take(place[own])
    return kept, parts
