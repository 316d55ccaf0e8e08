"""The one way of a decision: gather → gate → score → arbitrate → compose.

Inbound calls, persona tests, the command line and `opportune verify` all call `decide`. It is pure: no I/O, no clock,
no global randomness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from opportune.decide.arbitrate import arbitrate
from opportune.decide.chains import chained
from opportune.decide.compose import KEPT_PARTS, UNIFORM, Slate, drop_irrelevant, fill, known_of, open_stages
from opportune.decide.content import rendered
from opportune.decide.control import control_group
from opportune.decide.draws import Draws
from opportune.decide.gate import Stages, rule_stages
from opportune.decide.known import KnownFacts, encoded_by
from opportune.decide.limits.consents import is_unprofiled
from opportune.decide.limits.masks import mark_limited, quotas_of
from opportune.decide.limits.standing import visible
from opportune.decide.plan import Booleans, Placement, Plan
from opportune.decide.rooms import rooms_of
from opportune.decide.slate_fill import Slot, binding, board_of, fill_all, is_linked
from opportune.decide.zones import OWN_ZONE, zone_doubts, zone_of
from opportune.learning.base import Encoded, Floats, Prediction
from opportune.records import (
    Attempt,
    Decision,
    DecisionRequest,
    Facts,
    Hold,
    PlacementAnswer,
    PlacementTrace,
    Shown,
    Tired,
    Value,
)
from opportune.rules.side import PROFILE

__all__ = [
    "Scorer",
    "State",
    "attempt_of",
    "canonical",
    "choose_of",
    "content_of",
    "decide",
    "decision_id",
    "gather",
    "gathered_in",
    "is_random",
    "mandatory_of",
    "seed_of",
]


_NOTHING: Facts = MappingProxyType({})
OWN_LANGUAGE = "customer.language"
"""Fact key of the language that the customer wants."""


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

    def encode_known(self, facts: Facts, memory: dict[str, Any]) -> Encoded:
        """Encode one request's facts, of which those of the profile may be remembered."""

    def predict(self, encoded: Encoded) -> Prediction:
        """Score all candidates of the plan."""

    def evidence(self) -> Floats:
        """Give the number of answers learned, float32 [O, C]."""


@dataclass(frozen=True, slots=True)
class State:
    """What is known beside plan and request.

    Args:
        person: internal id, or None for an anonymous contact.
        profile: the person's attributes as facts, keys "customer.<name>".
        profile_version: grows with every change of the profile.
        model: bound to the plan's candidates.
        position: journal position that the model has learned to.
        holds: the limits that bind, as `opportune.decide.limits.standing.holds_of` gives them.
        tired: the contacts that the person had already, as `opportune.decide.fatigue.tired_of` counts them.
        gathered: what else the caller found out for this contact, such as "feature.<name>" and "household.<name>";
            also "context.<name>" where the request does not say it itself.
        doubts: inputs that could not be had or trusted, for the record; of a profile that may not be used none is told.
    """

    model: Scorer
    position: int
    person: str | None = None
    profile: Mapping[str, Value] = field(default_factory=dict)
    profile_version: int = 0
    holds: tuple[Hold, ...] = ()
    tired: tuple[Tired, ...] = ()
    gathered: Mapping[str, Value] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()


def decision_id(request: DecisionRequest) -> str:
    """Derive the decision's id from the caller's, so that a retry finds it."""
    return "d-" + blake2b(request.id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def seed_of(plan: Plan, state: State, request: DecisionRequest) -> str:
    """Name what all draws derive from: the conversation and the state, so that nothing flickers while both stay."""
    version = 0 if is_unprofiled(state.holds) else state.profile_version
    return f"{request.session or request.id}|{plan.revision}|{version}"


def gather(
    plan: Plan, profile: Facts, request: DecisionRequest, now: datetime, gathered: Facts = _NOTHING
) -> dict[str, Value]:
    """Lay all that this decision knows side by side.

    Args:
        profile: facts with keys "customer.<name>".
        gathered: as in `State`; what the request says of the context goes before it.
    """
    facts: dict[str, Value] = dict(profile.plain if isinstance(profile, KnownFacts) else profile)
    if gathered:
        facts.update(gathered)
    facts.update(zip(_context_facts(tuple(request.context)), request.context.values(), strict=True))
    facts["now"] = now
    facts["zone"] = zone_of(facts.get(OWN_ZONE), plan.zone, request.zone)
    return facts


def gathered_in(decision: Decision) -> dict[str, Value]:
    """Give what a decision had gathered beside the profile and what the request said: see `State.gathered`."""
    own = {*_context_facts(tuple(decision.request.context)), "now", "zone"}
    return {name: value for name, value in decision.facts.items() if name not in own and not name.startswith(PROFILE)}


def decide(
    plan: Plan,
    state: State,
    request: DecisionRequest,
    now: datetime,
    rng: Draws,
    *,
    keep: int = KEPT_PARTS,
    standing: Sequence[Sequence[int]] = (),
    redrawn: tuple[Attempt, ...] = (),
) -> Decision:
    """Decide what is best to offer or do now.

    Args:
        plan: the compiled revision.
        state: person, profile and model.
        request: the contact; channel, placements and context were checked by the caller against the plan.
        now: aware UTC time of the decision.
        rng: source of all draws.
        keep: of how many of the best others score parts are kept.
        standing: of the first placements, candidates that stand there already; only other places are filled.
        redrawn: earlier draws of this decision that could not be kept; this one has draws of its own.
    """
    facts, profile, unit = gather(plan, state.profile, request, now, state.gathered), state.profile, state.person
    doubts = state.doubts
    if is_unprofiled(state.holds):
        facts, profile, unit = dict(visible(plan, state.holds, facts, request)), _NOTHING, None
        # What is not used is in no doubt.
        doubts = tuple(one for one in doubts if not one.startswith(PROFILE))
    kernel = state.model.kernel
    by_rules = mark_limited(plan.limits, state.holds, rule_stages(plan, facts, kernel, profile), kernel)
    prediction = chained(plan, state.model.predict(encoded_by(state.model, facts, profile)))
    control = control_group(plan, unit or request.session, now)
    choose = choose_of(plan, control.name if control else None)
    weighing = arbitrate(plan, facts, prediction, choose, kernel, state.tired)
    mandatory = mandatory_of(plan, facts)
    known = known_of(plan, prediction, state.model.evidence())

    channel = plan.channels[request.channel]
    quotas = binding(plan, request, quotas_of(plan.limits, state.holds)) if state.holds else ()
    is_whole = is_linked(plan, request, quotas, is_tiered=mandatory is not None)
    taken = [] if is_whole else [candidate for own in standing for candidate in own]
    rooms = rooms_of(plan, () if is_whole else (*plan.links.quotas, *quotas), taken)

    def slot_of(number: int) -> Slot:
        wanted = request.placements[number]
        placement = channel.placements[wanted.name]
        stages = open_stages(plan, placement, by_rules, now.timestamp(), taken, rooms, kernel)
        exploration = placement.exploration
        if control is not None and control.choose == "random":
            exploration = UNIFORM
        else:
            drop_irrelevant(placement, known, stages, mandatory)
        size = placement.size if wanted.size is None else wanted.size
        if taken and number < len(standing):
            size -= len(standing[number])
        label = f"again {len(redrawn)}/{number}/{wanted.name}" if redrawn else f"{number}/{wanted.name}"
        return Slot(placement, size, exploration, stages, label)

    gap, numbers = 0.0, range(len(request.placements))
    linked: list[tuple[Slot, Slate]] | None = None
    if is_whole:
        slots, board = [slot_of(number) for number in numbers], board_of(plan, facts, quotas)
        slates, gap = fill_all(plan, slots, board, weighing, known, mandatory, standing, rng, kernel, keep)
        linked = list(zip(slots, slates, strict=True))
    answers, withheld, traces = [], [], []
    for number in numbers:
        if linked is None:
            slot = slot_of(number)
            slate = fill(
                *(plan, slot.size, slot.placement, slot.exploration, weighing, known, slot.stages),
                *(mandatory, rooms, rng, slot.label, kernel, keep),
            )
        else:
            slot, slate = linked[number]
        placement, stages = slot.placement, slot.stages
        answer = _answer(plan, placement, request, slate, facts)
        if control is not None and control.choose == "withhold":
            answer, held = _parted(answer)
            withheld.append(held)
        answers.append(answer)
        traces.append(_trace(placement, slate, stages))
        taken += slate.chosen
    return Decision(
        id=decision_id(request),
        request=request,
        person=state.person,
        at=now,
        revision=plan.revision,
        model=state.model.name,
        position=state.position,
        kernel=kernel,
        seed=rng.seed,
        facts=facts,
        control=control.name if control else None,
        degraded=None,
        ignored=(),
        placements=tuple(answers),
        traces=tuple(traces),
        withheld=tuple(withheld),
        holds=state.holds,
        redrawn=redrawn,
        slate_gap=gap or None,
        tired=state.tired,
        # A decision that is made again knows the doubt already.
        doubts=tuple(dict.fromkeys((*doubts, *zone_doubts(facts, request.zone)))),
    )


@lru_cache(maxsize=256)
def _context_facts(names: tuple[str, ...]) -> tuple[str, ...]:
    """Name facts of the context; a channel sends the same names again and again."""
    return tuple("context." + name for name in names)


def attempt_of(decision: Decision, stock: str = "", action: str = "") -> Attempt:
    """Give what a decision drew that cannot be kept.

    Args:
        stock: what was sold out, or "" where the person's history had changed.
        action: the action that would have used it.
    """
    chances: list[tuple[float, ...]] = []
    for number, answer in enumerate(decision.placements):
        shown = answer.actions + (decision.withheld[number].actions if decision.withheld else ())
        chances.append(tuple(one.selection_probability for one in shown))
    return Attempt(
        chosen=tuple(trace.chosen for trace in decision.traces),
        chances=tuple(chances),
        uniforms=tuple(trace.uniforms for trace in decision.traces),
        lost=stock,
        action=action,
    )


def canonical(decision: Decision) -> bytes:
    """Write a decision as the same bytes wherever it is the same decision."""
    return msgspec.json.encode(decision, order="deterministic")


def choose_of(plan: Plan, control: str | None) -> str:
    """Say how `arbitrate` weighs for a member of the control group of that name: "" is the declared formula."""
    for group in plan.control_groups:
        if group.name == control and group.choose not in ("random", "withhold"):
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


def _answer(plan: Plan, placement: Placement, request: DecisionRequest, slate: Slate, facts: Facts) -> PlacementAnswer:
    shown = []
    priority = 3 * len(plan.outcomes)
    # The parts of the chosen come first.
    rows = slate.parts[: len(slate.chosen)].tolist()
    for rank, (candidate, parts) in enumerate(zip(slate.chosen, rows, strict=True)):
        action, group, treatment, kind = plan.shown_as[candidate]
        shown.append(
            Shown(
                rank=rank + 1,
                action=action,
                group=group,
                treatment=treatment,
                kind=kind,
                propensity={name: _rounded(chance) for name, chance in zip(plan.scored, parts, strict=False)},
                priority=_rounded(parts[priority]),
                selection_probability=slate.chances[rank],
                how=slate.hows[rank],
                content=content_of(plan, candidate, request.language, facts),
            )
        )
    return PlacementAnswer(name=placement.name, actions=tuple(shown))


def _rounded(part: float) -> float:
    """Round a float32 to six places as `round` does, in half the time.

    A million times it is exact in double precision; what is left of a small one keeps its sign.
    """
    return round(part * 1e6) / 1e6 or part * 0.0


def _parted(answer: PlacementAnswer) -> tuple[PlacementAnswer, PlacementAnswer]:
    """Part what is shown to somebody who is shown nothing: what is mandatory, and what is withheld."""
    shown = tuple(one for one in answer.actions if one.how == "mandatory")
    held = tuple(replace(one, content={}) for one in answer.actions if one.how != "mandatory")
    return replace(answer, actions=shown), replace(answer, actions=held)


def content_of(plan: Plan, candidate: int, language: str | None, facts: Facts) -> dict[str, str]:
    """Give the texts of a treatment, with the facts put in.

    Args:
        language: of the request; without its texts the customer's own counts, and without those the project's first.
    """
    texts = plan.content[candidate]
    asked = language if language in texts else facts.get(OWN_LANGUAGE)
    wanted = asked if isinstance(asked, str) and asked in texts else plan.languages[0]
    content = dict(texts.get(wanted, {}))
    for part, template in plan.templates.get((candidate, wanted), ()):
        content[part] = rendered(template, facts)
    return content


def _trace(placement: Placement, slate: Slate, stages: Stages) -> PlacementTrace:
    return PlacementTrace(
        name=placement.name,
        stages=stages.tobytes(),
        kept=slate.kept.astype("<u4", copy=False).tobytes(),
        parts=slate.parts.astype("<f4", copy=False).tobytes(),
        chosen=tuple(slate.chosen),
        uniforms=tuple(slate.uniforms),
    )
