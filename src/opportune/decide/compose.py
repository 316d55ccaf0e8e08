"""Compose: fill the places of every placement, one after the other, so that the answer holds as a whole.

No action stands twice, no two actions of one exclusivity group stand together, over all placements of the request. Each
place is drawn from its own selection probabilities, which are conditional on the places before it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opportune.decide.arbitrate import Weighing
from opportune.decide.draws import Draws
from opportune.decide.gate import OPEN, Stages, stages_of
from opportune.decide.plan import Booleans, Exploration, Floats, Placement, Plan
from opportune.decide.steps import steps_of
from opportune.decide.steps_numpy import take
from opportune.learning.base import Prediction
from opportune.learning.selection import GREEDY, THOMPSON
from opportune.learning.selection import UNIFORM as UNIFORMLY
from opportune.records import Stage

__all__ = ["KEPT_PARTS", "UNIFORM", "Slate", "fill", "open_stages"]

UNIFORM = Exploration("uniform", 0.0, 0.0)
"""Random control group: every open candidate has the same chance."""
KEPT_PARTS = 20
"""Score parts are kept for the shown and for this many of the best others: what people ask about, in about 1 KB."""

_METHODS: dict[str, tuple[int, str]] = {
    "thompson": (THOMPSON, "explored"),
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
        parts: float32 [n, 2 O + 2], columns as `Plan.part_names` says.
    """

    chosen: list[int]
    chances: list[float]
    uniforms: list[float]
    hows: list[str]
    kept: npt.NDArray[np.uint32]
    parts: Floats


def fill(
    plan: Plan,
    size: int,
    exploration: Exploration,
    weighing: Weighing,
    prediction: Prediction,
    stages: Stages,
    mandatory: Booleans | None,
    rng: Draws,
    label: str,
    kernel: str,
) -> Slate:
    """Fill up to `size` places from the OPEN candidates of `stages`, which is changed to say what became of each.

    Args:
        mandatory: bool [C], the tier that comes before all others, by priority and undrawn; None where empty.
        label: prefix of the draws' labels, unique within the decision.
        kernel: "numpy" or "numba", that of the model.

    Raises:
        ValueError: a priority or its deviation is not finite.
    """
    method, how = _METHODS[exploration.method]
    uniforms = [rng.uniform(f"{label}/{place}") for place in range(min(size, len(stages)))]
    undrawn, chosen, chances, kept, parts = steps_of(kernel).fill(
        stages,
        weighing.priority,
        weighing.spread,
        _NOBODY if mandatory is None else _in_order(mandatory, stages, weighing.priority),
        np.array(uniforms),
        method,
        exploration.scale,
        exploration.floor,
        plan.action_of,
        plan.exclusion,
        KEPT_PARTS,
        prediction.propensity,
        prediction.spread,
    )
    if undrawn < 0:
        raise ValueError("priorities and their deviations: expected finite numbers for every open candidate")
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


def open_stages(plan: Plan, placement: Placement, by_rules: Stages, seconds: float, taken: list[int]) -> Stages:
    """Start a placement: OPEN where nothing dropped the candidate and nothing in the answer so far excludes it.

    Args:
        by_rules: uint8 [C], what `rule_stages` says.
        taken: candidates of the placements before.
    """
    stages = stages_of(plan, placement, by_rules, seconds)
    if taken:
        before = stages[taken]
        for candidate in taken:
            take(candidate, stages, plan.action_of, plan.exclusion)
        stages[taken] = np.minimum(before, Stage.ALREADY_SHOWN)
    return stages


_NOBODY = np.zeros(0, dtype=np.intp)


def _in_order(mandatory: Booleans, stages: Stages, priority: Floats) -> npt.NDArray[np.intp]:
    """Give the mandatory candidates that are OPEN, highest priority first, then in candidate order."""
    open_ones = np.flatnonzero(mandatory & (stages == OPEN))
    return open_ones[np.argsort(-priority[open_ones], kind="stable")]
