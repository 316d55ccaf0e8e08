"""Bayesian regression with full covariances, compiled. Notation: joint.py; same steps as joint_numpy.py.

Sums run in the order that is written, so that results repeat bit by bit.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from opportune.learning import bayes_numpy, joint_numpy

__all__ = ["learn", "predict", "unlearn", "warm_up"]

Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

_answer_step = njit(cache=True)(bayes_numpy.answer_step)
_answer_pull = njit(cache=True)(bayes_numpy.answer_pull)
_ROUNDS = joint_numpy.ROUNDS


@njit(cache=True)
def _reach(covariance: Doubles, active: Rows, x: Doubles, along: Doubles) -> float:
    """Fill along [R] with the covariance of every weight with the log odds of x; return the variance of those."""
    along[:] = 0.0
    for i in range(len(active)):
        row, value = covariance[active[i]], x[i]
        for f in range(len(along)):
            along[f] += row[f] * value
    variance = 0.0
    for i in range(len(active)):
        variance += along[active[i]] * x[i]
    return variance


@njit(cache=True)
def _take(covariance: Doubles, along: Doubles, rate: float) -> None:
    for f in range(len(along)):
        factor = along[f] * rate
        if factor != 0.0:
            row = covariance[f]
            for k in range(len(along)):
                row[k] -= factor * along[k]


def _predict(means: Doubles, covariances: Doubles, blocks: Rows, active: Rows, x: Doubles, said: Doubles) -> None:
    along = np.empty(means.shape[1])
    for place in range(len(blocks)):
        block = blocks[place]
        log_odds = 0.0
        for i in range(len(active)):
            log_odds += means[block, active[i]] * x[i]
        said[0, place] = log_odds
        said[1, place] = _reach(covariances[block], active, x, along)


def _learn(
    means: Doubles,
    covariances: Doubles,
    prior: Doubles,
    blocks: Rows,
    active: Rows,
    x: Doubles,
    happened: float,
    forgetting: float,
) -> tuple[float, float]:
    size = means.shape[1]
    reach = np.empty((2, size))
    log_odds = 0.0
    variance = 0.0
    for place in range(2):
        block = blocks[place]
        for i in range(len(active)):
            f = active[i]
            covariances[block, f, f] += forgetting * (prior[place, f] - covariances[block, f, f])
            log_odds += means[block, f] * x[i]
        variance += _reach(covariances[block], active, x, reach[place])
    step, curvature = _answer_step(log_odds, variance, happened)
    rate = curvature / (1.0 + curvature * variance)
    for place in range(2):
        block = blocks[place]
        for f in range(size):
            means[block, f] += reach[place, f] * step
        _take(covariances[block], reach[place], rate)
    return log_odds, variance


@njit(cache=True)
def _lost(told: float) -> float:
    return min(0.45, 0.5 - 0.5 * math.sqrt(max(0.0, 1.0 - 4.0 * told)))


def _unlearn(
    means: Doubles,
    covariances: Doubles,
    prior: Doubles,
    blocks: Rows,
    active: Rows,
    x: Doubles,
    happened: float,
    forgetting: float,
) -> None:
    size = means.shape[1]
    reach, variances, lost = np.empty((2, size)), np.empty(2), np.zeros(2)
    log_odds = 0.0
    for place in range(2):
        block = blocks[place]
        for i in range(len(active)):
            log_odds += means[block, active[i]] * x[i]
        variances[place] = _reach(covariances[block], active, x, reach[place])
    step, curvature = _answer_pull(log_odds, happened)
    whole = 1.0
    for _ in range(_ROUNDS):
        lost[0] = _lost(curvature * variances[0] / whole)
        lost[1] = _lost(curvature * variances[1] / whole)
        whole = 1.0 / (1.0 - lost[0] - lost[1])
    regained = -forgetting / (1.0 - forgetting)
    shrink = np.empty(size)
    for place in range(2):
        covariance = covariances[blocks[place]]
        for f in range(size):
            reach[place, f] /= 1.0 - lost[place]
            means[blocks[place], f] -= reach[place, f] * step
        _take(covariance, reach[place], -curvature / whole)
        is_within = True
        for i in range(len(active)):
            f = active[i]
            covariance[f, f] += regained * (prior[place, f] - covariance[f, f])
        for f in range(size):
            shrink[f] = math.sqrt(min(1.0, prior[place, f] / covariance[f, f]))
            is_within = is_within and shrink[f] == 1.0
        if not is_within:
            for f in range(size):
                for k in range(size):
                    covariance[f, k] *= shrink[k] * shrink[f]


predict = njit(cache=True)(_predict)
learn = njit(cache=True)(_learn)
unlearn = njit(cache=True)(_unlearn)


def warm_up() -> None:
    """Compile, or load from the compiler's cache."""
    means, covariances, prior = np.zeros((2, 1)), np.ones((2, 1, 1)), np.ones((2, 1))
    blocks, active, x = np.arange(2), np.zeros(1, dtype=np.int64), np.ones(1)
    learn(means, covariances, prior, blocks, active, x, 1.0, 0.0)
    unlearn(means, covariances, prior, blocks, active, x, 1.0, 0.0)
    predict(means, covariances, blocks, active, x, np.empty((2, 2)))
