"""Proof that the model is the fold of its journal: every kept stretch between two checkpoints, learned again."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from opportune.errors import Problem
from opportune.learning.snapshot import state_digest
from opportune.outcomes import Learner, Quota, new_model
from opportune.service.course import Course
from opportune.service.training import STATES, Progress, answers_digest, fold, restored
from opportune.storage import ModelBody, ModelState, Storage
from opportune.storage.base import MODELS_KEPT

__all__ = ["prove_models"]

KERNELS = ("auto", "numpy")
"""Results agree bit by bit only within one kernel; the store does not say which one the service used."""


def prove_models(storage: Storage, progress: Progress = lambda done, total: None) -> tuple[int, list[Problem]]:
    """Learn every kept stretch again, over all revisions in it, and compare.

    Returns:
        how many stretches were compared, and what does not agree.
    """
    course = Course(storage)
    problems: list[Problem] = []
    stretches = list(_stretches(storage))
    for done, (earlier, later) in enumerate(stretches, start=1):
        if not _is_whole(course, earlier, later):
            problems.append(_problem(later, "a revision before it can no longer be compiled", "not-recomputable"))
        elif not any(_agrees(storage, course, earlier, later, kernel) for kernel in KERNELS):
            problems.append(_problem(later, "the journal since the checkpoint before leads to another state"))
        progress(done, len(stretches))
    return len(stretches), problems


def _stretches(storage: Storage) -> Iterable[tuple[ModelState | None, ModelState]]:
    """Pair each kept checkpoint with the one before it; the first of all with the beginning of the journal, None."""
    states = storage.model_states(STATES)[::-1]
    # What was erased, or went by the rules of retention, cannot be learned again.
    if 0 < len(states) < MODELS_KEPT and storage.anchor() is None and storage.learnable(0, states[0].position):
        yield None, states[0]
    for earlier, later in pairwise(states):
        if storage.learnable(earlier.position, later.position):
            yield earlier, later


def _is_whole(course: Course, earlier: ModelState | None, later: ModelState) -> bool:
    """Say whether every revision that taught between two checkpoints can be compiled."""
    start = 0 if earlier is None else earlier.position
    before = [step for step in course.steps if step.sequence <= start][-1:]
    between = [step for step in course.steps if start < step.sequence <= later.position]
    return all(course.plan(step.hash) is not None for step in before + between)


def _agrees(storage: Storage, course: Course, earlier: ModelState | None, later: ModelState, kernel: str) -> bool:
    start = 0 if earlier is None else earlier.position
    plan = course.plan_at(start)
    if plan is None:
        return False
    begun = (new_model(plan, kernel), Quota()) if earlier is None else restored(earlier, plan, kernel)
    if begun is None:
        return False
    learner = Learner(plan, begun[0], start, course.names(start), begun[1])
    fold(storage, learner, course, until=later.position)
    return learner.model.digest() == later.hash and _folds_agree(storage, later, learner)


def _folds_agree(storage: Storage, state: ModelState, learner: Learner) -> bool:
    """Compare with the digests that the journal's own entry of the checkpoint carries."""
    body = storage.journal(state.sequence - 1, 1)[0].body
    if not isinstance(body, ModelBody):
        return False
    found = {
        "model": learner.model.digest(),
        "answers": answers_digest(learner.plan, learner.model.evidence()),
        "quota": state_digest(learner.quota.snapshot()),
    }
    return all(found.get(name) == digest for name, digest in body.folds.items())


def _problem(state: ModelState, message: str, code: str = "model-differs") -> Problem:
    return Problem("", 0, 0, f"model {state.name} adopted by entry {state.sequence}", message, "", code)
