"""Decisions, what came of them, and whether they can be made once more."""

from __future__ import annotations

from datetime import datetime

from opportune.records import Decision
from opportune.storage.entries import from_microseconds, to_microseconds
from opportune.storage.hooks import Hooks
from opportune.storage.kinds import ChangeBody, DecisionPayload, Kind, OutcomeBody
from opportune.storage.parting import decision_of
from opportune.storage.reads.kept import damage, decoded, kept_anchor, kept_entry
from opportune.storage.stored import DueWindow, StoredDecision, StoredOutcome

__all__ = ["decision", "due_windows", "learnable", "outcomes", "said", "taught_again"]


def decision(store: Hooks, sequence: int | None) -> StoredDecision | None:
    """The decision of a journal entry, as far as there is one and it is kept."""
    entry = None if sequence is None else kept_entry(store, sequence)
    if entry is None:
        return None
    made = decision_of(entry)
    payload = entry.payload
    return StoredDecision(
        decision=made,
        answer=payload.answer if isinstance(payload, DecisionPayload) else None,
        sequence=entry.sequence,
        recomputable=payload is not None and _can_rebuild(store, made.position),
    )


def said(store: Hooks, sequence: int | None) -> Decision | None:
    """See `Storage.said`."""
    entry = None if sequence is None else kept_entry(store, sequence)
    return None if entry is None else decision_of(entry)


def _can_rebuild(store: Hooks, position: int) -> bool:
    """Whether what was learned from the latest kept state at or before a position, up to it, is all there."""
    return learnable(store, store._checkpoint(position) or 0, position)


def learnable(store: Hooks, after: int, until: int) -> bool:
    """See `Storage.learnable`."""
    begin = min([after, *taught_again(store, after, until)])
    anchor = kept_anchor(store)
    return (anchor is None or begin >= anchor.learnable_from) and not store._lost(begin, until)


def taught_again(store: Hooks, after: int, until: int) -> list[int]:
    """Positions from which changes of models in a stretch had something learned anew."""
    found: list[int] = []
    while page := [decoded(store, row) for row in store._rows(after, 100, (Kind.CHANGE,))]:
        for entry in page:
            if entry.sequence > until:
                return found
            if isinstance(entry.body, ChangeBody) and entry.body.again:
                found.append(entry.body.position)
        after = page[-1].sequence
    return found


def outcomes(store: Hooks, decision_id: str) -> list[StoredOutcome]:
    """See `Storage.outcomes_of`."""
    found = []
    for sequence in store._outcome_sequences(decision_id):
        entry = kept_entry(store, sequence)
        if entry is None:
            continue
        if not isinstance(entry.body, OutcomeBody):
            raise damage(store, f"journal entry {sequence}: expected an outcome, found a {entry.kind}")
        found.append(
            StoredOutcome(
                sequence=sequence,
                id=entry.id,
                occurred_at=entry.occurred_at,
                recorded_at=entry.recorded_at,
                body=entry.body,
            )
        )
    return found


def due_windows(store: Hooks, now: datetime, limit: int) -> list[DueWindow]:
    """See `Storage.due_windows`."""
    return [
        DueWindow(
            decision=decision, action=action, treatment=treatment, outcome=outcome, due_at=from_microseconds(due_at)
        )
        for decision, action, treatment, outcome, due_at in store._due_windows(to_microseconds(now), limit)
    ]
