"""What another strategy would have earned: per reward and segment, in figures and in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
import numpy as np

from opportune.evaluate.off_policy.bootstrap import Bootstrap
from opportune.evaluate.off_policy.judgement import BEST, Judgement, judge
from opportune.evaluate.off_policy.log import Log
from opportune.evaluate.off_policy.overlap import Verdict

__all__ = ["OffPolicyReport", "SegmentReport", "off_policy_report", "words"]

NEGLIGIBLE = 0.002
"""Part of what was earned that no difference is worth naming below: kernels differ in the last digits of chances."""


class SegmentReport(msgspec.Struct, frozen=True, kw_only=True):
    """Judgements of one segment by reward; `segment` is None for all customers."""

    segment: str | None
    choices: int
    rewards: dict[str, Judgement]


class OffPolicyReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a span of the journal says of another strategy.

    Args:
        decisions: that were judged.
        left_out: reason → decisions that were not.
        first, last: moments of the first and the last judged decision.
        place: of every placement, from 1.
        outcomes, goals: which rewards are rates, and which amounts per choice.
        parts: all customers first.
    """

    decisions: int
    left_out: dict[str, int]
    first: datetime | None
    last: datetime | None
    place: int
    outcomes: tuple[str, ...]
    goals: tuple[str, ...]
    parts: tuple[SegmentReport, ...]

    @property
    def whole(self) -> SegmentReport:
        """The report of all customers."""
        return self.parts[0]

    @property
    def is_refused(self) -> bool:
        """Whether no number is given for any reward of all customers."""
        return all(found.verdict is Verdict.REFUSED for found in self.whole.rewards.values())


def off_policy_report(
    log: Log,
    outcomes: Sequence[str],
    goals: Sequence[str],
    segments: Sequence[str],
    place: int,
    only: str | None = None,
) -> OffPolicyReport:
    """Judge every reward for all customers and for each segment.

    Args:
        segments: names of the log's segments, in their order.
        only: a segment; it then takes the place of all customers.
    """
    everybody = np.ones(len(log.person), dtype=bool)
    masks = {None: everybody} | {name: log.members[:, number] for number, name in enumerate(segments)}
    wanted = list(masks) if only is None else [only]
    return OffPolicyReport(
        decisions=log.decisions,
        left_out=dict(log.left_out),
        first=log.first,
        last=log.last,
        place=place,
        outcomes=tuple(outcomes),
        goals=tuple(goals),
        parts=tuple(_part(log, name, masks[name]) for name in wanted),
    )


def _part(log: Log, name: str | None, mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> SegmentReport:
    bootstrap = Bootstrap(log.person[mask])
    rewards = {reward: judge(log.sample(n).where(mask), bootstrap) for n, reward in enumerate(log.rewards)}
    return SegmentReport(segment=name, choices=int(mask.sum()), rewards=rewards)


def words(report: OffPolicyReport) -> list[str]:
    """Say what can be said of all customers, and what cannot, one sentence each."""
    return [sentence for name, found in report.whole.rewards.items() for sentence in _of(name, found)]


def _of(name: str, found: Judgement) -> Iterator[str]:
    if found.verdict is Verdict.REFUSED:
        reasons = "; ".join(remark.text for remark in found.remarks if remark.refuses)
        yield f"{name}: no number, since {reasons}."
        return
    best, gain = found.estimates[BEST], found.gain
    assert gain is not None
    if max(abs(gain.low), abs(gain.high)) <= NEGLIGIBLE * abs(found.observed.value):
        yield f"{name}: as it was, {found.observed.value:.4g} per choice: both choose alike."
        yield from _disagreeing(name, found)
        return
    said = f"{name}: between {best.low:.4g} and {best.high:.4g} per choice, where {found.observed.value:.4g} was earned"
    if not gain.excludes_zero:
        yield f"{said}: the log cannot tell which is better."
    else:
        yield f"{said}: {'more' if gain.value > 0 else 'less'} by {gain.low:.4g} to {gain.high:.4g}."
    for remark in found.remarks:
        yield f"{name}: take care: {remark.text}."
    yield from _disagreeing(name, found)


def _disagreeing(name: str, found: Judgement) -> Iterator[str]:
    if found.disagreement:
        yield f"{name}: take care: {found.disagreement}."
