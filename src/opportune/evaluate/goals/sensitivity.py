"""How often each factor of the priority decided the winner: the same contacts, decided again without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np

from opportune.evaluate.foresight import Case, Side
from opportune.evaluate.foresight.reasons import COMPETING
from opportune.evaluate.goals.firsts import EMPTY, Tell, is_taught, persons_of, winners, with_plan
from opportune.evaluate.goals.neutral import EXPLORATION, neutral_plans
from opportune.evaluate.off_policy import Bootstrap, Interval
from opportune.strategy.persona import unexplored

__all__ = ["ActionFactors", "FactorShare", "Sensitivity", "sensitivity"]


class FactorShare(msgspec.Struct, frozen=True, kw_only=True):
    """One factor.

    Args:
        factor: "propensity", "goal:<name>", "lever", "context_weight", "fatigue" or "exploration".
        decided: first places that somebody else takes without it.
        share: of all first places, its interval drawn over persons.
    """

    factor: str
    decided: int
    share: Interval


class ActionFactors(msgspec.Struct, frozen=True, kw_only=True):
    """One action.

    Args:
        wins: first places by priority alone.
        lost: factor → how many of them it would not have without it.
        gained: factor → how many more it would have without it.
    """

    action: str
    group: str
    wins: int
    lost: dict[str, int]
    gained: dict[str, int]


class Sensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """What decides winners.

    Args:
        contacts: that were decided again; `refused` are those that the strategy refuses.
        firsts: first places in them; `uncontested` had one action alone that could take it.
        is_taught: whether the model has learned anything; if not, all propensities are alike.
        factors: the most decisive first.
        actions: those that win most first.
    """

    contacts: int
    persons: int
    refused: int
    firsts: int
    uncontested: int
    is_taught: bool
    factors: tuple[FactorShare, ...]
    actions: tuple[ActionFactors, ...]


def sensitivity(side: Side, cases: Sequence[Case], tell: Tell = lambda done, total: None) -> Sensitivity:
    """Decide every contact by priority alone, and again without each factor; exploration the other way round.

    Args:
        tell: called with (contacts done, all contacts).
    """
    base = with_plan(side, unexplored(side.plan))
    plans = neutral_plans(base, base.plan, cases)
    others = {name: with_plan(side, plan) for name, plan in plans.items()} | {EXPLORATION: side}
    counting = _Counting(side, list(others))
    for done, case in enumerate(cases, start=1):
        own = base.decide(case)
        if own is None:
            counting.refused += 1
        else:
            decided = [other.decide(case) for other in others.values()]
            stages = [np.frombuffer(trace.stages, dtype=np.uint8) for trace in own.traces]
            counting.add(case, winners(own), [winners(one) if one else [] for one in decided], stages)
        if done % 20 == 0 or done == len(cases):
            tell(done, len(cases))
    return counting.sensitivity()


_Bytes = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


class _Counting:
    def __init__(self, side: Side, factors: list[str]) -> None:
        self._plan, self._factors = side.plan, factors
        self._is_taught = is_taught(side)
        self._cases: list[Case] = []
        self._differ: list[list[bool]] = []
        self._wins: Counter[str] = Counter()
        self._lost: Counter[tuple[str, str]] = Counter()
        self._gained: Counter[tuple[str, str]] = Counter()
        self._contacts = 0
        self._uncontested = 0
        self.refused = 0

    def add(self, case: Case, own: list[int], others: list[list[int]], stages: Sequence[_Bytes]) -> None:
        """Count one contact."""
        self._contacts += 1
        for place, winner in enumerate(own):
            if winner == EMPTY:
                continue
            name = self._action(winner)
            self._wins[name] += 1
            self._uncontested += self._is_alone(stages[place])
            taken = [self._action(other[place]) if other else "" for other in others]
            self._cases.append(case)
            self._differ.append([other != name for other in taken])
            for factor, other in zip(self._factors, taken, strict=True):
                if other != name:
                    self._lost[name, factor] += 1
                    self._gained[other, factor] += 1

    def _action(self, candidate: int) -> str:
        return "" if candidate == EMPTY else self._plan.candidates[candidate].action

    def _is_alone(self, stages: _Bytes) -> bool:
        return len(np.unique(self._plan.action_of[np.isin(stages, COMPETING)])) <= 1

    def sensitivity(self) -> Sensitivity:
        """Give what was counted."""
        differ = np.array(self._differ, dtype=np.float64).reshape(len(self._cases), len(self._factors))
        bootstrap = Bootstrap(persons_of(self._cases))
        ones = np.ones(len(self._cases))
        shares = [
            FactorShare(
                factor=name,
                decided=int(differ[:, number].sum()),
                share=bootstrap.interval(differ[:, number], ones),
            )
            for number, name in enumerate(self._factors)
        ]
        return Sensitivity(
            contacts=self._contacts,
            persons=bootstrap.persons,
            refused=self.refused,
            firsts=len(self._cases),
            uncontested=self._uncontested,
            is_taught=self._is_taught,
            factors=tuple(sorted(shares, key=lambda one: -one.decided)),
            actions=tuple(sorted(self._actions(), key=lambda one: (-one.wins, one.action))),
        )

    def _actions(self) -> list[ActionFactors]:
        found = []
        for action in self._plan.actions:
            lost = {name: self._lost[action.name, name] for name in self._factors if self._lost[action.name, name]}
            gained = {
                name: self._gained[action.name, name] for name in self._factors if self._gained[action.name, name]
            }
            wins = self._wins[action.name]
            if wins or gained:
                found.append(ActionFactors(action=action.name, group=action.group, wins=wins, lost=lost, gained=gained))
        return found
