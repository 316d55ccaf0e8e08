"""Scaling of numbers, compiled: the same steps as encoding_numpy.py, one number after the other."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from opportune.learning.encoding_numpy import (
    CURVE_MEAN,
    MAGNITUDE_MAX,
    MEMORY,
    NOISE,
    OUTLIER,
    OUTLIER_AFTER,
    TRUST,
    Z_MAX,
)

__all__ = ["observe", "scale", "warm_up"]

Doubles = npt.NDArray[np.float64]


def _scale(raw: Doubles, mean: Doubles, factor: Doubles, dense: npt.NDArray[np.float32]) -> bool:
    size = len(raw)
    is_missing = False
    for i in range(size):
        value = raw[i]
        if not abs(value) <= MAGNITUDE_MAX:
            is_missing = True
            raw[i] = math.nan
            dense[i] = 0.0
            dense[size + i] = 0.0
            continue
        z = (value - mean[i]) * factor[i]
        z = min(max(z, -Z_MAX), Z_MAX)
        dense[i] = z
        dense[size + i] = 0.0 if z == 0.0 else abs(z) - CURVE_MEAN
    return is_missing


def _observe(raw: Doubles, seen: Doubles, mean: Doubles, variance: Doubles, factor: Doubles) -> None:
    for i in range(len(raw)):
        if not abs(raw[i]) <= MAGNITUDE_MAX:
            continue
        seen[i] += 1.0
        delta = raw[i] - mean[i]
        if seen[i] > OUTLIER_AFTER and variance[i] > 0.0:
            limit = OUTLIER * math.sqrt(variance[i])
            delta = min(max(delta, -limit), limit)
        weight = 1.0 / min(seen[i], MEMORY)
        step = delta * weight
        mean[i] += step
        variance[i] += (delta * (delta - step) - variance[i]) * weight
        if variance[i] > 0.0 and variance[i] > NOISE * mean[i] * mean[i]:
            factor[i] = seen[i] / (seen[i] + TRUST) / math.sqrt(variance[i])
        else:
            factor[i] = 0.0


scale = njit(cache=True)(_scale)
observe = njit(cache=True)(_observe)


def warm_up() -> None:
    """Compile, or load from the compiler's cache."""
    one = np.ones(1)
    observe(one, one.copy(), one.copy(), one.copy(), one.copy())
    scale(one, one.copy(), one.copy(), np.zeros(2, dtype=np.float32))
