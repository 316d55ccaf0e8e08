"""Put a model report together: from what the models keep of themselves, and from the journal's decisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from opportune.decide import Plan
from opportune.evaluate.model_report.findings import findings
from opportune.evaluate.model_report.inputs import inputs
from opportune.evaluate.model_report.parts import ModelReport
from opportune.evaluate.model_report.performance import performance
from opportune.evaluate.model_report.predictors import Shown, with_predictors
from opportune.learning import Predictor
from opportune.learning.contest import Contest
from opportune.records import Facts
from opportune.storage import Entry, Kind, Storage
from opportune.storage.kinds import DecisionBody, DecisionPayload

__all__ = ["report_of"]

NOW_DECISIONS = 2_000
BEFORE_DECISIONS = 10_000
PAGES_BEFORE = 40
PAGE = 250
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
    now, before = _decisions(storage)
    healths = performance(models.scoreboard, {spec.name: spec.kind for spec in models.specs}, models.champion)
    shown = _shown(plan, now[-EXPLAINED:])
    healths = [with_predictors(one, models, plan, shown, barred) for one in healths]
    compared = inputs(plan.predictors, [_facts(entry) for entry in before], [_facts(entry) for entry in now])
    return ModelReport(
        project=plan.name,
        revision=plan.revision,
        at=at,
        position=position,
        models=tuple(healths),
        decisions_before=len(before),
        decisions_now=len(now),
        inputs=tuple(compared),
        person_answers=plan.answers_per_person,
        person_days=plan.quota_days if plan.answers_per_person else 0,
        failed=dict(models.failed),
        findings=tuple(findings(healths, compared, models.failed)),
    )


def _decisions(storage: Storage) -> tuple[list[Entry], list[Entry]]:
    """Read the newest decisions, at most half of all, and a spread of those before them."""
    last = storage.last_sequence()
    newest: list[Entry] = []
    start = last
    while start > 0 and len(newest) < 2 * NOW_DECISIONS:
        begin = max(0, start - 4 * PAGE)
        newest = [*_readable(storage, begin, start), *newest]
        start = begin
    now = newest[-min(NOW_DECISIONS, max(1, len(newest) // 2)) :] if newest else []
    rest = newest[: len(newest) - len(now)]
    before: list[Entry] = []
    step = max(PAGE, start // PAGES_BEFORE)
    for begin in range(0, start, step):
        before += _readable(storage, begin, min(start, begin + PAGE))
    before += rest
    if len(before) > BEFORE_DECISIONS:
        before = [before[len(before) * k // BEFORE_DECISIONS] for k in range(BEFORE_DECISIONS)]
    return now, before


def _readable(storage: Storage, after: int, until: int) -> list[Entry]:
    """Read decisions whose facts are there, of the sequences behind `after` up to `until`."""
    found: list[Entry] = []
    while after < until and (page := storage.journal(after, PAGE, (Kind.DECISION,))):
        found += [entry for entry in page if entry.sequence <= until and isinstance(entry.payload, DecisionPayload)]
        after = page[-1].sequence
    return found


def _facts(entry: Entry) -> Facts:
    assert isinstance(entry.payload, DecisionPayload)
    return entry.payload.facts


def _shown(plan: Plan, entries: Sequence[Entry]) -> list[Shown]:
    """Give what was shown first, of actions that the plan still has."""
    places = {(key.channel, key.action, key.treatment): index for index, key in enumerate(plan.candidates)}
    shown = []
    for entry in entries:
        if isinstance(entry.body, DecisionBody):
            first = next((one for answer in entry.body.placements for one in answer.actions), None)
            index = None if first is None else places.get((entry.body.channel, first.action, first.treatment))
            if index is not None:
                shown.append((_facts(entry), index))
    return shown
