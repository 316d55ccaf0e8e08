"""Outcomes in a row: from the chance of each step to the chance of getting there from the beginning.

The formula stands in docs/concepts/arbitration.md. Both kernels use this one form, so they agree bit by bit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from opportune.decide.plan import Plan
from opportune.learning.base import Prediction

__all__ = ["chained", "in_a_row"]

LEAST = np.float32(1e-7)
"""Chance of an outcome not to happen, at least: above 0 where the model's own is."""


def chained(plan: Plan, prediction: Prediction) -> Prediction:
    """Give the chance of every outcome as such, where the model's is that of the step from the outcome before.

    A plan without outcomes in a row gets the very prediction that it gave.
    """
    if not plan.steps:
        return prediction
    propensity, log_odds = prediction.propensity.copy(), prediction.log_odds.copy()
    spread = prediction.spread.copy()
    # Squared deviation of the logarithm of every chance; steps are taken as independent.
    relative = np.square((1 - propensity) * spread)
    for head, before in plan.steps:
        propensity[head] *= propensity[before]
        relative[head] += relative[before]
        rest = np.maximum(1 - propensity[head], LEAST)
        log_odds[head] = np.log(propensity[head] / rest)
        spread[head] = np.sqrt(relative[head]) / rest
    return replace(prediction, propensity=propensity, log_odds=log_odds, spread=spread)


def in_a_row(plan: Plan, reported: Collection[str], parts: Mapping[str, float]) -> str:
    """Say how often outcomes follow those before them; "" where none does or nothing is known.

    Args:
        reported: outcomes of the channel.
        parts: of the score, by name.
    """
    said = []
    for outcome, before in plan.after.items():
        own, chance = (parts.get(f"propensity.{name}", 0.0) for name in (outcome, before))
        if outcome in reported and own and chance:
            row = f"{outcome} {100 * own:.3g} % = {before} {100 * chance:.3g} % × {100 * own / chance:.3g} %"
            said.append(f"{row} of those")
    return ", ".join(said)
