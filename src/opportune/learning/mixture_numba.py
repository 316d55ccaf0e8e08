"""How a mixture joins what its experts say, compiled: the same steps as mixture_numpy.py."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from opportune.learning import bayes_numpy, mixture_numpy
from opportune.learning.bayes_numba import exp_lane
from opportune.learning.mixture_numpy import KNOTS, moderated

__all__ = ["add_expert", "begin", "bend", "finish", "moderated", "regress", "warm_up"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

ONE = np.float32(1.0)
MODERATION = np.float32(mixture_numpy.MODERATION)
SAID_MAX = np.float32(mixture_numpy.SAID_MAX)
KNOT_FIRST = np.float32(mixture_numpy.KNOT_FIRST)
KNOT_LAST = np.float32(mixture_numpy.KNOT_LAST)
KNOTS_A_UNIT = np.float32(1.0 / mixture_numpy.KNOT_STEP)
LOG_ODDS_MAX = np.float32(bayes_numpy.LOG_ODDS_MAX)

_answer_step = njit(cache=True)(bayes_numpy.answer_step)


def _begin(constants: Floats, total: Floats) -> None:
    for o in range(total.shape[0]):
        total[o] = constants[o, 0]


def _add_expert(log_odds: Floats, spread: Floats, weights: Floats, total: Floats) -> None:
    for o in range(total.shape[0]):
        weight, said, width, whole = weights[o], log_odds[o], spread[o], total[o]
        for c in range(len(whole)):
            value = said[c] / np.float32(math.sqrt(ONE + MODERATION * width[c] * width[c]))
            whole[c] += min(max(value, -SAID_MAX), SAID_MAX) * weight


def _finish(corrections: Floats, lead: Floats, log_odds: Floats, spread: Floats, propensity: Floats) -> None:
    for o in range(log_odds.shape[0]):
        knots, odds, widest, width, chance = corrections[o], log_odds[o], lead[o], spread[o], propensity[o]
        # Apart, since looking up a knot does not run in lanes; unsigned, since no place counts from the end.
        for c in range(len(odds)):
            place = (min(max(odds[c], KNOT_FIRST), KNOT_LAST) - KNOT_FIRST) * KNOTS_A_UNIT
            knot = min(np.uint32(place), np.uint32(KNOTS - 2))
            part = min(place - np.float32(knot), ONE)
            low = knots[knot]
            odds[c] += low + (knots[knot + np.uint32(1)] - low) * part
        for c in range(len(odds)):
            value = min(max(odds[c], -LOG_ODDS_MAX), LOG_ODDS_MAX)
            odds[c] = value
            width[c] = widest[c] / np.float32(math.sqrt(ONE + MODERATION * widest[c] * widest[c]))
            chance[c] = ONE / (ONE + exp_lane(-value))


@njit(cache=True)
def regress(
    means: Doubles,
    covariances: Doubles,
    prior: Doubles,
    x: Doubles,
    offset: float,
    happened: float,
    forgetting: float,
    counted: float,
) -> None:
    """As mixture_numpy.regress."""
    size = len(x)
    along = np.zeros(size)
    log_odds = offset
    for i in range(size):
        if x[i] != 0.0:
            covariances[i, i] += forgetting * max(prior[i] - covariances[i, i], 0.0)
            log_odds += means[i] * x[i]
            for k in range(size):
                along[k] += covariances[i, k] * x[i]
    variance = 0.0
    for i in range(size):
        variance += along[i] * x[i]
    step, curvature = _answer_step(log_odds, counted * variance, happened)
    step, curvature = counted * step, counted * curvature
    rate = curvature / (1.0 + curvature * variance)
    for i in range(size):
        means[i] += along[i] * step
        for k in range(size):
            covariances[i, k] -= along[i] * rate * along[k]


begin = njit(cache=True)(_begin)
add_expert = njit(cache=True, error_model="numpy")(_add_expert)
finish = njit(cache=True, error_model="numpy")(_finish)
bend = mixture_numpy.bend


def warm_up() -> None:
    """Compile, or load from the compiler's cache."""
    rows = np.zeros((1, 8), dtype=np.float32)
    begin(rows[:, :1], rows.copy())
    add_expert(rows, rows, np.zeros(1, dtype=np.float32), rows.copy())
    # Predictions of other models are views of padded rows.
    add_expert(rows[:, :4], rows[:, :4], np.zeros(1, dtype=np.float32), rows[:, :4].copy())
    corrections = np.zeros((1, KNOTS), dtype=np.float32)
    finish(corrections, rows, rows.copy(), rows.copy(), rows.copy())
    finish(corrections, rows[:, :4], rows[:, :4].copy(), rows[:, :4].copy(), rows[:, :4].copy())
    one = np.ones(1)
    regress(one.copy(), np.ones((1, 1)), one, one, 0.0, 1.0, 0.0, 1.0)
