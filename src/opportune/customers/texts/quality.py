"""How well a model of texts reads texts that it was not trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

__all__ = ["Confusion", "Quality", "micro_f1", "quality_of"]

Flags = npt.NDArray[np.bool_]
"""[N, L]: texts by labels."""

CONFUSIONS_MAX = 10


class Confusion(msgspec.Struct, frozen=True):
    """How many texts of one label were taken for another."""

    truth: str
    said: str
    texts: int


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """Figures on texts that were held back.

    Args:
        figures: name → value in [0, 1]. Of one label a text: accuracy, macro_f1, majority_accuracy (always the
            commonest label), answered (share of texts whose label is sure enough), answered_accuracy. Of several:
            micro_f1, macro_f1, majority_micro_f1 (always the commonest label), all_micro_f1 (always all labels).
        confusions: the commonest, most texts first.
    """

    texts: int
    figures: dict[str, float]
    confusions: tuple[Confusion, ...]


def quality_of(
    chances: npt.NDArray[np.float64],
    truth: Flags,
    commonest: int,
    labels: Sequence[str],
    several: bool,
    at_least: float,
) -> Quality:
    """Judge the chances [N, L] of texts whose labels are known.

    Args:
        commonest: column of the label that was commonest in training.
    """
    said = chances >= at_least if several else _strongest(chances)
    majority = np.zeros_like(truth)
    majority[:, commonest] = True
    figures = {"macro_f1": _macro_f1(said, truth)}
    if several:
        figures["micro_f1"] = micro_f1(said, truth)
        figures["majority_micro_f1"] = micro_f1(majority, truth)
        figures["all_micro_f1"] = micro_f1(np.ones_like(truth), truth)
    else:
        is_right = np.any(said & truth, axis=1)
        is_sure = np.max(chances, axis=1) >= at_least
        figures["accuracy"] = _mean(is_right)
        figures["majority_accuracy"] = _mean(truth[:, commonest])
        figures["answered"] = _mean(is_sure)
        figures["answered_accuracy"] = _mean(is_right[is_sure])
    rounded = {name: round(value, 4) for name, value in sorted(figures.items())}
    return Quality(texts=len(truth), figures=rounded, confusions=_confusions(said, truth, labels))


def micro_f1(said: Flags, truth: Flags) -> float:
    """Give the F1 score over all pairs of text and label; 0 where there is none."""
    pairs = int(said.sum()) + int(truth.sum())
    return 2.0 * int((said & truth).sum()) / pairs if pairs else 0.0


def _macro_f1(said: Flags, truth: Flags) -> float:
    """Give the mean of the labels' F1 scores, of labels that some text has or was said to have."""
    pairs = said.sum(axis=0) + truth.sum(axis=0)
    hits = (said & truth).sum(axis=0)
    known = pairs > 0
    return float(np.mean(2.0 * hits[known] / pairs[known])) if known.any() else 0.0


def _mean(flags: npt.NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else 0.0


def _strongest(chances: npt.NDArray[np.float64]) -> Flags:
    said = np.zeros(chances.shape, bool)
    said[np.arange(len(chances)), chances.argmax(axis=1)] = True
    return said


def _confusions(said: Flags, truth: Flags, labels: Sequence[str]) -> tuple[Confusion, ...]:
    """Count texts by a label they have and one they were wrongly said to have in its place."""
    counts: Counter[tuple[str, str]] = Counter()
    for missed, wrong in zip(truth & ~said, said & ~truth, strict=True):
        for one in np.flatnonzero(missed).tolist():
            for other in np.flatnonzero(wrong).tolist():
                counts[labels[one], labels[other]] += 1
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:CONFUSIONS_MAX]
    return tuple(Confusion(one, other, count) for (one, other), count in most)
