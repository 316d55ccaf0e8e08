"""Every rule of a strategy with its place, and which rules keep an action from a customer.

Notation:
    A  actions of the plan
    L  most rules that one action has in one layer
    R  rules, each once per place where it stands
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from opportune.decide import Plan
from opportune.records import Facts, Stage
from opportune.rules import Rule, RuleSet
from opportune.strategy.checked import LAYERS
from opportune.strategy.project import Project

__all__ = ["Fallen", "Policy", "Rulebook"]

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_STAGES = (Stage.ELIGIBILITY, Stage.APPLICABILITY, Stage.SUITABILITY)


class Policy(msgspec.Struct, frozen=True, order=True):
    """Something that keeps an action from a customer.

    Args:
        stage: name of the stage where it works.
        owner: where it stands: "group:entertainment", "action:films", "limit:three_a_week",
            "switch:action:films", "bundle:start", or "component:NAME" of another engine.
        rule: its text; "" where it is no rule.
        because: its author's words for people.
    """

    stage: str
    owner: str
    rule: str = ""
    because: str = ""


class Fallen(NamedTuple):
    """Which rules did not pass, bool [3A, L]; `first` is the place of the first one in each row, -1 where none."""

    failed: Booleans
    first: Integers

    def failures(self) -> Integers:
        """Count the rules that keep each action out, int64 [A]."""
        counts: Integers = self.failed.sum(axis=1).reshape(3, -1).sum(axis=0)
        return counts


class Rulebook:
    """The rules of a plan, asked once each.

    Attributes:
        policies: R of them.
        rows: int64 [3A, L], rules of each action in each layer, layer by layer; R where there is none.
    """

    def __init__(self, plan: Plan, project: Project) -> None:
        conditions = plan.gate.conditions
        self.policies: list[Policy] = []
        number: dict[Policy, int] = {}
        # What has a value for each action is asked for each, though it is one rule of their group.
        place_of: dict[tuple[Policy, frozenset[str]], int] = {}
        rules: list[list[Rule]] = []
        rows: list[list[int]] = []
        asked: list[list[int]] = []
        for place, condition in enumerate(conditions):
            layer, action = divmod(place, len(plan.actions))
            row, own = [], []
            for rule in condition:
                policy = _policy(plan, project, layer, plan.actions[action].name, rule.source)
                if policy not in number:
                    number[policy] = len(self.policies)
                    self.policies.append(policy)
                if (policy, rule.variables) not in place_of:
                    place_of[policy, rule.variables] = len(rules)
                    rules.append([rule])
                row.append(number[policy])
                own.append(place_of[policy, rule.variables])
            rows.append(row)
            asked.append(own)
        self._rules = RuleSet(rules)
        self.rows = _padded(rows, len(self.policies))
        self._asked = _padded(asked, len(rules))

    def judge(self, facts: Facts) -> Fallen:
        """Ask every rule."""
        passed = np.append(self._rules.passed(facts), True)
        failed = ~passed[self._asked]
        first = np.where(failed.any(axis=1), failed.argmax(axis=1), -1)
        return Fallen(failed, first)


def _padded(rows: Sequence[Sequence[int]], filler: int) -> Integers:
    longest = max((len(row) for row in rows), default=0) or 1
    return np.array([[*row, *[filler] * (longest - len(row))] for row in rows], dtype=np.int64)


def _policy(plan: Plan, project: Project, layer: int, action: str, source: str) -> Policy:
    group = project.group_of[action]
    is_of_group = any(text.rule == source for text in getattr(project.groups[group], LAYERS[layer]))
    owner = f"group:{group}" if is_of_group else f"action:{action}"
    return Policy(_STAGES[layer].name.lower(), owner, source, plan.because.get((action, source), ""))
