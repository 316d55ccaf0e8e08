"""What showing an action changes, in figures and in words, for explanations."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from opportune.decide.plan import WITHHELD, Plan

__all__ = ["difference", "differences", "if_withheld"]


def if_withheld(plan: Plan, parts: Mapping[str, float]) -> dict[str, float]:
    """Give the chance of every outcome where the action is withheld; empty where nobody learns that.

    Args:
        parts: of the score of one candidate, by name.
    """
    names = {outcome: f"propensity.{outcome}{WITHHELD}" for outcome in plan.scored}
    return {outcome: parts[name] for outcome, name in names.items() if name in parts}


def differences(reported: Collection[str], parts: Mapping[str, float], withheld: Mapping[str, float]) -> str:
    """Say what showing the action changes, for every outcome that the channel reports; "" if that is not known.

    Args:
        withheld: of `if_withheld`.
    """
    return ", ".join(
        difference(outcome, parts[f"propensity.{outcome}"], other)
        for outcome, other in withheld.items()
        if outcome in reported
    )


def difference(outcome: str, shown: float, withheld: float) -> str:
    """Say how much more often an outcome happens because the action is shown."""
    # No zero has a sign.
    points = round(100 * (shown - withheld), 1) + 0.0
    return f"{outcome} {100 * shown:.1f} % if shown, {100 * withheld:.1f} % if not: {points:+.1f} points"
