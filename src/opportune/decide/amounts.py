"""How much outcomes are expected to be: in worth of candidates, in parts of scores, and in words.

The formula stands in docs/concepts/arbitration.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from opportune.decide.plan import Floats, Plan
from opportune.learning.base import Prediction

__all__ = ["in_units", "in_words", "kept_amounts", "of_candidate", "worth_of_amounts"]


def worth_of_amounts(plan: Plan, weights: tuple[float, ...], prediction: Prediction) -> tuple[Floats, Floats] | None:
    """Give the worth of expected amounts if they come, and its standard deviation, float32 [O, C]; None for none."""
    if plan.amount_scale is None or prediction.amount is None or prediction.amount_spread is None:
        return None
    own = plan.amount_scale
    if plan.channel_factors is not None:
        own = own * plan.channel_factors[:, np.newaxis]
    scale = np.tensordot(np.asarray(weights), own, axes=1)
    amount, spread = (_everywhere(plan, one) for one in (prediction.amount, prediction.amount_spread))
    return (scale * amount).astype(np.float32), (scale * spread).astype(np.float32)


def kept_amounts(plan: Plan, prediction: Prediction, kept: Collection[int]) -> Floats:
    """Give the columns of a trace's parts that are amounts, float32 [n, amounts]."""
    columns = [in_units(plan, prediction, index).values() for index in kept]
    return np.array([list(column) for column in columns], dtype=np.float32).reshape(len(kept), len(plan.amounts))


def in_units(plan: Plan, prediction: Prediction, candidate: int) -> dict[str, float]:
    """Give the expected amounts of one candidate as people count them, as parts of its score."""
    if prediction.amount is None:
        return dict.fromkeys((f"amount.{outcome}" for outcome in plan.amounts), 0.0)
    return {
        f"amount.{outcome}": float(prediction.amount[head, candidate]) * plan.amount_units[outcome][0]
        for outcome, head in zip(plan.amounts, plan.amount_heads, strict=True)
    }


def of_candidate(plan: Plan, parts: Mapping[str, float]) -> list[float]:
    """Give the expected amount of every outcome as it is reported, from the parts of a score; 0 where not learned."""
    names = [outcome if outcome in plan.amounts else "" for outcome in plan.scored]
    own = [parts.get(f"amount.{name}", 0.0) / plan.amount_units[name][0] if name else 0.0 for name in names]
    return own * (len(plan.outcomes) // len(own))


def in_words(plan: Plan, reported: Collection[str], parts: Mapping[str, float]) -> str:
    """Say how much outcomes are expected to be; "" where that is not learned or known.

    Args:
        reported: outcomes of the channel.
    """
    said = []
    for outcome, (factor, unit) in plan.amount_units.items():
        amount = parts.get(f"amount.{outcome}")
        if amount is not None and outcome in reported:
            digits = 2 if factor == 1.0 else round(-np.log10(factor))
            said.append(f"expected amount of {outcome} {amount:.{digits}f} {unit}".rstrip())
    return ", ".join(said)


def _everywhere(plan: Plan, amounts: Floats) -> Floats:
    """Give amounts also to what happens where actions are withheld: those of what is shown."""
    own = len(plan.scored)
    return amounts if own == len(plan.outcomes) else np.concatenate((amounts[:own], amounts[:own]))
