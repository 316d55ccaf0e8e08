"""The gate that every revision passes, and the write that publishes it."""

from __future__ import annotations

from opportune.outcomes import Learner, carried, new_model
from opportune.service.course import Course
from opportune.service.renaming import renamed_since
from opportune.service.revisions import Strategy, bundle_of
from opportune.service.training import trained
from opportune.storage import SaveRevision, Storage
from opportune.strategy.diff import differences

__all__ = ["as_published", "revision_of"]


def as_published(storage: Storage, strategy: Strategy, kernel: str) -> Learner:
    """Give a learner as it would be if a strategy were published now; nothing is written.

    Raises:
        StoreError: the store cannot be read.
    """
    course = Course(storage)
    course.strategies.put(strategy)
    learner = trained(storage, course, kernel)
    if learner is None:
        return Learner(strategy.plan, new_model(strategy.plan, kernel))
    if learner.plan.revision != strategy.plan.revision:
        renamed = revision_of(course, strategy, "").renamed
        model = carried(learner.model.snapshot(), strategy.plan, renamed, kernel)
        learner.switch(strategy.plan, model, learner.position + 1, renamed)
    return learner


def revision_of(
    course: Course,
    strategy: Strategy,
    new_id: str,
    *,
    author: str = "",
    reason: str = "",
    returns_to: int | None = None,
) -> SaveRevision:
    """Write a strategy as the revision that follows the current one, with what changes in words."""
    steps = course.steps
    now = course.at(steps[-1].sequence) if steps else None
    before = None if now is None else course.strategies.of(now.hash).project
    return SaveRevision(
        id=f"revision-{new_id}",
        hash=strategy.plan.revision,
        bundle=bundle_of(strategy.project),
        after=steps[-1].number if steps else 0,
        author=author,
        reason=reason,
        returns_to=returns_to,
        changes=() if before is None else differences(before, strategy.project),
        renamed=() if before is None else renamed_since(before, strategy.project, course.names(steps[-1].sequence)),
    )
