"""With what probability a strategy would have chosen each candidate for one place of a recorded decision.

The recorded decision is decided again with `decide` itself, keeping the score parts of every candidate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from opportune.decide import Draws, Plan, State, decide
from opportune.decide.amounts import of_candidate
from opportune.records import Decision, DecisionRequest, PlacementTrace, Stage

__all__ = ["Odds", "is_told", "odds_of", "place_chances", "unreachable"]

ROUNDING = 1e-5
"""Chances are kept in single precision."""

Reals = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]


def _are(*stages: Stage) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, dtype=bool)
    table[list(stages)] = True
    return table


_STOOD = _are(Stage.SHOWN, Stage.OUTRANKED, Stage.EXCLUSIVE, Stage.ALREADY_SHOWN, Stage.LINKED)
"""By stage: candidates that may have stood in the first place of the first placement."""
_STOOD_LATER = _are(Stage.SHOWN, Stage.OUTRANKED, Stage.LINKED)
"""The same in later placements, where others may have been taken already."""
_NOTHING: Mapping[int, float] = {}


@dataclass(frozen=True, slots=True)
class Odds:
    """Who may take the place.

    Args:
        candidates: intp [m], of the plan; empty where nobody may.
        chances: float64 [m], they sum to 1.
        propensity: float64 [m, O], of each scored outcome.
        amounts: float64 [m, O], how much each is expected to be, as it is reported; None where nothing learns that.
    """

    candidates: Indices
    chances: Reals
    propensity: Reals
    amounts: Reals | None = None

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
    size: int,
    standing: Sequence[Sequence[int]],
) -> Odds:
    """Give the odds of the next place of a placement.

    The whole request is decided, since rules may link its placements.

    Args:
        request: as the plan reads it, of the recorded decision.
        size: places still to fill.
        standing: candidates that stand in each placement already; the last of these is the one that is filled.
    """
    number = len(standing) - 1
    sizes = [len(own) for own in standing[:-1]] + [len(standing[-1]) + size]
    asked = [replace(one, size=most) for one, most in zip(request.placements, sizes, strict=False)]
    again = decide(
        plan,
        state,
        replace(request, placements=(*asked, *request.placements[number + 1 :])),
        decision.at,
        Draws(decision.seed),
        keep=len(plan.candidates),
        standing=standing,
    )
    answer, trace = again.placements[number], again.traces[number]
    stood = sum(candidate in standing[-1] for candidate in trace.chosen)
    if len(trace.chosen) == stood:
        return Odds(np.zeros(0, dtype=np.intp), np.zeros(0), np.zeros((0, len(plan.scored))))
    parts, kept = _table(trace)[stood:], np.frombuffer(trace.kept, dtype="<u4").astype(np.intp)[stood:]
    propensity = parts[:, : len(plan.scored)]
    held = again.withheld[number].actions if again.withheld else ()
    # Who is shown nothing is decided for as everybody.
    if (*answer.actions, *held)[stood].how == "mandatory":
        return Odds(kept[:1], np.ones(1), propensity[:1], _amounts(plan, parts[:1]))
    chances = parts[:, plan.part_names.index("first_place_probability")]
    return Odds(kept, chances, propensity, _amounts(plan, parts))


def place_chances(
    plan: Plan, decision: Decision, number: int, like: Mapping[int, float] = _NOTHING
) -> dict[int, float]:
    """Give what a record says of the first place of a placement: candidate → probability, of all that had any.

    What is left for those whose parts were not kept is shared as `like` has it, evenly where it gives them nothing.

    Args:
        plan: that decided.
        like: candidate → probability by which another strategy would have chosen it.
    """
    shown = decision.placements[number].actions
    if not shown:
        return {}
    if shown[0].how == "mandatory":
        return {decision.traces[number].chosen[0]: 1.0}
    known, others, left = _kept(plan, decision, number)
    share = sum(like.get(one, 0.0) for one in others)
    for one in others:
        known[one] = left * (like.get(one, 0.0) / share if share > 0.0 else 1.0 / len(others))
    return {candidate: chance for candidate, chance in known.items() if chance > 0.0}


def is_told(plan: Plan, decision: Decision, number: int) -> bool:
    """Say whether a record tells about how probable everybody was for the first place of a placement.

    Parts are kept of the highest priorities. Where rules of slates gave some of these no chance, those whose parts were
    not kept share what is left in a way that only deciding again can tell.

    Args:
        plan: that decided.
    """
    shown = decision.placements[number].actions
    if not shown or shown[0].how == "mandatory":
        return True
    known, others, _ = _kept(plan, decision, number)
    stages = np.frombuffer(decision.traces[number].stages, dtype=np.uint8)
    return not others or all(chance > 0.0 or stages[one] != Stage.OUTRANKED for one, chance in known.items())


def _kept(plan: Plan, decision: Decision, number: int) -> tuple[dict[int, float], list[int], float]:
    """Give the chances of those whose parts were kept, who else may have had one, and what is left for these."""
    trace = decision.traces[number]
    kept = np.frombuffer(trace.kept, dtype="<u4").tolist()
    chances = _table(trace)[:, plan.part_names.index("first_place_probability")]
    known = dict(zip(kept, chances.tolist(), strict=True))
    left = 1.0 - float(chances.sum())
    # What is left of 1 by rounding is nobody's.
    if left <= ROUNDING:
        return known, [], 0.0
    stood = (_STOOD if number == 0 else _STOOD_LATER)[np.frombuffer(trace.stages, dtype=np.uint8)]
    return known, [one for one in np.flatnonzero(stood).tolist() if one not in known], left


def unreachable(odds: Odds, to_logged: Sequence[int | None], logged: Mapping[int, float]) -> float:
    """Give the probability of all that the odds would have shown and the log never could, in [0, 1].

    Args:
        to_logged: the candidate of the plan that decided for each candidate of the odds' plan; None where it has none.
        logged: of `place_chances`; empty where the place stayed empty.
    """
    if not len(odds.candidates):
        return 1.0 if logged else 0.0
    pairs = zip(odds.candidates.tolist(), odds.chances.tolist(), strict=True)
    return min(1.0, float(sum(chance for candidate, chance in pairs if to_logged[candidate] not in logged)))


def _amounts(plan: Plan, parts: Reals) -> Reals | None:
    if not plan.amounts:
        return None
    rows = [of_candidate(plan, dict(zip(plan.part_names, row, strict=True))) for row in parts.tolist()]
    return np.array(rows)[:, : len(plan.scored)]


def _table(trace: PlacementTrace) -> Reals:
    rows = len(trace.kept) // 4
    return np.frombuffer(trace.parts, dtype="<f4").reshape(rows, -1).astype(np.float64)
