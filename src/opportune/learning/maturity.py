"""How far an action has grown up: what share of the draws it may take, by the answers that it has.

Formulas: docs/concepts/exploration.md.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["NO_SHARES", "interval", "shares"]

Doubles = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

NO_SHARES = np.zeros(0)
"""Nobody is in a ramp-up."""
QUANTILE = 1.6448536269514722
"""Of the normal, for an interval of 90 %."""


def shares(start: Doubles, full_after: Doubles, answers: Doubles) -> Doubles:
    """Give the largest share of draws of every action, in (0, 1], float64 [A]; 1 is free.

    Args:
        start: share without any answer, in (0, 1].
        full_after: answers after which the action is free, 0 where it was never held back.
        answers: learned so far.
    """
    grown = np.divide(answers, full_after, out=np.ones_like(answers), where=full_after > 0)
    return np.where(grown < 1.0, start + (1.0 - start) * np.maximum(grown, 0.0), 1.0)


def interval(propensity: float, spread: float) -> tuple[float, float]:
    """Give the interval that holds the propensity with a chance of 90 % by what the model knows.

    Args:
        propensity: in (0, 1).
        spread: standard deviation of its log odds, >= 0.
    """
    log_odds = np.log(propensity) - np.log1p(-propensity)
    low, high = (float(1.0 / (1.0 + np.exp(-(log_odds + sign * QUANTILE * spread)))) for sign in (-1.0, 1.0))
    return low, high
