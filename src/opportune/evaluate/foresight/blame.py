"""Who is left with nothing, and which policies did it.

A candidate is kept out by a set of policies. Of all candidates that might stand in a placement, the smallest such sets
are told: without them, and no more, the customer would get something.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from opportune.decide import Plan
from opportune.evaluate.foresight.cases import Case, Side
from opportune.evaluate.foresight.change import is_empty
from opportune.evaluate.foresight.funnel import Want
from opportune.evaluate.foresight.reasons import LAYERS, limit_policy, standing_policy
from opportune.evaluate.foresight.rulebook import Fallen, Policy, Rulebook
from opportune.records import Decision, PlacementTrace, Stage

__all__ = ["Blame"]

NAMES = 20
"""Contacts that are named for each set of policies."""


class Blame:
    """Collects contacts with nothing, by what left them so."""

    def __init__(self, side: Side, rulebook: Rulebook) -> None:
        self._side, self._rulebook = side, rulebook
        self._names: dict[tuple[Policy, ...], list[str]] = {}
        self._persons: dict[tuple[Policy, ...], set[str]] = {}

    def add(self, case: Case, decision: Decision, fallen: Fallen | None = None) -> bool:
        """Take one decision in; say whether it holds nothing."""
        if not is_empty(decision):
            return False
        judged = fallen or self._rulebook.judge(decision.facts)
        for policies in self.sets(decision, judged) or [()]:
            self._names.setdefault(policies, []).append(case.name)
            self._persons.setdefault(policies, set()).add(case.unit)
        return True

    def wants(self) -> tuple[Want, ...]:
        """Give all sets of policies, the most frequent first."""
        found = [
            Want(
                policies=policies, contacts=len(names), persons=len(self._persons[policies]), names=tuple(names[:NAMES])
            )
            for policies, names in self._names.items()
        ]
        return tuple(sorted(found, key=lambda one: (-one.contacts, one.policies)))

    def sets(self, decision: Decision, fallen: Fallen) -> list[tuple[Policy, ...]]:
        """Give the smallest sets of policies without which something would be left, each in order."""
        found = {one for trace in decision.traces for one in self._blockers(trace, decision, fallen)}
        least = min(map(len, found), default=0)
        return sorted(tuple(sorted(one)) for one in found if len(one) == least)

    def _blockers(self, trace: PlacementTrace, decision: Decision, fallen: Fallen) -> Iterator[frozenset[Policy]]:
        """Give, of every candidate with a treatment for the placement, all that keeps it out."""
        plan = self._side.plan
        placement = plan.channels[decision.request.channel].placements[trace.name]
        rules = self._failing(fallen)
        for candidate in np.flatnonzero(placement.fits).tolist():
            stage = Stage(trace.stages[candidate])
            found = set(rules[int(plan.action_of[candidate])])
            if self._is_off(plan, candidate):
                found.add(standing_policy(self._side, Stage.INACTIVE, candidate))
            if not self._is_valid(plan, candidate, decision.at.timestamp()):
                found.add(standing_policy(self._side, Stage.NOT_VALID, candidate))
            found.update(self._limits(decision, candidate))
            if stage not in (Stage.INACTIVE, Stage.NOT_VALID, Stage.LIMITED, *LAYERS):
                found.add(standing_policy(self._side, stage, candidate))
            yield frozenset(found)

    def _failing(self, fallen: Fallen) -> list[set[Policy]]:
        found: list[set[Policy]] = [set() for _ in self._side.plan.actions]
        for row, place in np.argwhere(fallen.failed).tolist():
            found[row % len(found)].add(self._rulebook.policies[self._rulebook.rows[row, place]])
        return found

    @staticmethod
    def _is_off(plan: Plan, candidate: int) -> bool:
        return not plan.actions[int(plan.action_of[candidate])].active

    @staticmethod
    def _is_valid(plan: Plan, candidate: int, seconds: float) -> bool:
        action = plan.actions[int(plan.action_of[candidate])]
        return action.active_from <= seconds < action.active_until

    def limit_of(self, decision: Decision, candidate: int) -> Policy:
        """Name the first limit that holds a candidate back."""
        return next(self._limits(decision, candidate))

    def _limits(self, decision: Decision, candidate: int) -> Iterator[Policy]:
        """Name the limits that hold a candidate back altogether."""
        for hold in decision.holds:
            if hold.left == 0 and self._side.plan.limits.members(hold.limit, hold.part)[candidate]:
                yield limit_policy(self._side.plan, hold.limit, hold.part)
