"""Writes and readings that tests of storages are made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from opportune.records import (
    Decision,
    DecisionRequest,
    Origin,
    Outcome,
    PlacementAnswer,
    PlacementRequest,
    PlacementTrace,
    Shown,
    Sign,
)
from opportune.storage import (
    AdoptModel,
    ChangeModels,
    Entry,
    JoinUnit,
    MergePersons,
    OutcomeBody,
    Receipt,
    RecordConsent,
    RecordEvent,
    RecordOutcome,
    SaveDecision,
    SaveProfile,
    SplitPersons,
    Storage,
    WindowOpened,
    Write,
)
from opportune.storage.digests import digest_of

__all__ = [
    "LATER",
    "NOON",
    "accept",
    "checkpoint",
    "closes",
    "consent",
    "entry",
    "event",
    "join",
    "merge",
    "one",
    "replacement",
    "save_decision",
    "save_profile",
    "split",
    "window",
]

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

LATER = datetime(2126, 3, 2, 12, 0, tzinfo=UTC)
"""After all that a test records."""


def save_decision(key: str, *, windows: tuple[WindowOpened, ...] = (), **changes: Any) -> SaveDecision:
    """A decision that shows one action, of request `key`; its id is "d-" and the key."""
    shown = Shown(
        rank=1,
        action="gold_card",
        group="cards",
        treatment="banner",
        kind="offer",
        propensity={"accept": 0.25},
        priority=1.5,
        selection_probability=0.5,
        how="explored",
        content={"title": f"A card for {key}"},
    )
    request = DecisionRequest(
        id=key,
        customer="c-001",
        session="s-001",
        channel="web",
        placements=(PlacementRequest(name="hero"),),
        context={"page": "home", "seen": NOON},
    )
    decision = Decision(
        id=f"d-{key}",
        request=request,
        person="person-1",
        at=NOON,
        revision="r1",
        model="bayes",
        position=0,
        kernel="numpy",
        seed="seed",
        facts={"customer.age": 41, "now": NOON, "zone": "Europe/Warsaw", "customer.products": ["account"]},
        control=None,
        degraded=None,
        ignored=("context.mood",),
        placements=(PlacementAnswer(name="hero", actions=(shown,)),),
        traces=(PlacementTrace(name="hero", stages=b"\0", kept=b"", parts=b"", chosen=(0,), uniforms=(0.5,)),),
    )
    decision = msgspec.structs.replace(decision, **changes)
    return SaveDecision(decision=decision, answer=b"answer " + key.encode(), origin=Origin.ENGINE, windows=windows)


def accept(
    key: str, decision: str, outcome: str = "accept", sign: Sign = Sign.POSITIVE, **changes: Any
) -> RecordOutcome:
    """The outcome `key` of a decision's gold card."""
    write = RecordOutcome(
        outcome=Outcome(id=key, decision=decision, action="gold_card", outcome=outcome),
        origin=Origin.ENGINE,
        treatment="banner",
        placement="hero",
        sign=sign,
    )
    return msgspec.structs.replace(write, **changes)


def save_profile(key: str, identifier: str = "c-001", /, *, replace: bool = True, **attributes: Any) -> SaveProfile:
    """Attributes of a customer."""
    return SaveProfile(id=key, identifier=identifier, attributes=attributes, replace=replace)


def merge(key: str, identifier: str = "c-001", other: str = "c-002", **changes: Any) -> MergePersons:
    """Two identifiers are one customer."""
    return MergePersons(id=key, identifier=identifier, other=other, **changes)


def split(key: str, merge: str = "m") -> SplitPersons:
    """A merge is undone."""
    return SplitPersons(id=key, merge=merge, author="desk", reason="two of one name")


def event(key: str, identifier: str | None = "c-001", **changes: Any) -> RecordEvent:
    """A call of a customer, which says its own key."""
    write = RecordEvent(id=key, type="call", identifier=identifier, attributes={"key": key})
    return msgspec.structs.replace(write, **changes)


def consent(key: str, identifier: str = "c-001", *, given: bool = True, **changes: Any) -> RecordConsent:
    """What a customer says of mails for marketing."""
    write = RecordConsent(
        id=key, identifier=identifier, channel="email", purpose="marketing", given=given, source="web", text_version="3"
    )
    return msgspec.structs.replace(write, **changes)


def join(key: str, identifier: str = "c-001", unit: str | None = "h-1", **changes: Any) -> JoinUnit:
    """A customer belongs to a household."""
    return msgspec.structs.replace(JoinUnit(id=key, identifier=identifier, level="household", unit=unit), **changes)


def checkpoint(key: str, position: int, name: str = "bayes") -> AdoptModel:
    """A model that has learned to a position."""
    return AdoptModel(id=key, name=name, position=position, hash=key, state=b"state " + key.encode())


def replacement(key: str, position: int = 0, state: bytes = b"state", **changes: Any) -> ChangeModels:
    """Another state for all models."""
    write = ChangeModels(id=key, order="replace", position=position, hash=digest_of(state).hex(), state=state)
    return msgspec.structs.replace(write, **changes)


def window(due_at: datetime = NOON + timedelta(days=7)) -> WindowOpened:
    return WindowOpened(action="gold_card", treatment="banner", outcome="ignored", due_at=due_at)


def entry(storage: Storage, receipt: Receipt) -> Entry:
    """Read what a receipt is of."""
    return storage.journal(receipt.sequence - 1, 1)[0]


def closes(storage: Storage, receipt: Receipt) -> bool:
    """Say whether an outcome closed a response window."""
    body = entry(storage, receipt).body
    assert isinstance(body, OutcomeBody)
    return body.closes


def one(storage: Storage, write: Write) -> Receipt:
    (receipt,) = storage.write([write])
    assert isinstance(receipt, Receipt)
    return receipt
