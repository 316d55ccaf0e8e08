"""Bayesian regression with full covariances, NumPy form. Notation: joint.py.

No matrix product is used: BLAS sums in an order that depends on threads and on the address of the data.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from opportune.learning.bayes_numpy import answer_pull, answer_step

__all__ = ["learn", "predict", "unlearn"]

Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

ROUNDS = 40
"""Steps towards the variances before an answer; each leaves less than half of the error."""


def predict(means: Doubles, covariances: Doubles, blocks: Rows, active: Rows, x: Doubles, said: Doubles) -> None:
    """Fill said [2, K]: log odds and variance that each of K blocks gives to x, the values of the active rows."""
    square = covariances[blocks[:, None, None], active[:, None], active]
    np.einsum("kf,f->k", means[blocks[:, None], active], x, out=said[0])
    np.einsum("kij,i,j->k", square, x, x, out=said[1])


def learn(
    means: Doubles,
    covariances: Doubles,
    prior: Doubles,
    blocks: Rows,
    active: Rows,
    x: Doubles,
    happened: float,
    forgetting: float,
) -> tuple[float, float]:
    """Learn one answer in blocks [2]; return log odds and variance from before it."""
    _forget(covariances, prior, blocks, active, forgetting)
    reach, log_odds, variances = _reach(means, covariances, blocks, active, x)
    variance = variances[0] + variances[1]
    step, curvature = answer_step(log_odds, variance, happened)
    rate = curvature / (1.0 + curvature * variance)
    for block, along in zip(blocks.tolist(), reach, strict=True):
        means[block] += along * step
        covariances[block] -= np.multiply.outer(along * rate, along)
    return log_odds, variance


def unlearn(
    means: Doubles,
    covariances: Doubles,
    prior: Doubles,
    blocks: Rows,
    active: Rows,
    x: Doubles,
    happened: float,
    forgetting: float,
) -> None:
    """Take one answer back from blocks [2]."""
    reach, log_odds, variances = _reach(means, covariances, blocks, active, x)
    step, curvature = answer_pull(log_odds, happened)
    first, second, rate = pull(variances[0], variances[1], curvature)
    for place, (block, along) in enumerate(zip(blocks.tolist(), reach, strict=True)):
        before = along * (first if place == 0 else second)
        means[block] -= before * step
        covariances[block] += np.multiply.outer(before * rate, before)
    _forget(covariances, prior, blocks, active, -forgetting / (1.0 - forgetting))
    for place, block in enumerate(blocks.tolist()):
        bound(covariances[block], prior[place])


def bound(covariance: Doubles, prior: Doubles) -> None:
    """Let no weight be less sure than before any answer; what varies together shrinks along."""
    variances = np.diagonal(covariance)
    if (variances > prior).any():
        shrink = np.sqrt(np.minimum(1.0, prior / variances))
        covariance *= shrink
        covariance *= shrink[:, None]


def pull(first: float, second: float, curvature: float) -> tuple[float, float, float]:
    """How much longer the reach of both blocks was before an answer, and the rate at which it took variance.

    With T = 1 + h (s0 + s1) before the answer, it left s' = s (1 - h s / T) of each s.
    """
    whole = 1.0
    lost = (0.0, 0.0)
    for _ in range(ROUNDS):
        lost = (_lost(curvature * first / whole), _lost(curvature * second / whole))
        whole = 1.0 / (1.0 - lost[0] - lost[1])
    return 1.0 / (1.0 - lost[0]), 1.0 / (1.0 - lost[1]), curvature / whole


def _lost(told: float) -> float:
    """Solve u (1 - u) = told for the smaller u, at most 0.45."""
    return min(0.45, 0.5 - 0.5 * math.sqrt(max(0.0, 1.0 - 4.0 * told)))


def _forget(covariances: Doubles, prior: Doubles, blocks: Rows, active: Rows, forgetting: float) -> None:
    variances = covariances[blocks[:, None], active, active]
    variances += forgetting * (prior[:, active] - variances)
    covariances[blocks[:, None], active, active] = variances


def _reach(
    means: Doubles, covariances: Doubles, blocks: Rows, active: Rows, x: Doubles
) -> tuple[Doubles, float, list[float]]:
    """Covariance of every weight with the log odds of x, [2, R]; log odds; variance of each block."""
    reach = np.einsum("kif,i->kf", covariances[blocks[:, None], active], x)
    log_odds = float(np.add.accumulate((means[blocks[:, None], active] * x).ravel())[-1])
    variances = [float(np.add.accumulate(along[active] * x)[-1]) for along in reach]
    return reach, log_odds, variances
