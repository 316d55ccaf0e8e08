"""What single change of one input would have put another action first.

Every switch that is reported was verified by scoring the changed facts with the same pipeline.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np

from opportune.decide.arbitrate import arbitrate
from opportune.decide.chains import chained
from opportune.decide.compose import drop_irrelevant, known_of, open_stages
from opportune.decide.gate import OPEN, rule_stages
from opportune.decide.limits.consents import minor_holds
from opportune.decide.limits.masks import mark_limited
from opportune.decide.pipeline import choose_of, is_random, mandatory_of
from opportune.decide.plan import Booleans, Placement, Plan
from opportune.decide.rooms import rooms_of
from opportune.learning.base import PropensityModel
from opportune.records import Decision, Facts, Stage, Value

__all__ = ["Switch", "is_of_age", "relevant_with", "switches"]

TRIES_MAX = 200
"""Changed facts that are scored per placement: keeps an explanation within about 50 ms at 1,000 candidates."""
STEPS = 8
"""Values tried of a number's range."""
HALVINGS = 6
"""Bisections that bring a number's change close to the smallest."""
NARROWED = 20
"""Candidates let through whose change is narrowed; the others keep the nearest value that was tried."""


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    """A change of one input and what it would have done ("let through" or "put first"); None means missing."""

    input: str
    before: Any
    after: Any
    effect: str


def switches(plan: Plan, decision: Decision, model: PropensityModel, number: int) -> Mapping[int, Switch]:
    """Find, per candidate, the smallest change of one input that puts it before all others.

    Of a candidate below the least relevance of the placement, the smallest that lets it through. Exploration aside:
    the draw may still go another way. A random control group has no ranking to change. What links a slate as a set is
    not solved again: quotas, bundles and minima may still keep a candidate that is put first out of the first place.

    Args:
        number: of the placement; those before it stay as they were.
    """
    if is_random(plan, decision.control):
        return {}
    finder = _Finder(plan, decision, model, number)
    own, _ = finder.result(decision.facts)
    irrelevant = np.frombuffer(decision.traces[number].stages, dtype=np.uint8) == Stage.IRRELEVANT
    found: dict[tuple[int, str], tuple[float, str, Value]] = {}
    for distance, name, value in finder.changes():
        winner, is_open = finder.result({**decision.facts, name: value})
        effects = [(int(candidate), "let through") for candidate in np.flatnonzero(irrelevant & is_open)]
        if winner is not None and winner != own and not irrelevant[winner]:
            effects.append((winner, "put first"))
        for effect in effects:
            if effect not in found or distance < found[effect][0]:
                found[effect] = (distance, name, value)
    return {
        candidate: Switch(
            input=name,
            before=decision.facts.get(name),
            after=finder.nearest(candidate, effect, name, value) if place < NARROWED else value,
            effect=effect,
        )
        for place, ((candidate, effect), (_, name, value)) in enumerate(found.items())
    }


def is_of_age(plan: Plan, decision: Decision, name: str, value: Value) -> bool:
    """Say whether nobody is made a minor by a change: of a minor, no decision would know what was changed."""
    minors = plan.limits.minors
    if minors is None or name != minors.fact:
        return True
    return not any(minor_holds(plan.limits, {name: value}, decision.at))


def relevant_with(plan: Plan, placement: Placement, facts: Facts, model: PropensityModel) -> Booleans:
    """Say who would reach the least relevance of a placement with other facts, bool [C]."""
    stages = np.full(len(plan.candidates), OPEN, dtype=np.uint8)
    prediction = chained(plan, model.predict(model.encode(facts)))
    drop_irrelevant(placement, known_of(plan, prediction, model.evidence()), stages, mandatory_of(plan, facts))
    return np.equal(stages, OPEN)


class _Finder:
    """Scores changed facts for one placement of one decision."""

    def __init__(self, plan: Plan, decision: Decision, model: PropensityModel, number: int) -> None:
        self.plan, self.decision, self.model = plan, decision, model
        self.evidence = model.evidence()
        self.choose = choose_of(plan, decision.control)
        self.placement = plan.channels[decision.request.channel].placements[decision.traces[number].name]
        self.taken = [candidate for trace in decision.traces[:number] for candidate in trace.chosen]

    def result(self, facts: Facts) -> tuple[int | None, Booleans]:
        """Give who takes the first place, the mandatory before the others, then by priority, and who may take it."""
        by_rules = mark_limited(self.plan.limits, self.decision.holds, rule_stages(self.plan, facts))
        at, rooms = self.decision.at.timestamp(), rooms_of(self.plan, (), self.taken)
        stages = open_stages(self.plan, self.placement, by_rules, at, self.taken, rooms)
        mandatory = mandatory_of(self.plan, facts)
        prediction = chained(self.plan, self.model.predict(self.model.encode(facts)))
        drop_irrelevant(self.placement, known_of(self.plan, prediction, self.evidence), stages, mandatory)
        is_open = stages == OPEN
        first = is_open if mandatory is None or not (mandatory & is_open).any() else is_open & mandatory
        open_ones = np.flatnonzero(first)
        if not len(open_ones):
            return None, is_open
        kernel, tired = self.model.kernel, self.decision.tired
        priority = arbitrate(self.plan, facts, prediction, self.choose, kernel, tired).priority
        return int(open_ones[np.argmax(priority[open_ones])]), is_open

    def changes(self) -> Iterator[tuple[float, str, Value]]:
        """Give (distance, input, other value), the tries spread over all inputs; of a range a distance is its share."""
        share = max(2, TRIES_MAX // max(1, len(self.plan.inputs)))
        tries = 0
        for name, values in self.plan.inputs.items():
            before = self.decision.facts.get(name)
            for distance, value in _others(before, values)[: min(share, TRIES_MAX - tries)]:
                tries += 1
                if is_of_age(self.plan, self.decision, name, value):
                    yield distance, name, value

    def nearest(self, candidate: int, effect: str, name: str, value: Value) -> Value:
        """Move a number's change towards the value it had, as long as it has the same effect."""
        before = self.decision.facts.get(name)
        if not _is_number(before) or not _is_number(value):
            return value
        far, near = float(value), float(before)  # type: ignore[arg-type]
        whole = isinstance(value, int)
        for _ in range(HALVINGS):
            middle: float | int = (far + near) / 2
            middle = round(middle) if whole else middle
            if middle in (far, near):
                break
            winner, is_open = self.result({**self.decision.facts, name: middle})
            if is_open[candidate] if effect == "let through" else winner == candidate:
                far = middle
            else:
                near = middle
        return round(far) if whole else far


def _others(before: Value | None, values: object) -> list[tuple[float, Value]]:
    """List the other values of an input with their distance from the one it had, nearest first."""
    if isinstance(values, tuple) and len(values) == 3:
        low, high, whole = values
        width = (high - low) or 1
        points = [low + width * step / (STEPS - 1) for step in range(STEPS)]
        start = float(before) if _is_number(before) else low  # type: ignore[arg-type]
        numbers = [(abs(point - start) / width, round(point) if whole else point) for point in points]
        return sorted((distance, value) for distance, value in numbers if value != before)
    assert isinstance(values, list)
    return [(1.0, value) for value in values if value != before]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
