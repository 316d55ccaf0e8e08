"""Explaining a decision of the past: with the plan that decided and the model as it was."""

from __future__ import annotations

from opportune.decide import Explanation, explain
from opportune.errors import UnknownError
from opportune.learning import PropensityModel
from opportune.records import Decision
from opportune.service.course import Course
from opportune.service.training import checkpoint_before, fold, led_on, steps_after
from opportune.storage import Storage

__all__ = ["Recaller"]

FOLD_MAX = 20_000
"""Outcomes learned anew for one explanation: about a second. Behind that, scores are as recorded."""


class Recaller:
    """Explains stored decisions; reads the store and changes nothing. Used by one thread at a time."""

    def __init__(self, storage: Storage, kernel: str = "auto", course: Course | None = None) -> None:
        self._storage = storage
        self._kernel = kernel
        self._course = course or Course(storage)

    def recall(self, decision_id: str) -> tuple[Decision, Explanation | None]:
        """Give a decision with its explanation; None where its revision can no longer be compiled.

        Args:
            decision_id: of the decision, or of the request that asked for it.

        Raises:
            UnknownError: there is no such decision.
            StoreError: the store cannot be read.
        """
        stored = self._storage.decision(decision_id) or self._storage.decision_of_request(decision_id)
        if stored is None:
            raise UnknownError.of("id", "no decision has this id", "send the id that an answer carried", "not-found")
        decision = stored.decision
        plan = self._course.plan(decision.revision)
        if plan is None:
            return decision, None
        model = self._model(decision) if stored.recomputable and decision.degraded is None else None
        # The bytes of the answer are of the personal part, and gone with it.
        return decision, explain(plan, decision, model, erased=stored.answer is None)

    def _model(self, decision: Decision) -> PropensityModel | None:
        """Bring the model of the last checkpoint before a decision to where it was then."""
        course = self._course
        course.read()
        learner = checkpoint_before(self._storage, course, self._kernel, decision.position)
        ahead = course.ahead(decision.position, decision.revision)
        if learner is None or ahead is None:
            return None
        for number, _ in enumerate(steps_after(self._storage, learner.position, decision.position)):
            if number >= FOLD_MAX:
                return None
        fold(self._storage, learner, course, until=decision.position)
        return led_on(learner.taught, course, ahead).model
