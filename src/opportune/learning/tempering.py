"""How far each predictor's weight of evidence is to be trusted: a small Bayesian regression shared by all candidates.

Formulas: docs/concepts/learning-experts.md, "Tempering".

Notation:
    x  float64 [P], weights of evidence of one request and candidate, one per predictor, and 1 for the intercept last
    mean, covariance  float64 [P], [P, P] of the factors; diagonal [P] where there are too many predictors for squares
    moments  of x, as the covariance: running means of products
    gains    float64 [P], log loss that each would have cost had it not been there, summed over the answers

Sums run in a fixed order, without BLAS: results repeat bit by bit.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.learning.fading import NEVER, faded
from opportune.learning.kernels import Kernel

__all__ = ["Tempering", "settle", "sigmoid"]

Doubles = npt.NDArray[np.float64]

FACTOR_VARIANCE = 0.1
INTERCEPT_VARIANCE = 0.05
FORGETTING = 0.0003
"""Part of the way back to its prior covariance that the regression goes with every answer, while few stand behind."""
SETTLED = 5_000
"""Answers behind which it forgets more slowly."""
MEMORY = 10_000
"""Answers after which moments begin to forget."""
IDLE, JUDGED_MIN = 0.01, 500
"""Log odds that a predictor must say on average to be scored, once this many answers have judged it."""
FULL_MAX = 64
"""Predictors up to which covariances are kept."""
LOG_ODDS_MAX = 15.0


def start(predictors: int) -> float:
    """Factor before any answer: one predictor is believed, many repeat each other."""
    return 1.0 / math.sqrt(1.0 + 0.15 * predictors)


@functools.cache
def _compiled(is_full: bool) -> Any:
    from opportune.learning import tempering_numba

    tempering_numba.warm_up()
    return tempering_numba.learn_full if is_full else tempering_numba.learn_diagonal


class Tempering:
    """Factor by which the weight of each predictor counts, learned online.

    Args:
        predictors: P - 1.
        kernel: "numpy" or "numba".
    """

    def __init__(self, predictors: int, kernel: Kernel) -> None:
        size = predictors + 1
        self.mean: Doubles = np.full(size, start(predictors))
        self.mean[-1] = 0.0
        variance = np.full(size, FACTOR_VARIANCE)
        variance[-1] = INTERCEPT_VARIANCE
        self.is_full = predictors <= FULL_MAX
        self.prior: Doubles = np.diag(variance) if self.is_full else variance
        self.covariance: Doubles = self.prior.copy()
        self.moments: Doubles = np.zeros_like(self.prior)
        self.gains: Doubles = np.zeros(size)
        self.judged = 0
        """Answers that gains and moments are of."""
        self._compiled = _compiled(self.is_full) if kernel == "numba" else None

    def log_odds(self, x: Doubles, base: float) -> float:
        """Log odds of weights and the base rate."""
        return base + _dot(self.mean, x)

    def learn(self, x: Doubles, base: float, happened: float, since: int = NEVER) -> None:
        """Move the factors by one answer.

        Args:
            since: answers since the world last changed.
        """
        self.judged += 1
        forgetting = float(faded(FORGETTING, self.judged, since, SETTLED))
        rate = 1.0 / min(self.judged, MEMORY)
        if self._compiled is not None:
            self._compiled(
                self.mean, self.covariance, self.prior, self.moments, self.gains, x, rate, forgetting, base, happened
            )
            return
        said = self.mean * x
        p = sigmoid(base + float(np.add.accumulate(said)[-1]))
        # Log loss without what one predictor said, to the second order: no logarithms, the same bits everywhere.
        self.gains += (happened - p) * said + 0.5 * (p * (1.0 - p)) * said * said
        products = x[:, None] * x if self.is_full else x * x
        self.moments += rate * (products - self.moments)
        self.covariance += forgetting * (self.prior - self.covariance)
        spread = self._spread(x)
        variance = _dot(x, spread)
        step, curvature = settle(self.log_odds(x, base), variance, happened)
        self.mean += spread * step
        self._shift(spread, x, -curvature / (1.0 + curvature * variance))

    def idle(self) -> npt.NDArray[np.bool_]:
        """Predictors that say next to nothing and need not be scored, [P]; none while answers are few."""
        squares = np.diag(self.moments) if self.is_full else self.moments
        found: npt.NDArray[np.bool_] = np.abs(self.mean) * np.sqrt(np.maximum(squares, 0.0)) < IDLE
        return found & (self.judged >= JUDGED_MIN)

    def unlearn(self, x: Doubles, base: float, happened: float) -> None:
        """Take back one answer as it counts today."""
        p = sigmoid(self.log_odds(x, base))
        curvature = p * (1.0 - p)
        spread = self._spread(x)
        room = 1.0 - curvature * _dot(x, spread)
        if room > 0.1:
            self._shift(spread, x, curvature / room)
            spread = self._spread(x)
        self.mean -= spread * (happened - p)

    def _spread(self, x: Doubles) -> Doubles:
        if self.is_full:
            # Reduced row by row, in order.
            found: Doubles = np.add.reduce(self.covariance * x[:, None], axis=0)
            return found
        return self.covariance * x

    def _shift(self, spread: Doubles, x: Doubles, factor: float) -> None:
        if self.is_full:
            self.covariance += (factor * spread)[:, None] * spread
        else:
            self.covariance += factor * spread * spread


def _dot(a: Doubles, b: Doubles) -> float:
    return float(np.add.accumulate(a * b)[-1])


def sigmoid(log_odds: float) -> float:
    """Probability of log odds, which are taken within ±LOG_ODDS_MAX."""
    return 1.0 / (1.0 + math.exp(-min(max(log_odds, -LOG_ODDS_MAX), LOG_ODDS_MAX)))


def settle(log_odds: float, variance: float, happened: float) -> tuple[float, float]:
    """Error and curvature at the most probable factors: the root of a = variance (happened - sigmoid(log_odds + a))."""
    lower, upper = (0.0, variance) if happened > 0.5 else (-variance, 0.0)
    # From where the sigmoid bends, Newton's method goes straight to the root.
    a = min(max(-log_odds, lower), upper)
    p = 0.5
    for n in range(5):
        p = 1.0 / (1.0 + math.exp(-min(max(log_odds + a, -LOG_ODDS_MAX), LOG_ODDS_MAX)))
        if n < 4:
            a -= (a - variance * (happened - p)) / (1.0 + variance * p * (1.0 - p))
    return happened - p, p * (1.0 - p)
