"""Small plans made by hand, so that tests of deciding need no project files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from opportune.decide.plan import (
    WITHHELD,
    Channel,
    ConditionalWeight,
    ControlGroup,
    Exploration,
    Goal,
    Placement,
    Plan,
    PlanAction,
)
from opportune.learning import CandidateKey, ModelSpec, Predictor
from opportune.outcomes import new_model
from opportune.records import DecisionRequest, PlacementRequest, Sign, ValueType
from opportune.rules import RuleSet, Schema, check

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

SCHEMA = Schema(
    {
        "customer.age": ValueType.INTEGER,
        "customer.income": ValueType.NUMBER,
        "customer.city": ValueType.TEXT,
        "customer.products": ValueType.TEXTS,
        "context.topic": ValueType.TEXT,
        "context.minutes": ValueType.NUMBER,
    }
)
PREDICTORS = tuple(Predictor(name, type_) for name, type_ in SCHEMA.variables.items())


@dataclass(frozen=True)
class Item:
    """One action of a small world, with one treatment in channel "desk" unless told otherwise."""

    name: str
    group: str = "things"
    value: float = 1.0
    shown_value: float = 0.0
    lever: float = 1.0
    eligibility: Sequence[str] = ()
    applicability: Sequence[str] = ()
    suitability: Sequence[str] = ()
    exclusive: frozenset[str] = frozenset()
    active: bool = True
    active_from: float = -math.inf
    active_until: float = math.inf
    mandatory: str = ""
    weights: Sequence[tuple[str, float]] = ()
    treatments: Sequence[str] = ("card",)


BEST_ONLY = Exploration("none", 0.0, 0.0)


@dataclass(frozen=True)
class World:
    """What a small plan is made of.

    Args:
        score: "expected" or "incremental" where withheld answers are learned too, else "".
    """

    items: Sequence[Item]
    exploration: Exploration = BEST_ONLY
    sizes: dict[str, int] = field(default_factory=lambda: {"main": 3})
    fallback: Sequence[str] = ()
    control_groups: tuple[ControlGroup, ...] = ()
    score: str = ""

    def plan(self) -> Plan:
        """Compile it."""
        items = sorted(self.items, key=lambda item: (item.group, item.name))
        keys = tuple(CandidateKey(i.group, i.name, "desk", t) for i in items for t in sorted(i.treatments))
        action_of = np.array([n for n, item in enumerate(items) for _ in item.treatments], dtype=np.intp)
        owner = [items[n] for n in action_of]
        groups = sorted({name for item in items for name in item.exclusive})
        names = [key.action for key in keys]
        weights = [(item, when, percent) for item in items for when, percent in item.weights]
        everything = np.ones(len(keys), dtype=bool)
        return Plan(
            revision="r-1",
            name="world",
            zone="Europe/Warsaw",
            languages=("en", "pl"),
            actions=tuple(
                PlanAction(i.name, i.group, "offer", i.active, i.active_from, i.active_until, i.exclusive)
                for i in items
            ),
            candidates=keys,
            action_of=action_of,
            channels={
                "desk": Channel(
                    name="desk",
                    placements={
                        name: Placement(
                            "desk", name, size, everything, tuple(map(names.index, self.fallback)), self.exploration
                        )
                        for name, size in self.sizes.items()
                    },
                    outcomes={"seen": Sign.NEUTRAL, "accept": Sign.POSITIVE, "reject": Sign.NEGATIVE},
                    window_seconds=None,
                    window_default=None,
                )
            },
            gate=RuleSet(
                [
                    [check(rule, SCHEMA) for rule in getattr(item, layer)]
                    for layer in ("eligibility", "applicability", "suitability")
                    for item in items
                ]
            ),
            segments=RuleSet([]),
            context_rules=RuleSet([[check(when, SCHEMA)] for _, when, _ in weights]),
            context_weights=tuple(
                ConditionalWeight(n, percent, np.flatnonzero([o is item for o in owner]))
                for n, (item, _, percent) in enumerate(weights)
            ),
            mandatory_rules=RuleSet([[check(item.mandatory or "false", SCHEMA)] for item in items])
            if any(item.mandatory for item in items)
            else None,
            goals=(Goal("profit", 1.0, 1.0, ()),),
            outcomes=("accept", "accept" + WITHHELD) if self.score else ("accept",),
            values=self._values([item.value for item in owner]),
            shown_values=np.array([[item.shown_value for item in owner]]),
            levers=np.array([item.lever for item in owner], dtype=np.float32),
            exclusion=np.array([[g in item.exclusive for item in owner] for g in groups], dtype=bool).reshape(
                len(groups), len(keys)
            ),
            control_groups=self.control_groups,
            content=tuple({"en": {"title": key.action}} for key in keys),
            predictors=PREDICTORS,
            models=(ModelSpec("main", "bayes", PREDICTORS),),
            champion="main",
            deadline_ms=100.0,
            inputs={"customer.age": (0.0, 120.0, True), "context.topic": ["invoice", "outage", "other"]},
        )

    def _values(self, worth: Sequence[float]) -> npt.NDArray[np.float64]:
        factors = {"": [1.0], "expected": [1.0, 0.0], "incremental": [1.0, -1.0]}[self.score]
        return np.array([[[factor * value for value in worth] for factor in factors]])


def request(id_: str = "r-1", **changes: object) -> DecisionRequest:
    """A contact at the desk that asks for the placement "main"."""
    asked = DecisionRequest(id=id_, channel="desk", placements=(PlacementRequest(name="main"),))
    return DecisionRequest(**{**{n: getattr(asked, n) for n in asked.__struct_fields__}, **changes})


def model_of(plan: Plan, kernel: str = "numpy"):  # type: ignore[no-untyped-def]
    """The plan's untrained model."""
    return new_model(plan, kernel)


__all__ = ["NOON", "PREDICTORS", "SCHEMA", "Item", "World", "model_of", "replace", "request"]
