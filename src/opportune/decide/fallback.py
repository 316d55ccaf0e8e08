"""The safe answer when something that a decision needs is late, broken or away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import numpy as np

from opportune.decide.compose import open_stages
from opportune.decide.gate import OPEN, Stages, rule_stages
from opportune.decide.limits.limits import Quiet
from opportune.decide.limits.masks import mark_limited
from opportune.decide.limits.standing import Standing, holds_of, visible
from opportune.decide.pipeline import content_of, decision_id
from opportune.decide.plan import Placement, Plan
from opportune.decide.rooms import rooms_of
from opportune.decide.slate_fill import take_whole
from opportune.decide.slate_task import Board
from opportune.decide.steps_numpy import take
from opportune.records import Decision, DecisionRequest, Facts, PlacementAnswer, PlacementTrace, Shown, Stage

__all__ = ["Reason", "fallback", "standing_answers"]


class Reason(StrEnum):
    """Why an answer is degraded; there are no others."""

    STORE_SLOW = "store-slow"
    """The deadline passed before profile or record were through."""
    STORE_BUSY = "store-busy"
    """Too many writes wait."""
    STORE_UNAVAILABLE = "store-unavailable"
    """The store refuses."""
    MODEL_MISSING = "model-missing"
    """There are outcomes, and no model that has learned them."""
    OVERLOADED = "overloaded"
    """The deadline passed before the decision could begin."""
    INTERNAL_ERROR = "internal-error"
    """Something broke."""
    SERVICE_AWAY = "service-away"
    """No process could be reached: a proxy answered, or the client itself."""


def fallback(
    plan: Plan,
    request: DecisionRequest,
    facts: Facts,
    now: datetime,
    reason: Reason,
    switched_off: frozenset[str] = frozenset(),
    *,
    unproven: bool = False,
) -> Decision:
    """Answer with each placement's declared fallback, obeying every hard rule that `facts` can tell.

    A rule whose input is missing is unknown, and unknown keeps the action out, here as everywhere. Of limits, quiet
    hours, switches and the law on minors hold; what would need the person's history does not. What a customer allows
    cannot be asked now: all that a person may object to is held back. Somebody without a name has objected to nothing.

    Args:
        facts: what is known, possibly only "now" and "zone"; a rule that needs more drops its action.
        reason: why the answer is degraded.
        switched_off: "action:<name>" and "group:<name>" that nobody may be shown.
        unproven: the person is named only by what anybody may say, so that nothing of the person may be used.
    """
    is_named = request.customer is not None or bool(request.identifiers)
    standing = Standing(switched_off=switched_off, consents=None if is_named else (), unproven=unproven)
    holds = holds_of(plan, standing, facts, now, request=request)
    holds = tuple(hold for hold in holds if hold.kind in ("quiet", "switch", "consent", "minor", "identity"))
    facts = visible(plan, holds, facts, request)
    wanted = [
        (placement, placement.size if asked.size is None else asked.size)
        for asked in request.placements
        for placement in (plan.channels[request.channel].placements[asked.name],)
    ]
    by_rules = mark_limited(plan.limits, holds, rule_stages(plan, facts))
    answers, traces = _fill(plan, wanted, by_rules, now, request.language, facts)
    return Decision(
        id=decision_id(request),
        request=request,
        person=None,
        at=now,
        revision=plan.revision,
        model="none",
        position=0,
        kernel="none",
        seed="",
        facts=dict(facts),
        control=None,
        degraded=str(reason),
        ignored=(),
        placements=answers,
        traces=traces,
        holds=holds,
    )


def standing_answers(
    plan: Plan, now: datetime, switched_off: frozenset[str] = frozenset()
) -> dict[str, tuple[PlacementAnswer, ...]]:
    """Give what can be shown by somebody who knows nothing but the channel, and does not look at the clock either.

    Nothing is known of customer, context and moment, so a rule that needs any of them keeps its action out; and so do
    an end of validity and quiet hours, since nobody would notice when they come, and all that a person may object to.

    Args:
        switched_off: "action:<name>" and "group:<name>" that nobody may be shown.

    Returns:
        "channel" → all placements of the channel, filled as one answer; "channel/placement" → that placement alone.
    """
    by_rules = np.minimum(rule_stages(plan, {}), _lasting(plan))
    for policy in plan.limits.policies:
        if isinstance(policy, Quiet):
            by_rules[policy.scope.mask] = np.minimum(by_rules[policy.scope.mask], np.uint8(Stage.LIMITED))
    holds = holds_of(plan, Standing(switched_off=switched_off), {}, now)
    by_rules = mark_limited(plan.limits, [hold for hold in holds if hold.kind in ("switch", "consent")], by_rules)
    answers = {}
    for channel in plan.channels.values():
        placements = [(placement, placement.size) for placement in channel.placements.values()]
        answers[channel.name], _ = _fill(plan, placements, by_rules, now, None, {})
        for alone in placements:
            answers[f"{channel.name}/{alone[0].name}"], _ = _fill(plan, [alone], by_rules, now, None, {})
    return answers


def _lasting(plan: Plan) -> Stages:
    """Give the stage of every candidate by whether its action has an end, uint8 [C]."""
    ends = np.array([action.active_until for action in plan.actions])
    return np.where(np.isinf(ends), np.uint8(OPEN), np.uint8(Stage.NOT_VALID))[plan.action_of]


def _fill(
    plan: Plan,
    wanted: Sequence[tuple[Placement, int]],
    by_rules: Stages,
    now: datetime,
    language: str | None,
    facts: Facts,
) -> tuple[tuple[PlacementAnswer, ...], tuple[PlacementTrace, ...]]:
    """Fill placements, each with its size, with what they declare and the stages allow."""
    taken: list[int] = []
    answers, traces, rooms = [], [], rooms_of(plan, (), ())
    board = Board(plan.links, (*plan.exclusive, *plan.links.quotas), (), plan.action_of, plan.like)
    for placement, size in wanted:
        stages = open_stages(plan, placement, by_rules, now.timestamp(), taken, rooms)
        chosen = _choose(board, stages, placement.fallback, size, taken)
        for candidate in chosen:
            take(candidate, stages, plan.action_of, *rooms)
        taken += chosen
        shown = (_shown(plan, candidate, rank, language, facts) for rank, candidate in enumerate(chosen, start=1))
        answers.append(PlacementAnswer(name=placement.name, actions=tuple(shown)))
        traces.append(_trace(placement.name, stages, chosen))
    return tuple(answers), tuple(traces)


def _choose(board: Board, stages: Stages, candidates: tuple[int, ...], size: int, taken: list[int]) -> list[int]:
    """Give what may be shown of a declared fallback, in its order; a bundle with what it declares, or not at all."""
    declared = np.zeros(len(stages), dtype=bool)
    declared[list(candidates)] = True
    is_open = (declared & (stages == OPEN))[None]
    chosen: list[int] = []
    for candidate in candidates:
        if candidate not in chosen:
            whole = take_whole(board, is_open, 0, candidate, [chosen], taken, np.zeros(len(stages), dtype=np.float32))
            chosen += whole if len(chosen) + len(whole) <= size else []
    return chosen


def _shown(plan: Plan, candidate: int, rank: int, language: str | None, facts: Facts) -> Shown:
    action, group, treatment, kind = plan.shown_as[candidate]
    return Shown(
        rank=rank,
        action=action,
        group=group,
        treatment=treatment,
        kind=kind,
        propensity={},
        priority=0.0,
        selection_probability=1.0,
        how="fallback",
        content=content_of(plan, candidate, language, facts),
    )


def _trace(name: str, stages: Stages, chosen: list[int]) -> PlacementTrace:
    stages[stages == OPEN] = Stage.OUTRANKED
    kept = np.array(chosen, dtype="<u4")
    return PlacementTrace(
        name=name,
        stages=stages.tobytes(),
        kept=kept.tobytes(),
        parts=b"",
        chosen=tuple(chosen),
        uniforms=(-1.0,) * len(chosen),
    )
