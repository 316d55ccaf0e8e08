"""Bayesian logistic regression in layers, NumPy form. Notation: bayes.py.

No matrix product is used: BLAS sums in an order that depends on threads and on the address of the data.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from opportune.learning.narrow_numpy import coarse, halved

__all__ = ["coarse", "halved", "learn", "predict", "unlearn"]

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

LOG_ODDS_MAX = 15.0
ONE = np.float32(1.0)
PULL_ODDS = 9.0
"""Odds against an answer beyond which taking it back moves weights less the more improbable it is: many that are taken
back in a row would else drive them on without end."""


def predict(
    means: Floats,
    variances: Floats,
    top: Floats,
    dense: Floats,
    rows: Rows,
    group_of: Rows,
    log_odds: Floats,
    spread: Floats,
    propensity: Floats,
) -> None:
    """Fill log_odds, spread and propensity, all [O, Cp]."""
    size = len(dense)
    powers = np.empty((2, size), dtype=np.float32)
    powers[0] = dense
    np.multiply(dense, dense, out=powers[1])
    squares = powers[1]
    for o in range(len(means)):
        upper = np.add.reduce(top[o].take(rows, axis=0), axis=0)
        mean = np.add.reduce(means[o].take(rows, axis=0), axis=0)
        variance = np.add.reduce(variances[o].take(rows, axis=0), axis=0)
        if size:
            upper += np.einsum("kf,fkt->kt", powers, top[o, :size])
            mean += np.einsum("f,fc->c", dense, means[o, :size])
            variance += np.einsum("f,fc->c", squares, variances[o, :size])
        upper += upper[:, :1].copy()
        above = upper.take(group_of, axis=1)
        np.add(mean, above[0], out=log_odds[o])
        np.add(variance, above[1], out=spread[o])
    _finish(log_odds, spread, propensity)


def _finish(log_odds: Floats, spread: Floats, propensity: Floats) -> None:
    """Clip log odds, turn variance into spread, and fill propensity."""
    log_odds.clip(-LOG_ODDS_MAX, LOG_ODDS_MAX, out=log_odds)
    np.sqrt(spread, out=spread)
    np.negative(log_odds, out=propensity)
    np.exp(propensity, out=propensity)
    np.add(propensity, ONE, out=propensity)
    np.reciprocal(propensity, out=propensity)


def _active(dense: Floats, rows: Rows) -> tuple[Rows, Doubles]:
    """Give the rows that an answer touches, and what stands in them."""
    size = len(dense)
    active = np.concatenate((np.arange(size), rows))
    x = np.ones(len(active))
    x[:size] = dense
    return active, x


def learn(
    state: Floats,
    prior: Floats,
    columns: Rows,
    dense: Floats,
    rows: Rows,
    happened: float,
    forgetting: Doubles,
    repeated: float,
    top: Floats,
    means: Floats,
    variances: Floats,
    group: int,
    siblings: Rows,
    sibling_columns: Rows,
) -> tuple[float, float]:
    """Update the columns of one candidate in state [K, 2, F] from one answer, then what top, means and variances copy.

    Gives log odds and variance from before the answer.

    Args:
        columns: int64 [4], one per layer; so forgetting, float64 [4].
        repeated: how far the features are taken to say the same, 0 to 1.
        group: place of the candidate's group in top.
        siblings: candidates of the same action, itself included; `sibling_columns` are their columns.
    """
    active, x = _active(dense, rows)
    width = state.shape[2]
    places = np.add.outer(columns * (2 * width), active)
    flat = state.reshape(-1)
    mean = flat.take(places).astype(np.float64)
    var = flat.take(places + width).astype(np.float64)
    var += (prior.take(active, axis=1) - var) * (forgetting[:, None] * (x != 0.0))
    whole = var.sum(axis=0) * x * x
    log_odds, variance = _total((mean * x).sum(axis=0)), _total(whole)
    step, curvature = answer_step(log_odds, variance, happened)
    mean += var * (x * step)
    var /= 1.0 + _told(whole, variance, x, repeated) * curvature
    flat[places] = mean
    flat[places + width] = var
    _publish(state, columns, active, top, means, variances, group, siblings, sibling_columns)
    return log_odds, variance


def unlearn(
    state: Floats,
    prior: Floats,
    columns: Rows,
    dense: Floats,
    rows: Rows,
    happened: float,
    forgetting: Doubles,
    repeated: float,
    top: Floats,
    means: Floats,
    variances: Floats,
    group: int,
    siblings: Rows,
    sibling_columns: Rows,
) -> None:
    """Take one answer back; arguments are those of `learn`."""
    active, x = _active(dense, rows)
    width = state.shape[2]
    places = np.add.outer(columns * (2 * width), active)
    flat = state.reshape(-1)
    mean = flat.take(places).astype(np.float64)
    var = flat.take(places + width).astype(np.float64)
    before = prior.take(active, axis=1).astype(np.float64)
    step, curvature = answer_pull(_total((mean * x).sum(axis=0)), happened)
    whole = var.sum(axis=0) * x * x
    told = 1.0 - _told(whole, _total(whole), x, repeated) * curvature
    # Variances never rise beyond what they were before any answer.
    var = np.where(told * before > var, var / np.where(told > 0.0, told, 1.0), before)
    mean -= var * (x * step)
    is_touched = x != 0.0
    flat[places] = np.where(is_touched, mean, flat.take(places))
    var = np.maximum((var - forgetting[:, None] * before) / (1.0 - forgetting[:, None]), flat.take(places + width))
    flat[places + width] = np.where(is_touched, var, flat.take(places + width))
    _publish(state, columns, active, top, means, variances, group, siblings, sibling_columns)


def _publish(
    state: Floats,
    columns: Rows,
    active: Rows,
    top: Floats,
    means: Floats,
    variances: Floats,
    group: int,
    siblings: Rows,
    sibling_columns: Rows,
) -> None:
    """Copy what was learned to where predictions read it."""
    width = state.shape[2]
    flat = state.reshape(-1)
    both = np.add.outer(np.array((0, width)), active)
    where = np.add.outer(np.array((0, top.shape[2])), active * (2 * top.shape[2]))
    above = top.reshape(-1)
    above[where] = flat.take(both + columns[0] * (2 * width))
    above[where + group] = flat.take(both + columns[1] * (2 * width))
    where = active * means.shape[1]
    action = flat.take(both + columns[2] * (2 * width))
    for sibling, column in zip(siblings.tolist(), sibling_columns.tolist(), strict=True):
        mean, variance = action + flat.take(both + column * (2 * width))
        means.reshape(-1)[where + sibling] = halved(mean)
        variances.reshape(-1)[where + sibling] = coarse(variance)


def _told(whole: Doubles, variance: float, x: Doubles, repeated: float) -> Doubles:
    """Give the variance that an answer tells each feature's weights of: their own, and part of that of the others."""
    return whole + np.minimum(1.0, x * x) * (variance - whole) * repeated


def _total(terms: npt.NDArray[np.float64]) -> float:
    """Sum one after the other: the order is fixed whatever the address of the data."""
    return float(np.add.accumulate(terms)[-1])


def answer_step(log_odds: float, variance: float, happened: float) -> tuple[float, float]:
    """Step along the features to the most probable weights, and the curvature there.

    Solves a = variance * (happened - sigmoid(log_odds + a)) by Newton's method.
    """
    lower, upper = (0.0, variance) if happened > 0.5 else (-variance, 0.0)
    # From where the sigmoid bends, the method goes straight to the root; from 0 it may go to and fro without end.
    a = min(max(-log_odds, lower), upper)
    for _ in range(8):
        p = 1.0 / (1.0 + math.exp(-min(max(log_odds + a, -30.0), 30.0)))
        a -= (a - variance * (happened - p)) / (1.0 + variance * p * (1.0 - p))
    p = 1.0 / (1.0 + math.exp(-min(max(log_odds + a, -30.0), 30.0)))
    return happened - p, p * (1.0 - p)


def answer_pull(log_odds: float, happened: float) -> tuple[float, float]:
    """Step and curvature of an answer that these log odds have learned: those that `answer_step` gave.

    Where the answer is less probable than one in PULL_ODDS + 1, it was learned by other log odds and pulled less.
    """
    p = 1.0 / (1.0 + math.exp(-min(max(log_odds, -30.0), 30.0)))
    step = min(1.0 - p, PULL_ODDS * p) if happened > 0.5 else max(-p, PULL_ODDS * (p - 1.0))
    return step, p * (1.0 - p)
