"""Compile goals for the candidates of a plan."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opportune.decide.plan import Fatigue, Goal
from opportune.learning.base import CandidateKey
from opportune.strategy.compile_limits import length_of, scope_of
from opportune.strategy.project import Project
from opportune.strategy.sections import goals as sections
from opportune.strategy.sections.limits import ContactPolicy
from opportune.strategy.sections.outcomes import SHOWN

__all__ = ["channel_factors", "compile_fatigues", "compile_goal", "reach_of"]


def compile_goal(name: str, goal: sections.Goal, segment_names: list[str]) -> Goal:
    """Compile one goal."""
    return Goal(
        name=name,
        weight=goal.weight,
        normal=goal.normal,
        segments=tuple((segment_names.index(segment), weight) for segment, weight in goal.segments.items()),
        sign=1.0 if goal.direction == "more" else -1.0,
        unit=goal.currency or goal.unit,
    )


def channel_factors(project: Project, candidates: tuple[CandidateKey, ...]) -> npt.NDArray[np.float64] | None:
    """Lay out the factor on each goal's weight by the channel of the candidates, float64 [G, C]; None for ones."""
    if not any(goal.channels for goal in project.goals.values()):
        return None
    return np.array(
        [[goal.channels.get(key.channel, 1.0) for key in candidates] for goal in project.goals.values()],
        dtype=np.float64,
    )


def compile_fatigues(project: Project, candidates: tuple[CandidateKey, ...]) -> tuple[Fatigue, ...]:
    """Compile what contacts cost that the person had already.

    Args:
        candidates: sorted by group and action.
    """
    return tuple(
        Fatigue(
            goal=place,
            scope=scope_of(project, reach_of(goal.fatigue), candidates),
            counts=frozenset(goal.fatigue.counts or (SHOWN,)),
            within=length_of(goal.fatigue.within),
            per=goal.fatigue.per,
            each=goal.fatigue.each,
        )
        for place, goal in enumerate(project.goals.values())
        if goal.fatigue is not None
    )


def reach_of(fatigue: sections.Fatigue) -> ContactPolicy:
    """Give a contact policy that covers the same actions and channels."""
    return ContactPolicy(channels=fatigue.channels, exempt=fatigue.exempt)
