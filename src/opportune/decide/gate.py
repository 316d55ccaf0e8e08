"""Gate: which candidates may and should be shown at all.

Every candidate gets the first stage that drops it, one byte. Unknown is not true: where a rule's input is missing, the
rule drops the action, and the explanation names the missing input.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opportune.decide.known import prior_of
from opportune.decide.plan import Booleans, Placement, Plan
from opportune.decide.steps import steps_of
from opportune.decide.steps_numpy import OPEN
from opportune.records import Facts, Stage

__all__ = ["OPEN", "rule_stages", "stages_of"]

Stages = npt.NDArray[np.uint8]


def rule_stages(plan: Plan, facts: Facts, kernel: str = "numpy", profile: Facts | None = None) -> Stages:
    """Evaluate the three layers of engagement policy, uint8 [C]: OPEN or the first layer that failed.

    Args:
        kernel: "numpy" or "numba"; they differ in speed alone.
        profile: the facts "customer.<name>" among the facts, which may be `KnownFacts`; None takes them from there.
    """
    index = plan.gate.index
    prior = prior_of(index, facts if profile is None else profile)
    stages: Stages = steps_of(kernel).gate(
        index.table, index.later(facts), prior, index.words, index.layers, plan.gate.bits, plan.action_of
    )
    return stages


def stages_of(plan: Plan, placement: Placement, by_rules: Stages, seconds: float, kernel: str = "numpy") -> Stages:
    """Combine what does not depend on the customer (active, dates, treatment) with the rules, uint8 [C]."""
    stages: Stages = steps_of(kernel).lower(_standing(plan, placement, seconds), by_rules)
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
