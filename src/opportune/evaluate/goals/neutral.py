"""Plans in which one factor of the priority says nothing.

Notation: G goals, O outcomes, C candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from opportune.decide import Plan, gather
from opportune.decide.chains import chained
from opportune.evaluate.foresight import Case, Side
from opportune.evaluate.goals.variations import changed, without_goal

__all__ = ["EXPLORATION", "neutral_plans"]

Reals = npt.NDArray[np.float64]

EXPLORATION = "exploration"


def neutral_plans(side: Side, plan: Plan, cases: Sequence[Case]) -> dict[str, Plan]:
    """Give, for every factor that a plan uses, the plan in which it says nothing.

    Args:
        side: whose model foretells.
        plan: without exploration.
        cases: over which propensities are averaged.
    """
    found = {"propensity": _unlikely(plan, *_averages(side, cases))}
    for place, goal in enumerate(plan.goals):
        scale = None if plan.amount_scale is None else plan.amount_scale[place]
        if plan.values[place].any() or plan.shown_values[place].any() or (scale is not None and scale.any()):
            found[f"goal:{goal.name}"] = without_goal(plan, place)
    if (plan.levers != 1.0).any():
        found["lever"] = changed(plan, levers=np.ones_like(plan.levers))
    if plan.context_weights:
        found["context_weight"] = changed(plan, context_weights=())
    if plan.fatigues:
        found["fatigue"] = changed(plan, fatigues=())
    return found


def _averages(side: Side, cases: Sequence[Case]) -> tuple[Mapping[str, Reals], Reals]:
    """Average over contacts: by channel the chances of all its candidates [O], and expected amounts, float64 [O, C]."""
    plan = side.plan
    own = {name: [key.channel == name for key in plan.candidates] for name in plan.channels}
    chances = {name: np.zeros(len(plan.outcomes)) for name in plan.channels}
    contacts = dict.fromkeys(plan.channels, 0)
    amounts = np.zeros((len(plan.outcomes), len(plan.candidates)))
    for case in cases:
        contact = side.read(case)
        if contact is None:
            continue
        request, profile = contact
        facts = gather(plan, profile, request, case.at, side.gathered(case, request, profile).facts)
        prediction = chained(plan, side.model.predict(side.model.encode(facts)))
        channel = request.channel
        contacts[channel] += 1
        chances[channel] += prediction.propensity[:, own[channel]].mean(axis=1, dtype=np.float64)
        if prediction.amount is not None:
            amounts += _everywhere(plan, prediction.amount)
    means = {name: chance / max(1, contacts[name]) for name, chance in chances.items()}
    return means, amounts / max(1, sum(contacts.values()))


def _everywhere(plan: Plan, amounts: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Give amounts also to what happens where actions are withheld."""
    own = amounts[: len(plan.scored)]
    return np.concatenate([own] * (len(plan.outcomes) // len(own)))


def _unlikely(plan: Plan, chances: Mapping[str, Reals], amounts: Reals) -> Plan:
    """Give a plan in which every action of a channel is as likely as all of them are on average."""
    likely = np.array([chances[key.channel] for key in plan.candidates]).T
    worth = plan.values if plan.amount_scale is None else plan.values + plan.amount_scale * amounts
    shown = plan.shown_values + np.einsum("goc,oc->gc", worth, likely)
    return changed(plan, values=np.zeros_like(plan.values), shown_values=shown, amount_scale=None)
