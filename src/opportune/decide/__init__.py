"""The pure pipeline: from a compiled plan, a state and a request to a decision that explains itself."""

from opportune.decide.draws import Draws
from opportune.decide.explain import Explanation, explain
from opportune.decide.fallback import Reason, fallback, standing_answers
from opportune.decide.pipeline import State, canonical, decide, decision_id, gather, seed_of
from opportune.decide.plan import Plan

__all__ = [
    "Draws",
    "Explanation",
    "Plan",
    "Reason",
    "State",
    "canonical",
    "decide",
    "decision_id",
    "explain",
    "fallback",
    "gather",
    "seed_of",
    "standing_answers",
]
