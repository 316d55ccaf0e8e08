"""Bayesian regression with full covariances, NumPy form. Notation: joint.py.

No matrix product is used: BLAS sums in an order that depends on threads and on the address of the data.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opportune.learning.bayes_numpy import LOG_ODDS_MAX, answer_pull, answer_step

__all__ = ["learn", "predict", "unlearn"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

LEFT_MIN = 0.1
"""Part of a precision that stays where one answer is taken back from it; less is left only to answers never learned."""


def predict(
    means: Doubles,
    covariances: Doubles,
    blocks: Rows,
    places: Rows,
    dense: Floats,
    rows: Rows,
    log_odds: Floats,
    spread: Floats,
) -> None:
    """Fill log_odds and spread [C].

    Args:
        blocks: the shared one, then one for each action.
        places: where among `blocks` that of each candidate's action stands.
    """
    active, x = _touched(dense, rows, means.shape[1])
    square = covariances[blocks[:, None, None], active[:, None], active]
    mean = np.einsum("kf,f->k", means[blocks[:, None], active], x)
    variance = np.einsum("kij,i,j->k", square, x, x)
    log_odds[:] = np.minimum(np.maximum(mean[0] + mean[places], -LOG_ODDS_MAX), LOG_ODDS_MAX)
    spread[:] = np.sqrt(variance[0] + variance[places])


def learn(
    means: Doubles,
    covariances: Doubles,
    prior: Doubles,
    blocks: Rows,
    dense: Floats,
    rows: Rows,
    happened: float,
    forgetting: Doubles,
) -> tuple[float, float]:
    """Learn one answer in blocks [2], which forget [2]; return log odds and variance from before it."""
    active, x = _touched(dense, rows, means.shape[1])
    _forget(covariances, prior, blocks, active, forgetting)
    reach, log_odds, variances = _reach(means, covariances, blocks, active, x)
    variance = variances[0] + variances[1]
    step, curvature = answer_step(log_odds, variance, happened)
    for block, along, own in zip(blocks.tolist(), reach, variances, strict=True):
        means[block] += along * step
        covariances[block] -= np.multiply.outer(along * (curvature / (1.0 + curvature * own)), along)
    return log_odds, variance


def unlearn(
    means: Doubles,
    covariances: Doubles,
    prior: Doubles,
    blocks: Rows,
    dense: Floats,
    rows: Rows,
    happened: float,
    forgetting: Doubles,
) -> None:
    """Take one answer back from blocks [2]."""
    active, x = _touched(dense, rows, means.shape[1])
    reach, log_odds, variances = _reach(means, covariances, blocks, active, x)
    step, curvature = answer_pull(log_odds, happened)
    for block, along, own in zip(blocks.tolist(), reach, variances, strict=True):
        left = max(LEFT_MIN, 1.0 - curvature * own)
        means[block] -= along * (step / left)
        covariances[block] += np.multiply.outer(along * (curvature / left), along)
    _forget(covariances, prior, blocks, active, -forgetting / (1.0 - forgetting))
    for place, block in enumerate(blocks.tolist()):
        bound(covariances[block], prior[place])


def _touched(dense: Floats, rows: Rows, size: int) -> tuple[Rows, Doubles]:
    """Rows with a weight here that are not 0, and their values."""
    places = np.flatnonzero(dense[:size])
    active = np.concatenate((places, rows[rows < size]))
    x = np.ones(len(active))
    x[: len(places)] = dense[places]
    return active, x


def bound(covariance: Doubles, prior: Doubles) -> None:
    """Let no weight be less sure than before any answer; what varies together shrinks along."""
    variances = np.diagonal(covariance)
    if (variances > prior).any():
        shrink = np.sqrt(np.minimum(1.0, prior / variances))
        covariance *= shrink
        covariance *= shrink[:, None]


def _forget(covariances: Doubles, prior: Doubles, blocks: Rows, active: Rows, forgetting: Doubles) -> None:
    variances = covariances[blocks[:, None], active, active]
    variances += forgetting[:, None] * (prior[:, active] - variances)
    covariances[blocks[:, None], active, active] = variances


def _reach(
    means: Doubles, covariances: Doubles, blocks: Rows, active: Rows, x: Doubles
) -> tuple[Doubles, float, list[float]]:
    """Covariance of every weight with the log odds of x, [2, R]; log odds; variance of each block."""
    reach = np.einsum("kif,i->kf", covariances[blocks[:, None], active], x)
    log_odds = float(np.add.accumulate((means[blocks[:, None], active] * x).ravel())[-1])
    variances = [float(np.add.accumulate(along[active] * x)[-1]) for along in reach]
    return reach, log_odds, variances
