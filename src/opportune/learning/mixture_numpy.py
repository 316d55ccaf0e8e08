"""How a mixture joins what its experts say, NumPy form. Notation: mixture.py; formulas: docs/concepts/learning.md.

No matrix product is used: BLAS sums in an order that depends on threads and on the address of the data.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from opportune.learning.bayes_numpy import LOG_ODDS_MAX, answer_pull, answer_step

__all__ = ["add_expert", "begin", "bend", "finish", "moderated", "regress", "take_back"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

MODERATION = math.pi / 8.0
"""Factor of the variance in the sigmoid's mean over a normal: sigmoid(m / sqrt(1 + pi / 8 v)), right to .02."""
SAID_MAX = 8.0
"""What an expert says beyond this many log odds counts as this many: one that is lost must not drown the others."""
KNOT_FIRST, KNOT_LAST, KNOT_STEP = -8.0, 4.0, 0.5
"""Log odds at which a correction is learned: from 0.0003 to 0.98."""
KNOTS = round((KNOT_LAST - KNOT_FIRST) / KNOT_STEP) + 1


def moderated(log_odds: float, spread: float) -> float:
    """Give the log odds of the mean propensity, rather than those of the mean log odds."""
    return min(max(log_odds / math.sqrt(1.0 + MODERATION * spread * spread), -SAID_MAX), SAID_MAX)


def begin(constants: Floats, total: Floats) -> None:
    """Begin the sums total [O, C] with what is the same for all, [O, 1].

    A step of its own, since the compiled form keeps the interpreter's lock where an assignment of long rows lets it go:
    the writer's thread would take it and commit part of a turn of the event loop.
    """
    total[:] = constants


def add_expert(log_odds: Floats, spread: Floats, weights: Floats, total: Floats) -> None:
    """Add to total [O, C] what an expert says, moderated, times its weight [O]."""
    said = log_odds / np.sqrt(np.float32(1.0) + np.float32(MODERATION) * spread * spread)
    total += np.clip(said, np.float32(-SAID_MAX), np.float32(SAID_MAX)) * weights[:, None]


def finish(corrections: Floats, lead: Floats, log_odds: Floats, spread: Floats, propensity: Floats) -> None:
    """Correct log odds [O, C] by those at the knots [O, N]; fill spread, from the lead's, and propensity."""
    place = (np.clip(log_odds, np.float32(KNOT_FIRST), np.float32(KNOT_LAST)) - np.float32(KNOT_FIRST)) * np.float32(
        1.0 / KNOT_STEP
    )
    knot = np.minimum(place.astype(np.int64), KNOTS - 2)
    part = np.minimum(place - knot.astype(np.float32), np.float32(1.0))
    low, high = np.take_along_axis(corrections, knot, axis=1), np.take_along_axis(corrections, knot + 1, axis=1)
    log_odds += low + (high - low) * part
    np.clip(log_odds, np.float32(-LOG_ODDS_MAX), np.float32(LOG_ODDS_MAX), out=log_odds)
    np.divide(lead, np.sqrt(np.float32(1.0) + np.float32(MODERATION) * lead * lead), out=spread)
    np.divide(np.float32(1.0), np.float32(1.0) + np.exp(-log_odds), out=propensity)


def bend(log_odds: float, x: Doubles) -> None:
    """Fill x [N] with the shares of the two knots around these log odds."""
    place = (min(max(log_odds, KNOT_FIRST), KNOT_LAST) - KNOT_FIRST) / KNOT_STEP
    knot = min(int(place), KNOTS - 2)
    part = min(place - knot, 1.0)
    x[:] = 0.0
    x[knot], x[knot + 1] = 1.0 - part, part


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
    """Bayesian logistic regression, one answer that counts so much of one: weights [K] of x [K] above an offset."""
    size = len(x)
    places = np.arange(size)
    covariances[places, places] += forgetting * np.maximum(prior - covariances[places, places], 0.0) * (x != 0.0)
    along = np.einsum("ij,j->i", covariances, x)
    variance = float(np.add.accumulate(along * x)[-1])
    log_odds = offset + float(np.add.accumulate(means * x)[-1])
    step, curvature = answer_step(log_odds, counted * variance, happened)
    step, curvature = counted * step, counted * curvature
    means += along * step
    covariances -= np.multiply.outer(along * (curvature / (1.0 + curvature * variance)), along)


def take_back(
    means: Doubles, covariances: Doubles, prior: Doubles, x: Doubles, offset: float, happened: float, counted: float
) -> None:
    """Take back an answer that `regress` learned, as it counts today; no variance rises beyond its prior."""
    along = np.einsum("ij,j->i", covariances, x)
    variance = float(np.add.accumulate(along * x)[-1])
    log_odds = offset + float(np.add.accumulate(means * x)[-1])
    pull, curvature = answer_pull(log_odds, happened)
    left = 1.0 - counted * curvature * variance
    if left > 0.5:
        wider = covariances + np.multiply.outer(along * (counted * curvature / left), along)
        if (wider.diagonal() <= prior).all():
            covariances[:] = wider
            along /= left
    means -= along * (counted * pull)
