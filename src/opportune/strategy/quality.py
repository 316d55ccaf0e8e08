"""What a project says of the quality of its data, as those who count need it."""

from __future__ import annotations

from opportune.customers.quality import DEFAULTS, KINDS, Freshness, Thresholds
from opportune.decide.limits.windows import Length
from opportune.learning import Predictor
from opportune.strategy.feature_types import per_action
from opportune.strategy.named import SESSION, named
from opportune.strategy.project import Project

__all__ = ["closed_inputs", "freshness", "quality_inputs", "thresholds"]


def quality_inputs(project: Project) -> tuple[Predictor, ...]:
    """List the inputs whose quality is judged.

    Not those of sessions, which many contacts have none of, nor features per action, of which a decision has many
    values, nor what is of a special category, so that no decision knows it.
    """
    apart = per_action(project) | SESSION.keys()
    return tuple(
        Predictor(key, item.type)
        for key, item in named(project).items()
        if key not in apart and (key.startswith("context.") or not item.is_barred)
    )


def thresholds(project: Project) -> Thresholds:
    """Give the thresholds that a project sets, and those of the engine for what it leaves open."""
    rules = project.quality
    general = {
        kind: DEFAULTS[kind] if kind not in rules or (given := rules[kind].warn_above) is None else given
        for kind in KINDS
    }
    own = {(kind, name): one for kind in KINDS if kind in rules for name, one in (rules[kind].inputs or {}).items()}
    return Thresholds(general, own)


def freshness(project: Project) -> Freshness:
    """Say how long attributes of customers can be relied on."""
    return Freshness(
        {
            name: Length(attribute.fresh_for.calendar_days, attribute.fresh_for.elapsed_seconds)
            for name, attribute in project.attributes.items()
            if attribute.fresh_for is not None
        }
    )


def closed_inputs(project: Project) -> frozenset[str]:
    """Name the inputs whose texts the project lists: none of them can be new."""
    return frozenset(key for key, item in named(project).items() if item.values is not None)
