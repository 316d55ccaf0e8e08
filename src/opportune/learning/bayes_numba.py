"""Bayesian logistic regression in layers, compiled. Notation: bayes.py; same steps as bayes_numpy.py.

Sums run in the order that is written, so that results repeat bit by bit.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from opportune.learning import bayes_numpy
from opportune.learning.narrow_numba import from_half, from_upper, to_half, to_upper

__all__ = ["coarse", "exp_lane", "halved", "learn", "predict", "unlearn", "warm_up"]

Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.uint16]
Rows = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

HALF, ONE = np.float32(0.5), np.float32(1.0)
LOG2_E, LN2_HIGH, LN2_LOW = np.float32(1 / math.log(2)), np.float32(0.693359375), np.float32(-2.12194440e-4)
"""ln 2 in two parts, the first of few bits, so that its products with small whole numbers are exact."""
E3, E4, E5, E6 = (np.float32(1 / math.factorial(n)) for n in (3, 4, 5, 6))
"""Factors of the series of e^x; the next term is below 2e-7 within ln(2) / 2."""
LOG_ODDS_MAX = np.float32(bayes_numpy.LOG_ODDS_MAX)

_answer_step = njit(cache=True)(bayes_numpy.answer_step)
_answer_pull = njit(cache=True)(bayes_numpy.answer_pull)


def coarse(variances: Floats) -> Halves:
    """As bayes_numpy.coarse, of which only the upper halves are kept."""
    return (bayes_numpy.coarse(variances).view(np.uint32) >> 16).astype(np.uint16)


def halved(means: Floats) -> Halves:
    """As bayes_numpy.halved, in 16 bits."""
    return bayes_numpy.halved(means).astype(np.float16).view(np.uint16)


def _add_means(matrix: Halves, rows: Rows, factors: Floats, total: Floats) -> None:
    """Add factor × row to `total`, eight rows at a time: a pass over `total` costs as much as a row."""
    eights = len(rows) // 8 * 8
    for i in range(0, eights, 8):
        a, b, c, d = matrix[rows[i]], matrix[rows[i + 1]], matrix[rows[i + 2]], matrix[rows[i + 3]]
        e, f, g, h = matrix[rows[i + 4]], matrix[rows[i + 5]], matrix[rows[i + 6]], matrix[rows[i + 7]]
        s, t, u, v = factors[i], factors[i + 1], factors[i + 2], factors[i + 3]
        w, x, y, z = factors[i + 4], factors[i + 5], factors[i + 6], factors[i + 7]
        for k in range(len(total)):
            total[k] += ((s * from_half(a[k]) + t * from_half(b[k])) + (u * from_half(c[k]) + v * from_half(d[k]))) + (
                (w * from_half(e[k]) + x * from_half(f[k])) + (y * from_half(g[k]) + z * from_half(h[k]))
            )
    for i in range(eights, len(rows)):
        a, s = matrix[rows[i]], factors[i]
        for k in range(len(total)):
            total[k] += s * from_half(a[k])


def _add_variances(matrix: Halves, rows: Rows, factors: Floats, total: Floats) -> None:
    """As `_add_means`, of upper halves."""
    eights = len(rows) // 8 * 8
    for i in range(0, eights, 8):
        a, b, c, d = matrix[rows[i]], matrix[rows[i + 1]], matrix[rows[i + 2]], matrix[rows[i + 3]]
        e, f, g, h = matrix[rows[i + 4]], matrix[rows[i + 5]], matrix[rows[i + 6]], matrix[rows[i + 7]]
        s, t, u, v = factors[i], factors[i + 1], factors[i + 2], factors[i + 3]
        w, x, y, z = factors[i + 4], factors[i + 5], factors[i + 6], factors[i + 7]
        for k in range(len(total)):
            total[k] += (
                (s * from_upper(a[k]) + t * from_upper(b[k])) + (u * from_upper(c[k]) + v * from_upper(d[k]))
            ) + ((w * from_upper(e[k]) + x * from_upper(f[k])) + (y * from_upper(g[k]) + z * from_upper(h[k])))
    for i in range(eights, len(rows)):
        a, s = matrix[rows[i]], factors[i]
        for k in range(len(total)):
            total[k] += s * from_upper(a[k])


# One rounding for a product and its sum instead of two, in the order that is written.
_fused = njit(cache=True, fastmath={"contract"}, error_model="numpy")
_add_mean_rows, _add_variance_rows = _fused(_add_means), _fused(_add_variances)


def _exp(x: np.float32) -> np.float32:
    """e^x = 2^k e^r, |r| <= ln(2) / 2, right to 2e-7 for x within ±15; unlike the library's, it runs in lanes."""
    k = np.float32(math.floor(x * LOG2_E + HALF))
    r = x - k * LN2_HIGH - k * LN2_LOW
    y = ((((E6 * r + E5) * r + E4) * r + E3) * r + HALF) * r + ONE
    return np.float32((y * r + ONE) * from_upper(np.uint16((np.int32(k) + 127) << 7)))


exp_lane = _fused(_exp)


def _finish(log_odds: Floats, spread: Floats, propensity: Floats) -> None:
    for c in range(len(log_odds)):
        odds = min(max(log_odds[c], -LOG_ODDS_MAX), LOG_ODDS_MAX)
        log_odds[c] = odds
        spread[c] = math.sqrt(spread[c])
        propensity[c] = ONE / (ONE + exp_lane(-odds))


_finish_row = _fused(_finish)


@njit(cache=True)
def _lay_above(top: Floats, active: Rows, factors: Floats, group_of: Rows, log_odds: Floats, variance: Floats) -> None:
    """Begin the sums of every candidate with what its group and all actions say."""
    above = np.zeros((2, top.shape[2]), dtype=np.float32)
    for i in range(len(active)):
        row = top[active[i]]
        for part in range(2):
            for k in range(above.shape[1]):
                above[part, k] += factors[part, i] * row[part, k]
    for c in range(len(group_of)):
        log_odds[c] = above[0, 0] + above[0, group_of[c]]
        variance[c] = above[1, 0] + above[1, group_of[c]]


def _predict(
    means: Halves,
    variances: Halves,
    top: Floats,
    dense: Floats,
    rows: Rows,
    group_of: Rows,
    log_odds: Floats,
    spread: Floats,
    propensity: Floats,
) -> None:
    size = len(dense)
    active = np.empty(size + len(rows), dtype=np.int64)
    factors = np.ones((2, len(active)), dtype=np.float32)
    for i in range(size):
        active[i] = i
        factors[0, i] = dense[i]
        factors[1, i] = dense[i] * dense[i]
    active[size:] = rows
    for o in range(len(means)):
        _lay_above(top[o], active, factors, group_of, log_odds[o], spread[o])
        _add_mean_rows(means[o], active, factors[0], log_odds[o])
        _add_variance_rows(variances[o], active, factors[1], spread[o])
        _finish_row(log_odds[o], spread[o], propensity[o])


@njit(cache=True)
def _publish(
    state: Floats,
    f: int,
    columns: Rows,
    top: Floats,
    means: Halves,
    variances: Halves,
    group: int,
    siblings: Rows,
    sibling_columns: Rows,
) -> None:
    """Copy what was learned in row f to where predictions read it."""
    for part in range(2):
        top[f, part, 0] = state[columns[0], part, f]
        top[f, part, group] = state[columns[1], part, f]
    mean, variance = state[columns[2], 0, f], state[columns[2], 1, f]
    for j in range(len(siblings)):
        means[f, siblings[j]] = to_half(mean + state[sibling_columns[j], 0, f])
        variances[f, siblings[j]] = to_upper(variance + state[sibling_columns[j], 1, f])


def _learn(
    state: Floats,
    prior: Floats,
    columns: Rows,
    dense: Floats,
    rows: Rows,
    happened: float,
    forgetting: Doubles,
    repeated: float,
    top: Floats,
    means: Halves,
    variances: Halves,
    group: int,
    siblings: Rows,
    sibling_columns: Rows,
) -> tuple[float, float]:
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
            var += (float(prior[layer, f]) - var) * forgetting[layer]
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
            whole += var + (float(prior[layer, f]) - var) * forgetting[layer]
        whole *= x * x
        told = whole + min(1.0, x * x) * (total - whole) * repeated
        shrink = 1.0 / (1.0 + told * curvature)
        for layer in range(len(columns)):
            k = columns[layer]
            var = float(state[k, 1, f])
            var += (float(prior[layer, f]) - var) * forgetting[layer]
            state[k, 0, f] = float(state[k, 0, f]) + var * x * step
            state[k, 1, f] = var * shrink
        _publish(state, f, columns, top, means, variances, group, siblings, sibling_columns)
    return log_odds, total


def _unlearn(
    state: Floats,
    prior: Floats,
    columns: Rows,
    dense: Floats,
    rows: Rows,
    happened: float,
    forgetting: Doubles,
    repeated: float,
    top: Floats,
    means: Halves,
    variances: Halves,
    group: int,
    siblings: Rows,
    sibling_columns: Rows,
) -> None:
    size = len(dense)
    log_odds = 0.0
    for i in range(size + len(rows)):
        f = i if i < size else rows[i - size]
        x = float(dense[i]) if i < size else 1.0
        for layer in range(len(columns)):
            log_odds += float(state[columns[layer], 0, f]) * x
    total = 0.0
    for i in range(size + len(rows)):
        f = i if i < size else rows[i - size]
        x = float(dense[i]) if i < size else 1.0
        for layer in range(len(columns)):
            total += float(state[columns[layer], 1, f]) * x * x
    step, curvature = _answer_pull(log_odds, happened)
    for i in range(size + len(rows)):
        f = i if i < size else rows[i - size]
        x = float(dense[i]) if i < size else 1.0
        if x == 0.0:
            continue
        whole = 0.0
        for layer in range(len(columns)):
            whole += float(state[columns[layer], 1, f])
        whole *= x * x
        told = 1.0 - (whole + min(1.0, x * x) * (total - whole) * repeated) * curvature
        for layer in range(len(columns)):
            k = columns[layer]
            now, before = float(state[k, 1, f]), float(prior[layer, f])
            var = now / told if told * before > now else before
            state[k, 0, f] = float(state[k, 0, f]) - var * x * step
            state[k, 1, f] = max((var - forgetting[layer] * before) / (1.0 - forgetting[layer]), now)
        _publish(state, f, columns, top, means, variances, group, siblings, sibling_columns)


predict = njit(cache=True)(_predict)
learn = njit(cache=True)(_learn)
unlearn = njit(cache=True)(_unlearn)


def warm_up() -> None:
    """Compile, or load from the compiler's cache."""
    none, top = np.zeros((1, 2, 8), dtype=np.float32), np.zeros((1, 2, 2, 8), dtype=np.float32)
    means, variances = halved(none), coarse(none)
    dense = np.zeros(1, dtype=np.float32)
    rows, group_of = np.ones(1, dtype=np.int64), np.zeros(8, dtype=np.int64)
    log_odds = np.zeros((1, 8), dtype=np.float32)
    predict(means, variances, top, dense, rows, group_of, log_odds, log_odds.copy(), log_odds.copy())
    state = np.ones((4, 2, 2), dtype=np.float32)
    prior = np.ones((4, 2), dtype=np.float32)
    columns, kept = np.arange(4, dtype=np.int64), np.zeros(4)
    learn(state, prior, columns, dense, rows, 1.0, kept, 0.0, top[0], means[0], variances[0], 1, rows, rows)
    unlearn(state, prior, columns, dense, rows, 1.0, kept, 0.0, top[0], means[0], variances[0], 1, rows, rows)
