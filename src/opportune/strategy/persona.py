"""Persona tests: what a strategist expects of the answer for a profile, a context and a moment.

They run through the same `decide` as every contact, without exploration and outside of control groups. A test of
several turns is one conversation: what it keeps, what was shown and what came of it count from turn to turn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from opportune.customers.features import FeatureSet
from opportune.decide import Plan, explain
from opportune.decide.plan import Exploration
from opportune.errors import InputError
from opportune.learning.base import Encoded, Floats, Prediction, PropensityModel
from opportune.records import Facts
from opportune.strategy.compile import Registries
from opportune.strategy.conversation import NO_FEATURES, Conversation, turns_of
from opportune.strategy.expectations import unmet
from opportune.strategy.persona_units import persona_units
from opportune.strategy.sections.personas import Persona

__all__ = ["PersonaResult", "run_persona", "unexplored"]


class PersonaResult(msgspec.Struct, frozen=True, kw_only=True):
    """How one persona test came out.

    Args:
        ranking: the answer; the last one where there are turns.
        failures: what was expected and what was found, in words.
        file, line: where the test stands; "" and 0 where that is not known.
    """

    name: str
    ranking: tuple[str, ...]
    failures: tuple[str, ...]
    file: str = ""
    line: int = 0

    @property
    def passed(self) -> bool:
        """Whether all expectations held."""
        return not self.failures


@dataclass(frozen=True)
class FixedPropensities:
    """A model whose propensities of some actions are fixed by a test; others are as untrained."""

    model: PropensityModel
    plan: Plan
    fixed: dict[str, float]

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.model.name

    @property
    def kernel(self) -> str:
        """Kernel of the model."""
        return self.model.kernel

    def encode(self, facts: Facts) -> Encoded:
        """Encode as the model does."""
        return self.model.encode(facts)

    def encode_known(self, facts: Facts, memory: dict[str, Any]) -> Encoded:
        """Encode as the model does."""
        return self.model.encode_known(facts, memory)

    def evidence(self) -> Floats:
        """Give the evidence of the model."""
        return self.model.evidence()

    def predict(self, encoded: Encoded) -> Prediction:
        """Predict as the model does, with the first positive outcome of the fixed actions replaced.

        Where that comes after others, all steps to it are equally likely.
        """
        prediction = self.model.predict(encoded)
        propensity, log_odds = prediction.propensity.copy(), prediction.log_odds.copy()
        for index, key in enumerate(self.plan.candidates):
            if key.action in self.fixed:
                row = self._row(int(self.plan.first_positive[index]))
                chance = self.fixed[key.action] ** (1 / len(row))
                propensity[row, index] = chance
                log_odds[row, index] = np.log(chance / (1 - chance))
        return replace(prediction, propensity=propensity, log_odds=log_odds)

    def _row(self, head: int) -> list[int]:
        """Give the head of an outcome and those of the outcomes that come before it."""
        row, before = [head], dict(self.plan.steps)
        while row[-1] in before:
            row.append(before[row[-1]])
        return row


def unexplored(plan: Plan) -> Plan:
    """Give the same plan without exploration, ramp-up and control groups."""
    best = Exploration("none", 0.0, 0.0)
    channels = {
        name: replace(
            channel,
            placements={slot: replace(placement, exploration=best) for slot, placement in channel.placements.items()},
        )
        for name, channel in plan.channels.items()
    }
    return replace(plan, channels=channels, control_groups=(), ramp_up=None, _worth={}, _standing={})


def run_persona(
    plan: Plan, read: Registries, model: PropensityModel, persona: Persona, features: FeatureSet = NO_FEATURES
) -> PersonaResult:
    """Run one persona test.

    Args:
        plan: made by `unexplored`.
        model: bound to the plan, untrained.
        features: of the project; what happens in the test is counted by them.
    """
    try:
        profile, _ = read.customer.read(persona.customer)
        for context in (persona.context, *(turn.context for turn in persona.turns)):
            read.context.read(context)
        persona_units(read.levels, persona)
    except InputError as error:
        return PersonaResult(name=persona.name, ranking=(), failures=tuple(map(str, error.problems)))
    scorer = FixedPropensities(model, plan, dict(persona.propensities))
    conversation = Conversation(plan, persona, profile, read, features)
    ranking: tuple[str, ...] = ()
    failures = []
    for number, turn in enumerate(turns_of(persona), start=1):
        found = conversation.take(turn)
        decision = conversation.decide(scorer)
        ranking = tuple(shown.action for shown in decision.placements[0].actions)
        found += unmet(turn.expect, ranking, explain(plan, decision))
        failures += [f"turn {number} ({turn.says}): {one}" for one in found] if persona.turns else found
    return PersonaResult(name=persona.name, ranking=ranking, failures=tuple(failures))
