"""The pure pipeline: from a compiled plan, a state and a request to a decision that explains itself."""

from opportune.decide.draws import Draws
from opportune.decide.explain import Explanation, explain
from opportune.decide.fallback import Reason, fallback, standing_answers
from opportune.decide.fatigue import tired_of
from opportune.decide.limits.standing import Standing, holds_of, places_of, visible
from opportune.decide.limits.stocks import reserves_of, sold_out, stock_at
from opportune.decide.pipeline import State, attempt_of, canonical, decide, decision_id, gather, seed_of
from opportune.decide.plan import Plan

__all__ = [
    "Draws",
    "Explanation",
    "Plan",
    "Reason",
    "Standing",
    "State",
    "attempt_of",
    "canonical",
    "decide",
    "decision_id",
    "explain",
    "fallback",
    "gather",
    "holds_of",
    "places_of",
    "reserves_of",
    "seed_of",
    "sold_out",
    "standing_answers",
    "stock_at",
    "tired_of",
    "visible",
]
