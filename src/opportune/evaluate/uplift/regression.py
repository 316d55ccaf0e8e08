"""Bayesian regression on a matrix at once, for linear and logistic answers.

Every weight has a normal prior with mean 0; its variance is learned from the data for linear answers, so that effects
that are not there shrink away.

Notation:
    n  rows, d columns
    x  float64 [n, d], the first column is 1 and has a wide prior
    y  float64 [n]
    b  float64 [d], weights
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["linear", "logistic", "predicted_chance"]

Reals = npt.NDArray[np.float64]

BIAS_VARIANCE = 100.0
PRIOR = 0.3
"""Prior variance of a weight of a scaled column on the log odds; that of the model that decides."""
STEPS_MOST = 25
ROUNDS = 50
ENOUGH = 1e-8
LEAST = 1e-12
LOG_ODDS_MOST = 30.0
"""Log odds beyond which a chance is 0 or 1 in double precision."""


def linear(x: Reals, y: Reals) -> Reals:
    """Give the mean of the posterior weights of y = x b + noise.

    Noise and prior variance are those that make the answers most probable (expectation maximisation).
    """
    n, columns = x.shape
    if not n:
        return np.zeros(columns)
    b = np.zeros(columns)
    squares, products = x.T @ x, x.T @ y
    noise = prior = max(float(y.var()), LEAST)
    for _ in range(ROUNDS):
        covariance = np.linalg.inv(squares / noise + np.diag(1.0 / _variances(columns, prior)))
        before, b = b, np.asarray(covariance @ products / noise, dtype=np.float64)
        noise = max((float(np.square(y - x @ b).sum()) + float((covariance * squares).sum())) / n, LEAST)
        if columns > 1:
            prior = max(float((np.square(b[1:]) + np.diag(covariance)[1:]).mean()), LEAST)
        if float(np.abs(b - before).max()) < ENOUGH:
            break
    return b


def logistic(x: Reals, y: Reals, prior: float = PRIOR) -> Reals:
    """Give the most probable weights of P(y = 1) = 1 / (1 + exp(-x b)), by Newton's method.

    Args:
        prior: variance of every weight but the first.
    """
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
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x @ b, -LOG_ODDS_MOST, LOG_ODDS_MOST))), dtype=np.float64)


def _variances(columns: int, prior: float) -> Reals:
    variances = np.full(columns, prior)
    variances[0] = BIAS_VARIANCE
    return variances
