"""Empirical Bayes: many estimates of the same kind, each drawn towards their mean by how little it knows itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from opportune.evaluate.off_policy.bootstrap import Interval

__all__ = ["shrunk"]

Reals = npt.NDArray[np.float64]

NORMAL_95 = 1.959963984540054


def shrunk(values: Sequence[float], errors: Sequence[float]) -> list[Interval]:
    """Give each estimate shrunk towards the mean of all, with its 95 % interval.

    How far they really differ is estimated by the moments of DerSimonian and Laird; see docs/concepts/uplift.md.

    Args:
        errors: standard error of each, > 0; an estimate without a finite one stays out and gets nan.
    """
    value, error = np.array(values, dtype=np.float64), np.array(errors, dtype=np.float64)
    known = np.isfinite(value) & np.isfinite(error) & (error > 0.0)
    found = [Interval(float("nan"), float("nan"), float("nan"))] * len(value)
    if not known.any():
        return found
    y, s2 = value[known], np.square(error[known])
    between = _variance_between(y, s2)
    weight = 1.0 / (s2 + between)
    mean = float((weight * y).sum() / weight.sum())
    # Part of its own estimate that each keeps; what the mean itself does not know adds to the rest.
    kept = between / (between + s2) if between > 0.0 else np.zeros(len(y))
    variance = kept * s2 + np.square(1.0 - kept) / weight.sum()
    for place, middle, reach in zip(
        np.flatnonzero(known), mean + kept * (y - mean), NORMAL_95 * np.sqrt(variance), strict=True
    ):
        found[int(place)] = Interval(float(middle), float(middle - reach), float(middle + reach))
    return found


def _variance_between(y: Reals, s2: Reals) -> float:
    weight = 1.0 / s2
    mean = (weight * y).sum() / weight.sum()
    spread = float((weight * np.square(y - mean)).sum())
    scale = float(weight.sum() - np.square(weight).sum() / weight.sum())
    return max(0.0, (spread - (len(y) - 1)) / scale) if scale > 0.0 else 0.0
