"""Put a model report together: from what the models keep of themselves, and from the journal's decisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from opportune.decide import Plan
from opportune.evaluate.compared import compared, facts_of
from opportune.evaluate.model_report.findings import findings
from opportune.evaluate.model_report.inputs import inputs
from opportune.evaluate.model_report.parts import ModelReport
from opportune.evaluate.model_report.performance import performance
from opportune.evaluate.model_report.predictors import Shown, with_predictors
from opportune.learning import Predictor
from opportune.learning.contest import Contest
from opportune.storage import Entry, Storage
from opportune.storage.kinds import DecisionBody

__all__ = ["report_of"]

NOW_DECISIONS = 2_000
BEFORE_DECISIONS = 10_000
EXPLAINED = 200
"""Shown actions whose predictors' contributions are averaged."""


def report_of(
    storage: Storage, plan: Plan, models: Contest, position: int, at: datetime, barred: Sequence[Predictor] = ()
) -> ModelReport:
    """Judge the models of a project.

    Args:
        models: bound to the plan; nothing may be learned meanwhile.
        position: journal entry that they have learned to.
        barred: attributes that no model may see.
    """
    now, before = compared(storage, NOW_DECISIONS, BEFORE_DECISIONS)
    healths = performance(models.scoreboard, {spec.name: spec.kind for spec in models.specs}, models.champion)
    shown = _shown(plan, now[-EXPLAINED:])
    health = inputs(plan.predictors, [facts_of(entry) for entry in before], [facts_of(entry) for entry in now])
    empty = {one.predictor for one in health if one.missing_before == one.missing_now == 1.0}
    healths = [with_predictors(one, models, plan, shown, barred, empty) for one in healths]
    return ModelReport(
        project=plan.name,
        revision=plan.revision,
        at=at,
        position=position,
        models=tuple(healths),
        decisions_before=len(before),
        decisions_now=len(now),
        inputs=tuple(health),
        person_answers=plan.answers_per_person,
        person_days=plan.quota_days if plan.answers_per_person else 0,
        failed=dict(models.failed),
        findings=tuple(findings(healths, health, models.failed, min(len(before), len(now)))),
    )


def _shown(plan: Plan, entries: Sequence[Entry]) -> list[Shown]:
    """Give what was shown first, of actions that the plan still has."""
    places = {(key.channel, key.action, key.treatment): index for index, key in enumerate(plan.candidates)}
    shown = []
    for entry in entries:
        if isinstance(entry.body, DecisionBody):
            first = next((one for answer in entry.body.placements for one in answer.actions), None)
            index = None if first is None else places.get((entry.body.channel, first.action, first.treatment))
            if index is not None:
                shown.append((facts_of(entry), index))
    return shown
