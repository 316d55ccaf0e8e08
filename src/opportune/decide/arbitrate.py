"""Arbitration: from propensities, values, goals, levers and context to one priority per candidate.

The formula stands in docs/concepts/arbitration.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from opportune.decide.amounts import worth_of_amounts
from opportune.decide.fatigue import fatigue_of_goals, worth_of_fatigue
from opportune.decide.plan import Floats, Plan
from opportune.decide.steps import steps_of
from opportune.learning.base import Prediction
from opportune.records import Facts, Tired

__all__ = ["Weighing", "arbitrate", "goal_weights", "parts_of"]


class Weighing(NamedTuple):
    """Priority of every candidate and its standard deviation, float32 [C]."""

    priority: Floats
    spread: Floats


def goal_weights(plan: Plan, facts: Facts) -> tuple[float, ...]:
    """Give each goal's sign × weight / normal for this customer: of the first matching segment, else its own."""
    if plan.plain_weights is not None:
        return plan.plain_weights
    member = plan.segments.passed(facts)
    return tuple(
        goal.sign * next((weight for segment, weight in goal.segments if member[segment]), goal.weight) / goal.normal
        for goal in plan.goals
    )


def arbitrate(
    plan: Plan, facts: Facts, prediction: Prediction, choose: str, kernel: str, tired: Sequence[Tired] = ()
) -> Weighing:
    """Give every candidate its priority and its standard deviation.

    Args:
        choose: "" for the declared formula; "propensity" or "no_levers" for control groups.
        kernel: "numpy" or "numba", that of the model.
        tired: the contacts that the person had already.
    """
    ones = plan.ones
    steps = steps_of(kernel)
    if choose == "propensity":
        head = plan.first_positive[np.newaxis]
        own = (np.take_along_axis(part, head, axis=0) for part in (prediction.propensity, prediction.spread))
        return Weighing(*steps.weigh(*own, ones[np.newaxis], np.zeros_like(ones), ones))
    weights = goal_weights(plan, facts)
    values, shown = _worth(plan, weights)
    amounts = worth_of_amounts(plan, weights, prediction)
    if amounts is not None:
        values = values + amounts[0]
    fatigue = worth_of_fatigue(plan, weights, tired)
    if fatigue is not None:
        shown = shown + fatigue
    boost = ones
    if choose != "no_levers":
        context_weight = _context_weight(plan, facts, ones)
        boost = plan.levers if context_weight is ones else plan.levers * context_weight
    priority, spread = steps.weigh(prediction.propensity, prediction.spread, values, shown, boost)
    if amounts is not None:
        # Squares of great values do not fit single precision.
        unsure = np.square(prediction.propensity * amounts[1], dtype=np.float64).sum(axis=0)
        spread = np.sqrt(np.square(spread, dtype=np.float64) + unsure * np.square(boost)).astype(np.float32)
    return Weighing(priority, spread)


def parts_of(
    plan: Plan,
    facts: Facts,
    choose: str,
    candidate: int,
    propensity: Sequence[float],
    expected: Sequence[float] = (),
    tired: Sequence[Tired] = (),
) -> dict[str, float]:
    """Split one candidate's priority: worth per goal (weight × norm × expected amount), lever, context weight.

    Where contacts cost that the person had already, that is a part beside the goal's.

    Args:
        propensity: of every scored outcome, length O; `expected` its amount as it is reported, empty for none.
    """
    if choose == "propensity":
        return {}
    values = plan.values[:, :, candidate]
    if plan.amount_scale is not None and len(expected):
        values = values + plan.amount_scale[:, :, candidate] * np.asarray(expected)
    amounts = values @ np.asarray(propensity) + plan.shown_values[:, candidate]
    weights = np.asarray(goal_weights(plan, facts))
    if plan.channel_factors is not None:
        weights = weights * plan.channel_factors[:, candidate]
    parts = {f"goal.{goal.name}": float(value) for goal, value in zip(plan.goals, amounts * weights, strict=True)}
    for goal, amount in fatigue_of_goals(plan, tired, candidate).items():
        parts[f"fatigue.{plan.goals[goal].name}"] = float(weights[goal] * amount)
    if choose == "no_levers":
        return parts
    context_weight = float(_context_weight(plan, facts, plan.ones)[candidate])
    return {**parts, "lever": float(plan.levers[candidate]), "context_weight": context_weight}


def _worth(plan: Plan, weights: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Sum values over goals for one set of weights: float32 [O, C] per outcome, float32 [C] when shown."""
    known = plan._worth.get(weights)
    if known is None:
        scale = np.asarray(weights)
        values, shown = plan.values, plan.shown_values
        if plan.channel_factors is not None:
            values, shown = values * plan.channel_factors[:, np.newaxis], shown * plan.channel_factors
        known = np.tensordot(scale, values, axes=1).astype(np.float32), (scale @ shown).astype(np.float32)
        plan._worth[weights] = known
    return known


def _context_weight(plan: Plan, facts: Facts, ones: Floats) -> Floats:
    """Add up the percentages of all matching context weights, never below zero."""
    if not plan.context_weights:
        return ones
    matching = plan.context_rules.passed(facts)
    percent = np.zeros(len(ones), dtype=np.float32)
    for weight in plan.context_weights:
        if matching[weight.rule]:
            percent[weight.candidates] += np.float32(weight.percent)
    factor: Floats = np.maximum(np.float32(0), 1 + percent / np.float32(100))
    return factor
