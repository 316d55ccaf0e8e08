"""What a decision is expected to bring for each goal, by the model that decided it.

Notation: G goals and O scored outcomes of the strategy whose values count.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from opportune.decide import Plan, Standing, tired_of
from opportune.decide.amounts import of_candidate
from opportune.decide.fatigue import fatigue_of_goals
from opportune.outcomes import Names
from opportune.records import Decision, PlacementTrace, Tired

__all__ = ["Expectation"]

Reals = npt.NDArray[np.float64]


class Expectation:
    """Foretells the worth of decisions of one plan.

    Args:
        plan: that decides.
        valued: whose goals and values count; an action that it does not have counts by the values of `plan`.
        names: what `plan` calls otherwise than `valued`.
    """

    def __init__(self, plan: Plan, valued: Plan, names: Names) -> None:
        self._plan, self._valued = plan, valued
        places = {(key.channel, key.action, key.treatment): place for place, key in enumerate(valued.candidates)}
        self._own = [places.get(names.today(key.channel, key.action, key.treatment)) for key in plan.candidates]
        goals = [goal.name for goal in plan.goals]
        self._goals = [goals.index(goal.name) if goal.name in goals else None for goal in valued.goals]

    def of(self, decision: Decision | None, standing: Standing) -> Reals:
        """Add up the expected worth of all that a decision shows, float64 [G]; nothing is worth nothing.

        Args:
            standing: with the contacts that the person had before, which make more of them cost.
        """
        worth = np.zeros(len(self._valued.goals))
        if decision is not None:
            tired = tired_of(self._valued, standing, decision.facts, decision.at)
            for answer, trace in zip(decision.placements, decision.traces, strict=True):
                for place in range(len(answer.actions)):
                    worth += self._of_place(trace, place, tired, decision.tired)
        return worth

    def _of_place(self, trace: PlacementTrace, place: int, tired: Sequence[Tired], own_tired: Sequence[Tired]) -> Reals:
        plan = self._plan
        # The parts of the chosen come first.
        row = np.frombuffer(trace.parts, dtype="<f4").reshape(len(trace.kept) // 4, -1)[place].tolist()
        chances = dict(zip(plan.scored, row, strict=False))
        amounts: dict[str, float] = {}
        if plan.amounts:
            told = of_candidate(plan, dict(zip(plan.part_names, row, strict=True)))
            amounts = dict(zip(plan.scored, told, strict=False))
        own = self._own[trace.chosen[place]]
        if own is not None:
            return _worth(self._valued, own, chances, amounts, tired)
        mine = _worth(plan, trace.chosen[place], chances, amounts, own_tired)
        return np.array([0.0 if goal is None else mine[goal] for goal in self._goals])


def _worth(
    plan: Plan, candidate: int, chances: dict[str, float], amounts: dict[str, float], tired: Sequence[Tired]
) -> Reals:
    happen = np.array([chances.get(outcome, 0.0) for outcome in plan.scored])
    worth = plan.values[:, : len(happen), candidate] @ happen + plan.shown_values[:, candidate]
    if plan.amount_scale is not None and amounts:
        much = np.array([amounts.get(outcome, 0.0) for outcome in plan.scored])
        worth = worth + plan.amount_scale[:, : len(happen), candidate] @ (happen * much)
    for goal, cost in fatigue_of_goals(plan, tired, candidate).items():
        worth[goal] += cost
    return np.asarray(worth, dtype=np.float64)
