"""Stages in the order in which candidates pass them, and what keeps a candidate out that is no rule."""

from __future__ import annotations

from opportune.decide import Plan
from opportune.evaluate.foresight.cases import Side
from opportune.evaluate.foresight.rulebook import Policy
from opportune.records import Stage

__all__ = ["COMPETING", "LAYERS", "ORDER", "limit_policy", "standing_policy"]

LAYERS = (Stage.ELIGIBILITY, Stage.APPLICABILITY, Stage.SUITABILITY)
"""Stages of rules."""
COMPETING = (Stage.SHOWN, Stage.OUTRANKED, Stage.EXCLUSIVE, Stage.ALREADY_SHOWN, Stage.LINKED)
"""Stages of candidates that passed all policies; only others kept them from being shown."""
_FIRST = (Stage.INACTIVE, Stage.NOT_VALID, Stage.NO_TREATMENT, *LAYERS, Stage.LIMITED, Stage.IRRELEVANT)
ORDER = (*_FIRST, *(stage for stage in Stage if stage not in (*_FIRST, *COMPETING)), *COMPETING[2:], Stage.OUTRANKED)
"""Stages that drop candidates, in their order."""


def standing_policy(side: Side, stage: Stage, candidate: int) -> Policy:
    """Name what keeps a candidate out at a stage that is neither of rules nor of limits."""
    key = side.plan.candidates[candidate]
    owner = f"action:{key.action}"
    if stage is Stage.INACTIVE and not side.project.groups[key.group].active:
        owner = f"group:{key.group}"
    return Policy(stage.name.lower(), owner)


def limit_policy(plan: Plan, limit: str, part: str = "") -> Policy:
    """Name a limit: a contact policy, a stock or a purpose; a switch by what it switches off."""
    stage = Stage.LIMITED.name.lower()
    if not limit:
        return Policy(stage, f"switch:{part}")
    policy = plan.limits.policy(limit) or plan.limits.purpose(limit)
    return Policy(stage, f"limit:{limit}", because="" if policy is None else policy.because)
