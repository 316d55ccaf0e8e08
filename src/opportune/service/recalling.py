"""Explaining a decision of the past: with the plan that decided and the model as it was."""

from __future__ import annotations

from datetime import datetime

import msgspec

from opportune.decide import Explanation, Plan, explain
from opportune.errors import UnknownError
from opportune.learning import PropensityModel, resolve_kernel
from opportune.records import Decision
from opportune.service.course import Course
from opportune.service.training import checkpoint_before, fold, led_on, steps_after
from opportune.storage import Storage, StoredDecision, StoredOutcome, id_fault
from opportune.storage.entries import from_microseconds

__all__ = ["OutcomeLine", "Recalled", "Recaller", "TextFacts"]

FOLD_MAX = 20_000
"""Outcomes learned anew for one explanation: about a second. Behind that, scores are as recorded."""


TextFacts = dict[str, dict[str, frozenset[str]]]
"""Action/treatment → part of its content → facts that its texts name."""


class OutcomeLine(msgspec.Struct, frozen=True, kw_only=True):
    """One report of what happened to an action of a decision.

    Args:
        sequence: of its journal entry.
        id: by which it was reported.
        amount: how much; null where its type has no value or none was told.
        expiry: nothing was reported in time, which counts as this outcome.
        repeats: the same stood already, or it withdraws a report: it had no effect of its own.
        replaces, withdraws: id of the earlier report that it corrects, or that never was; "" for none.
    """

    sequence: int
    id: str
    occurred_at: datetime
    action: str
    treatment: str
    placement: str
    outcome: str
    amount: int | float | None
    expiry: bool
    repeats: bool
    replaces: str
    withdraws: str


class Recalled(msgspec.Struct, frozen=True, kw_only=True):
    """A decision of the past, why it came out so, and what became of it.

    Args:
        explanation: None where its revision can no longer be compiled.
        outcomes: all reports about it, in the order of their arrival.
        reportable: outcome types that its channel could report; None where its revision can no longer be compiled.
        text_facts: which facts stand in the texts of its channel; None where that is not known.
    """

    decision: Decision
    explanation: Explanation | None
    outcomes: tuple[OutcomeLine, ...]
    reportable: tuple[str, ...] | None
    text_facts: TextFacts | None = None


class Recaller:
    """Explains stored decisions; reads the store and changes nothing. Used by one thread at a time.

    Args:
        kernel: "auto", "numpy" or "numba"; "" for that of each decision, or another one where it is not installed.
    """

    def __init__(self, storage: Storage, kernel: str = "", course: Course | None = None) -> None:
        self._storage = storage
        self._kernel = kernel
        self._course = course or Course(storage)

    def recall(self, decision_id: str) -> Recalled:
        """Give a decision with its explanation.

        Args:
            decision_id: of the decision, or of the request that asked for it.

        Raises:
            UnknownError: there is no such decision.
            StoreError: the store cannot be read.
        """
        stored = self._stored(decision_id)
        if stored is None:
            raise UnknownError.of("id", "no decision and no request has this id", self._remedy(), "not-found")
        decision = stored.decision
        outcomes = tuple(map(_line, self._storage.outcomes_of(decision.id)))
        plan = self._course.plan(decision.revision)
        if plan is None:
            return Recalled(decision=decision, explanation=None, outcomes=outcomes, reportable=None)
        model = self._model(decision) if stored.recomputable and decision.degraded is None else None
        return Recalled(
            decision=decision,
            # The bytes of the answer are of the personal part, and gone with it.
            explanation=explain(plan, decision, model, erased=stored.answer is None),
            outcomes=outcomes,
            reportable=tuple(plan.channels[decision.request.channel].outcomes),
            text_facts=_text_facts(plan, decision.request.channel),
        )

    def _stored(self, decision_id: str) -> StoredDecision | None:
        if id_fault(decision_id):
            # No store keeps such an id, and PostgreSQL cannot even be asked for one with a NUL.
            return None
        return self._storage.decision(decision_id) or self._storage.decision_of_request(decision_id)

    def _remedy(self) -> str:
        anchor = self._storage.anchor()
        if anchor is None:
            return "an answer carries the id of its decision"
        day = from_microseconds(anchor.recorded_at).date()
        return f"it may be no longer kept: what was recorded up to {day} went by the rules of retention"

    def _model(self, decision: Decision) -> PropensityModel | None:
        """Bring the model of the last checkpoint before a decision to where it was then."""
        course = self._course
        course.read()
        kernel = self._kernel or _kernel_for(decision)
        learner = checkpoint_before(self._storage, course, kernel, decision.position)
        ahead = course.ahead(decision.position, decision.revision)
        if learner is None or ahead is None:
            return None
        for number, _ in enumerate(steps_after(self._storage, learner.position, decision.position)):
            if number >= FOLD_MAX:
                return None
        fold(self._storage, learner, course, until=decision.position)
        return led_on(learner.taught, course, ahead).model


def _text_facts(plan: Plan, channel: str) -> TextFacts:
    """Say which facts stand in the texts of a channel, in any language."""
    found: TextFacts = {}
    for (candidate, _), templates in plan.templates.items():
        key = plan.candidates[candidate]
        if key.channel == channel:
            parts = found.setdefault(f"{key.action}/{key.treatment}", {})
            for part, template in templates:
                parts[part] = parts.get(part, frozenset()).union(template.missing)
    return found


def _kernel_for(decision: Decision) -> str:
    try:
        return resolve_kernel(decision.kernel)
    except ValueError:
        return "auto"


def _line(stored: StoredOutcome) -> OutcomeLine:
    body = stored.body
    return OutcomeLine(
        sequence=stored.sequence,
        id=stored.id,
        occurred_at=stored.occurred_at,
        action=body.action,
        treatment=body.treatment,
        placement=body.placement,
        outcome=body.outcome,
        amount=body.amount,
        expiry=body.expiry,
        repeats=body.repeats,
        replaces=body.replaces,
        withdraws=body.withdraws,
    )
