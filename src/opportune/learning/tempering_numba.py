"""One step of tempering, compiled: the same steps as tempering.py, in the same order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from opportune.learning import tempering

__all__ = ["learn_diagonal", "learn_full", "warm_up"]

Doubles = npt.NDArray[np.float64]

_sigmoid = njit(cache=True)(tempering.sigmoid)
_settle = njit(cache=True)(tempering.settle)


@njit(cache=True)
def learn_full(
    mean: Doubles,
    covariance: Doubles,
    prior: Doubles,
    moments: Doubles,
    gains: Doubles,
    x: Doubles,
    rate: float,
    forgetting: float,
    base: float,
    happened: float,
) -> None:
    """Move mean and covariance [P, P], moments and gains by one answer."""
    size = len(x)
    _judge(mean, gains, x, base, happened)
    spread = np.zeros(size)
    for i in range(size):
        for j in range(size):
            moments[i, j] += rate * (x[i] * x[j] - moments[i, j])
            covariance[i, j] += forgetting * (prior[i, j] - covariance[i, j])
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
    mean: Doubles,
    covariance: Doubles,
    prior: Doubles,
    moments: Doubles,
    gains: Doubles,
    x: Doubles,
    rate: float,
    forgetting: float,
    base: float,
    happened: float,
) -> None:
    """Move mean and variances [P], moments and gains by one answer."""
    _judge(mean, gains, x, base, happened)
    said, variance = 0.0, 0.0
    for i in range(len(x)):
        moments[i] += rate * (x[i] * x[i] - moments[i])
        covariance[i] += forgetting * (prior[i] - covariance[i])
        said += mean[i] * x[i]
        variance += x[i] * (covariance[i] * x[i])
    step, curvature = _settle(base + said, variance, happened)
    factor = -curvature / (1.0 + curvature * variance)
    for i in range(len(x)):
        spread = covariance[i] * x[i]
        mean[i] += spread * step
        covariance[i] += factor * spread * spread


@njit(cache=True)
def _judge(mean: Doubles, gains: Doubles, x: Doubles, base: float, happened: float) -> None:
    total = 0.0
    for i in range(len(x)):
        total += mean[i] * x[i]
    p = _sigmoid(base + total)
    for i in range(len(x)):
        said = mean[i] * x[i]
        gains[i] += (happened - p) * said + 0.5 * (p * (1.0 - p)) * said * said


def warm_up() -> None:
    """Compile, or load from the compiler's cache."""
    one, square = np.ones(1), np.ones((1, 1))
    learn_full(one.copy(), square.copy(), square, square.copy(), one.copy(), one, 1.0, 0.0, 0.0, 1.0)
    learn_diagonal(one.copy(), one.copy(), one, one.copy(), one.copy(), one, 1.0, 0.0, 0.0, 1.0)
