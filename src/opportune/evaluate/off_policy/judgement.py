"""One reward under another policy: estimates with intervals, and whether they may be believed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from opportune.evaluate.off_policy.bootstrap import Bootstrap, Interval
from opportune.evaluate.off_policy.estimators import ESTIMATORS, Sample, gain
from opportune.evaluate.off_policy.overlap import Overlap, Remark, Verdict, overlap, remarks, verdict

__all__ = ["BEST", "DIRECT", "Judgement", "judge"]

BEST = "dr"
"""The estimate that is told first: right where the logged probabilities are, and closer where the model is good."""

DIRECT = "direct"
"""The model alone, whose interval knows nothing of the model's mistakes."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What a log says of another policy.

    Args:
        persons: different ones among the choices.
        observed: mean reward of the log itself.
        estimates: mean reward under the other policy by estimator; empty where the verdict is "refused".
        gain: what the other policy earns more, by an estimate of its own; None where the verdict is "refused".
        remarks: what forbids a number or makes it doubtful.
        disagreement: where the model alone says otherwise than the best estimate, what that means; else "".
    """

    persons: int
    observed: Interval
    estimates: dict[str, Interval]
    gain: Interval | None
    overlap: Overlap
    verdict: Verdict
    remarks: tuple[Remark, ...]
    disagreement: str = ""


def judge(sample: Sample, bootstrap: Bootstrap | None = None) -> Judgement:
    """Estimate the mean reward under the other policy, or refuse to.

    Args:
        bootstrap: of the sample's persons, where several rewards share one.
    """
    found = overlap(sample)
    told = remarks(found)
    bootstrap = bootstrap or Bootstrap(sample.person)
    estimates: dict[str, Interval] = {}
    more = None
    if verdict(told) is not Verdict.REFUSED:
        estimates = {name: bootstrap.interval(*estimator(sample)) for name, estimator in ESTIMATORS.items()}
        more = bootstrap.interval(*gain(sample))
    return Judgement(
        persons=bootstrap.persons,
        observed=bootstrap.interval(sample.reward, np.ones(len(sample))),
        estimates=estimates,
        gain=more,
        overlap=found,
        verdict=verdict(told),
        remarks=tuple(told),
        disagreement=_disagreement(estimates),
    )


def _disagreement(estimates: Mapping[str, Interval]) -> str:
    """Say what it means that the intervals of the best estimate and of the model alone have nothing in common."""
    best, direct = estimates.get(BEST), estimates.get(DIRECT)
    if best is None or direct is None or (direct.low <= best.high and best.low <= direct.high):
        return ""
    return (
        f"the model alone says {direct.low:.4g} to {direct.high:.4g}, which has nothing in common with the"
        f" {best.low:.4g} to {best.high:.4g} told here: the model is wrong about this reward, or a few choices carry"
        " everything; do not go by the model alone"
    )
