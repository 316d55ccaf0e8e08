"""What a choice earned and what it was foretold to earn, by the values of the strategy that is judged.

Notation:
    R  rewards: the scored outcomes of the judged strategy (0 or 1), then its goals (amounts in the goal's unit)
    m  candidates of the odds
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opportune.decide import Plan
from opportune.evaluate.off_policy.estimators import Reals
from opportune.evaluate.off_policy.odds import Odds
from opportune.outcomes import happened
from opportune.records import Shown
from opportune.storage.standing import Report

__all__ = ["Rewards"]


class Rewards:
    """Rewards of one strategy; both what was earned and what would have been are counted by its values.

    Attributes:
        names: of the rewards, outcomes before goals.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.names = (*plan.scored, *(goal.name for goal in plan.goals))
        reported = {
            channel: [outcome in own.outcomes for outcome in plan.scored] for channel, own in plan.channels.items()
        }
        self._reported = np.array([reported[key.channel] for key in plan.candidates], dtype=bool)

    def earned(
        self, shown: Shown | None, channel: str, candidate: int | None, truth: Sequence[Report], logged: Plan
    ) -> Reals:
        """Give every reward of what was shown, float64 [R].

        Args:
            shown: None for a place left empty, which earns nothing.
            candidate: of the strategy's plan; None for an action that it does not have, which counts by the values of
                the plan that showed it.
            truth: reports about the decision that finally stand.
            logged: the plan that showed it.
        """
        if shown is None:
            return np.zeros(len(self.names))
        own = [report for report in truth if report.shown == (shown.action, shown.treatment)]
        said = happened(own, self._plan.after).get((shown.action, shown.treatment), set())
        outcomes = np.array([outcome in said for outcome in self._plan.scored], dtype=np.float64)
        if candidate is None:
            return np.concatenate([outcomes, self._foreign(shown, channel, own, logged)])
        amounts = self._plan.values[:, : len(outcomes), candidate] @ outcomes + self._plan.shown_values[:, candidate]
        amounts += _reported(self._plan, candidate, own)
        return np.concatenate([outcomes, amounts])

    def foretold(self, odds: Odds) -> Reals:
        """Give the foretold rewards of every candidate of the odds, float64 [m, R].

        What the channel cannot report is foretold never to happen there, since it never earns anything.
        """
        values = self._plan.values[:, : len(self._plan.scored), odds.candidates]
        amounts = np.einsum("gom,mo->mg", values, odds.propensity) + self._plan.shown_values[:, odds.candidates].T
        if self._plan.amount_scale is not None and odds.amounts is not None:
            scale = self._plan.amount_scale[:, : len(self._plan.scored), odds.candidates]
            amounts += np.einsum("gom,mo->mg", scale, odds.propensity * odds.amounts)
        return np.concatenate([odds.propensity * self._reported[odds.candidates], amounts], axis=1)

    def _foreign(self, shown: Shown, channel: str, reports: Sequence[Report], logged: Plan) -> Reals:
        """Give the worth for each goal of an action that only the logged plan has."""
        amounts = np.zeros(len(self._plan.goals))
        said = happened(reports, logged.after).get((shown.action, shown.treatment), set())
        names = [goal.name for goal in logged.goals]
        at = logged.index_of(shown.action, channel, shown.treatment)
        for place, goal in enumerate(self._plan.goals):
            if at is not None and goal.name in names:
                g = names.index(goal.name)
                told = float(_reported(logged, at, reports)[g])
                own = [float(logged.values[g, o, at]) for o, name in enumerate(logged.outcomes) if name in said]
                amounts[place] = sum(own) + told + float(logged.shown_values[g, at])
        return amounts


def _reported(plan: Plan, candidate: int, reports: Sequence[Report]) -> Reals:
    """Give the worth for each goal of the amounts that were reported, by what was said first of each outcome."""
    worth = np.zeros(len(plan.goals))
    if plan.amount_scale is not None:
        first: dict[str, float] = {}
        for report in reports:
            if report.amount is not None and report.outcome in plan.amounts:
                first.setdefault(report.outcome, float(report.amount))
        for outcome, amount in first.items():
            worth += plan.amount_scale[:, plan.outcomes.index(outcome), candidate] * amount
    return worth
