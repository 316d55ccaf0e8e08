"""Plan decisions and what answers them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from opportune.errors import ConflictError, UnknownError
from opportune.records import Decision, Sign
from opportune.storage.books.ledger import Ledger
from opportune.storage.books.limits import check_limits, move, moves_of, reserve
from opportune.storage.changes import DecisionReference, ReportFound
from opportune.storage.digests import encode
from opportune.storage.entries import from_microseconds, to_microseconds
from opportune.storage.kinds import SCHEMAS, Kind, OutcomeBody, decode_parts
from opportune.storage.naming import asked_as
from opportune.storage.parting import split_decision
from opportune.storage.requests import Noted, Request
from opportune.storage.standing import Report, report_of, standing
from opportune.storage.writes import Receipt, RecordOutcome, SaveDecision, WindowOpened

__all__ = ["REPORTS_MAX", "record_outcome", "save_decision"]

REPORTS_MAX = 200
"""Reports about one decision: a slate of ten, each seen, clicked, bought and corrected several times, fits."""

Shown = tuple[str, str]
"""(action, treatment)"""


class _Said(NamedTuple):
    """What was reported about a decision, as an entry has it."""

    report: Report
    body: OutcomeBody
    sequence: int


def save_decision(ledger: Ledger, item: Request, write: SaveDecision) -> Receipt:
    """Keep a decision, open its response windows, and let count what waited for it."""
    decision = write.decision
    if decision.id in ledger.found.decisions:
        raise ConflictError.of("id", "the decision's id belongs to another request", code="id-conflict")
    if write.reserves or write.contacts_seen is not None:
        check_limits(ledger, write)
    body, payload = split_decision(decision, write.answer, write.windows, write.reserves)
    person, is_forgotten = _decided_for(ledger, write)
    if person is not None and person != decision.person:
        body = msgspec.structs.replace(body, person=decision.person)
    zone = decision.facts.get("zone")
    session = decision.request.session
    reference = DecisionReference(0, person, session, zone if isinstance(zone, str) else None, decision.revision)
    sequence = ledger.append(
        item,
        body,
        None if is_forgotten else payload,
        occurred_at=decision.at,
        zone=reference.zone,
        person=person,
        session=session,
        decision=decision.id,
        revision=decision.revision,
    )
    ledger.found.decisions[decision.id] = reference._replace(sequence=sequence)
    ledger.changes.decisions.append((decision.id, sequence))
    for window in write.windows:
        _open(ledger, decision.id, window)
    if write.reserves:
        reserve(ledger, write, sequence)
    ledger.changes.counters["decisions"] += 1
    _join(ledger, decision.id)
    return ledger.receipt(Receipt(sequence=sequence, answer=write.answer))


def _decided_for(ledger: Ledger, write: SaveDecision) -> tuple[str | None, bool]:
    """The own person of the identifier that was decided for, and whether the decision is of somebody forgotten."""
    decision, found = write.decision, ledger.found
    identifier = write.identifier_kind, write.identifier or decision.request.customer or ""
    person, known = decision.person, found.persons.get(identifier)
    is_one = known is not None and person is not None and ledger.root(known) == ledger.root(person)
    # Of before, or by what was known of the person before.
    late = _is_before(ledger, decision, [identifier]) or (identifier in found.buried and not (person is None or is_one))
    if known is not None and (is_one or (write.identifier is not None and person is not None and not late)):
        person = known
    # Of before somebody was forgotten whom it merely names.
    late = late or _is_before(ledger, decision, asked_as(decision.request))
    ledger.changes.counters["late_of_forgotten"] += late
    return person, late


def _is_before(ledger: Ledger, decision: Decision, identifiers: Iterable[tuple[str, str]]) -> bool:
    """Whether one of some identifiers was forgotten since a decision."""
    buried = ledger.found.buried
    return bool(buried) and any(one in buried and ledger.moment(decision.at) <= buried[one].at for one in identifiers)


def _join(ledger: Ledger, decision: str) -> None:
    """Let count from here on what was reported before the decision came."""
    waiting = [said for said in _said(ledger.found.reports.get(decision, ())) if said.body.waits]
    if not waiting:
        return
    reports = [said.report for said in waiting]
    closed, _ = _moved(ledger, decision, reports, [])
    moved = moves_of(ledger, decision, reports)
    body = OutcomeBody(
        action="",
        treatment="",
        placement="",
        outcome="",
        sign=Sign.NEUTRAL,
        closes=bool(closed),
        expiry=False,
        repeats=True,
        closed=closed,
        joins=len(waiting),
        moved=moved,
    )
    sequence = _append(ledger, Noted(f"joins-{ledger.new_id()}", Kind.OUTCOME), body, decision)
    move(ledger, moved, sequence)
    _move(ledger, decision, closed, ())
    ledger.changes.counters["outcomes"] += len(waiting)
    ledger.changes.counters["outcomes_waiting"] -= len(waiting)


def record_outcome(ledger: Ledger, item: Request, write: RecordOutcome) -> Receipt | int:
    """Keep a report; close the response windows that it answers, open again those that nothing answers any more."""
    outcome = write.outcome
    is_known = outcome.decision in ledger.found.decisions
    if not is_known and not write.may_wait:
        raise UnknownError.of(
            "decision",
            "no decision has this id",
            "send the id that the decision's answer carried",
            "unknown-decision",
        )
    before = _said(ledger.found.reports.get(outcome.decision, ()))
    is_open = (outcome.action, write.treatment) in ledger.found.windows.get(outcome.decision, {})
    if write.expiry and not is_open:
        raise ConflictError.of("decision", "the response window is closed already", code="window-closed")
    if len(before) >= REPORTS_MAX and not write.expiry:
        raise ConflictError.of(
            "decision",
            f"expected at most {REPORTS_MAX} reports about one decision, found more",
            "correct a report instead of sending it again",
            "too-many-reports",
        )
    repeats = bool(outcome.withdraws) or any(_is_same(said, write) for said in before)
    now = _report(item.id, write, ledger.moment(outcome.occurred_at))
    reports = [*(said.report for said in before), now]
    closed, reopened = _moved(ledger, outcome.decision, reports, before)
    moved = moves_of(ledger, outcome.decision, reports)
    if write.expiry:
        window = ledger.found.windows[outcome.decision][outcome.action, write.treatment]
        closed = (_opened((outcome.action, write.treatment), window),)
    body = OutcomeBody(
        action=outcome.action,
        treatment=write.treatment,
        placement=write.placement,
        outcome=outcome.outcome,
        sign=write.sign,
        closes=bool(closed) and is_known,
        expiry=write.expiry,
        repeats=repeats,
        closed=closed if is_known else (),
        reopened=reopened,
        amount=outcome.amount,
        replaces=outcome.replaces or "",
        withdraws=outcome.withdraws or "",
        waits=not is_known,
        leads_on=write.leads_on,
        moved=moved,
    )
    sequence = _append(ledger, item, body, outcome.decision, write)
    move(ledger, moved, sequence)
    if is_known:
        _move(ledger, outcome.decision, closed, reopened)
        ledger.changes.counters["outcomes"] += not repeats
    else:
        ledger.changes.counters["outcomes_waiting"] += 1
    return ledger.receipt(Receipt(sequence=sequence, repeated=repeats and not (write.expiry or outcome.withdraws)))


def _append(
    ledger: Ledger, item: Request | Noted, body: OutcomeBody, decision: str, write: RecordOutcome | None = None
) -> int:
    known = ledger.found.decisions.get(decision)
    occurred_at = None if write is None else write.outcome.occurred_at
    sequence = ledger.append(
        item,
        body,
        occurred_at=occurred_at,
        zone=None if known is None else known.zone,
        person=None if known is None else known.person,
        session=None if known is None else known.session,
        decision=decision,
        revision=None if known is None else known.revision,
    )
    now = ledger.moment(None)
    row = ReportFound(sequence, item.id, SCHEMAS[Kind.OUTCOME], ledger.moment(occurred_at), now, encode(body))
    ledger.found.reports.setdefault(decision, []).append(row)
    effect = (decision, body.action, body.treatment, body.outcome)
    ledger.changes.outcomes.append((*effect, sequence, 0 if known is None else known.sequence))
    return sequence


def _said(rows: Iterable[ReportFound]) -> list[_Said]:
    """Read what was reported so far, in journal order."""
    said = []
    for row in rows:
        body, _ = decode_parts(Kind.OUTCOME, row.schema, row.body, None)
        assert isinstance(body, OutcomeBody)
        if body.joins:
            # It says nothing of the action, but it may have closed windows.
            report = Report(row.id, "", "", "", Sign.NEUTRAL, row.occurred_at)
        else:
            report = report_of(row.id, row.occurred_at, body)
        said.append(_Said(report, body, row.sequence))
    return said


def _report(name: str, write: RecordOutcome, occurred_at: int) -> Report:
    return Report(
        id=name,
        action=write.outcome.action,
        treatment=write.treatment,
        outcome=write.outcome.outcome,
        sign=write.sign,
        occurred_at=occurred_at,
        expiry=write.expiry,
        replaces=write.outcome.replaces or "",
        withdraws=write.outcome.withdraws or "",
        leads_on=write.leads_on,
    )


def _is_same(said: _Said, write: RecordOutcome) -> bool:
    """Say whether the same effect was reported before."""
    shown = (said.report.action, said.report.treatment, said.report.outcome)
    return not said.report.withdraws and shown == (write.outcome.action, write.treatment, write.outcome.outcome)


def _moved(
    ledger: Ledger, decision: str, reports: list[Report], before: list[_Said]
) -> tuple[tuple[WindowOpened, ...], tuple[WindowOpened, ...]]:
    """Windows that what stands now closes, and windows that were closed by an answer and have none any more."""
    settled = {report.action for report in standing(reports) if report.settles}
    windows = ledger.found.windows.get(decision, {})
    closed = [_opened(shown, window) for shown, window in sorted(windows.items()) if shown[0] in settled]
    answered: dict[Shown, WindowOpened] = {}
    for said in before:
        for window in said.body.reopened:
            answered.pop((window.action, window.treatment), None)
        if not said.body.expiry:
            answered |= {(window.action, window.treatment): window for window in said.body.closed}
    reopened = [window for shown, window in sorted(answered.items()) if shown[0] not in settled]
    return tuple(closed), tuple(reopened)


def _opened(shown: Shown, window: tuple[str, int]) -> WindowOpened:
    outcome, due_at = window
    return WindowOpened(action=shown[0], treatment=shown[1], outcome=outcome, due_at=from_microseconds(due_at))


def _open(ledger: Ledger, decision: str, window: WindowOpened) -> None:
    shown, due_at = (window.action, window.treatment), to_microseconds(window.due_at)
    ledger.found.windows.setdefault(decision, {})[shown] = window.outcome, due_at
    ledger.changes.windows.append((decision, *shown, window.outcome, due_at))


def _move(ledger: Ledger, decision: str, closed: Iterable[WindowOpened], reopened: Iterable[WindowOpened]) -> None:
    for window in closed:
        shown = (window.action, window.treatment)
        del ledger.found.windows[decision][shown]
        ledger.changes.closed.append((decision, *shown))
    for window in reopened:
        shown = (window.action, window.treatment)
        if (decision, *shown) in ledger.changes.closed:
            # Closed by this very batch: the row is still there, and stays.
            ledger.changes.closed.remove((decision, *shown))
            ledger.found.windows[decision][shown] = window.outcome, to_microseconds(window.due_at)
        else:
            _open(ledger, decision, window)
