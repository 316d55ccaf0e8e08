"""Fatigue: what showing an action costs a goal for every contact that the person had already.

The formula stands in docs/concepts/arbitration.md. Contacts are counted before the decision, from the person's history;
what was counted is kept with the decision, which follows from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np

from opportune.decide.limits.counting import part_of
from opportune.decide.limits.history import History
from opportune.decide.limits.standing import Standing
from opportune.decide.limits.words import length_in_words
from opportune.decide.plan import Fatigue, Floats, Plan
from opportune.records import Facts, Tired

__all__ = ["fatigue_in_words", "fatigue_of_goals", "tired_of", "worth_of_fatigue"]


def tired_of(plan: Plan, standing: Standing, facts: Facts, now: datetime) -> tuple[Tired, ...]:
    """Count the contacts that make another one cost more, in the order of the goals, counters A to Z.

    Args:
        facts: as `gather` gives them; of these, "zone" is the customer's time zone.
        now: aware UTC time of the decision.
    """
    if not plan.fatigues or not standing.contacts:
        return ()
    known = facts.get("zone")
    zone = known if isinstance(known, str) else plan.zone
    history = History(standing.contacts, plan.limits.former)
    return tuple(tired for fatigue in plan.fatigues for tired in _counted(plan, fatigue, history, now, zone))


def _counted(plan: Plan, fatigue: Fatigue, history: History, now: datetime, zone: str) -> Iterator[Tired]:
    since = fatigue.within.before(now, zone)
    counts: Counter[str] = Counter()
    for what in fatigue.counts:
        for contact in history.newest(what, fatigue.scope, plan.limits.actions, since):
            part = part_of(plan.limits, fatigue.per, contact.action)
            if part is not None:
                counts[part] += 1
    name = plan.goals[fatigue.goal].name
    yield from (Tired(name, part, count, since) for part, count in sorted(counts.items()))


def worth_of_fatigue(plan: Plan, weights: Sequence[float], tired: Sequence[Tired]) -> Floats | None:
    """Give what contacts cost that the person had already, weighed, at most 0, float32 [C]; None where they cost none.

    Args:
        weights: of the goals, as `goal_weights` gives them.
    """
    if not tired:
        return None
    worth = np.zeros(len(plan.candidates))
    for fatigue, one in _matching(plan, tired):
        own = plan.limits.place(one.part)
        cost = fatigue.scope.mask[own] * (abs(weights[fatigue.goal]) * fatigue.each * one.count)
        worth[own] -= cost if plan.channel_factors is None else cost * plan.channel_factors[fatigue.goal, own]
    return worth.astype(np.float32)


def fatigue_of_goals(plan: Plan, tired: Sequence[Tired], candidate: int) -> dict[int, float]:
    """Give what showing a candidate changes of every goal that tires, by its index and in its unit.

    Of a goal of which more is wanted that is a loss; one of which less is wanted grows.
    """
    found = {fatigue.goal: 0.0 for fatigue in plan.fatigues}
    for fatigue, one in _touching(plan, tired, candidate):
        found[fatigue.goal] -= plan.goals[fatigue.goal].sign * fatigue.each * one.count
    return found


def fatigue_in_words(plan: Plan, tired: Sequence[Tired], candidate: int) -> str:
    """Say what contacts cost that the person had already; "" where they cost the candidate nothing."""
    return ", ".join(_said(plan, fatigue, one) for fatigue, one in _touching(plan, tired, candidate))


def _said(plan: Plan, fatigue: Fatigue, one: Tired) -> str:
    contacts = f"{one.count} contact{'s' if one.count != 1 else ''}"
    about = f" with {one.part.replace(':', ' ')}" if one.part else ""
    cost = f"{fatigue.each * one.count:g} {plan.goals[fatigue.goal].unit}".rstrip()
    return f"{one.goal}: {contacts}{about} in {length_in_words(fatigue.within)} cost {cost}"


def _matching(plan: Plan, tired: Sequence[Tired]) -> Iterator[tuple[Fatigue, Tired]]:
    """Give what was counted with the fatigue it belongs to; that of another revision may have none."""
    by_goal = {plan.goals[fatigue.goal].name: fatigue for fatigue in plan.fatigues}
    yield from ((by_goal[one.goal], one) for one in tired if one.goal in by_goal)


def _touching(plan: Plan, tired: Sequence[Tired], candidate: int) -> Iterator[tuple[Fatigue, Tired]]:
    for fatigue, one in _matching(plan, tired):
        own = plan.limits.place(one.part)
        if fatigue.scope.mask[candidate] and own.start <= candidate < own.stop:
            yield fatigue, one
