"""Array steps of a decision, compiled; the same as in steps_numpy.py, each in one pass."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
from numba import njit, types

__all__ = ["keep", "weigh"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]

ZERO, ONE = np.float32(0.0), np.float32(1.0)


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


def _keep(
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
    best = np.empty(count, dtype=np.intp)
    found = 0
    for c in range(len(priority)):
        if not is_open[c] or (found == count and priority[c] <= priority[best[count - 1]]):
            continue
        at = min(found, count - 1)
        while at > 0 and priority[best[at - 1]] < priority[c]:
            best[at] = best[at - 1]
            at -= 1
        best[at] = c
        found = min(found + 1, count)
    kept = np.empty(len(chosen) + found, dtype=np.intp)
    kept[: len(chosen)] = chosen
    size = len(chosen)
    for c in best[:found]:
        is_chosen = False
        for other in chosen:
            is_chosen |= other == c
        kept[size] = c
        size += not is_chosen
    kept = kept[:size]
    outcomes = len(propensity)
    parts = np.empty((size, 2 * outcomes + 2), dtype=np.float32)
    for i in range(size):
        c = kept[i]
        for o in range(outcomes):
            parts[i, o] = propensity[o, c]
            parts[i, outcomes + o] = spread[o, c]
        parts[i, 2 * outcomes] = priority[c]
        place = np.searchsorted(contenders, c)
        is_contender = place < len(contenders) and contenders[place] == c
        parts[i, 2 * outcomes + 1] = chances[place] if is_contender else rest
    return kept, parts


def _given(dtype: types.Type, axes: int = 1, layout: Literal["C", "A"] = "C") -> types.Type:
    given: types.Type = types.Array(dtype, axes, layout, readonly=True)
    return given


# One signature each, compiled when this module is imported: no request waits for a new combination of types.
_SINGLES, _SCORES = _given(types.float32), _given(types.float32, 2, "A")
_INDICES, _DOUBLES = _given(types.intp), _given(types.float64)
weigh = njit([(_SCORES, _SCORES, _given(types.float32, 2), _SINGLES, _SINGLES)], cache=True, error_model="numpy")(
    _weigh
)
keep = njit(
    [
        (
            *(_SINGLES, _given(types.boolean), _INDICES, types.intp),
            *(_SCORES, _SCORES, _INDICES, _DOUBLES, types.float64),
        )
    ],
    cache=True,
    error_model="numpy",
)(_keep)
