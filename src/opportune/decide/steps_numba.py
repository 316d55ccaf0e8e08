"""Array steps of a decision, compiled; the same as in steps_numpy.py, each in one pass.

The compiled form of `fill` contains that of the draws: after a change of exploration_numba.py or
maturity_numba.py this file has to be touched, or the compiler's cache keeps the old ones.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
from numba import njit, types

from opportune.decide import steps_numpy
from opportune.learning import exploration_numba as race
from opportune.learning import maturity_numba as guarded
from opportune.learning.selection import Selection
from opportune.learning.selection_numba import count_alive, highest, nobody
from opportune.records import Stage

__all__ = ["fill", "gate", "limit", "lower", "weigh"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]

ZERO, ONE = np.float32(0.0), np.float32(1.0)
OPEN = np.uint8(steps_numpy.OPEN)
INVALID = steps_numpy.INVALID
FIRST_LAYER, LAYERS = int(Stage.ELIGIBILITY), len(steps_numpy.LAYERS)
SHOWN, ALREADY_SHOWN, OUTRANKED, LIMITED = (
    np.uint8(stage)
    for stage in (steps_numpy.SHOWN, steps_numpy.ALREADY_SHOWN, steps_numpy.OUTRANKED, steps_numpy.LIMITED)
)


def _gate(
    table: Words, rows: Indices, prior: Words, words: int, layers: Indices, bits: Indices, action_of: Indices
) -> Bytes:
    word = prior.copy()
    for row in rows:
        word |= table[row]
    for i in range(len(layers)):
        start, size = layers[i]
        for w in range(size):
            word[w] |= ~word[start + w]
    actions = len(bits) // LAYERS
    stages = np.empty(len(action_of), dtype=np.uint8)
    for c in range(len(action_of)):
        stage = OPEN
        for layer in range(LAYERS - 1, -1, -1):
            bit = np.uint64(bits[layer * actions + action_of[c]])
            if (word[bit >> np.uint64(6)] >> (bit & np.uint64(63))) & np.uint64(1):
                stage = np.uint8(FIRST_LAYER + layer)
        stages[c] = stage
    return stages


def _lower(standing: Bytes, by_rules: Bytes) -> Bytes:
    # Also because NumPy would let another thread go first, in the middle of every decision.
    stages = np.empty(len(standing), dtype=np.uint8)
    for c in range(len(standing)):
        stages[c] = min(standing[c], by_rules[c])
    return stages


def _limit(stages: Bytes, members: Booleans, begin: int, end: int) -> None:
    for c in range(begin, end):
        if members[c]:
            stages[c] = min(stages[c], LIMITED)


def _weigh(propensity: Floats, spread: Floats, values: Floats, shown: Floats, boost: Floats) -> tuple[Floats, Floats]:
    priority = np.empty(len(boost), dtype=np.float32)
    deviation = np.empty(len(boost), dtype=np.float32)
    for c in range(len(boost)):
        worth = ZERO
        square = 0.0
        for o in range(len(values)):
            chance = propensity[o, c]
            gain = chance * values[o, c]
            part = (ONE - chance) * spread[o, c] * gain
            worth += gain
            # Squares of great values do not fit single precision, in which float() would stay here.
            square += np.float64(part) * np.float64(part)
        priority[c] = (worth + shown[c]) * boost[c]
        deviation[c] = (abs(part) if len(values) == 1 else math.sqrt(square)) * boost[c]
    return priority, deviation


@njit(cache=True, error_model="numpy")
def _best(priority: Floats, alive: Booleans, count: int) -> Indices:
    """Give the `count` alive with the highest priorities, ties in candidate order."""
    size = count_alive(alive)
    who, near = np.empty(size + 1, dtype=np.intp), np.empty(size, dtype=np.float32)
    n = 0
    for c in range(len(alive)):
        # No branch: whether somebody is alive is hard to foresee.
        who[n] = c
        n += alive[c]
    for k in range(n):
        near[k] = priority[who[k]]
    best = highest(near, count)
    for k in range(len(best)):
        best[k] = who[best[k]]
    return best


@njit(cache=True, error_model="numpy")
def _take(
    candidate: int,
    alive: Booleans,
    stages: Bytes,
    action_of: Indices,
    members: Booleans,
    left: Indices,
    closes: Bytes,
) -> None:
    """Show a candidate, and close who may not stand beside it; candidates of one action lie side by side."""
    for step in (-1, 1):
        c = candidate + step
        while 0 <= c < len(alive) and action_of[c] == action_of[candidate]:
            if alive[c]:
                stages[c], alive[c] = ALREADY_SHOWN, False
            c += step
    stages[candidate], alive[candidate] = SHOWN, False
    for row in range(len(members)):
        if members[row, candidate]:
            left[row] -= 1
            if left[row] <= 0:
                for c in range(len(alive)):
                    if members[row, c] and alive[c]:
                        stages[c], alive[c] = closes[row], False


@njit(cache=True, error_model="numpy")
def _keep(
    best: Indices,
    chosen: Indices,
    undrawn: int,
    first: Selection,
    priority: Floats,
    propensity: Floats,
    spread: Floats,
    evidence: Floats,
) -> tuple[npt.NDArray[np.uint32], Floats]:
    kept = np.empty(len(chosen) + len(best), dtype=np.uint32)
    kept[: len(chosen)] = chosen
    size = len(chosen)
    for c in best:
        is_chosen = False
        for other in chosen:
            is_chosen |= other == c
        kept[size] = c
        size += not is_chosen
    outcomes = len(propensity)
    parts = np.empty((size, 3 * outcomes + 2), dtype=np.float32)
    for i in range(size):
        c = kept[i]
        for o in range(outcomes):
            parts[i, o] = propensity[o, c]
            parts[i, outcomes + o] = spread[o, c]
            parts[i, 2 * outcomes + o] = evidence[o, c]
        parts[i, 3 * outcomes] = priority[c]
        place = np.searchsorted(first.contenders, c)
        is_contender = place < len(first.contenders) and first.contenders[place] == c
        parts[i, 3 * outcomes + 1] = first.probabilities[place] if is_contender else first.rest
    parts[:undrawn, -1] = ONE
    return kept[:size], parts


def _fill(
    stages: Bytes,
    priority: Floats,
    deviation: Floats,
    mandatory: Indices,
    uniforms: Doubles,
    method: int,
    strength: float,
    floor: float,
    ceiling: float,
    share: Doubles,
    action_of: Indices,
    members: Booleans,
    left: Indices,
    closes: Bytes,
    count: int,
    propensity: Floats,
    spread: Floats,
    evidence: Floats,
) -> tuple[int, Indices, Doubles, npt.NDArray[np.uint32], Floats]:
    alive = stages == OPEN
    best = _best(priority, alive, count)
    chosen, chances = np.empty(len(uniforms), dtype=np.intp), np.ones(len(uniforms))
    size = 0
    for c in mandatory:
        if size < len(uniforms) and alive[c]:
            chosen[size] = c
            size += 1
            _take(c, alive, stages, action_of, members, left, closes)
    undrawn = size
    field, first = race.nowhere(), nobody(0)
    fields = guarded.nowhere_limited()
    is_limited = ceiling < 1.0 or len(share) > 0
    while size < len(uniforms):
        places = len(uniforms) - size
        u = uniforms[size]
        if is_limited:
            drawn, fields = guarded.limited_place(
                fields, priority, deviation, alive, u, places, method, strength, floor, ceiling, share, action_of
            )
        else:
            drawn, field = race.next_place(field, priority, deviation, alive, u, places, method, strength, floor)
        if drawn.alive <= 0:
            undrawn = undrawn if drawn.alive == 0 else INVALID
            break
        if size == undrawn:
            first = drawn
        chosen[size], chances[size] = drawn.chosen, drawn.probability
        size += 1
        _take(drawn.chosen, alive, stages, action_of, members, left, closes)
    for c in range(len(alive)):
        if stages[c] == OPEN:
            stages[c] = OUTRANKED
    kept, parts = _keep(best, chosen[:size], undrawn, first, priority, propensity, spread, evidence)
    return undrawn, chosen[:size], chances[:size], kept, parts


def _given(dtype: types.Type, axes: int = 1, layout: Literal["C", "A"] = "C") -> types.Type:
    given: types.Type = types.Array(dtype, axes, layout, readonly=True)
    return given


# One signature each, compiled when this module is imported: no request waits for a new combination of types.
_SINGLES, _SCORES = _given(types.float32), _given(types.float32, 2, "A")
_INDICES, _DOUBLES = _given(types.intp), _given(types.float64)
_BYTES, _TABLE = types.uint8[::1], _given(types.uint64, 2)
gate = njit(
    [(_TABLE, _INDICES, _given(types.uint64), types.intp, _given(types.intp, 2), _INDICES, _INDICES)],
    cache=True,
    error_model="numpy",
)(_gate)
lower = njit([(_given(types.uint8), _given(types.uint8))], cache=True, error_model="numpy")(_lower)
limit = njit([(_BYTES, _given(types.boolean), types.intp, types.intp)], cache=True)(_limit)
weigh = njit([(_SCORES, _SCORES, _given(types.float32, 2), _SINGLES, _SINGLES)], cache=True, error_model="numpy")(
    _weigh
)
fill = njit(
    [
        (
            *(_BYTES, _SINGLES, _SINGLES, _INDICES, _DOUBLES, types.intp, types.float64, types.float64),
            *(types.float64, _DOUBLES, _INDICES, _given(types.boolean, 2), types.intp[::1], _given(types.uint8)),
            *(types.intp, _SCORES, _SCORES, _SCORES),
        )
    ],
    cache=True,
    error_model="numpy",
)(_fill)
