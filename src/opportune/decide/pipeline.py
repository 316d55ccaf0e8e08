"""The one way of a decision: gather → gate → score → arbitrate → compose.

Inbound calls, persona tests, the command line and `opportune verify` all call `decide`. It is pure: no I/O, no clock,
no global randomness.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Protocol

import msgspec
import numpy as np

from opportune.decide.arbitrate import Weighing, arbitrate
from opportune.decide.compose import UNIFORM, Slate, fill, open_stages
from opportune.decide.control import control_group
from opportune.decide.draws import Draws
from opportune.decide.gate import OPEN, Stages, rule_stages
from opportune.decide.plan import Booleans, Placement, Plan
from opportune.decide.steps import steps_of
from opportune.learning.base import Encoded, Prediction
from opportune.records import (
    Decision,
    DecisionRequest,
    Facts,
    PlacementAnswer,
    PlacementTrace,
    Shown,
    Stage,
    Value,
)

__all__ = [
    "KEPT_PARTS",
    "Scorer",
    "State",
    "canonical",
    "choose_of",
    "content_of",
    "decide",
    "decision_id",
    "gather",
    "is_random",
    "mandatory_of",
    "seed_of",
]

KEPT_PARTS = 20
"""Score parts are kept for the shown and for this many of the best others: what people ask about, in about 1 KB."""


class Scorer(Protocol):
    """What deciding needs of a model; every `PropensityModel` has it."""

    @property
    def name(self) -> str:
        """Name of the model."""

    @property
    def kernel(self) -> str:
        """Kernel of the model, "numpy" or "numba"."""

    def encode(self, facts: Facts) -> Encoded:
        """Encode one request's facts."""

    def predict(self, encoded: Encoded) -> Prediction:
        """Score all candidates of the plan."""


@dataclass(frozen=True, slots=True)
class State:
    """What is known beside plan and request.

    Args:
        person: internal id, or None for an anonymous contact.
        profile: the person's attributes as facts, keys "customer.<name>".
        profile_version: grows with every change of the profile.
        model: bound to the plan's candidates.
        position: journal position that the model has learned to.
    """

    model: Scorer
    position: int
    person: str | None = None
    profile: Mapping[str, Value] = field(default_factory=dict)
    profile_version: int = 0


def decision_id(request: DecisionRequest) -> str:
    """Derive the decision's id from the caller's, so that a retry finds it."""
    return "d-" + blake2b(request.id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def seed_of(plan: Plan, state: State, request: DecisionRequest) -> str:
    """Name what all draws derive from: the conversation and the state, so that nothing flickers while both stay."""
    return f"{request.session or request.id}|{plan.revision}|{state.profile_version}"


def gather(plan: Plan, profile: Facts, request: DecisionRequest, now: datetime) -> dict[str, Value]:
    """Lay all that this decision knows side by side; `profile` has keys "customer.<name>"."""
    facts: dict[str, Value] = dict(profile)
    for name, value in request.context.items():
        facts["context." + name] = value
    facts["now"] = now
    own = facts.get("customer.time_zone")
    facts["zone"] = request.zone or (own if isinstance(own, str) else plan.zone)
    return facts


def decide(plan: Plan, state: State, request: DecisionRequest, now: datetime, rng: Draws) -> Decision:
    """Decide what is best to offer or do now.

    Args:
        plan: the compiled revision.
        state: person, profile and model.
        request: the contact; channel, placements and context were checked by the caller against the plan.
        now: aware UTC time of the decision.
        rng: source of all draws.
    """
    facts = gather(plan, state.profile, request, now)
    by_rules = rule_stages(plan, facts)
    prediction = state.model.predict(state.model.encode(facts))
    control = control_group(plan, state.person or request.session, now)
    kernel = state.model.kernel
    weighing = arbitrate(plan, facts, prediction, choose_of(plan, control.name if control else None), kernel)
    mandatory = mandatory_of(plan, facts)

    channel = plan.channels[request.channel]
    taken: list[int] = []
    answers, traces = [], []
    for number, wanted in enumerate(request.placements):
        placement = channel.placements[wanted.name]
        stages = open_stages(plan, placement, by_rules, now.timestamp(), taken)
        is_open = stages == OPEN
        label = f"{number}/{wanted.name}"
        size = placement.size if wanted.size is None else wanted.size
        exploration = UNIFORM if control is not None and control.choose == "random" else placement.exploration
        slate = fill(plan, size, exploration, weighing, stages, mandatory, rng, label, kernel)
        # OPEN is higher than any stage, and OUTRANKED is the highest of them.
        np.minimum(stages, np.uint8(Stage.OUTRANKED), out=stages)
        answers.append(_answer(plan, placement, request, prediction, weighing, slate))
        traces.append(_trace(placement, prediction, weighing, slate, stages, is_open, kernel))
        taken.extend(place.candidate for place in slate.places)
    return Decision(
        id=decision_id(request),
        request=request,
        person=state.person,
        at=now,
        revision=plan.revision,
        model=state.model.name,
        position=state.position,
        kernel=state.model.kernel,
        seed=rng.seed,
        facts=facts,
        control=control.name if control else None,
        degraded=None,
        ignored=(),
        placements=tuple(answers),
        traces=tuple(traces),
    )


def canonical(decision: Decision) -> bytes:
    """Write a decision as the same bytes wherever it is the same decision."""
    return msgspec.json.encode(decision, order="deterministic")


def choose_of(plan: Plan, control: str | None) -> str:
    """Say how `arbitrate` weighs for a member of the control group of that name: "" is the declared formula."""
    for group in plan.control_groups:
        if group.name == control and group.choose != "random":
            return group.choose
    return ""


def is_random(plan: Plan, control: str | None) -> bool:
    """Tell whether members of the control group of that name are shown any eligible action alike."""
    return any(group.name == control and group.choose == "random" for group in plan.control_groups)


def mandatory_of(plan: Plan, facts: Facts) -> Booleans | None:
    """Tell which candidates go before all others, bool [C]; None where none does."""
    if plan.mandatory_rules is None:
        return None
    actions = plan.mandatory_rules.passed(facts)
    return actions[plan.action_of] if actions.any() else None


def _answer(
    plan: Plan,
    placement: Placement,
    request: DecisionRequest,
    prediction: Prediction,
    weighing: Weighing,
    slate: Slate,
) -> PlacementAnswer:
    shown = []
    for rank, place in enumerate(slate.places, start=1):
        key = plan.candidates[place.candidate]
        action = plan.actions[plan.action_of[place.candidate]]
        chances = prediction.propensity[:, place.candidate].tolist()
        shown.append(
            Shown(
                rank=rank,
                action=key.action,
                group=key.group,
                treatment=key.treatment,
                kind=action.kind,
                propensity={name: round(chance, 6) for name, chance in zip(plan.outcomes, chances, strict=True)},
                priority=round(float(weighing.priority[place.candidate]), 6),
                selection_probability=place.probability,
                how=place.how,
                content=content_of(plan, place.candidate, request.language),
            )
        )
    return PlacementAnswer(name=placement.name, actions=tuple(shown))


def content_of(plan: Plan, candidate: int, language: str | None) -> dict[str, str]:
    """Give the texts of a treatment in the wanted language, else in the project's first."""
    texts = plan.content[candidate]
    return dict(texts.get(language or "") or texts.get(plan.languages[0], {}))


def _trace(
    placement: Placement,
    prediction: Prediction,
    weighing: Weighing,
    slate: Slate,
    stages: Stages,
    is_open: Booleans,
    kernel: str,
) -> PlacementTrace:
    chosen = np.array([place.candidate for place in slate.places], dtype=np.intp)
    first = slate.first
    kept, parts = steps_of(kernel).keep(
        weighing.priority,
        is_open,
        chosen,
        KEPT_PARTS,
        prediction.propensity,
        prediction.spread,
        first.contenders if first else _NOBODY,
        first.probabilities if first else _NOTHING,
        first.rest if first else 0.0,
    )
    for rank, place in enumerate(slate.places):
        if place.how == "mandatory":
            parts[rank, -1] = 1.0
    return PlacementTrace(
        name=placement.name,
        stages=stages.tobytes(),
        kept=kept.astype("<u4").tobytes(),
        parts=parts.astype("<f4", copy=False).tobytes(),
        chosen=tuple(place.candidate for place in slate.places),
        uniforms=tuple(place.uniform for place in slate.places),
    )


_NOBODY = np.zeros(0, dtype=np.intp)
_NOTHING = np.zeros(0)
