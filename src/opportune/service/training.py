"""Bring a model to where the journal is: from its last checkpoint, or from the beginning."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import numpy as np
import numpy.typing as npt

from opportune.decide import Plan
from opportune.learning import PropensityModel, Snapshot, from_bytes, to_bytes
from opportune.learning.snapshot import state_digest
from opportune.outcomes import Learner, LessonBook, new_model, teach
from opportune.service.revisions import plan_from_store
from opportune.storage import AdoptModel, Entry, Kind, ModelState, Storage
from opportune.storage.entries import digest_of

__all__ = [
    "Progress",
    "adoption",
    "answers_digest",
    "carry_over",
    "checkpoint_before",
    "fold",
    "outcomes_after",
    "trained",
]

PAGE = 500

Floats = npt.NDArray[np.float32]

Progress = Callable[[int, int], None]
"""Called with (journal position reached, end of the journal)."""


def trained(storage: Storage, plan: Plan, kernel: str, progress: Progress = lambda done, total: None) -> Learner:
    """Give a learner that has learned the whole journal.

    The revision in use so far teaches what came in under it; only then the model is bound to the new plan.
    """
    revision = storage.current_revision()
    if revision is None or revision.hash == plan.revision:
        learner = _from_checkpoint(storage, plan, kernel)
        fold(storage, learner, progress=progress)
        return learner
    former = plan_from_store(storage, revision.hash)
    if former is not None:
        learner = _from_checkpoint(storage, former, kernel)
        fold(storage, learner, progress=progress)
        model = carry_over(learner.model.snapshot(), plan, kernel)
        if model is not None:
            return Learner(plan, model, learner.position)
    learner = Learner(plan, new_model(plan, kernel))
    fold(storage, learner, progress=progress)
    return learner


def carry_over(snapshot: Snapshot, plan: Plan, kernel: str) -> PropensityModel | None:
    """Give the plan's model in the state of a snapshot; None where it does not fit."""
    model = new_model(plan, kernel)
    try:
        model.restore(snapshot)
    except ValueError:
        return None
    return model


def fold(
    storage: Storage, learner: Learner, until: int | None = None, progress: Progress = lambda done, total: None
) -> None:
    """Learn every outcome behind the learner's position, in journal order.

    Args:
        until: last sequence to learn; None learns to the end.
    """
    book = LessonBook(storage)
    total = storage.last_sequence()
    for done, entry in enumerate(outcomes_after(storage, learner.position, until), start=1):
        teach(learner, book, entry)
        if done % PAGE == 0:
            progress(entry.sequence, total)
    progress(total, total)


def outcomes_after(storage: Storage, after: int, until: int | None = None) -> Iterator[Entry]:
    """Read the journal's outcomes; their decisions are looked up, so that those nobody answered cost nothing."""
    while page := storage.journal(after, PAGE, (Kind.OUTCOME,)):
        for entry in page:
            if until is not None and entry.sequence > until:
                return
            yield entry
        after = page[-1].sequence


def checkpoint_before(storage: Storage, plan: Plan, kernel: str, position: int) -> Learner | None:
    """Give a learner at the latest usable checkpoint at or before a position; None where there is none."""
    for state in storage.model_states(plan.model):
        if state.position <= position:
            model = _restored(state, plan, kernel)
            if model is not None:
                return Learner(plan, model, state.position)
    return None


def adoption(plan: Plan, snapshot: Snapshot, answers: Floats, position: int, new_id: str) -> AdoptModel:
    """Write a checkpoint of the model.

    Args:
        answers: the model's evidence at that position.
    """
    state, digest = to_bytes(snapshot), state_digest(snapshot)
    folds = {"model": digest, "answers": answers_digest(plan, answers)}
    return AdoptModel(id=new_id, name=plan.model, position=position, hash=digest, state=state, folds=folds)


def answers_digest(plan: Plan, answers: Floats) -> str:
    """Digest of the number of answers learned per scored outcome and candidate."""
    axes = [list(plan.outcomes), [str(key) for key in plan.candidates]]
    return digest_of(msgspec.msgpack.encode([*axes, answers.astype("<f4").tobytes()])).hex()


def _from_checkpoint(storage: Storage, plan: Plan, kernel: str) -> Learner:
    """Give a learner at the last usable checkpoint, or an untrained one."""
    learner = checkpoint_before(storage, plan, kernel, storage.last_sequence())
    return learner or Learner(plan, new_model(plan, kernel))


def _restored(state: ModelState, plan: Plan, kernel: str) -> PropensityModel | None:
    """Give the model of a checkpoint; None where it is damaged or of other predictors or outcomes."""
    try:
        model = carry_over(from_bytes(state.state), plan, kernel)
    except ValueError:
        return None
    return model if model is not None and model.digest() == state.hash else None
