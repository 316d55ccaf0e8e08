"""Bayesian logistic regression in layers, compiled. Notation: bayes.py; same steps as bayes_numpy.py.

Sums run in the order that is written; no fast-math, so that results repeat bit by bit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from opportune.learning import bayes_numpy

__all__ = ["learn", "predict", "warm_up"]

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

_answer_step = njit(cache=True)(bayes_numpy.answer_step)


def _add_dense(matrix: Floats, dense: Floats, mean: Floats, variance: Floats) -> None:
    fours = len(dense) // 4 * 4
    for f in range(0, fours, 4):
        x, y, z, w = dense[f], dense[f + 1], dense[f + 2], dense[f + 3]
        for k in range(len(mean)):
            mean[k] += (x * matrix[f, 0, k] + y * matrix[f + 1, 0, k]) + (
                z * matrix[f + 2, 0, k] + w * matrix[f + 3, 0, k]
            )
        x, y, z, w = x * x, y * y, z * z, w * w
        for k in range(len(variance)):
            variance[k] += (x * matrix[f, 1, k] + y * matrix[f + 1, 1, k]) + (
                z * matrix[f + 2, 1, k] + w * matrix[f + 3, 1, k]
            )
    for f in range(fours, len(dense)):
        x = dense[f]
        y = x * x
        for k in range(len(mean)):
            mean[k] += x * matrix[f, 0, k]
            variance[k] += y * matrix[f, 1, k]


def _add_rows(matrix: Floats, rows: Rows, mean: Floats, variance: Floats) -> None:
    fours = len(rows) // 4 * 4
    for i in range(0, fours, 4):
        a, b, c, d = rows[i], rows[i + 1], rows[i + 2], rows[i + 3]
        for k in range(len(mean)):
            mean[k] += (matrix[a, 0, k] + matrix[b, 0, k]) + (matrix[c, 0, k] + matrix[d, 0, k])
        for k in range(len(mean)):
            variance[k] += (matrix[a, 1, k] + matrix[b, 1, k]) + (matrix[c, 1, k] + matrix[d, 1, k])
    for i in range(fours, len(rows)):
        a = rows[i]
        for k in range(len(mean)):
            mean[k] += matrix[a, 0, k]
            variance[k] += matrix[a, 1, k]


_dense = njit(cache=True)(_add_dense)
_rows = njit(cache=True)(_add_rows)


def _predict(
    joint: Floats, top: Floats, dense: Floats, rows: Rows, group_of: Rows, log_odds: Floats, variance: Floats
) -> None:
    width = top.shape[3]
    for o in range(joint.shape[0]):
        mean_above = np.zeros(width, dtype=np.float32)
        variance_above = np.zeros(width, dtype=np.float32)
        _dense(top[o], dense, mean_above, variance_above)
        _rows(top[o], rows, mean_above, variance_above)
        for c in range(len(group_of)):
            log_odds[o, c] = mean_above[0] + mean_above[group_of[c]]
            variance[o, c] = variance_above[0] + variance_above[group_of[c]]
        _dense(joint[o], dense, log_odds[o], variance[o])
        _rows(joint[o], rows, log_odds[o], variance[o])


def _learn(
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
    size = len(dense)
    log_odds = 0.0
    total = 0.0
    for i in range(size + len(rows)):
        f = i if i < size else rows[i - size]
        x = float(dense[i]) if i < size else 1.0
        if x == 0.0:
            continue
        for layer in range(len(columns)):
            k = columns[layer]
            var = float(state[k, 1, f])
            var += (float(prior[layer, f]) - var) * forgetting
            log_odds += float(state[k, 0, f]) * x
            total += var * x * x
    step, curvature = _answer_step(log_odds, total, happened)
    for i in range(size + len(rows)):
        f = i if i < size else rows[i - size]
        x = float(dense[i]) if i < size else 1.0
        if x == 0.0:
            continue
        whole = 0.0
        for layer in range(len(columns)):
            var = float(state[columns[layer], 1, f])
            whole += var + (float(prior[layer, f]) - var) * forgetting
        shrink = 1.0 / (1.0 + whole * x * x * curvature)
        for layer in range(len(columns)):
            k = columns[layer]
            var = float(state[k, 1, f])
            var += (float(prior[layer, f]) - var) * forgetting
            state[k, 0, f] = float(state[k, 0, f]) + var * x * step
            state[k, 1, f] = var * shrink
        for part in range(2):
            top[f, part, 0] = state[columns[0], part, f]
            top[f, part, group] = state[columns[1], part, f]
            action = state[columns[2], part, f]
            for j in range(len(siblings)):
                joint[f, part, siblings[j]] = action + state[sibling_columns[j], part, f]


predict = njit(cache=True)(_predict)
learn = njit(cache=True)(_learn)


def warm_up() -> None:
    """Compile, or load from the compiler's cache."""
    matrix = np.zeros((1, 2, 2, 8), dtype=np.float32)
    dense = np.zeros(1, dtype=np.float32)
    rows = np.ones(1, dtype=np.int64)
    log_odds = np.zeros((1, 8), dtype=np.float32)
    predict(matrix, matrix, dense, rows, np.zeros(8, dtype=np.int64), log_odds, log_odds.copy())
    state = np.ones((4, 2, 2), dtype=np.float32)
    prior = np.ones((4, 2), dtype=np.float32)
    columns = np.arange(4, dtype=np.int64)
    learn(state, prior, columns, dense, rows, 1.0, 0.0, matrix[0], matrix[0].copy(), 1, rows, rows)
