"""First places of many contacts, by priority alone: who wins where nothing is left to chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from opportune.decide import Plan
from opportune.evaluate.foresight import Case, Side
from opportune.records import Decision

__all__ = ["EMPTY", "Tell", "is_taught", "persons_of", "winners", "with_plan"]

EMPTY = -1
"""In place of a winner: nothing may be shown."""

Tell = Callable[[int, int], None]
"""Called with (contacts done, all contacts)."""


def is_taught(side: Side) -> bool:
    """Say whether the model has learned anything that it could foretell by."""
    return bool(np.any(side.model.evidence() > 0.0))


def with_plan(side: Side, plan: Plan) -> Side:
    """Give a side that decides by another plan of the same candidates, with the same model."""
    return replace(side, plan=plan)


def winners(decision: Decision) -> list[int]:
    """Give the candidate in the first place of every placement, or EMPTY."""
    return [trace.chosen[0] if trace.chosen else EMPTY for trace in decision.traces]


def persons_of(cases: Sequence[Case]) -> npt.NDArray[np.int64]:
    """Number the persons whom contacts belong to."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(case.unit, len(numbers)) for case in cases], dtype=np.int64)
