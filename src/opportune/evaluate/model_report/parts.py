"""What a model report says. Formulas: docs/concepts/model-report.md.

An answer is one scored outcome of one shown action that did or did not happen. Every figure of quality comes from what
a model foresaw before it learned the answer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

__all__ = [
    "ActionHealth",
    "Bin",
    "Finding",
    "InputHealth",
    "ModelHealth",
    "ModelReport",
    "Pair",
    "PredictorHealth",
    "Selection",
]

Maturity = Literal["new", "growing", "mature"]
Selection = Literal["used", "says-little", "one-value", "never-seen", "hidden", "barred"]


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """Answers whose propensities were alike: mean propensity, share that happened, how many."""

    propensity: float
    rate: float
    answers: int


class ActionHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One action under one model and outcome.

    Args:
        answers: foreseen and then learned; `happened` how many of them were a yes, `rate` their share.
        auc: inside this action, from bins; None without both a yes and a no.
        log_loss: nats per answer; `log_loss_constant` of the action's own rate, known in hindsight.
        calibration_error: mean distance between propensity and rate over bins; `calibration_chance` is what a model
            that is right would show on so many answers.
        maturity: "new" under 100 answers or 5 of either kind, "mature" from 1,000 answers and 50 of either kind.
    """

    action: str
    answers: int
    happened: int
    rate: float
    auc: float | None
    log_loss: float
    log_loss_constant: float
    calibration_error: float
    calibration_chance: float
    maturity: Maturity


class PredictorHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What one predictor contributes to a model under one outcome; None where that is not known of this model.

    Args:
        selection: "used"; "says-little", used less until it says more by itself; "one-value" and "never-seen", of no
            use so far; "hidden" from this model by models.yaml; "barred" from all models by its attribute.
        movement: mean absolute contribution to the log odds of shown actions; `share` of that of all predictors.
        seen: answers to all outcomes in which it had a value; `missing` share of those in which it had none.
        groups: bins or levels that are told apart.
        information: information value within candidates beyond chance, in nats.
        auc: of this predictor alone within candidates, at least 0.5.
        gain: log loss per answer, in nats, that its absence would have cost.
        trust: factor by which its weight of evidence counts.
        like: a more important predictor that says much the same; "" for none.
        too_good: whether it looks like something known only after the answer.
    """

    predictor: str
    type: str
    selection: Selection
    movement: float | None = None
    share: float | None = None
    seen: int | None = None
    missing: float | None = None
    groups: int | None = None
    information: float | None = None
    auc: float | None = None
    gain: float | None = None
    trust: float | None = None
    like: str = ""
    too_good: bool = False


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """An interaction that was found: two predictors that say more together than each alone.

    Args:
        per_action: whether each action has weights of its own for them.
        score: what they say together beyond chance, in standard deviations of chance.
    """

    first: str
    second: str
    per_action: bool
    score: float


class ModelHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One model under one outcome; what is not said here is as for an action.

    Args:
        auc_pooled: over all actions, which flatters where some actions are liked more than others.
        auc_within: inside actions, averaged by their pairs.
        gains: (share of answers, highest propensity first; share of all yeses among them).
        lift: how many times more yeses than at random the tenth with the highest propensity holds; None without a yes.
        trend: (answers so far, log loss of the stretch that ends there), oldest first.
        predictors: those that matter most first, those that it may not see last.
        interactions: strongest first. `pairs_examined` of `pairs_possible` pairs of predictors were looked at; None
            where the model does not look for pairs.
    """

    model: str
    kind: str
    is_champion: bool
    outcome: str
    answers: int
    happened: int
    rate: float
    auc_pooled: float | None
    auc_within: float | None
    log_loss: float
    log_loss_constant: float
    calibration_error: float
    calibration_chance: float
    reliability: tuple[Bin, ...]
    gains: tuple[tuple[float, float], ...]
    lift: float | None
    trend: tuple[tuple[int, float], ...]
    actions: tuple[ActionHealth, ...]
    predictors: tuple[PredictorHealth, ...] = ()
    interactions: tuple[Pair, ...] = ()
    pairs_examined: int | None = None
    pairs_possible: int | None = None


class InputHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One predictor in decisions of before and of now.

    Args:
        missing_before, missing_now: share of decisions that lack it.
        never_seen: share of values now that did not stand among those before; of numbers, outside their range.
        drift: population stability index; None where one side has fewer than 100 values.
        groups: (label, share before, share now) of the bins that drift was computed from.
    """

    predictor: str
    type: str
    missing_before: float
    missing_now: float
    never_seen: float
    drift: float | None
    groups: tuple[tuple[str, float, float], ...]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something to look at.

    Args:
        code: what it is, such as "calibration"; see docs/concepts/model-report.md.
        model, outcome, subject: what it is about; subject is an action or a predictor.
        value: that was found; `threshold` that it passed.
    """

    code: str
    model: str = ""
    outcome: str = ""
    subject: str = ""
    value: float
    threshold: float


class ModelReport(msgspec.Struct, frozen=True, kw_only=True):
    """How good the models of a project are.

    Args:
        position: journal entry that the models have learned to.
        decisions_before, decisions_now: that inputs were compared on.
        person_answers: "yes" that one person teaches about an action within `person_days`; 0 is no bound.
        failed: challengers that were set aside, and why.
        findings: together by model, gravest first, and the model with the gravest first; empty where all is well.
    """

    project: str
    revision: str
    at: datetime
    position: int
    models: tuple[ModelHealth, ...]
    decisions_before: int
    decisions_now: int
    inputs: tuple[InputHealth, ...]
    person_answers: int
    person_days: int
    failed: dict[str, str]
    findings: tuple[Finding, ...]
