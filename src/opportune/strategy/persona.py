"""Persona tests: what a strategist expects of the answer for a profile, a context and a moment.

They run through the same `decide` as every contact, without exploration and outside of control groups.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec
import numpy as np

from opportune.decide import Draws, Explanation, Plan, State, decide, explain
from opportune.decide.plan import Exploration
from opportune.errors import InputError
from opportune.learning.base import Encoded, Prediction, PropensityModel
from opportune.records import DecisionRequest, Facts, PlacementRequest
from opportune.strategy.compile import Registries
from opportune.strategy.sections import Absence, Persona

__all__ = ["PersonaResult", "run_persona", "unexplored"]


class PersonaResult(msgspec.Struct, frozen=True, kw_only=True):
    """How one persona test came out; `failures` says in words what was expected and what was found."""

    name: str
    ranking: tuple[str, ...]
    failures: tuple[str, ...]

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

    def predict(self, encoded: Encoded) -> Prediction:
        """Predict as the model does, with the first outcome of the fixed actions replaced."""
        prediction = self.model.predict(encoded)
        propensity, log_odds = prediction.propensity.copy(), prediction.log_odds.copy()
        for index, key in enumerate(self.plan.candidates):
            if key.action in self.fixed:
                chance = self.fixed[key.action]
                propensity[0, index] = chance
                log_odds[0, index] = np.log(chance / (1 - chance))
        return Prediction(propensity, log_odds, prediction.spread)


def unexplored(plan: Plan) -> Plan:
    """Give the same plan without exploration and without control groups."""
    best = Exploration("none", 0.0, 0.0)
    channels = {
        name: replace(
            channel,
            placements={slot: replace(placement, exploration=best) for slot, placement in channel.placements.items()},
        )
        for name, channel in plan.channels.items()
    }
    return replace(plan, channels=channels, control_groups=(), _worth={}, _standing={})


def run_persona(plan: Plan, read: Registries, model: PropensityModel, persona: Persona) -> PersonaResult:
    """Run one persona test.

    Args:
        plan: made by `unexplored`.
        model: bound to the plan, untrained.
    """
    try:
        profile, _ = read.customer.read(persona.customer)
        read.context.read(persona.context)
    except InputError as error:
        return PersonaResult(name=persona.name, ranking=(), failures=tuple(map(str, error.problems)))
    request = DecisionRequest(
        id=f"persona: {persona.name}",
        channel=persona.channel,
        placements=(PlacementRequest(name=persona.placement, size=persona.size),),
        context=dict(persona.context),
    )
    scorer = FixedPropensities(model, plan, dict(persona.propensities))
    decision = decide(plan, State(model=scorer, position=0, profile=profile), request, persona.at, Draws("persona"))
    ranking = tuple(shown.action for shown in decision.placements[0].actions)
    return PersonaResult(
        name=persona.name, ranking=ranking, failures=tuple(_failures(persona, ranking, explain(plan, decision)))
    )


def _failures(persona: Persona, ranking: tuple[str, ...], explanation: Explanation) -> list[str]:
    expect = persona.expect
    reasons = {
        candidate.action: (candidate.stage, candidate.reason)
        for candidate in reversed(explanation.placements[0].candidates)
    }
    found = "[" + ", ".join(ranking) + "]"
    failures = []
    if expect.ranking and ranking[: len(expect.ranking)] != expect.ranking:
        failures.append(f"expected the answer to begin with [{', '.join(expect.ranking)}], found {found}")
    for action in expect.present:
        if action not in ranking:
            stage, reason = reasons.get(action, ("no_treatment", "no treatment in this channel"))
            failures.append(f"expected {action} in the answer, found {found}; it fell at {stage}: {reason}")
    for action, absence in expect.absent.items():
        stage, reason = reasons.get(action, ("no_treatment", "no treatment in this channel"))
        failures += _absence_failures(action, absence, ranking, stage, reason)
    return failures


def _absence_failures(action: str, absence: Absence, ranking: tuple[str, ...], stage: str, reason: str) -> list[str]:
    if action in ranking:
        return [f"expected {action} to be absent, found it in place {ranking.index(action) + 1}"]
    failures = []
    if absence.stage is not None and stage != absence.stage:
        failures.append(f"expected {action} to fall at {absence.stage}, found {stage}: {reason}")
    if absence.because is not None and absence.because.casefold() not in reason.casefold():
        failures.append(f"expected the reason of {action} to say '{absence.because}', found '{reason}'")
    return failures
