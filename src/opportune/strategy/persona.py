"""Persona tests: what a strategist expects of the answer for a profile, a context and a moment.

They run through the same `decide` as every contact, without exploration and outside of control groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from opportune.decide import (
    Draws,
    Explanation,
    Plan,
    Standing,
    State,
    decide,
    explain,
    gather,
    holds_of,
    places_of,
    stock_at,
    tired_of,
)
from opportune.decide.explain import CandidateExplanation
from opportune.decide.limits.windows import Length
from opportune.decide.plan import Exploration
from opportune.errors import InputError
from opportune.learning.base import Encoded, Floats, Prediction, PropensityModel
from opportune.records import Contact, DecisionRequest, Facts, PlacementRequest, Value
from opportune.strategy.compile import Registries
from opportune.strategy.sections import Absence, Persona

__all__ = ["PersonaResult", "run_persona", "unexplored"]


class PersonaResult(msgspec.Struct, frozen=True, kw_only=True):
    """How one persona test came out.

    Args:
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
        """Predict as the model does, with the first outcome of the fixed actions replaced."""
        prediction = self.model.predict(encoded)
        propensity, log_odds = prediction.propensity.copy(), prediction.log_odds.copy()
        for index, key in enumerate(self.plan.candidates):
            if key.action in self.fixed:
                chance = self.fixed[key.action]
                propensity[0, index] = chance
                log_odds[0, index] = np.log(chance / (1 - chance))
        return replace(prediction, propensity=propensity, log_odds=log_odds)


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
    facts = gather(plan, profile, request, persona.at)
    standing = _standing(plan, persona, facts)
    holds = holds_of(plan, standing, facts, persona.at, places_of(plan, request))
    tired = tired_of(plan, standing, facts, persona.at)
    state = State(model=scorer, position=0, profile=profile, holds=holds, tired=tired)
    decision = decide(plan, state, request, persona.at, Draws("persona"))
    ranking = tuple(shown.action for shown in decision.placements[0].actions)
    return PersonaResult(
        name=persona.name, ranking=ranking, failures=tuple(_failures(persona, ranking, explain(plan, decision)))
    )


def _standing(plan: Plan, persona: Persona, facts: Mapping[str, Value]) -> Standing:
    """Give the history and the stocks that a test assumes."""
    contacts = [
        Contact(
            at=Length(one.ago.calendar_days, one.ago.elapsed_seconds).before(persona.at, str(facts["zone"])),
            what=one.what,
            action=one.action,
            treatment="",
            channel=one.channel or persona.channel,
            placement=persona.placement,
            decision="",
        )
        for one in persona.history
    ]
    taken = {
        (name, stock_at(plan, name, persona.at)[0]): round(taken * 10 ** plan.limits.stocks[name].decimals)
        for name, taken in persona.stocks.items()
    }
    return Standing(contacts=contacts, stocks=taken)


Fates = Mapping[str, CandidateExplanation]
"""Action → what became of it: where it is shown, or what became of its first treatment."""


def _failures(persona: Persona, ranking: tuple[str, ...], explanation: Explanation) -> list[str]:
    expect = persona.expect
    fates = {candidate.action: candidate for candidate in reversed(explanation.placements[0].candidates)}
    fates |= {one.action: one for one in explanation.placements[0].candidates if one.place}
    found = "[" + ", ".join(ranking) + "]"
    failures = []
    if expect.ranking and ranking[: len(expect.ranking)] != expect.ranking:
        wanted = next(action for place, action in enumerate(expect.ranking) if ranking[place : place + 1] != (action,))
        place = expect.ranking.index(wanted)
        instead = ranking[place] if place < len(ranking) else None
        failures.append(
            f"expected the answer to begin with [{', '.join(expect.ranking)}], found {found};"
            f" {_fate(wanted, fates, instead)}"
        )
    for action in expect.present:
        if action not in ranking:
            last = ranking[-1] if ranking else None
            failures.append(f"expected {action} in the answer, found {found}; {_fate(action, fates, last)}")
    for action, absence in expect.absent.items():
        failures += _absence_failures(action, absence, ranking, fates)
    return failures


def _fate(action: str, fates: Fates, instead: str | None) -> str:
    """Say why an action is not where it was expected.

    Args:
        instead: the action that stands there, if any.
    """
    one = fates.get(action)
    if one is None:
        return f"{action} has no treatment in this channel"
    if one.stage not in ("shown", "outranked"):
        return f"{action} dropped at {one.stage}: {one.reason}"
    own, other = _priority(one), _priority(fates.get(instead or ""))
    against = f", {instead} has {other}" if instead and instead != action else ""
    word = f"{action} stands in place {one.place}" if one.place else f"{action} was outranked"
    return f"{word}: its priority is {own}{against}"


def _priority(one: CandidateExplanation | None) -> str:
    value = None if one is None else one.parts.get("priority")
    return "not known" if value is None else f"{value:.4g}"


def _absence_failures(action: str, absence: Absence, ranking: tuple[str, ...], fates: Fates) -> list[str]:
    if action in ranking:
        return [f"expected {action} to be absent, found it in place {ranking.index(action) + 1}"]
    one = fates.get(action)
    stage, reason = ("no_treatment", "no treatment in this channel") if one is None else (one.stage, one.reason)
    failures = []
    if absence.stage is not None and stage != absence.stage:
        failures.append(f"expected {action} to be dropped at {absence.stage}, found {stage}: {reason}")
    if absence.because is not None and absence.because.casefold() not in reason.casefold():
        failures.append(f"expected the reason of {action} to say '{absence.because}', found '{reason}'")
    return failures
