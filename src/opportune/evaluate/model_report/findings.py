"""When a figure asks to be looked at."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from opportune.evaluate.model_report.parts import Finding, InputHealth, ModelHealth
from opportune.learning.importance import TOO_GOOD

__all__ = ["THRESHOLDS", "findings"]

THRESHOLDS = {
    "set-aside": 0.0,
    "worse-than-constant": 0.0,
    "calibration": 0.03,
    "no-discrimination": 0.52,
    "too-good": 0.95,
    "knows-answer": TOO_GOOD,
    "drift": 0.25,
    "missing": 0.2,
    "never-seen": 0.1,
}
"""Gravest first: a challenger was set aside; log loss above that of the action's own rate; calibration error this much
above what chance explains; AUC at most this; AUC at least this, which most often is an input that knows the answer;
AUC of one predictor alone, ahead of all others; population stability index; rise of the share of missing values; share
of values that were not there before."""
ANSWERS_LEAST = 1_000
ACTION_ANSWERS_LEAST = 500
DECISIONS_LEAST = 100
"""Decisions of now and of before, each, from which on inputs are judged by them."""
MARGIN = 0.005
"""Share by which log loss may stand above the constant; besides, `_learning` of it."""


def findings(
    models: Sequence[ModelHealth], inputs: Sequence[InputHealth], failed: Iterable[str], compared: int
) -> list[Finding]:
    """Name what passes a threshold: together by model, gravest first, and the model with the gravest first.

    Args:
        compared: decisions of now or of before, whichever are fewer.
    """
    found = [Finding(code="set-aside", model=name, value=1.0, threshold=0.0) for name in failed]
    for model in models:
        found += _of_model(model)
    for one in inputs if compared >= DECISIONS_LEAST else ():
        found += _of_input(one)
    order = list(THRESHOLDS)
    gravest = {
        name: min(order.index(one.code) for one in found if one.model == name) for name in {o.model for o in found}
    }
    return sorted(
        found, key=lambda one: (gravest[one.model], one.model, order.index(one.code), -one.value, one.subject)
    )


def _of_model(model: ModelHealth) -> Iterator[Finding]:
    about = {"model": model.model, "outcome": model.outcome}
    if model.answers >= ANSWERS_LEAST:
        excess = model.calibration_error - model.calibration_chance
        if excess > THRESHOLDS["calibration"]:
            yield Finding(code="calibration", **about, value=excess, threshold=THRESHOLDS["calibration"])
        if model.auc_within is not None and model.auc_within <= THRESHOLDS["no-discrimination"]:
            limit = THRESHOLDS["no-discrimination"]
            yield Finding(code="no-discrimination", **about, value=model.auc_within, threshold=limit)
        if model.auc_within is not None and model.auc_within >= THRESHOLDS["too-good"]:
            yield Finding(code="too-good", **about, value=model.auc_within, threshold=THRESHOLDS["too-good"])
    for one in model.predictors:
        if one.too_good and one.auc is not None:
            limit = THRESHOLDS["knows-answer"]
            yield Finding(code="knows-answer", **about, subject=one.predictor, value=one.auc, threshold=limit)
    for action in model.actions:
        if action.answers < ACTION_ANSWERS_LEAST:
            continue
        excess = action.log_loss - action.log_loss_constant * (1.0 + MARGIN) - _learning(action.answers)
        if excess > THRESHOLDS["worse-than-constant"]:
            yield Finding(code="worse-than-constant", **about, subject=action.action, value=excess, threshold=0.0)


def _learning(answers: int) -> float:
    """Nats per answer that learning a rate and one more weight costs: the constant knows its rate in hindsight."""
    return math.log(answers) / answers


def _of_input(one: InputHealth) -> Iterator[Finding]:
    rise = one.missing_now - one.missing_before
    if one.drift is not None and one.drift > THRESHOLDS["drift"]:
        yield Finding(code="drift", subject=one.predictor, value=one.drift, threshold=THRESHOLDS["drift"])
    if rise > THRESHOLDS["missing"]:
        yield Finding(code="missing", subject=one.predictor, value=rise, threshold=THRESHOLDS["missing"])
    # Where drift cannot be told, there are too few values to know which of them are usual.
    if one.drift is not None and one.never_seen > THRESHOLDS["never-seen"]:
        yield Finding(
            code="never-seen", subject=one.predictor, value=one.never_seen, threshold=THRESHOLDS["never-seen"]
        )
