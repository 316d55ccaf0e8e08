"""Receipts of writes that came again."""

from __future__ import annotations

from opportune.storage.hooks import Hooks
from opportune.storage.kinds import DecisionPayload, ForgetBody, MergeBody, ProfileBody, RevisionBody, SplitBody
from opportune.storage.reads.kept import kept_entry
from opportune.storage.writes import Receipt

__all__ = ["first_receipt"]


def first_receipt(store: Hooks, sequence: int) -> Receipt:
    """The receipt that the entry's own write got, with `repeated` set."""
    entry = kept_entry(store, sequence)
    if entry is None:
        return Receipt(sequence=sequence, repeated=True)
    body, payload = entry.body, entry.payload
    version = 0
    match body:
        case ProfileBody() | MergeBody() | SplitBody():
            version = body.version
        case RevisionBody():
            version = body.number
        case ForgetBody():
            version = len(body.sequences)
    return Receipt(
        sequence=sequence,
        repeated=True,
        answer=payload.answer if isinstance(payload, DecisionPayload) else None,
        version=version,
    )
