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

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

_answer_step = njit(cache=True)(bayes_numpy.answer_step)
_answer_pull = njit(cache=True)(bayes_numpy.answer_pull)
LEFT_MIN = joint_numpy.LEFT_MIN
LOG_ODDS_MAX = bayes_numpy.LOG_ODDS_MAX


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


@njit(cache=True)
def _touched(dense: Floats, rows: Rows, size: int) -> tuple[Rows, Doubles]:
    """Rows with a weight here that are not 0, and their values."""
    active, x = np.empty(len(dense) + len(rows), dtype=np.int64), np.ones(len(dense) + len(rows))
    count = 0
    for i in range(min(len(dense), size)):
        if dense[i] != 0.0:
            active[count], x[count] = i, dense[i]
            count += 1
    for i in range(len(rows)):
        if rows[i] < size:
            active[count] = rows[i]
            count += 1
    return active[:count], x[:count]


def _predict(
    means: Doubles,
    covariances: Doubles,
    blocks: Rows,
    places: Rows,
    dense: Floats,
    rows: Rows,
    log_odds: Floats,
    spread: Floats,
) -> None:
    active, x = _touched(dense, rows, means.shape[1])
    along = np.empty(means.shape[1])
    said = np.zeros((2, len(blocks)))
    for place in range(len(blocks)):
        block = blocks[place]
        for i in range(len(active)):
            said[0, place] += means[block, active[i]] * x[i]
        said[1, place] = _reach(covariances[block], active, x, along)
    for c in range(len(places)):
        log_odds[c] = min(max(said[0, 0] + said[0, places[c]], -LOG_ODDS_MAX), LOG_ODDS_MAX)
        spread[c] = math.sqrt(said[1, 0] + said[1, places[c]])


def _learn(
    means: Doubles,
    covariances: Doubles,
    prior: Doubles,
    blocks: Rows,
    dense: Floats,
    rows: Rows,
    happened: float,
    forgetting: Doubles,
) -> tuple[float, float]:
    size = means.shape[1]
    active, x = _touched(dense, rows, size)
    reach, variances = np.empty((2, size)), np.empty(2)
    log_odds = 0.0
    for place in range(2):
        block = blocks[place]
        for i in range(len(active)):
            f = active[i]
            covariances[block, f, f] += forgetting[place] * (prior[place, f] - covariances[block, f, f])
            log_odds += means[block, f] * x[i]
        variances[place] = _reach(covariances[block], active, x, reach[place])
    variance = variances[0] + variances[1]
    step, curvature = _answer_step(log_odds, variance, happened)
    for place in range(2):
        block = blocks[place]
        for f in range(size):
            means[block, f] += reach[place, f] * step
        _take(covariances[block], reach[place], curvature / (1.0 + curvature * variances[place]))
    return log_odds, variance


def _unlearn(
    means: Doubles,
    covariances: Doubles,
    prior: Doubles,
    blocks: Rows,
    dense: Floats,
    rows: Rows,
    happened: float,
    forgetting: Doubles,
) -> None:
    size = means.shape[1]
    active, x = _touched(dense, rows, size)
    reach, variances = np.empty((2, size)), np.empty(2)
    log_odds = 0.0
    for place in range(2):
        block = blocks[place]
        for i in range(len(active)):
            log_odds += means[block, active[i]] * x[i]
        variances[place] = _reach(covariances[block], active, x, reach[place])
    step, curvature = _answer_pull(log_odds, happened)
    shrink = np.empty(size)
    for place in range(2):
        covariance = covariances[blocks[place]]
        regained = -forgetting[place] / (1.0 - forgetting[place])
        left = max(LEFT_MIN, 1.0 - curvature * variances[place])
        for f in range(size):
            means[blocks[place], f] -= reach[place, f] * step / left
        _take(covariance, reach[place], -curvature / left)
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
    blocks, rows, none = np.arange(2), np.zeros(1, dtype=np.int64), np.zeros(2)
    dense, said = np.ones(0, dtype=np.float32), np.zeros(1, dtype=np.float32)
    learn(means, covariances, prior, blocks, dense, rows, 1.0, none)
    unlearn(means, covariances, prior, blocks, dense, rows, 1.0, none)
    predict(means, covariances, blocks, blocks[1:], dense, rows, said, said.copy())
