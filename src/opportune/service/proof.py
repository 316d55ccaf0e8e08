"""Proof that the model is the fold of its journal: every kept stretch between two checkpoints, learned again."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from opportune.decide import Plan
from opportune.errors import Problem
from opportune.learning import PropensityModel, from_bytes
from opportune.outcomes import Learner, new_model
from opportune.service.revisions import plan_from_store
from opportune.service.training import Progress, answers_digest, carry_over, fold
from opportune.storage import Kind, ModelBody, ModelState, Storage

__all__ = ["prove_models"]

KERNELS = ("auto", "numpy")
"""Results agree bit by bit only within one kernel; the store does not say which one the service used."""


def prove_models(storage: Storage, progress: Progress = lambda done, total: None) -> tuple[int, list[Problem]]:
    """Learn every kept stretch again and compare.

    Returns:
        how many stretches were compared, and what does not agree.
    """
    plans = _Plans(storage)
    problems: list[Problem] = []
    stretches = list(_stretches(storage, plans.names()))
    for done, (earlier, later) in enumerate(stretches, start=1):
        before, after = plans.at(earlier.sequence), plans.at(later.sequence)
        if before is None or after is None:
            problems.append(_problem(later, "its revision cannot be compiled by this version", "not-recomputable"))
        elif not any(_agrees(storage, earlier, later, before, after, kernel) for kernel in KERNELS):
            problems.append(_problem(later, "the journal since the checkpoint before leads to another state"))
        progress(done, len(stretches))
    return len(stretches), problems


def _stretches(storage: Storage, names: Iterable[str]) -> Iterable[tuple[ModelState, ModelState]]:
    for name in names:
        states = storage.model_states(name)[::-1]
        yield from pairwise(states)


def _agrees(storage: Storage, earlier: ModelState, later: ModelState, before: Plan, after: Plan, kernel: str) -> bool:
    try:
        snapshot = from_bytes(earlier.state)
    except ValueError:
        return False
    model = carry_over(snapshot, before, kernel)
    if model is None or model.digest() != earlier.hash:
        return False
    learner = Learner(before, model, earlier.position)
    fold(storage, learner, until=later.position)
    if after.revision != before.revision:
        carried = carry_over(learner.model.snapshot(), after, kernel)
        if carried is None:
            # Predictors or outcomes changed: the new plan's model learned the whole journal.
            learner = Learner(after, new_model(after, kernel))
            fold(storage, learner, until=later.position)
        else:
            learner.model = carried
    return learner.model.digest() == later.hash and _folds_agree(storage, later, after, learner.model)


def _folds_agree(storage: Storage, state: ModelState, plan: Plan, model: PropensityModel) -> bool:
    """Compare with the digests that the journal's own entry of the checkpoint carries."""
    body = storage.journal(state.sequence - 1, 1)[0].body
    if not isinstance(body, ModelBody):
        return False
    found = {"model": model.digest(), "answers": answers_digest(plan, model.evidence())}
    return all(found.get(name) == digest for name, digest in body.folds.items())


class _Plans:
    """The plan in use at any entry of the journal."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._plans: dict[str, Plan | None] = {}
        entries = []
        after = 0
        while page := storage.journal(after, kinds=(Kind.REVISION,)):
            entries += [(entry.sequence, entry.revision or "") for entry in page]
            after = page[-1].sequence
        self._revisions = entries

    def names(self) -> list[str]:
        """Give the names of all models that a revision used."""
        plans = (self._plan(revision) for _, revision in self._revisions)
        return list(dict.fromkeys(plan.model for plan in plans if plan is not None))

    def at(self, sequence: int) -> Plan | None:
        """Give the plan in use at an entry; None where it cannot be had."""
        current = [revision for start, revision in self._revisions if start < sequence]
        return self._plan(current[-1]) if current else None

    def _plan(self, revision: str) -> Plan | None:
        if revision not in self._plans:
            self._plans[revision] = plan_from_store(self._storage, revision)
        return self._plans[revision]


def _problem(state: ModelState, message: str, code: str = "model-differs") -> Problem:
    return Problem("", 0, 0, f"model {state.name} adopted by entry {state.sequence}", message, "", code)
