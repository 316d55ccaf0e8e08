"""The lever that gives an action a share of first places, and what that costs: the same contacts, decided again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from opportune.decide import Plan
from opportune.evaluate.foresight import Case, Side
from opportune.evaluate.foresight.effect import Expectation
from opportune.evaluate.goals.firsts import EMPTY, Tell, is_taught, persons_of, winners, with_plan
from opportune.evaluate.goals.variations import relevered
from opportune.evaluate.off_policy import Bootstrap, Interval
from opportune.outcomes import Names
from opportune.strategy.persona import unexplored

__all__ = ["DIGITS", "LEVER_MAX", "GoalCost", "LeverFinding", "find_lever"]

Reals = npt.NDArray[np.float64]

LEVER_MAX = 100.0
"""The highest lever that an action may have."""
LEAST = 0.001
"""Below this, a lever is as good as 0."""
DIGITS = 3
"""Significant digits of the lever that is found."""


class GoalCost(msgspec.Struct, frozen=True, kw_only=True):
    """What one goal gets per contact, by the model's expectation: now, with the lever, and the difference."""

    goal: str
    unit: str
    before: float
    after: float
    gain: Interval


class LeverFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found; shares are of first places by priority alone.

    Args:
        verdict: "found"; "unreachable" where no lever gives so much; "exceeded" where it has more even with lever 0.
        present: the action's own lever now, `group_lever` that of its group, which multiplies it.
        lever: the lowest own lever that gives the share, to three digits; None where there is none.
        wanted, share_before, share_after: shares; after is with the lever, or with the nearest one possible.
        share_explored: with exploration as the strategy has it.
        is_taught: whether the model has learned anything; if not, it cannot foretell what goals get.
        tried: (lever, share), ascending.
    """

    action: str
    verdict: str
    wanted: float
    contacts: int
    persons: int
    refused: int
    firsts: int
    present: float
    group_lever: float
    lever: float | None
    share_before: float
    share_after: float
    share_explored: float
    is_taught: bool
    goals: tuple[GoalCost, ...]
    tried: tuple[tuple[float, float], ...]


def find_lever(
    side: Side, cases: Sequence[Case], action: str, wanted: float, tell: Tell = lambda done, total: None
) -> LeverFinding:
    """Find the lowest lever with which an action takes a share of first places at least.

    Args:
        action: of the strategy; its group's lever is not 0.
        wanted: share in (0, 1].
        tell: called with (rounds done, rounds at most).
    """
    project = side.project
    group = project.groups[project.group_of[action]].lever
    finder = _Finder(side, cases, action, group, tell)
    own = project.actions[action].lever
    before = finder.round(own)
    verdict, lever = finder.search(wanted)
    after = finder.round(lever)
    return LeverFinding(
        action=action,
        verdict=verdict,
        wanted=wanted,
        contacts=len(before.kept),
        persons=len(set(before.person.tolist())),
        refused=len(cases) - len(before.kept),
        firsts=before.firsts,
        present=own,
        group_lever=group,
        lever=lever if verdict == "found" else None,
        share_before=before.share,
        share_after=after.share,
        share_explored=finder.explored(lever),
        is_taught=is_taught(side),
        goals=_costs(side.plan, before, after),
        tried=tuple((lever, one.share) for lever, one in sorted(finder.rounds.items())),
    )


@dataclass(slots=True)
class _Round:
    """All contacts decided with one lever."""

    wins: int = 0
    firsts: int = 0
    amounts: list[Reals] = field(default_factory=list)
    kept: list[Case] = field(default_factory=list)

    @property
    def share(self) -> float:
        return self.wins / self.firsts if self.firsts else 0.0

    @property
    def person(self) -> npt.NDArray[np.int64]:
        return persons_of(self.kept)


class _Finder:
    def __init__(self, side: Side, cases: Sequence[Case], action: str, group: float, tell: Tell) -> None:
        self._side, self._cases, self._action, self._group, self._tell = side, cases, action, group, tell
        self._base = unexplored(side.plan)
        self.rounds: dict[float, _Round] = {}

    def round(self, lever: float) -> _Round:
        """Decide all contacts by priority alone with an own lever."""
        if lever not in self.rounds:
            self.rounds[lever] = self._decide(self._base, lever)
            self._tell(len(self.rounds), _ROUNDS)
        return self.rounds[lever]

    def explored(self, lever: float) -> float:
        """Give the share with exploration as it is declared."""
        return self._decide(self._side.plan, lever).share

    def _decide(self, plan: Plan, lever: float) -> _Round:
        plan = relevered(plan, self._action, lever * self._group)
        side, foresees = with_plan(self._side, plan), Expectation(plan, plan, Names())
        found = _Round()
        for case in self._cases:
            decision = side.decide(case)
            if decision is None:
                continue
            found.kept.append(case)
            found.amounts.append(foresees.of(decision, case.standing))
            filled = [winner for winner in winners(decision) if winner != EMPTY]
            found.firsts += len(filled)
            found.wins += sum(plan.candidates[winner].action == self._action for winner in filled)
        return found

    def search(self, wanted: float) -> tuple[str, float]:
        """Give the verdict, and the lever: of one that is not found, the one that comes nearest."""
        if self.round(LEVER_MAX).share < wanted:
            best = max(self.rounds, key=lambda lever: (self.rounds[lever].share, -lever))
            return "unreachable", best
        if self.round(0.0).share >= wanted:
            return ("exceeded" if self.round(0.0).share > wanted else "found"), 0.0
        low, high = 0.0, LEVER_MAX
        while (middle := _between(low, high)) is not None:
            if self.round(middle).share >= wanted:
                high = middle
            else:
                low = middle
        return "found", high


_ROUNDS = 30
"""Rounds at most: both ends, the lever as it is, and halvings to three digits."""


def _between(low: float, high: float) -> float | None:
    """Give the middle of two levers on the scale of factors, to three digits; None where none lies between them."""
    middle = math.sqrt(max(low, LEAST) * high) if high > LEAST else 0.0
    rounded = float(f"{middle:.{DIGITS}g}")
    return rounded if low < rounded < high else None


def _costs(plan: Plan, before: _Round, after: _Round) -> tuple[GoalCost, ...]:
    old, new = (np.array(one.amounts).reshape(len(one.kept), len(plan.goals)) for one in (before, after))
    bootstrap, ones = Bootstrap(before.person), np.ones(len(before.kept))
    return tuple(
        GoalCost(
            goal=goal.name,
            unit=goal.unit,
            before=float(old[:, place].mean()) if len(old) else 0.0,
            after=float(new[:, place].mean()) if len(new) else 0.0,
            gain=bootstrap.interval(new[:, place] - old[:, place], ones),
        )
        for place, goal in enumerate(plan.goals)
    )
