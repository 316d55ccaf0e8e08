"""One step of tempering, compiled: the same steps as tempering.py, in the same order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from opportune.learning import tempering

__all__ = ["learn_diagonal", "learn_full", "warm_up"]

Doubles = npt.NDArray[np.float64]

FORGETTING = tempering.FORGETTING
_settle = njit(cache=True)(tempering.settle)


@njit(cache=True)
def learn_full(mean: Doubles, covariance: Doubles, prior: Doubles, x: Doubles, base: float, happened: float) -> None:
    """Move mean and covariance [P, P] by one answer."""
    size = len(x)
    spread = np.zeros(size)
    for i in range(size):
        for j in range(size):
            covariance[i, j] += FORGETTING * (prior[i, j] - covariance[i, j])
            spread[j] += covariance[i, j] * x[i]
    said, variance = 0.0, 0.0
    for i in range(size):
        said += mean[i] * x[i]
        variance += x[i] * spread[i]
    step, curvature = _settle(base + said, variance, happened)
    factor = -curvature / (1.0 + curvature * variance)
    for i in range(size):
        mean[i] += spread[i] * step
        scaled = factor * spread[i]
        for j in range(size):
            covariance[i, j] += scaled * spread[j]


@njit(cache=True)
def learn_diagonal(
    mean: Doubles, covariance: Doubles, prior: Doubles, x: Doubles, base: float, happened: float
) -> None:
    """Move mean and variances [P] by one answer."""
    said, variance = 0.0, 0.0
    for i in range(len(x)):
        covariance[i] += FORGETTING * (prior[i] - covariance[i])
        said += mean[i] * x[i]
        variance += x[i] * (covariance[i] * x[i])
    step, curvature = _settle(base + said, variance, happened)
    factor = -curvature / (1.0 + curvature * variance)
    for i in range(len(x)):
        spread = covariance[i] * x[i]
        mean[i] += spread * step
        covariance[i] += factor * spread * spread


def warm_up() -> None:
    """Compile, or load from the compiler's cache."""
    learn_full(np.zeros(1), np.ones((1, 1)), np.ones((1, 1)), np.ones(1), 0.0, 1.0)
    learn_diagonal(np.zeros(1), np.ones(1), np.ones(1), np.ones(1), 0.0, 1.0)
