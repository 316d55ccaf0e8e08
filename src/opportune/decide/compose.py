"""Compose: fill the places of every placement, one after the other, so that the answer holds as a whole.

No action stands twice, no two actions of one exclusivity group stand together, over all placements of the request. Each
place is drawn from its own selection probabilities, which are conditional on the places before it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opportune.decide.amounts import kept_amounts
from opportune.decide.arbitrate import Weighing
from opportune.decide.draws import Draws
from opportune.decide.gate import OPEN, Stages, stages_of
from opportune.decide.plan import Booleans, Exploration, Floats, Placement, Plan
from opportune.decide.rooms import Rooms
from opportune.decide.steps import steps_of
from opportune.decide.steps_numpy import close, show
from opportune.learning.base import Prediction
from opportune.learning.exploration import gamma_of
from opportune.learning.maturity import NO_SHARES, shares
from opportune.learning.selection import GREEDY, IGW, THOMPSON
from opportune.learning.selection import UNIFORM as UNIFORMLY
from opportune.records import Stage

__all__ = [
    "KEPT_PARTS",
    "METHODS",
    "UNIFORM",
    "Known",
    "Slate",
    "answers_of",
    "drop_irrelevant",
    "fill",
    "in_order",
    "known_of",
    "open_stages",
    "strength_of",
    "whole_parts",
]

UNIFORM = Exploration("uniform", 0.0, 0.0)
"""Random control group: every open candidate has the same chance."""
KEPT_PARTS = 20
"""Score parts are kept for the shown and for this many of the best others: what people ask about, in about 1 KB."""

METHODS: dict[str, tuple[int, str]] = {
    "thompson": (THOMPSON, "explored"),
    "igw": (IGW, "explored"),
    "none": (GREEDY, "best"),
    "uniform": (UNIFORMLY, "control"),
}
"""Exploration of the project file → method of selection, and how the answer names it."""


class Slate(NamedTuple):
    """The places of one placement, and score parts of those who stand there and of the best others.

    Args:
        chosen: candidate of every place, with the chance in `chances` given the places before.
        uniforms: the number every place was drawn with, -1 where it was not drawn.
        hows: "mandatory", or how the exploration names itself.
        kept: uint32 [n], the chosen, then the best others.
        parts: float32 [n, P], columns as `Plan.part_names` says.
    """

    chosen: list[int]
    chances: list[float]
    uniforms: list[float]
    hows: list[str]
    kept: npt.NDArray[np.uint32]
    parts: Floats


class Known(NamedTuple):
    """What the model says of every candidate, and how much it has learned of them.

    Args:
        evidence: float32 [O, C], answers learned.
        shares: float64 [C], largest share of draws of the candidate's action; empty where nobody is held back.
    """

    prediction: Prediction
    evidence: Floats
    shares: npt.NDArray[np.float64]


def known_of(plan: Plan, prediction: Prediction, evidence: Floats) -> Known:
    """Put together what all placements of one decision know."""
    if plan.ramp_up is None:
        return Known(prediction, evidence, NO_SHARES)
    start, full_after = plan.ramp_up
    return Known(prediction, evidence, shares(start, full_after, answers_of(plan, evidence))[plan.action_of])


def answers_of(plan: Plan, evidence: Floats) -> npt.NDArray[np.float64]:
    """Give the answers of every action by all its treatments, float64 [A]."""
    answers = np.zeros(len(plan.actions))
    answers[plan.action_of[plan.first_of]] = np.add.reduceat(_answers(plan, evidence), plan.first_of)
    return answers


def drop_irrelevant(placement: Placement, known: Known, stages: Stages, mandatory: Booleans | None) -> None:
    """Say IRRELEVANT of OPEN candidates whose propensity is below what the placement shows.

    Mandatory actions are shown for other reasons, and those in ramp-up could not learn otherwise: both stay.
    """
    if not placement.minimum_relevance:
        return
    low = known.prediction.propensity[placement.relevant] < np.float32(placement.minimum_relevance)
    low &= stages == OPEN
    if mandatory is not None:
        low &= ~mandatory
    if len(known.shares):
        low &= known.shares >= 1.0
    stages[low] = Stage.IRRELEVANT


def fill(
    plan: Plan,
    size: int,
    placement: Placement,
    exploration: Exploration,
    weighing: Weighing,
    known: Known,
    stages: Stages,
    mandatory: Booleans | None,
    rooms: Rooms,
    rng: Draws,
    label: str,
    kernel: str,
    keep: int = KEPT_PARTS,
) -> Slate:
    """Fill up to `size` places from the OPEN candidates of `stages`, which is changed to say what became of each.

    Args:
        mandatory: bool [C], the tier that comes before all others, by priority and undrawn; None where empty.
        rooms: what room the answer has left; changed, as `stages` is.
        label: prefix of the draws' labels, unique within the decision.
        kernel: "numpy" or "numba", that of the model.
        keep: of how many of the best others score parts are kept.

    Raises:
        ValueError: a priority or its deviation is not finite.
    """
    method, how = METHODS[exploration.method]
    prediction, evidence, held = known
    uniforms = [rng.uniform(f"{label}/{place}") for place in range(min(size, len(stages)))]
    undrawn, chosen, chances, kept, parts = steps_of(kernel).fill(
        stages,
        weighing.priority,
        weighing.spread,
        _NOBODY if mandatory is None else in_order(mandatory, stages, weighing.priority),
        np.array(uniforms),
        method,
        strength_of(plan, placement, exploration, evidence),
        exploration.floor,
        exploration.ceiling,
        NO_SHARES if exploration is UNIFORM else held,
        plan.action_of,
        *rooms,
        keep,
        prediction.propensity,
        prediction.spread,
        evidence,
    )
    if undrawn < 0:
        raise ValueError("priorities and their deviations: expected finite numbers for every open candidate")
    parts = whole_parts(plan, known, kept, parts)
    chosen = chosen.tolist()
    drawn = len(chosen) - undrawn
    return Slate(
        chosen,
        chances.tolist(),
        [-1.0] * undrawn + uniforms[undrawn : len(chosen)],
        ["mandatory"] * undrawn + [how] * drawn,
        kept,
        parts,
    )


def whole_parts(plan: Plan, known: Known, kept: npt.NDArray[np.uint32], parts: Floats) -> Floats:
    """Add the columns that only some plans have, see `Plan.part_names`."""
    if plan.ramp_up is not None:
        parts = np.column_stack((parts, known.shares[kept].astype(np.float32)))
    if plan.amounts:
        parts = np.column_stack((parts, kept_amounts(plan, known.prediction, kept.tolist())))
    return parts


def open_stages(
    plan: Plan,
    placement: Placement,
    by_rules: Stages,
    seconds: float,
    taken: list[int],
    rooms: Rooms,
    kernel: str = "numpy",
) -> Stages:
    """Start a placement: OPEN where nothing dropped the candidate and nothing in the answer so far excludes it.

    Args:
        by_rules: uint8 [C], what `rule_stages` says.
        taken: candidates of the placements before.
        rooms: what room these left.
    """
    stages = stages_of(plan, placement, by_rules, seconds, kernel)
    if taken:
        before = stages[taken]
        for candidate in taken:
            show(candidate, stages, plan.action_of)
        close(np.arange(len(rooms.left)), stages, *rooms)
        stages[taken] = np.minimum(before, Stage.ALREADY_SHOWN)
    return stages


_NOBODY = np.zeros(0, dtype=np.intp)


def strength_of(plan: Plan, placement: Placement, exploration: Exploration, evidence: Floats) -> float:
    """Give scale, or gamma as declared or by the answers learned of all that may stand in the placement."""
    if METHODS[exploration.method][0] != IGW:
        return exploration.scale
    if exploration.gamma is not None:
        return exploration.gamma
    return gamma_of(float(_answers(plan, evidence)[placement.fits].sum()))


def _answers(plan: Plan, evidence: Floats) -> npt.NDArray[np.float64]:
    """Give the answers of every candidate where it was shown, float64 [C]: those of its best known outcome."""
    most: Floats = evidence[: len(plan.scored)].max(axis=0, initial=0)
    return most.astype(np.float64)


def in_order(mandatory: Booleans, stages: Stages, priority: Floats) -> npt.NDArray[np.intp]:
    """Give the mandatory candidates that are OPEN, highest priority first, then in candidate order."""
    open_ones = np.flatnonzero(mandatory & (stages == OPEN))
    return open_ones[np.argsort(-priority[open_ones], kind="stable")]
