"""Plan decisions and what answers them."""

from __future__ import annotations

from opportune.errors import ConflictError, UnknownError
from opportune.records import Sign
from opportune.storage.books.ledger import Ledger
from opportune.storage.changes import DecisionReference
from opportune.storage.entries import to_microseconds
from opportune.storage.kinds import OutcomeBody
from opportune.storage.parting import split_decision
from opportune.storage.requests import Request
from opportune.storage.writes import Receipt, RecordOutcome, SaveDecision

__all__ = ["record_outcome", "save_decision"]


def save_decision(ledger: Ledger, item: Request, write: SaveDecision) -> Receipt:
    """Keep a decision and open its response windows."""
    decision = write.decision
    if decision.id in ledger.found.decisions:
        raise ConflictError.of("id", "the decision's id belongs to another request", code="id-conflict")
    body, payload = split_decision(decision, write.answer, write.windows)
    zone = decision.facts.get("zone")
    session = decision.request.session
    reference = DecisionReference(
        0, decision.person, session, zone if isinstance(zone, str) else None, decision.revision
    )
    sequence = ledger.append(
        item,
        body,
        payload,
        occurred_at=decision.at,
        zone=reference.zone,
        person=decision.person,
        session=session,
        decision=decision.id,
        revision=decision.revision,
    )
    ledger.found.decisions[decision.id] = reference._replace(sequence=sequence)
    ledger.changes.decisions.append((decision.id, sequence))
    for window in write.windows:
        ledger.found.windows.setdefault(decision.id, set()).add((window.action, window.treatment))
        ledger.changes.windows.append(
            (decision.id, window.action, window.treatment, window.outcome, to_microseconds(window.due_at))
        )
    ledger.changes.counters["decisions"] += 1
    return ledger.receipt(Receipt(sequence=sequence, answer=write.answer))


def record_outcome(ledger: Ledger, item: Request, write: RecordOutcome) -> Receipt | int:
    """Keep an outcome and close the response windows that it answers."""
    outcome = write.outcome
    decision = ledger.found.decisions.get(outcome.decision)
    if decision is None:
        raise UnknownError.of(
            "decision",
            "no decision has this id",
            "send the id that the decision's answer carried",
            "unknown-decision",
        )
    effect = (outcome.decision, outcome.action, write.treatment, outcome.outcome)
    first = ledger.found.effects.get(effect)
    closed = _closed_by(ledger, write)
    if first is not None and not (write.expiry and closed):
        return ledger.alias(item, first)
    if write.expiry and not closed:
        raise ConflictError.of("decision", "the response window is closed already", code="window-closed")
    body = OutcomeBody(
        action=outcome.action,
        treatment=write.treatment,
        placement=write.placement,
        outcome=outcome.outcome,
        sign=write.sign,
        closes=bool(closed),
        expiry=write.expiry,
        repeats=first is not None,
    )
    sequence = ledger.append(
        item,
        body,
        occurred_at=outcome.occurred_at,
        zone=decision.zone,
        person=ledger.found.merged.get(decision.person or "", decision.person),
        session=decision.session,
        decision=outcome.decision,
        revision=decision.revision,
    )
    if first is None:
        # Silence may end a window whose default was reported before, when its type was neutral: it only closes.
        ledger.found.effects[effect] = sequence
        ledger.changes.outcomes.append((*effect, sequence, decision.sequence))
        ledger.changes.counters["outcomes"] += 1
    for action, treatment in closed:
        ledger.found.windows[outcome.decision].discard((action, treatment))
        ledger.changes.closed.append((outcome.decision, action, treatment))
    return ledger.receipt(Receipt(sequence=sequence))


def _closed_by(ledger: Ledger, write: RecordOutcome) -> list[tuple[str, str]]:
    """Open windows that an outcome closes: all of its action, or for an expiry the one of its treatment."""
    if write.sign is Sign.NEUTRAL and not write.expiry:
        return []
    open_windows = ledger.found.windows.get(write.outcome.decision, ())
    return sorted(
        (action, treatment)
        for action, treatment in open_windows
        if action == write.outcome.action and (not write.expiry or treatment == write.treatment)
    )
