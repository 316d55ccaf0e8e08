"""Bayesian regression on a matrix at once: normal prior on every weight, linear or logistic answers.

Notation:
    n  rows, d columns
    x  float64 [n, d], the first column is 1 and has a wide prior
    y  float64 [n]
    b  float64 [d], weights; normal prior with mean 0 and variance `prior` (BIAS_VARIANCE for the first)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["linear", "logistic", "predicted_chance"]

Reals = npt.NDArray[np.float64]

BIAS_VARIANCE = 100.0
PRIOR = 0.3
"""Prior variance of a weight of a scaled column; that of the model that decides, before it is shared by predictors."""
STEPS_MOST = 25
ENOUGH = 1e-8
LINEAR_MOST = 30.0
"""Log odds beyond which a chance is 0 or 1 in double precision."""


def linear(x: Reals, y: Reals, prior: float = PRIOR) -> Reals:
    """Give the mean of the posterior weights of y = x b + noise; the noise is taken from the answers' own variance.

    Args:
        prior: variance of a weight, in units of the answers' variance per column.
    """
    if not len(y):
        return np.zeros(x.shape[1])
    noise = max(float(y.var()), 1e-12)
    # The answers' own scale sets that of the weights, so that the same prior serves probabilities and amounts.
    precision = noise / _variances(x.shape[1], prior * noise)
    return np.asarray(np.linalg.solve(x.T @ x + np.diag(precision), x.T @ y), dtype=np.float64)


def logistic(x: Reals, y: Reals, prior: float = PRIOR) -> Reals:
    """Give the most probable weights of P(y = 1) = 1 / (1 + exp(-x b)), by Newton's method."""
    b = np.zeros(x.shape[1])
    precision = 1.0 / _variances(x.shape[1], prior)
    for _ in range(STEPS_MOST):
        chance = predicted_chance(x, b)
        slope = x.T @ (y - chance) - precision * b
        step = np.linalg.solve((x * (chance * (1.0 - chance))[:, None]).T @ x + np.diag(precision), slope)
        b = b + step
        if float(np.abs(step).max()) < ENOUGH:
            break
    return b


def predicted_chance(x: Reals, b: Reals) -> Reals:
    """Give P(y = 1) for every row."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x @ b, -LINEAR_MOST, LINEAR_MOST))), dtype=np.float64)


def _variances(columns: int, prior: float) -> Reals:
    variances = np.full(columns, prior)
    variances[0] = BIAS_VARIANCE
    return variances
