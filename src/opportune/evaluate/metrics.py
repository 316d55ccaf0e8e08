"""Measures of predicted probabilities against what happened.

Notation: n answers, y bool [n] happened, p float [n] predicted before the answer was learned.
Formulas: docs/concepts/evaluation.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["auc", "calibration", "log_loss", "running_rate", "within"]

Reals = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

LEAST = 1e-6
"""Probabilities are clipped to [LEAST, 1 - LEAST] for log loss: one sure mistake may cost 14, not infinity."""


def auc(p: Reals, y: Booleans) -> float:
    """Chance that an answer that happened was given more than one that did not; ties count half; nan if one-sided."""
    positives = int(y.sum())
    negatives = len(y) - positives
    if not positives or not negatives:
        return float("nan")
    order = np.argsort(p, kind="stable")
    _, first, counts = np.unique(p[order], return_index=True, return_counts=True)
    ranks = np.repeat(first + (counts + 1) / 2, counts)
    return float((ranks[y[order]].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def within(p: Reals, y: Booleans, groups: Sequence[str]) -> float:
    """AUC inside each group, averaged by number of pairs: what is left when the groups' own rates are taken out."""
    names = np.asarray(groups)
    areas, pairs = [], []
    for name in np.unique(names):
        own = names == name
        positives = int(y[own].sum())
        weight = positives * (int(own.sum()) - positives)
        if weight:
            areas.append(auc(p[own], y[own]))
            pairs.append(weight)
    return float(np.average(areas, weights=pairs)) if pairs else float("nan")


def log_loss(p: Reals, y: Booleans) -> float:
    """Mean negative log likelihood, in nats."""
    sure = np.clip(p, LEAST, 1 - LEAST)
    return float(-np.where(y, np.log(sure), np.log1p(-sure)).mean()) if len(y) else float("nan")


def running_rate(y: Booleans, groups: Sequence[str] | None = None) -> Reals:
    """Rate of the answers before each one, from (wins + 1) / (trials + 2); per group where groups are given."""
    rates = np.empty(len(y))
    wins: dict[str, int] = {}
    trials: dict[str, int] = {}
    for i, happened in enumerate(y.tolist()):
        group = groups[i] if groups is not None else ""
        rates[i] = (wins.get(group, 0) + 1) / (trials.get(group, 0) + 2)
        wins[group] = wins.get(group, 0) + happened
        trials[group] = trials.get(group, 0) + 1
    return rates


def calibration(p: Reals, y: Booleans, bins: int = 20) -> tuple[Reals, Reals, float]:
    """Cut answers into bins of equal count by p: mean p and rate per bin, and their mean absolute difference."""
    parts = [part for part in np.array_split(np.argsort(p, kind="stable"), bins) if len(part)]
    predicted = np.array([p[part].mean() for part in parts])
    observed = np.array([y[part].mean() for part in parts])
    weights = np.array([len(part) for part in parts])
    error = float(np.average(np.abs(predicted - observed), weights=weights)) if parts else float("nan")
    return predicted, observed, error
