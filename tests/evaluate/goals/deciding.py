"""The plainest way to decide contacts and to add up what they bring: what tests compare with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opportune.decide import Draws, State, decide
from opportune.evaluate.foresight import Case
from opportune.outcomes import new_model
from opportune.records import Decision
from opportune.service.revisions import Strategy
from opportune.strategy.persona import unexplored

__all__ = ["by_hand", "decided"]


def decided(strategy: Strategy, cases: Sequence[Case], is_explored: bool = True) -> list[Decision]:
    """Decide contacts of people whom nobody has met before."""
    plan = strategy.plan if is_explored else unexplored(strategy.plan)
    model = new_model(plan, "numpy")
    found = []
    for case in cases:
        profile = strategy.registries.customer.read(case.attributes)[0]
        state = State(model=model, position=0, person=case.person, profile=profile)
        found.append(decide(plan, state, case.request, case.at, Draws(case.seed)))
    return found


def by_hand(strategy: Strategy, decisions: Sequence[Decision]) -> np.ndarray:
    """Add up what each goal is expected to get per contact, from the project's own values."""
    project = strategy.project
    sums = dict.fromkeys(project.goals, 0.0)
    for decision in decisions:
        reported = project.channels[decision.request.channel].outcomes
        for shown in (one for answer in decision.placements for one in answer.actions):
            for goal, amounts in project.actions[shown.action].values.items():
                for outcome, amount in amounts.items():
                    chance = 1.0 if outcome == "shown" else shown.propensity.get(outcome, 0.0) * (outcome in reported)
                    sums[goal] += chance * amount.number
    return np.array([total / len(decisions) for total in sums.values()])
