"""Part a decision into what may stay for ever and what is personal, and join the two."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from opportune.records import Decision, DecisionRequest, Hold, PlacementAnswer, Reserve, Value
from opportune.storage.entries import Entry
from opportune.storage.kinds import DecisionBody, DecisionPayload
from opportune.storage.writes import WindowOpened

__all__ = ["decision_of", "split_decision"]


def split_decision(
    decision: Decision, answer: bytes, windows: tuple[WindowOpened, ...], reserves: tuple[Reserve, ...] = ()
) -> tuple[DecisionBody, DecisionPayload]:
    """Part a decision into what may stay for ever and what is personal."""
    contents = tuple(shown.content for placement in decision.placements for shown in placement.actions)
    placements = decision.placements
    if any(contents):
        placements = _with_contents(placements, ({} for _ in contents))
    request = decision.request
    body = DecisionBody(
        channel=request.channel,
        asked=request.placements,
        language=request.language,
        zone=request.zone,
        model=decision.model,
        position=decision.position,
        kernel=decision.kernel,
        seed=decision.seed,
        control=decision.control,
        degraded=decision.degraded,
        ignored=decision.ignored,
        placements=placements,
        traces=decision.traces,
        windows=windows,
        withheld=decision.withheld,
    )
    # Apart: most decisions have none of it, and every argument costs each of them a little.
    said: tuple[str, ...] = ()
    if decision.holds or decision.redrawn or decision.slate_gap or decision.tired or decision.doubts or reserves:
        holds = decision.holds
        said = tuple(hold.detail for hold in holds if _is_said(hold))
        body = msgspec.structs.replace(
            body,
            holds=_with_details(holds, ("" for _ in said)) if said else holds,
            redrawn=decision.redrawn,
            slate_gap=decision.slate_gap,
            reserves=reserves,
            tired=decision.tired,
            doubts=decision.doubts,
        )
    payload = DecisionPayload(
        customer=request.customer,
        identifiers=request.identifiers or {},
        context=request.context,
        facts=decision.facts,
        contents=contents if any(contents) else (),
        answer=answer,
        said=said,
    )
    return body, payload


def decision_of(entry: Entry) -> Decision:
    """Join the decision of an entry; without facts, context, customer and content where they were erased.

    Raises:
        TypeError: the entry is of another kind.
    """
    body, payload = entry.body, entry.payload
    if not isinstance(body, DecisionBody) or entry.decision is None or entry.revision is None:
        raise TypeError(f"journal entry {entry.sequence} is no decision but {entry.kind}")
    facts: dict[str, Value] = {}
    context: dict[str, Value] = {}
    customer, placements, holds = None, body.placements, body.holds
    identifiers: dict[str, str] = {}
    if isinstance(payload, DecisionPayload):
        facts, context, customer = payload.facts, payload.context, payload.customer
        identifiers = payload.identifiers
        if payload.contents:
            placements = _with_contents(placements, iter(payload.contents))
        if payload.said:
            holds = _with_details(holds, iter(payload.said))
    request = DecisionRequest(
        id=entry.id,
        customer=customer,
        identifiers=identifiers or msgspec.UNSET,
        session=entry.session,
        channel=body.channel,
        placements=body.asked,
        context=context,
        language=body.language,
        zone=body.zone,
    )
    return Decision(
        id=entry.decision,
        request=request,
        person=body.person or entry.person,
        at=entry.occurred_at,
        revision=entry.revision,
        model=body.model,
        position=body.position,
        kernel=body.kernel,
        seed=body.seed,
        facts=facts,
        control=body.control,
        degraded=body.degraded,
        ignored=body.ignored,
        placements=placements,
        traces=body.traces,
        withheld=body.withheld,
        holds=holds,
        redrawn=body.redrawn,
        slate_gap=body.slate_gap,
        tired=body.tired,
        doubts=body.doubts,
    )


def _is_said(hold: Hold) -> bool:
    """Whether a hold is of something that the person said: how, is the person's own."""
    return hold.kind == "consent" and hold.since is not None


def _with_details(holds: tuple[Hold, ...], details: Iterator[str]) -> tuple[Hold, ...]:
    return tuple(msgspec.structs.replace(hold, detail=next(details)) if _is_said(hold) else hold for hold in holds)


def _with_contents(placements: tuple[PlacementAnswer, ...], contents: Any) -> tuple[PlacementAnswer, ...]:
    return tuple(
        msgspec.structs.replace(
            placement,
            actions=tuple(msgspec.structs.replace(shown, content=next(contents)) for shown in placement.actions),
        )
        for placement in placements
    )
