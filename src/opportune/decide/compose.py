"""Compose: fill the places of every placement, one after the other, so that the answer holds as a whole.

No action stands twice, no two actions of one exclusivity group stand together, over all placements of the request. Each
place is drawn from its own selection probabilities, which are conditional on the places before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opportune.decide.arbitrate import Weighing
from opportune.decide.draws import Draws
from opportune.decide.gate import OPEN, Stages, stages_of
from opportune.decide.plan import Booleans, Exploration, Placement, Plan
from opportune.learning.exploration import Method, Race, Selection
from opportune.records import Stage

__all__ = ["UNIFORM", "Place", "Slate", "fill", "open_stages", "take"]

UNIFORM = Exploration("uniform", 0.0, 0.0)
"""Random control group: every open candidate has the same chance."""


_METHODS: dict[str, tuple[Method, str]] = {
    "thompson": ("thompson", "explored"),
    "none": ("greedy", "best"),
    "uniform": ("uniform", "control"),
}
"""Exploration of the project file → method of selection, and how the answer names it."""


@dataclass(frozen=True, slots=True)
class Place:
    """One filled place: who stands there, with which chance, drawn with which number (-1: not drawn), and how."""

    candidate: int
    probability: float
    uniform: float
    how: str


@dataclass(frozen=True, slots=True)
class Slate:
    """The places of one placement; `first` is the selection of the first drawn place, None where nothing was drawn."""

    places: tuple[Place, ...]
    first: Selection | None


def fill(
    plan: Plan,
    size: int,
    exploration: Exploration,
    weighing: Weighing,
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
    """
    places: list[Place] = []
    first: Selection | None = None
    for candidate in _mandatory(mandatory, stages, weighing.priority):
        if len(places) == size:
            break
        if stages[candidate] == OPEN:
            places.append(Place(candidate, 1.0, -1.0, "mandatory"))
            take(plan, stages, candidate)
    method, how = _METHODS[exploration.method]
    race = Race(
        weighing.priority,
        weighing.spread,
        places=size - len(places),
        scale=exploration.scale,
        floor=exploration.floor,
        method=method,
        kernel=kernel,
    )
    while len(places) < size:
        uniform = rng.uniform(f"{label}/{len(places)}")
        drawn = race.draw(stages == OPEN, uniform)
        if drawn.chosen < 0:
            break
        first = first or drawn
        places.append(Place(drawn.chosen, drawn.probability, uniform, how))
        take(plan, stages, drawn.chosen)
    return Slate(tuple(places), first)


def open_stages(plan: Plan, placement: Placement, by_rules: Stages, seconds: float, taken: list[int]) -> Stages:
    """Start a placement: OPEN where nothing dropped the candidate and nothing in the answer so far excludes it.

    Args:
        by_rules: uint8 [C], what `rule_stages` says.
        taken: candidates of the placements before.
    """
    stages = stages_of(plan, placement, by_rules, seconds)
    before = stages[taken]
    for candidate in taken:
        take(plan, stages, candidate)
    stages[taken] = np.minimum(before, Stage.ALREADY_SHOWN)
    return stages


def take(plan: Plan, stages: Stages, candidate: int) -> None:
    """Mark `candidate` as shown and close what may not stand beside it."""
    action = plan.actions[plan.action_of[candidate]]
    if len(plan.actions) != len(plan.candidates):
        same = (plan.action_of == plan.action_of[candidate]) & (stages == OPEN)
        stages[same] = Stage.ALREADY_SHOWN
    if action.exclusive:
        groups = plan.exclusion[plan.exclusion[:, candidate]]
        stages[groups.any(axis=0) & (stages == OPEN)] = Stage.EXCLUSIVE
    stages[candidate] = Stage.SHOWN


def _mandatory(mandatory: Booleans | None, stages: Stages, priority: npt.NDArray[np.float32]) -> Iterator[int]:
    """Give the mandatory candidates, highest priority first, then in candidate order."""
    if mandatory is None:
        return
    open_ones = np.flatnonzero(mandatory & (stages == OPEN))
    yield from (int(i) for i in open_ones[np.argsort(-priority[open_ones], kind="stable")])
