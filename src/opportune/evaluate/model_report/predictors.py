"""What predictors contribute to models, which of them say more together, and which are left out, and why."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from typing import TypeVar

import msgspec

from opportune.decide import Plan
from opportune.evaluate.model_report.parts import ModelHealth, Pair, PredictorHealth, Selection
from opportune.learning import Contest, EvidenceModel, MixtureModel, PairsModel, Predictor, PropensityModel
from opportune.learning.importance import Importance
from opportune.records import Facts

__all__ = ["Shown", "with_predictors"]

Member = TypeVar("Member", bound=PropensityModel)
Shown = tuple[Facts, int]
"""What a decision knew, and the candidate that it showed first."""


def with_predictors(
    health: ModelHealth,
    models: Contest,
    plan: Plan,
    shown: Sequence[Shown],
    barred: Sequence[Predictor],
    empty: Container[str] = (),
) -> ModelHealth:
    """Add to a model what its predictors contribute; of one that was set aside, only which it may see.

    Args:
        shown: by which movements of the champion are measured.
        barred: attributes that no model may see.
        empty: names of those that had no value in the decisions of late, for models that do not say so themselves.
    """
    model = models.models.get(health.model)
    head = plan.outcomes.index(health.outcome)
    seen = {one.name for spec in models.specs if spec.name == health.model for one in spec.predictors}
    movements = _movements(models, shown, head) if health.is_champion else {}
    evidence, pairs = _member(model, EvidenceModel), _member(model, PairsModel)
    measured = {one.name: one for one in evidence.importance(head)} if evidence else {}
    found = [
        _predictor(one, movements, measured.get(one.name), one.name in empty)
        if one.name in seen
        else _left_out(one, "hidden")
        for one in plan.predictors
    ]
    found.sort(key=lambda one: (one.selection == "hidden", -(one.share or 0.0), -(one.gain or 0.0), one.predictor))
    examined, possible = pairs.examined(head) if pairs else (None, None)
    return msgspec.structs.replace(
        health,
        predictors=(*found, *(_left_out(one, "barred") for one in barred)),
        interactions=tuple(
            Pair(first=one.first, second=one.second, per_action=one.is_own, score=one.score)
            for one in (pairs.interactions(head) if pairs else ())
        ),
        pairs_examined=examined,
        pairs_possible=possible,
    )


def _member(model: PropensityModel | None, kind: type[Member]) -> Member | None:
    """Find a model that tells of its predictors: itself, or an expert of a mixture."""
    found = model.expert(kind.name) if isinstance(model, MixtureModel) else model
    return found if isinstance(found, kind) else None


def _movements(models: Contest, shown: Sequence[Shown], head: int) -> dict[str, tuple[float, float]]:
    """Mean absolute contribution of the champion's predictors, and its share of all.

    What never had a value says the same of everybody, and moves nothing.
    """
    totals: dict[str, float] = defaultdict(float)
    had = {name for facts, _ in shown for name in facts}
    for facts, candidate in shown:
        for name, part in models.weights(facts, candidate, head):
            if name in had:
                totals[name] += abs(part)
    whole = math.fsum(totals.values())
    return {name: (total / len(shown), total / whole) for name, total in totals.items()} if whole else {}


def _predictor(
    one: Predictor, movements: Mapping[str, tuple[float, float]], measured: Importance | None, is_empty: bool
) -> PredictorHealth:
    movement, share = movements.get(one.name, (None, None))
    if measured is None:
        why: Selection = "never-seen" if is_empty else "used"
        return PredictorHealth(predictor=one.name, type=str(one.type), selection=why, movement=movement, share=share)
    return PredictorHealth(
        predictor=one.name,
        type=str(one.type),
        selection=_selection(measured),
        movement=movement,
        share=share,
        seen=measured.seen,
        missing=measured.missing,
        groups=measured.bins,
        information=measured.information,
        auc=measured.auc,
        gain=measured.gain,
        trust=measured.trust,
        like="" if measured.group == one.name else measured.group,
        too_good="too good" in measured.flags,
    )


def _selection(measured: Importance) -> Selection:
    if "never seen" in measured.flags:
        return "never-seen"
    if "constant" in measured.flags:
        return "one-value"
    return "used" if measured.is_scored else "says-little"


def _left_out(one: Predictor, why: Selection) -> PredictorHealth:
    return PredictorHealth(predictor=one.name, type=str(one.type), selection=why)
