"""Measures of predictions, each with a weight per answer so that a bootstrap can draw answers again.

Notation: p float64 [n] predictions in (0, 1), y bool [n] truths, w float64 [n] weights, group intp [n].
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["BINS", "Areas", "calibration_bins", "calibration_by_chance", "calibration_error", "log_loss"]

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

BINS = 20
P_MIN = 1e-6
"""Nobody is punished more than for this much certainty, so that one answer cannot decide a table."""


def log_loss(p: Floats, y: Booleans) -> Floats:
    """Give the loss of every answer, in nats."""
    kept = np.clip(p, P_MIN, 1.0 - P_MIN)
    found: Floats = -np.log(np.where(y, kept, 1.0 - kept))
    return found


class Areas:
    """Area under the ROC curve within groups, averaged by their weight; ties count half.

    What does not depend on weights is sorted once. Groups that lack one of the two answers are left out.
    """

    def __init__(self, p: Floats, y: Booleans, group: Places) -> None:
        order = np.lexsort((p, group))
        self._order, self._y = order, y[order]
        sorted_p, sorted_group = p[order], group[order]
        starts = np.r_[True, (sorted_p[1:] != sorted_p[:-1]) | (sorted_group[1:] != sorted_group[:-1])]
        self._tie = np.cumsum(starts) - 1
        self._group = sorted_group[starts]
        self._groups = int(group.max(initial=-1)) + 1

    def of(self, w: Floats) -> float:
        """Give the average area, NaN where no group has both answers."""
        weight = w[self._order]
        accepted = np.bincount(self._tie, weight * self._y)
        refused = np.bincount(self._tie, weight * ~self._y)
        below = np.cumsum(refused) - refused
        all_accepted = np.bincount(self._group, accepted, self._groups)
        all_refused = np.bincount(self._group, refused, self._groups)
        before = np.cumsum(all_refused) - all_refused
        won = np.bincount(self._group, accepted * (below - before[self._group] + refused / 2), self._groups)
        both = (all_accepted > 0) & (all_refused > 0)
        if not both.any():
            return float("nan")
        areas = won[both] / (all_accepted[both] * all_refused[both])
        return float(np.average(areas, weights=(all_accepted + all_refused)[both]))


def calibration_bins(p: Floats, bins: int = BINS) -> Places:
    """Give the bin of every prediction: equally many in each, by rank; ties in the order of the answers."""
    places = np.empty(len(p), dtype=np.intp)
    places[np.argsort(p, kind="stable")] = np.arange(len(p)) * bins // max(1, len(p))
    return places


def calibration_error(p: Floats, y: Booleans, w: Floats, bins: Places) -> float:
    """Give the distance between mean prediction and rate, averaged over bins by their weight."""
    gaps = np.abs(np.bincount(bins, w * (p - y)))
    return float(gaps.sum() / w.sum())


def calibration_by_chance(p: Floats, draws: int = 200, seed: int = 0) -> tuple[float, float]:
    """Give mean and 95th percentile of the error that these predictions would show if they were perfectly right."""
    random = np.random.default_rng(seed)
    bins, ones = calibration_bins(p), np.ones(len(p))
    errors = [calibration_error(p, random.random(len(p)) < p, ones, bins) for _ in range(draws)]
    return float(np.mean(errors)), float(np.quantile(errors, 0.95))
