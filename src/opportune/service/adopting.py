"""Taking over what the learner posted, and finding a model where it posted nothing usable."""

from __future__ import annotations

from time import monotonic

import structlog

from opportune.decide import Plan
from opportune.errors import DamageError
from opportune.learning import from_bytes
from opportune.outcomes import Learner, LessonBook, Taught, new_model, teach, terms_of
from opportune.service.course import Course
from opportune.service.training import STATES, checkpoint_before, steps_after, turn
from opportune.storage import Kind, Storage

__all__ = ["live_learner", "live_model", "some_model"]

CATCH_UP_SECONDS = 5.0
"""Time to learn what came after a checkpoint, where nobody posted a model."""

log = structlog.get_logger()


def live_model(storage: Storage, plan: Plan, kernel: str, after: int = -1) -> Taught | None:
    """Give the posted model of a plan; None where there is none for this plan behind a position.

    Args:
        after: position of the model at hand.

    Raises:
        DamageError: what was posted is damaged, or does not fit the plan.
        StoreError: the store cannot be read.
    """
    live = storage.cluster.live(STATES)
    if live is None or live.revision != plan.revision or live.position <= after:
        return None
    try:
        # The bytes end with their own digest, which reading compares.
        if not live.state.endswith(bytes.fromhex(live.hash)):
            raise ValueError("it is not what its hash names")
        model = new_model(plan, kernel)
        model.restore(from_bytes(live.state))
    except ValueError as error:
        raise DamageError(f"{storage.place}: live model at position {live.position}: damaged ({error})") from None
    return Taught(model, live.position)


def live_learner(storage: Storage, course: Course, kept: Learner) -> Learner:
    """Give a learner that goes on from the posted model; the one of the checkpoint where that is no further or unfit.

    Raises:
        StoreError: the store cannot be read.
    """
    plan = course.plan_at(storage.last_sequence())
    # Who has taught the posted model is told by checkpoints alone.
    if plan is None or terms_of(plan) is not None or kept.quota.pairs:
        return kept
    try:
        taught = live_model(storage, plan, kept.model.kernel, kept.position)
    except DamageError as error:
        log.error("posted model refused; learning goes on from the checkpoint", reason=str(error))
        return kept
    if taught is None:
        return kept
    return Learner(plan, taught.model, taught.position, course.names(taught.position))


def some_model(storage: Storage, course: Course, kernel: str) -> Taught | None:
    """Give the model of the last checkpoint and, as far as time allows, of the journal behind it.

    Returns:
        None where there are outcomes and nothing usable has learned them.

    Raises:
        StoreError: the store cannot be read.
    """
    learner = checkpoint_before(storage, course, kernel, storage.last_sequence())
    if learner is None:
        return None
    begun = learner.position
    if not _caught_up(storage, learner, course, CATCH_UP_SECONDS) and begun == 0:
        return None
    return learner.taught


def _caught_up(storage: Storage, learner: Learner, course: Course, seconds: float) -> bool:
    """Fold what is behind a learner for so long; say whether that was all."""
    end = monotonic() + seconds
    book = LessonBook(storage)
    for entry in steps_after(storage, learner.position, expect=book.expect):
        if monotonic() > end:
            return False
        if entry.kind is Kind.OUTCOME:
            teach(learner, book, entry)
        else:
            turn(learner, course, entry)
    return True
