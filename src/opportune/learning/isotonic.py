"""From scores to probabilities by what happened: a line where answers are few, a rising curve where they suffice.

Formulas: docs/concepts/models.md, "Isotonic calibration".

Notation:
    n  remembered answers: scores float64 [n] (log odds), happened [n] (1 or 0), times float64 [n] >= 1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Curve", "fit_curve", "pool_adjacent_violators"]

Doubles = npt.NDArray[np.float64]

SLOPE, SLOPE_VARIANCE = 0.7, 0.1
"""Of the line before any answer: evidence of several predictors overlaps."""
SLOPE_LEAST = 0.05
SHIFT_VARIANCE = 1.0
STEPS = 12
STEP_MAX = 1.0
BINS_MAX = 32
BIN_ANSWERS = 100
"""Answers that a bin needs before it may bend the line."""
LINE_ANSWERS = 200.0
"""Answers that the line counts for in every bin."""
LINE_MAX = 700.0
"""Log odds that the exponential function still takes."""
RATE_LEAST = 1e-12
"""Rates are kept so far from 0 and 1, where log odds would have no end and what lies between two bins no value."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Rising map of scores to log odds: between nodes straight, outside parallel to the line.

    Args:
        slope, shift: of the line.
        nodes, values: scores and log odds of the bins, float64 [B]; may be empty.
    """

    slope: float
    shift: float
    nodes: Doubles
    values: Doubles

    def of(self, scores: Doubles) -> Doubles:
        """Give log odds for scores of any shape."""
        line = self.slope * scores + self.shift
        if not len(self.nodes):
            return line
        bent = self.values - (self.slope * self.nodes + self.shift)
        low, high = self.nodes[0], self.nodes[-1]
        inside = np.interp(scores, self.nodes, self.values)
        return np.where(scores < low, line + bent[0], np.where(scores > high, line + bent[-1], inside))


def fit_curve(scores: Doubles, happened: npt.NDArray[Any], times: Doubles) -> Curve:
    """Fit the line, then the curve; answers of equal scores may stand in any order."""
    order = scores.argsort()
    scores, times, happened = scores[order], times[order], (times * happened)[order]
    # Answers of one score count together: parted, those that happened would stand above the others.
    firsts = np.flatnonzero(np.diff(scores, prepend=np.nan))
    scores, answers, positives = scores[firsts], np.add.reduceat(times, firsts), np.add.reduceat(happened, firsts)
    slope, shift = _line(scores, positives, answers)
    total = answers.sum()
    bins = min(BINS_MAX, int(total) // BIN_ANSWERS)
    if bins < 2:
        return Curve(slope, shift, np.empty(0), np.empty(0))
    place = np.minimum((np.cumsum(answers) - answers) * bins / total, bins - 1).astype(np.int64)
    whole: Doubles = np.bincount(place, answers, bins).astype(np.float64)
    is_used = whole > 0.0
    nodes: Doubles = (np.bincount(place, answers * scores, bins) / np.maximum(whole, 1.0))[is_used]
    positives, answers = np.bincount(place, positives, bins)[is_used], whole[is_used]
    expected = 1.0 / (1.0 + np.exp(-np.clip(slope * nodes + shift, -LINE_MAX, LINE_MAX)))
    rate: Doubles = (positives + LINE_ANSWERS * expected) / (answers + LINE_ANSWERS)
    rate = np.clip(pool_adjacent_violators(rate, answers + LINE_ANSWERS), RATE_LEAST, 1.0 - RATE_LEAST)
    return Curve(slope, shift, nodes, np.log(rate / (1.0 - rate)))


def pool_adjacent_violators(values: Doubles, weights: Doubles) -> Doubles:
    """Give the rising values that are nearest to these by weighted squares."""
    means: list[float] = []
    sizes: list[float] = []
    counts: list[int] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        mean, size, count = value, weight, 1
        while means and means[-1] >= mean:
            mean = (means[-1] * sizes[-1] + mean * size) / (sizes[-1] + size)
            size += sizes.pop()
            count += counts.pop()
            means.pop()
        means.append(mean)
        sizes.append(size)
        counts.append(count)
    return np.repeat(np.array(means, dtype=np.float64), counts)


def _line(scores: Doubles, positives: Doubles, answers: Doubles) -> tuple[float, float]:
    """Find the most probable slope and shift by Newton's method; the slope stays positive."""
    slope, shift = SLOPE, 0.0
    for _ in range(STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(slope * scores + shift, -30.0, 30.0)))
        miss, weight = positives - answers * p, answers * p * (1.0 - p)
        pull_slope = float((miss * scores).sum()) - (slope - SLOPE) / SLOPE_VARIANCE
        pull_shift = float(miss.sum()) - shift / SHIFT_VARIANCE
        a = float((weight * scores * scores).sum()) + 1.0 / SLOPE_VARIANCE
        b = float((weight * scores).sum())
        c = float(weight.sum()) + 1.0 / SHIFT_VARIANCE
        step = min(max((c * pull_slope - b * pull_shift) / (a * c - b * b), -STEP_MAX), STEP_MAX)
        # What the slope may not go, the shift makes up for.
        step = max(step, SLOPE_LEAST - slope)
        shift_step = min(max((pull_shift - b * step) / c, -STEP_MAX), STEP_MAX)
        slope, shift = slope + step, shift + shift_step
        if max(abs(step), abs(shift_step)) < 1e-9:
            break
    return slope, shift
