"""Actions that can never win, whatever a model learns.

An action cannot be shown as the best where as many others as there are places pass whenever it does, and the least that
each of them can be worth is more than the most that it can be. Those that may stand elsewhere in the answer already
leave their places to it. Notation: C candidates, O scored outcomes, G goals.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from opportune.decide.plan import Channel, Placement, Plan
from opportune.evaluate.foresight.funnel import Conflict

__all__ = ["bounds", "dominated"]

Reals = npt.NDArray[np.float64]


def dominated(plan: Plan) -> Iterator[Conflict]:
    """Find actions that can stand nowhere as the best.

    Placements with a least relevance are passed over, since what would win there may not be shown, and so are
    strategies that link the actions of a slate. What a limit may hold back beats nobody.
    """
    if not plan.links.is_empty:
        return
    low, high = bounds(plan)
    low[_limited(plan)] = -np.inf
    asked = [_asked(plan, action) for action in range(len(plan.actions))]
    where: dict[int, list[set[int]]] = {}
    for channel in plan.channels.values():
        for placement in channel.placements.values():
            fitting = np.flatnonzero(placement.fits)
            for candidate in fitting.tolist():
                above = set()
                if not placement.minimum_relevance:
                    rivals = fitting[low[fitting] > high[candidate]].tolist()
                    above = _winners(plan, candidate, rivals, asked)
                enough = len(above) >= placement.size + _beside(plan, channel, placement, above)
                where.setdefault(int(plan.action_of[candidate]), []).append(above if enough else set())
    for action, winners in sorted(where.items()):
        if plan.actions[action].active and all(winners) and not _may_be_mandatory(plan, action):
            names = sorted({plan.actions[one].name for some in winners for one in some})
            yield Conflict(
                code="never-best", subject=f"action:{plan.actions[action].name}", detail=tuple(names), certain=True
            )


def _beside(plan: Plan, channel: Channel, placement: Placement, actions: set[int]) -> int:
    """Count the places of one answer in which some of these actions may stand before the placement is filled."""
    others = (other for other in channel.placements.values() if other is not placement)
    return sum(min(other.size, len(actions.intersection(plan.action_of[other.fits].tolist()))) for other in others)


def _limited(plan: Plan) -> npt.NDArray[np.bool_]:
    """Tell which candidates a contact policy, a stock or a missing consent may hold back, bool [C]."""
    limited = np.zeros(len(plan.candidates), dtype=bool)
    for policy in plan.limits.policies:
        limited |= policy.scope.mask
    for stock in plan.limits.stocks.values():
        limited |= stock.uses > 0
    for purpose in plan.limits.purposes:
        for mask in purpose.masks.values():
            limited |= mask
    return limited


def bounds(plan: Plan) -> tuple[Reals, Reals]:
    """Give the least and the most that the priority of each candidate can be, float64 [C] each."""
    low, high = np.zeros(len(plan.candidates)), np.zeros(len(plan.candidates))
    for place, goal in enumerate(plan.goals):
        weights = [goal.sign * weight for weight in (goal.weight, *(weight for _, weight in goal.segments))]
        factor = 1.0 if plan.channel_factors is None else plan.channel_factors[place]
        for part, ends in _parts(plan, place):
            sides = np.stack([part * min(weights), part * max(weights)]) * factor / goal.normal
            low += np.minimum(sides.min(axis=0), ends * sides.min(axis=0))
            high += np.maximum(sides.max(axis=0), ends * sides.max(axis=0))
    if plan.amount_scale is not None:
        learned = np.abs(plan.amount_scale).sum(axis=(0, 1)) > 0.0
        low[learned], high[learned] = -np.inf, np.inf
    for fatigue in plan.fatigues:
        low[fatigue.scope.mask] = -np.inf
    less, more = _context(plan)
    levers = plan.levers.astype(np.float64)
    factors = np.stack([levers * less, levers * more])
    products = np.stack([low * factors[0], low * factors[1], high * factors[0], high * factors[1]])
    return products.min(axis=0), products.max(axis=0)


def _parts(plan: Plan, goal: int) -> Iterator[tuple[Reals, float]]:
    """Give worth per candidate, and 1 where it is certain, 0 where it may fail to come."""
    yield plan.shown_values[goal], 1.0
    for outcome in range(plan.values.shape[1]):
        yield plan.values[goal, outcome], 0.0


def _context(plan: Plan) -> tuple[Reals, Reals]:
    less, more = np.ones(len(plan.candidates)), np.ones(len(plan.candidates))
    for weight in plan.context_weights:
        side = less if weight.percent < 0 else more
        side[weight.candidates] += weight.percent / 100.0
    return np.maximum(less, 0.0), more


def _asked(plan: Plan, action: int) -> frozenset[int]:
    """Name all rules of an action by identity; rules of equal text are one object."""
    rules = [plan.gate.conditions[layer * len(plan.actions) + action] for layer in range(3)]
    return frozenset(id(rule) for layer in rules for rule in layer)


def _winners(plan: Plan, candidate: int, rivals: list[int], asked: list[frozenset[int]]) -> set[int]:
    """Give the actions among the rivals that pass whenever a candidate does, and can all stand together."""
    own = int(plan.action_of[candidate])
    me = plan.actions[own]
    found: set[int] = set()
    groups: set[str] = set()
    for other in dict.fromkeys(int(plan.action_of[one]) for one in rivals):
        action = plan.actions[other]
        lasts = action.active_from <= me.active_from and action.active_until >= me.active_until
        if other == own or not action.active or not lasts or not asked[other] <= asked[own]:
            continue
        if groups.isdisjoint(action.exclusive):
            found.add(other)
            groups |= action.exclusive
    return found


def _may_be_mandatory(plan: Plan, action: int) -> bool:
    return plan.mandatory_rules is not None and any(
        rule.source != "false" for rule in plan.mandatory_rules.conditions[action]
    )
