"""The history of a person in readable form: what the journal holds of everything that concerns them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from opportune.service.visibility import Sight
from opportune.storage import (
    ConsentBody,
    ConsentPayload,
    DecisionBody,
    Entry,
    EventBody,
    EventPayload,
    MemberBody,
    MemberPayload,
    MergeBody,
    MergePayload,
    OutcomeBody,
    ProfileBody,
    ProfilePayload,
    SplitBody,
)

__all__ = ["HistoryItem", "told"]


class HistoryItem(msgspec.Struct, frozen=True, kw_only=True):
    """One journal entry of a person.

    Args:
        sequence: of the entry; a larger one came later.
        kind: "profile", "decision", "outcome", "event", "consent", "member", "merge" or "split".
        id: the caller's idempotency key.
        occurred_at: when it happened, by the caller's word.
        decision: id of the decision that it is or answers.
        revision: content hash of the strategy concerned.
        origin: who chose the action.
        erased: its personal part was deleted.
        withheld: attributes left out, as not for the role that was asked for.
        details: what happened, by kind.
    """

    sequence: int
    kind: str
    id: str
    occurred_at: datetime
    recorded_at: datetime
    session: str | None
    decision: str | None
    revision: str | None
    origin: str | None
    erased: bool
    withheld: int
    details: dict[str, Any]


def told(entry: Entry, sight: Sight | None) -> HistoryItem:
    """Put an entry in readable form, without what a role may not see."""
    details, withheld = _details(entry), 0
    if sight is not None and isinstance(entry.body, ProfileBody):
        details["attributes"], withheld = sight.attributes(details["attributes"])
        seen, hidden = sight.attributes(dict.fromkeys(details["removed"]))
        details["removed"] = list(seen)
        withheld += hidden
    return HistoryItem(
        sequence=entry.sequence,
        kind=entry.kind.value,
        id=entry.id,
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
        session=entry.session,
        decision=entry.decision,
        revision=entry.revision,
        origin=None if entry.origin is None else entry.origin.value,
        erased=entry.erased,
        withheld=withheld,
        details=details,
    )


def _details(entry: Entry) -> dict[str, Any]:
    body, payload = entry.body, entry.payload
    match body:
        case ProfileBody():
            known = payload if isinstance(payload, ProfilePayload) else None
            return {
                "version": body.version,
                "replace": body.replace,
                "attributes": {} if known is None else known.attributes,
                "removed": [] if known is None else list(known.removed),
            }
        case DecisionBody():
            return {
                "channel": body.channel,
                "degraded": body.degraded,
                "control": body.control,
                "placements": {
                    placement.name: [{"action": one.action, "treatment": one.treatment} for one in placement.actions]
                    for placement in body.placements
                },
            }
        case OutcomeBody():
            return _fields(body, "action", "treatment", "placement", "outcome", "sign", "expiry")
        case EventBody():
            attributes: Mapping[str, Any] = payload.attributes if isinstance(payload, EventPayload) else {}
            return {"type": body.type, "attributes": attributes}
        case MergeBody():
            names = _fields(payload, "identifier", "other") if isinstance(payload, MergePayload) else {}
            return {"version": body.version, **names}
        case SplitBody():
            return _fields(body, "merge", "version")
        case MemberBody():
            unit = payload.unit if isinstance(payload, MemberPayload) else None
            return {"level": body.level, "unit": unit}
        case ConsentBody():
            told = _fields(body, "channel", "purpose", "given")
            return told | (_fields(payload, "source", "text_version") if isinstance(payload, ConsentPayload) else {})
    return {}


def _fields(record: msgspec.Struct, *names: str) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}
