"""Many conditions over the same facts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from opportune.records import Facts
from opportune.rules.evaluate import closure_of
from opportune.rules.rule import Rule

__all__ = ["RuleSet"]


class RuleSet:
    """Conditions, each a conjunction of rules; a condition passes when all its rules are TRUE."""

    def __init__(self, conjunctions: Sequence[Sequence[Rule]]) -> None:
        self._conditions = tuple(tuple(rules) for rules in conjunctions)

    def __len__(self) -> int:
        return len(self._conditions)

    def passed(self, facts: Facts) -> npt.NDArray[np.bool_]:
        """Give one boolean per condition."""
        return np.array(
            [all(closure_of(rule)(facts, {}) is True for rule in rules) for rules in self._conditions], dtype=np.bool_
        )
