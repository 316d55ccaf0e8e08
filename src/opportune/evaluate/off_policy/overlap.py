"""How far a log can speak for another policy, and whether it may give a number at all.

Notation: estimators.py. Thresholds are explained in docs/concepts/off-policy.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import StrEnum

import msgspec
import numpy as np

from opportune.evaluate.off_policy.estimators import Sample

__all__ = ["MISFIT_HIGH", "Overlap", "Remark", "Verdict", "overlap", "remarks", "verdict"]

CHOICES_LEAST = 100
"""Below, no interval is to be trusted."""
EFFECTIVE_LEAST = 100.0
"""Choices that the estimate must rest on."""
SHARE_LEAST = 0.05
"""Below this effective share, EFFECTIVE_AMPLE choices are asked for: a few heavy weights then carry the rest."""
EFFECTIVE_AMPLE = 1_000.0
REWARDED_LEAST = 3.0
"""Rewarded choices that the estimate must rest on."""
BEYOND_MOST = 0.10
"""Part of the other policy's choices that the log could never show; beyond it the log speaks of another policy."""

SHARE_LOW = 0.20
REWARDED_LOW = 20.0
BEYOND_LOW = 0.01
HEAVIEST_HIGH = 0.05
MISFIT_HIGH = 4.0
"""Standard errors that the mean weight may be off what it must be on average."""
ROUNDING = 1e-5
"""Chances are kept in single precision."""


class Verdict(StrEnum):
    """Whether a number is given."""

    TOLD = "told"
    DOUBTFUL = "doubtful"
    REFUSED = "refused"


class Remark(msgspec.Struct, frozen=True):
    """What is to be known about an estimate; `refuses` forbids the number."""

    refuses: bool
    text: str


class Overlap(msgspec.Struct, frozen=True, kw_only=True):
    """How much the two policies have in common.

    Args:
        choices: n.
        effective: (sum of w)^2 / sum of w^2, choices that the estimate really rests on.
        rewarded: the same of those with a reward.
        mean_weight: 1 on average where the log could show all that the other policy would.
        misfit: by how many standard errors the mean weight is off; nan where they are not known.
        heaviest: largest weight; `heaviest_share` its part of the sum of all.
        beyond: part of the other policy's choices that the log could never show; nan where it is not known.
        unused: part of the logged choices that the other policy would never have made.
    """

    choices: int
    effective: float
    rewarded: float
    mean_weight: float
    misfit: float
    heaviest: float
    heaviest_share: float
    beyond: float
    unused: float

    @property
    def share(self) -> float:
        """Effective choices as a part of all."""
        return self.effective / self.choices if self.choices else 0.0


def overlap(sample: Sample) -> Overlap:
    """Measure what two policies have in common."""
    w, n = sample.weights, len(sample)
    total = float(w.sum())
    known = bool(n) and bool(np.isfinite(sample.beyond).all())
    beyond = float(sample.beyond.mean()) if known else float("nan")
    error = float(w.std()) / math.sqrt(n) if n else 0.0
    mean = total / n if n else float("nan")
    return Overlap(
        choices=n,
        effective=_effective(w),
        rewarded=_effective(w * np.abs(sample.reward)),
        mean_weight=mean,
        misfit=_misfit(mean, 1.0 - beyond, error) if known else float("nan"),
        heaviest=float(w.max()) if n else float("nan"),
        heaviest_share=float(w.max()) / total if total > 0.0 else float("nan"),
        beyond=beyond,
        unused=float((w == 0.0).mean()) if n else float("nan"),
    )


def _effective(weights: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    squares = float(np.square(weights).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0.0 else 0.0


def _misfit(found: float, wanted: float, error: float) -> float:
    distance = max(0.0, abs(found - wanted) - ROUNDING)
    return distance / error if error > 0.0 else (0.0 if distance == 0.0 else float("inf"))


def verdict(found: list[Remark]) -> Verdict:
    """Say whether a number may be given."""
    if any(remark.refuses for remark in found):
        return Verdict.REFUSED
    return Verdict.DOUBTFUL if found else Verdict.TOLD


def remarks(found: Overlap) -> list[Remark]:
    """Say in words what keeps the log from speaking, or makes its answer doubtful."""
    return list(_told(found))


def _told(found: Overlap) -> Iterator[Remark]:
    if found.choices < CHOICES_LEAST:
        yield Remark(True, f"only {found.choices:,} choices; at least {CHOICES_LEAST} are needed")
        return
    yield from _of_beyond(found)
    yield from _of_effective(found)
    if found.heaviest_share > HEAVIEST_HIGH:
        yield Remark(
            False,
            f"one choice carries {found.heaviest_share:.0%} of all weight (it counts {found.heaviest:,.0f} times)",
        )
    if found.misfit > MISFIT_HIGH:
        yield Remark(
            False,
            f"the mean weight is {found.mean_weight:.3f}, {found.misfit:.0f} standard errors off: "
            "the logged probabilities may not be those that were drawn from",
        )


def _of_beyond(found: Overlap) -> Iterator[Remark]:
    if found.beyond > BEYOND_MOST:
        yield Remark(
            True,
            f"{found.beyond:.0%} of what the other strategy would show could never be shown in the log; "
            "let placements explore (exploration with a floor), or compare over a later time",
        )
    elif found.beyond > BEYOND_LOW:
        yield Remark(
            False,
            f"{found.beyond:.1%} of what the other strategy would show could never be shown in the log; "
            "of that part the model speaks alone, or nobody",
        )


def _of_effective(found: Overlap) -> Iterator[Remark]:
    rests = f"the estimate rests on {found.effective:,.0f} of {found.choices:,} choices"
    if found.effective < EFFECTIVE_LEAST:
        yield Remark(True, f"{rests}; at least {EFFECTIVE_LEAST:.0f} are needed")
    elif found.share < SHARE_LEAST and found.effective < EFFECTIVE_AMPLE:
        yield Remark(
            True,
            f"{rests} ({found.share:.1%}); below {SHARE_LEAST:.0%} at least {EFFECTIVE_AMPLE:,.0f} are needed",
        )
    elif found.share < SHARE_LOW:
        yield Remark(False, f"{rests} ({found.share:.0%}): the two strategies choose very differently")
    if found.rewarded < REWARDED_LEAST:
        yield Remark(
            True, f"it rests on {found.rewarded:.1f} rewarded choices; at least {REWARDED_LEAST:.0f} are needed"
        )
    elif found.rewarded < REWARDED_LOW:
        yield Remark(False, f"it rests on about {found.rewarded:.0f} rewarded choices: a few people decide it")
