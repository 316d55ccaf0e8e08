"""Gate: which candidates may and should be shown at all.

Every candidate gets the first stage that drops it, one byte. Unknown is not true: where a rule's input is missing, the
rule drops the action, and the explanation names the missing input.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opportune.decide.plan import Booleans, Placement, Plan
from opportune.records import Facts, Stage

__all__ = ["OPEN", "rule_stages", "stages_of"]

Stages = npt.NDArray[np.uint8]

OPEN = 255
"""Passed the gate; composing the slate decides what becomes of it."""

_LAYERS = np.array([[Stage.ELIGIBILITY], [Stage.APPLICABILITY], [Stage.SUITABILITY]], dtype=np.uint8)
"""Stage of every layer of the gate; OPEN has all bits and is higher than any."""


def rule_stages(plan: Plan, facts: Facts) -> Stages:
    """Evaluate the three layers of engagement policy, uint8 [C]: OPEN or the first layer that failed."""
    passed = plan.gate.passed(facts).view(np.uint8).reshape(3, len(plan.actions))
    # Minus one has all bits: a layer that passed says OPEN, one that failed its stage; the first is the lowest.
    failed = np.negative(passed)
    failed |= _LAYERS
    by_action: Stages = np.minimum.reduce(failed, axis=0)
    return by_action if len(plan.candidates) == len(plan.actions) else by_action[plan.action_of]


def stages_of(plan: Plan, placement: Placement, by_rules: Stages, seconds: float) -> Stages:
    """Combine what does not depend on the customer (active, dates, treatment) with the rules, uint8 [C]."""
    standing = _standing(plan, placement, seconds)
    stages: Stages = np.minimum(standing, by_rules)
    return stages


def _standing(plan: Plan, placement: Placement, seconds: float) -> Stages:
    """Give the stage of every candidate before any rule; remembered until the next validity date."""
    key = (placement.channel, placement.name)
    known = plan._standing.get(key)
    if known is None or not known[0] <= seconds < known[1]:
        known = plan._standing[key] = _stand(plan, placement.fits, seconds)
    return known[2]


def _stand(plan: Plan, fits: Booleans, seconds: float) -> tuple[float, float, Stages]:
    since, until = -np.inf, np.inf
    stages = np.full(len(plan.candidates), OPEN, dtype=np.uint8)
    for index, position in enumerate(plan.action_of):
        action = plan.actions[position]
        for moment in (action.active_from, action.active_until):
            if moment <= seconds:
                since = max(since, moment)
            else:
                until = min(until, moment)
        if not action.active:
            stages[index] = Stage.INACTIVE
        elif not action.active_from <= seconds < action.active_until:
            stages[index] = Stage.NOT_VALID
        elif not fits[index]:
            stages[index] = Stage.NO_TREATMENT
    return since, until, stages
