"""Bayesian logistic regression in layers, NumPy form. Notation: bayes.py.

No matrix product is used: BLAS sums in an order that depends on threads and on the address of the data.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["learn", "predict"]

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


def predict(
    joint: Floats, top: Floats, dense: Floats, rows: Rows, group_of: Rows, log_odds: Floats, variance: Floats
) -> None:
    """Fill log_odds [O, Cp] and variance [O, Cp]."""
    size = len(dense)
    squares = dense * dense
    for o in range(len(joint)):
        upper = top[o].take(rows, axis=0).sum(axis=0)
        lower = joint[o].take(rows, axis=0).sum(axis=0)
        if size:
            upper[0] += np.einsum("f,ft->t", dense, top[o, :size, 0])
            upper[1] += np.einsum("f,ft->t", squares, top[o, :size, 1])
            lower[0] += np.einsum("f,fc->c", dense, joint[o, :size, 0])
            lower[1] += np.einsum("f,fc->c", squares, joint[o, :size, 1])
        upper += upper[:, :1]
        np.add(lower[0], upper[0].take(group_of), out=log_odds[o])
        np.add(lower[1], upper[1].take(group_of), out=variance[o])


def learn(
    state: Floats,
    prior: Floats,
    columns: Rows,
    dense: Floats,
    rows: Rows,
    happened: float,
    forgetting: float,
    top: Floats,
    joint: Floats,
    group: int,
    siblings: Rows,
    sibling_columns: Rows,
) -> None:
    """Update the columns of one candidate in state [K, 2, F] from one answer, then what top and joint copy of them.

    Args:
        columns: int64 [4], one per layer.
        group: place of the candidate's group in top.
        siblings: candidates of the same action, itself included; `sibling_columns` are their columns.
    """
    size = len(dense)
    active = np.concatenate((np.arange(size), rows))
    x = np.ones(len(active))
    x[:size] = dense
    mean = state[columns, 0][:, active].astype(np.float64)
    var = state[columns, 1][:, active].astype(np.float64)
    limit = prior[:, active].astype(np.float64)
    var += (limit - var) * forgetting * (x != 0.0)
    spread = var * x
    log_odds = _total(mean * x)
    variance = _total(spread * x)
    step, curvature = answer_step(log_odds, variance, happened)
    mean += spread * step
    var -= spread * spread * curvature
    state[columns[:, None], 0, active] = mean
    state[columns[:, None], 1, active] = np.maximum(var, 1e-9)
    top[active, :, 0] = state[columns[0]][:, active].T
    top[active, :, group] = state[columns[1]][:, active].T
    action = state[columns[2]]
    for sibling, column in zip(siblings.tolist(), sibling_columns.tolist(), strict=True):
        joint[active, :, sibling] = (action[:, active] + state[column][:, active]).T


def _total(terms: npt.NDArray[np.float64]) -> float:
    """Sum in a fixed order: layers first, then features one after the other."""
    return float(np.add.accumulate(terms.sum(axis=0))[-1])


def answer_step(log_odds: float, variance: float, happened: float) -> tuple[float, float]:
    """Step along the features to the most probable weights, and the curvature there.

    Solves a = variance * (happened - sigmoid(log_odds + a)) by Newton's method.
    """
    lower, upper = (0.0, variance) if happened > 0.5 else (-variance, 0.0)
    a = 0.0
    p = 0.5
    for _ in range(8):
        p = 1.0 / (1.0 + math.exp(-min(max(log_odds + a, -30.0), 30.0)))
        a -= (a - variance * (happened - p)) / (1.0 + variance * p * (1.0 - p))
        a = min(max(a, lower), upper)
    p = 1.0 / (1.0 + math.exp(-min(max(log_odds + a, -30.0), 30.0)))
    h = p * (1.0 - p)
    return happened - p, h / (1.0 + variance * h)
