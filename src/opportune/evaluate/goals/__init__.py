"""What goals cost each other, what decides winners, and what lever gives an action its share: by deciding again."""

from opportune.evaluate.goals.lever import LeverFinding, find_lever
from opportune.evaluate.goals.sensitivity import Sensitivity, sensitivity
from opportune.evaluate.goals.tradeoff import Tradeoff, decided_rows, tradeoff

__all__ = [
    "LeverFinding",
    "Sensitivity",
    "Tradeoff",
    "decided_rows",
    "find_lever",
    "sensitivity",
    "tradeoff",
]
