"""What each action changes: effects per action and segment, and whether customers can be told apart by them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from opportune.evaluate.off_policy.bootstrap import Bootstrap, Interval
from opportune.evaluate.uplift.learners import LEARNERS, Trial, cross_fitted, doubly_robust_scores
from opportune.evaluate.uplift.qini import Qini, qini
from opportune.evaluate.uplift.shrinkage import shrunk
from opportune.evaluate.uplift.trials import ARM_LEAST, ActionTrial

__all__ = ["ActionEffect", "Effect", "UpliftReport", "uplift_report", "words"]

Reals = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

QINI_LEAST = 1_000.0
"""The same for telling customers apart."""
ANSWERS_LEAST = 3.0
"""Effective choices with the outcome, and without it, that a number needs: below, an interval says what luck did."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """The effect on one group of customers.

    Args:
        segment: None for all customers.
        effect: reward if shown less reward if not, per choice; nan where either arm is too small.
        shrunk: the same, drawn towards the mean by how little it knows itself: an action's effect towards that of all
            actions, a segment's towards that of all segments of its action.
    """

    segment: str | None
    choices: int
    shown: int
    effect: Interval
    shrunk: Interval


class ActionEffect(msgspec.Struct, frozen=True, kw_only=True):
    """What one action changes.

    Args:
        against: what it is compared with: "withheld", nothing being shown, or "others", what draws showed in its place.
        rate_shown, rate_unshown: mean reward where it was shown and where not, weighed to the same customers.
        effects: all customers first, then by segment.
        qini: by learner; empty where there are too few choices.
        remark: what forbids a number, or that against nothing; "" for nothing.
    """

    action: str
    against: str
    rate_shown: float
    rate_unshown: float
    effects: tuple[Effect, ...]
    qini: dict[str, Qini]
    remark: str

    @property
    def is_refused(self) -> bool:
        """Whether there is no number for all customers."""
        return bool(np.isnan(self.effects[0].effect.value))


class UpliftReport(msgspec.Struct, frozen=True, kw_only=True):
    """Effects of all actions on how often a contact ends with an outcome."""

    outcome: str
    actions: tuple[ActionEffect, ...]

    @property
    def is_refused(self) -> bool:
        """Whether no action has a number."""
        return all(action.is_refused for action in self.actions)


def uplift_report(trials: Sequence[ActionTrial], outcome: str, segments: Sequence[str]) -> UpliftReport:
    """Estimate all effects.

    Args:
        segments: names of the trials' segments, in their order.
    """
    raw = [_measured(one, segments) for one in trials]
    whole = _drawn_together([effects[0] for _, effects, _ in raw])
    found = [
        ActionEffect(
            action=one.action,
            against="withheld" if one.is_withheld else "others",
            rate_shown=_rate(one.trial, one.trial.shown, one.trial.chance),
            rate_unshown=_rate(one.trial, ~one.trial.shown, 1.0 - one.trial.chance),
            effects=(all_customers, *_drawn_together(effects[1:])),
            qini=curves,
            remark="; ".join(filter(None, (one.doubt, _remark(one)))),
        )
        for all_customers, (one, effects, curves) in zip(whole, raw, strict=True)
    ]
    return UpliftReport(outcome=outcome, actions=tuple(found))


def _drawn_together(effects: Sequence[Effect]) -> list[Effect]:
    """Shrink effects towards their mean."""
    intervals = shrunk([one.effect.value for one in effects], [_error(one.effect) for one in effects])
    return [msgspec.structs.replace(one, shrunk=interval) for one, interval in zip(effects, intervals, strict=True)]


def _measured(one: ActionTrial, segments: Sequence[str]) -> tuple[ActionTrial, list[Effect], dict[str, Qini]]:
    trial = one.trial
    masks: list[tuple[str | None, Booleans]] = [(None, np.ones(len(trial), dtype=bool))]
    masks += [(name, one.members[:, number]) for number, name in enumerate(segments)]
    if not _is_enough(trial):
        return one, [_effect(trial, name, mask, None) for name, mask in masks], {}
    scores = doubly_robust_scores(trial)
    effects = [_effect(trial, name, mask, scores) for name, mask in masks]
    curves: dict[str, Qini] = {}
    if _least_arm(trial) >= QINI_LEAST:
        bootstrap = Bootstrap(trial.person)
        curves = {name: qini(cross_fitted(trial, learner), scores, bootstrap) for name, learner in LEARNERS.items()}
    return one, effects, curves


def _effect(trial: Trial, name: str | None, mask: Booleans, scores: Reals | None) -> Effect:
    nothing = Interval(float("nan"), float("nan"), float("nan"))
    found = nothing
    if scores is not None and _is_enough(trial.where(mask)):
        found = Bootstrap(trial.person[mask]).interval(scores[mask], np.ones(int(mask.sum())))
    shown = int(trial.shown[mask].sum())
    return Effect(segment=name, choices=int(mask.sum()), shown=shown, effect=found, shrunk=nothing)


def _is_enough(trial: Trial) -> bool:
    return _least_arm(trial) >= ARM_LEAST and _least_answers(trial) >= ANSWERS_LEAST


def _least_arm(trial: Trial) -> float:
    """Effective choices of the smaller arm, weighed by one over their probability."""
    return min(_effective(1.0 / trial.chance[trial.shown]), _effective(1.0 / (1.0 - trial.chance[~trial.shown])))


def _least_answers(trial: Trial) -> float:
    """Effective choices with the outcome or without it, whichever are fewer."""
    weights = 1.0 / np.where(trial.shown, trial.chance, 1.0 - trial.chance)
    happened = trial.reward > 0.0
    return min(_effective(weights[happened]), _effective(weights[~happened]))


def _effective(weights: Reals) -> float:
    return float(weights.sum() ** 2 / np.square(weights).sum()) if len(weights) else 0.0


def _rate(trial: Trial, arm: Booleans, chance: Reals) -> float:
    weights = 1.0 / chance[arm]
    return float((weights * trial.reward[arm]).sum() / weights.sum()) if len(weights) else float("nan")


def _error(interval: Interval) -> float:
    """Standard error behind a 95 % interval."""
    return (interval.high - interval.low) / (2 * 1.959963984540054)


def _remark(one: ActionTrial) -> str:
    least = _least_arm(one.trial)
    if least < ARM_LEAST:
        shown = int(one.trial.shown.sum())
        return (
            f"no number: shown {shown:,} times of {len(one.trial):,}, which is worth {least:.0f} in the smaller arm; "
            f"at least {ARM_LEAST:.0f} are needed"
        )
    if _least_answers(one.trial) < ANSWERS_LEAST:
        happened = int((one.trial.reward > 0.0).sum())
        return (
            f"no number: {happened:,} of {len(one.trial):,} choices ended with the outcome; "
            f"at least {ANSWERS_LEAST:.0f} with it and as many without it are needed, weighed by their probability"
        )
    return ""


def words(report: UpliftReport) -> list[str]:
    """Say what can be said, one sentence each."""
    return [sentence for action in report.actions for sentence in _of(action)]


def _of(action: ActionEffect) -> Iterator[str]:
    effect = action.effects[0].effect
    if not action.is_refused:
        compared = "showing it and not nothing" if action.against == "withheld" else "showing it"
        said = f"{action.action}: {compared} changes the outcome by {effect.low:+.4g} to {effect.high:+.4g} per choice"
        yield f"{said}." if effect.excludes_zero else f"{said}: no effect can be told from none."
        if "dr" in action.qini:
            half = action.qini["dr"].half
            told = "choosing the better half of the customers instead of any half gains"
            if half.low > 0.0:
                yield f"{action.action}: {told} {half.low:.4g} to {half.high:.4g} per customer."
            else:
                yield f"{action.action}: customers cannot be told apart by what it changes."
    if action.remark:
        yield f"{action.action}: {action.remark}."
