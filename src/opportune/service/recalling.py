"""Explaining a decision of the past: with the plan that decided and the model as it was."""

from __future__ import annotations

from collections import OrderedDict

from opportune.decide import Explanation, Plan, explain
from opportune.errors import UnknownError
from opportune.learning import PropensityModel
from opportune.records import Decision
from opportune.service.revisions import Strategy, plan_from_store
from opportune.service.training import checkpoint_before, fold, outcomes_after
from opportune.storage import Storage

__all__ = ["Recaller"]

FOLD_MAX = 20_000
"""Outcomes learned anew for one explanation: about a second. Behind that, scores are as recorded."""
PLANS_KEPT = 4


class Recaller:
    """Explains stored decisions; reads the store and changes nothing. Used by one thread at a time."""

    def __init__(self, storage: Storage, kernel: str = "auto", strategy: Strategy | None = None) -> None:
        self._storage = storage
        self._kernel = kernel
        self._plans: OrderedDict[str, Plan | None] = OrderedDict()
        if strategy is not None:
            self._plans[strategy.plan.revision] = strategy.plan

    def recall(self, decision_id: str) -> tuple[Decision, Explanation | None]:
        """Give a decision with its explanation; None where its revision can no longer be compiled.

        Raises:
            UnknownError: there is no such decision.
            StoreError: the store cannot be read.
        """
        stored = self._storage.decision(decision_id)
        if stored is None:
            raise UnknownError.of("id", "no decision has this id", "send the id that an answer carried", "not-found")
        decision = stored.decision
        plan = self._plan(decision.revision)
        if plan is None:
            return decision, None
        model = self._model(plan, decision) if stored.recomputable and decision.degraded is None else None
        return decision, explain(plan, decision, model)

    def _plan(self, revision: str) -> Plan | None:
        if revision not in self._plans:
            self._plans[revision] = plan_from_store(self._storage, revision)
            if len(self._plans) > PLANS_KEPT:
                self._plans.popitem(last=False)
        return self._plans[revision]

    def _model(self, plan: Plan, decision: Decision) -> PropensityModel | None:
        """Bring the model of the last checkpoint before a decision to where it was then."""
        learner = checkpoint_before(self._storage, plan, self._kernel, decision.position)
        if learner is None:
            return None
        for number, _ in enumerate(outcomes_after(self._storage, learner.position, decision.position)):
            if number >= FOLD_MAX:
                return None
        fold(self._storage, learner, until=decision.position)
        return learner.model
