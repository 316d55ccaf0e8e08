"""What a goal's weight does to all goals: the same contacts, decided again under other weights.

Notation: F weights, n rows (contacts, or recorded choices), G goals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec
import numpy as np
import numpy.typing as npt

from opportune.decide import Plan
from opportune.evaluate.foresight import Case, Side
from opportune.evaluate.foresight.change import slate
from opportune.evaluate.foresight.effect import Expectation
from opportune.evaluate.goals.firsts import Tell, is_taught, persons_of, with_plan
from opportune.evaluate.goals.variations import reweighted
from opportune.evaluate.off_policy import Bootstrap, Interval
from opportune.evaluate.off_policy.bootstrap import CHANCE, between
from opportune.outcomes import Names

__all__ = ["PRESENT", "Exchange", "Point", "Rows", "Tradeoff", "decided_rows", "plans_of", "tradeoff", "weights_tried"]

Reals = npt.NDArray[np.float64]

PRESENT = 1.0
"""The factor of the weight as it is."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What each goal is expected to get.

    Args:
        told_by: "model", its expectation; "untaught", that of a model that has learned nothing; or "answers", recorded
            ones, doubly robust.
        person: who each row belongs to, int64 [n].
        amounts: in each goal's unit, float64 [F, n, G].
        differing: contacts whose answer is another than with the weight as it is, for each weight.
        refused: contacts that the strategy refuses; they have no rows.
        remarks: what forbids to believe the amounts of a goal (then another source tells it), or makes them doubtful.
        unknown: goals that these rows cannot tell.
    """

    told_by: str
    person: npt.NDArray[np.int64]
    amounts: Reals
    differing: tuple[int, ...] = ()
    refused: int = 0
    remarks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One weight.

    Args:
        factor: on the weight as it is; `weight` is the goal's own with it, weights of segments change alike.
        amounts: goal → expected per contact, in its unit.
        changed: contacts whose answer is another than with the weight as it is.
    """

    factor: float
    weight: float
    amounts: dict[str, Interval]
    changed: int


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """What another goal gains, or loses (below 0), for one unit of the goal more (of one kept small: less).

    Args:
        low, high: factors between which that is.
        each: nan where the goal does not change between them; without a range where it does for hardly anybody.
    """

    goal: str
    low: float
    high: float
    each: Interval


class Tradeoff(msgspec.Struct, frozen=True, kw_only=True):
    """The curve.

    Args:
        contacts: that were decided again; `refused` are those that the strategy refuses.
        told_by: goal → "model", "untaught" or "answers".
        remarks: goal → what makes its amounts doubtful, or why recorded answers cannot tell them.
        present: exchanges between the weights beside the one as it is.
        exchanges: between any two neighbouring weights.
    """

    goal: str
    direction: str
    units: dict[str, str]
    contacts: int
    persons: int
    refused: int
    told_by: dict[str, str]
    remarks: dict[str, tuple[str, ...]]
    points: tuple[Point, ...]
    present: tuple[Exchange, ...]
    exchanges: tuple[Exchange, ...]


def weights_tried(low: float, high: float, steps: int) -> tuple[float, ...]:
    """Give evenly spread factors, and that of the weight as it is among them."""
    tried = {round(float(factor), 6) for factor in np.linspace(low, high, steps)}
    return tuple(sorted({*tried, PRESENT}))


def decided_rows(side: Side, cases: Sequence[Case], plans: Sequence[Plan], present: int, tell: Tell) -> Rows:
    """Decide every contact with every plan, and foretell what each goal gets by the model.

    Args:
        plans: of the same candidates; `present` is the place of the one that the others are compared with.
    """
    sides = [with_plan(side, plan) for plan in plans]
    foresees = [Expectation(plan, plan, Names()) for plan in plans]
    differing = [0] * len(plans)
    kept: list[Case] = []
    amounts: list[list[Reals]] = []
    for done, case in enumerate(cases, start=1):
        decisions = [one.decide(case) for one in sides]
        own = decisions[present]
        if own is not None:
            shown = slate(own)
            kept.append(case)
            amounts.append([foresee.of(one, case.standing) for foresee, one in zip(foresees, decisions, strict=True)])
            for number, decision in enumerate(decisions):
                differing[number] += decision is not None and slate(decision) != shown
        if done % 20 == 0 or done == len(cases):
            tell(done, len(cases))
    goals = len(side.plan.goals)
    table = np.array(amounts, dtype=np.float64).reshape(len(kept), len(plans), goals)
    refused = len(cases) - len(kept)
    told_by = "model" if is_taught(side) else "untaught"
    return Rows(told_by, persons_of(kept), np.swapaxes(table, 0, 1), tuple(differing), refused)


def tradeoff(plan: Plan, goal: str, factors: Sequence[float], model: Rows, answers: Rows | None = None) -> Tradeoff:
    """Make the curve.

    Args:
        factors: ascending; PRESENT is one of them.
        model: by `decided_rows`, of the plans with these weights.
        answers: of the same weights; a goal that it can tell is told by it.
    """
    return _Curve(plan, goal, factors, model, answers).tradeoff()


def plans_of(plan: Plan, goal: str, factors: Sequence[float]) -> list[Plan]:
    """Give the plan with every weight."""
    return [reweighted(plan, goal, factor) for factor in factors]


class _Curve:
    def __init__(self, plan: Plan, goal: str, factors: Sequence[float], model: Rows, answers: Rows | None) -> None:
        self._names = [one.name for one in plan.goals]
        self._plan, self._own, self._factors = plan, self._names.index(goal), factors
        self._sources = [model] if answers is None else [model, answers]
        self._bootstraps = [Bootstrap(source.person) for source in self._sources]

    def tradeoff(self) -> Tradeoff:
        model, plan = self._sources[0], self._plan
        own = plan.goals[self._own]
        beside = self._factors.index(PRESENT)
        low, high = max(0, beside - 1), min(len(self._factors) - 1, beside + 1)
        pairs = list(pairwise(range(len(self._factors))))
        return Tradeoff(
            goal=own.name,
            direction="more" if own.sign > 0 else "less",
            units={goal.name: goal.unit for goal in plan.goals},
            contacts=len(model.person),
            persons=self._bootstraps[0].persons,
            refused=model.refused,
            told_by={name: self._sources[self._source(name)].told_by for name in self._names},
            remarks={name: said for name in self._names if (said := self._remarks(name))},
            points=tuple(self._point(number) for number in range(len(self._factors))),
            present=tuple(self._exchanges(low, high)) if low < high else (),
            exchanges=tuple(one for pair in pairs for one in self._exchanges(*pair)),
        )

    def _source(self, goal: str) -> int:
        """Give which source tells a goal: recorded answers where they can."""
        return 1 if len(self._sources) > 1 and goal not in self._sources[1].unknown else 0

    def _remarks(self, goal: str) -> tuple[str, ...]:
        return tuple(remark for source in self._sources for remark in source.remarks.get(goal, ()))

    def _point(self, number: int) -> Point:
        factor = self._factors[number]
        amounts = {}
        for place, name in enumerate(self._names):
            source = self._source(name)
            rows = self._sources[source].amounts[number, :, place]
            amounts[name] = self._bootstraps[source].interval(rows, np.ones(len(rows)))
        return Point(
            factor=factor,
            weight=factor * self._plan.goals[self._own].weight,
            amounts=amounts,
            changed=self._sources[0].differing[number],
        )

    def _exchanges(self, low: int, high: int) -> list[Exchange]:
        """Give what the others gain per unit of the goal; both from one source, so that they are paired."""
        own, found = self._plan.goals[self._own], []
        for place, name in enumerate(self._names):
            if place == self._own:
                continue
            source = min(self._source(name), self._source(own.name))
            amounts = self._sources[source].amounts
            more = amounts[high] - amounts[low]
            value, draws = self._bootstraps[source].ratios(more[:, place], own.sign * more[:, self._own])
            # Where the goal changes for so few that many draws hold none of them, the others tell no range.
            each = between(value, draws if np.isfinite(draws).mean() >= CHANCE else draws[:0])
            found.append(Exchange(goal=name, low=self._factors[low], high=self._factors[high], each=each))
        return found
