"""Plans that differ in one thing from another, with the same candidates, so that the same model decides for both.

Notation: G goals, O outcomes, C candidates.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from opportune.decide import Plan
from opportune.decide.plan import Goal

__all__ = ["changed", "relevered", "reweighted", "without_goal"]


def changed(plan: Plan, **fields: Any) -> Plan:
    """Give the same plan with other fields, and nothing remembered of the old ones."""
    return replace(plan, **fields, _worth={}, _standing={})


def reweighted(plan: Plan, goal: str, factor: float) -> Plan:
    """Give the same plan with a goal's weight, and its weights in segments, times a factor."""
    return changed(plan, goals=tuple(_heavier(one, factor) if one.name == goal else one for one in plan.goals))


def _heavier(goal: Goal, factor: float) -> Goal:
    segments = tuple((segment, weight * factor) for segment, weight in goal.segments)
    return replace(goal, weight=goal.weight * factor, segments=segments)


def relevered(plan: Plan, action: str, lever: float) -> Plan:
    """Give the same plan with another lever, the group's included, of one action."""
    own = np.array([key.action == action for key in plan.candidates], dtype=bool)
    return changed(plan, levers=np.where(own, np.float32(lever), plan.levers).astype(np.float32))


def without_goal(plan: Plan, place: int) -> Plan:
    """Give the same plan with nothing worth anything for a goal; its fatigue stays."""
    values, shown, scale = plan.values.copy(), plan.shown_values.copy(), plan.amount_scale
    values[place] = 0.0
    shown[place] = 0.0
    if scale is not None:
        scale = scale.copy()
        scale[place] = 0.0
    return changed(plan, values=values, shown_values=shown, amount_scale=scale)
