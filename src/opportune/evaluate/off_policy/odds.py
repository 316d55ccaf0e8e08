"""With what probability a strategy would have chosen each candidate for one place of a recorded decision.

The recorded decision is decided again with `decide` itself, keeping the score parts of every candidate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from opportune.decide import Draws, Plan, State, decide
from opportune.records import Decision, DecisionRequest, PlacementRequest, PlacementTrace, Stage

__all__ = ["Odds", "odds_of", "shown_chances", "unreachable"]

Reals = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]


def _are(*stages: Stage) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, dtype=bool)
    table[list(stages)] = True
    return table


_STOOD = _are(Stage.SHOWN, Stage.OUTRANKED, Stage.EXCLUSIVE, Stage.ALREADY_SHOWN)
"""By stage: candidates that may have stood in the first place of the first placement."""
_STOOD_LATER = _are(Stage.SHOWN, Stage.OUTRANKED)
"""The same in later placements, where others may have been taken already."""


@dataclass(frozen=True, slots=True)
class Odds:
    """Who may take the place.

    Args:
        candidates: intp [m], of the plan; empty where nobody may.
        chances: float64 [m], they sum to 1.
        propensity: float64 [m, O], of each scored outcome.
    """

    candidates: Indices
    chances: Reals
    propensity: Reals

    def chance_of(self, candidate: int | None) -> float:
        """Probability of a candidate; None is a place left empty."""
        if candidate is None:
            return 0.0 if len(self.candidates) else 1.0
        return float(self.chances[self.candidates == candidate].sum())


def odds_of(
    plan: Plan,
    state: State,
    request: DecisionRequest,
    decision: Decision,
    number: int,
    size: int,
    before: Sequence[int],
) -> Odds:
    """Give the odds of the next place of a placement.

    Args:
        request: as the plan reads it, of the recorded decision.
        number: of the placement in the request.
        size: places still to fill.
        before: candidates that stand in the answer already.
    """
    asked = PlacementRequest(name=request.placements[number].name, size=size)
    again = decide(
        plan,
        state,
        replace(request, placements=(asked,)),
        decision.at,
        Draws(decision.seed),
        keep=len(plan.candidates),
        before=before,
    )
    (answer,), (trace,) = again.placements, again.traces
    if not trace.chosen:
        return Odds(np.zeros(0, dtype=np.intp), np.zeros(0), np.zeros((0, len(plan.outcomes))))
    parts, kept = _table(trace), np.frombuffer(trace.kept, dtype="<u4").astype(np.intp)
    propensity = parts[:, : len(plan.outcomes)]
    if answer.actions[0].how == "mandatory":
        return Odds(kept[:1], np.ones(1), propensity[:1])
    return Odds(kept, parts[:, plan.part_names.index("first_place_probability")], propensity)


def shown_chances(plan: Plan, decision: Decision, number: int) -> tuple[dict[int, float], float]:
    """Give what a record says of the first place of a placement, with the plan that decided.

    Returns:
        probability of the candidates that parts are kept of, and that of every other one that may have stood there.
    """
    trace = decision.traces[number]
    kept = np.frombuffer(trace.kept, dtype="<u4").astype(np.intp)
    if not decision.placements[number].actions:
        return {}, 0.0
    if decision.placements[number].actions[0].how == "mandatory":
        return {int(kept[0]): 1.0}, 0.0
    chances = _table(trace)[:, plan.part_names.index("first_place_probability")]
    stages = np.frombuffer(trace.stages, dtype=np.uint8)
    others = int(_STOOD[stages].sum()) - len(kept)
    left = 1.0 - float(chances.sum())
    # Single precision: what is left of 1 by rounding is nobody's.
    rest = left / others if others > 0 and left > 1e-5 else 0.0
    return dict(zip(kept.tolist(), chances.tolist(), strict=True)), rest


def unreachable(odds: Odds, to_logged: Sequence[int | None], plan: Plan, decision: Decision, number: int) -> float:
    """Give the probability of all that the odds would have shown and the log never could, in [0, 1].

    Args:
        to_logged: the candidate of `plan`, which decided, for each candidate of the odds' plan; None where it has none.
    """
    known, rest = shown_chances(plan, decision, number)
    if not len(odds.candidates):
        return 0.0 if not known else 1.0
    stages = np.frombuffer(decision.traces[number].stages, dtype=np.uint8)
    stood = (_STOOD if number == 0 else _STOOD_LATER)[stages]
    beyond = 0.0
    for candidate, chance in zip(odds.candidates.tolist(), odds.chances.tolist(), strict=True):
        logged = to_logged[candidate]
        reached = logged is not None and known.get(logged, rest if stood[logged] else 0.0) > 0.0
        beyond += 0.0 if reached else chance
    return min(1.0, beyond)


def _table(trace: PlacementTrace) -> Reals:
    rows = len(trace.kept) // 4
    return np.frombuffer(trace.parts, dtype="<f4").reshape(rows, -1).astype(np.float64)
