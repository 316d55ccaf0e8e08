"""Rates of candidates in layers: all, group, action, candidate, as functions of counts.

Formulas: docs/concepts/models.md, "Rates". Notation: tally.py.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opportune.learning.tally import Counts, Tally

__all__ = ["BASE_RATE", "Doubles", "layered", "rates", "rates_of_keys"]

BASE_RATE = 0.2
"""Rate that is assumed before any answer."""
STRENGTH = 4.0
"""Answers that the rate of a parent counts for."""
SPREAD_MAX = 1.5

Doubles = npt.NDArray[np.float64]


def rates(tally: Tally) -> tuple[Doubles, Doubles]:
    """Log odds of the rates, and their standard deviation, float64 [O, C] each."""
    log_odds, spread = rates_of_keys(tally)
    return log_odds[:, tally.bound], spread[:, tally.bound]


def rates_of_keys(tally: Tally) -> tuple[Doubles, Doubles]:
    """The same for all keys, float64 [O, K] each."""
    counts = tally.arrays["counts"].astype(np.float64)
    answers, positives = counts[..., 0], counts[..., 1]
    rate = np.full(answers.shape, BASE_RATE)
    for rows in (np.zeros_like(tally.groups), tally.groups, tally.actions):
        rate = (layered(positives, rows) + STRENGTH * rate) / (layered(answers, rows) + STRENGTH)
    rate = (positives + STRENGTH * rate) / (answers + STRENGTH)
    spread = np.minimum(1.0 / np.sqrt((answers + STRENGTH) * rate * (1.0 - rate)), SPREAD_MAX)
    return np.log(rate / (1.0 - rate)), spread


def layered(values: Doubles, rows: Counts) -> Doubles:
    """Sum [O, K] over keys of the same row, given back to every key; sums of whole numbers are exact in any order."""
    size = int(rows.max(initial=-1)) + 1
    return np.array([np.bincount(rows, head, size)[rows] for head in values]).reshape(values.shape)
