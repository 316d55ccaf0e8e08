"""The model report of a store or a running service."""

from __future__ import annotations

from datetime import datetime

from opportune.errors import UnknownError
from opportune.evaluate.model_report import ModelReport, report_of
from opportune.learning import Contest, Snapshot
from opportune.outcomes import new_model
from opportune.service.course import Course
from opportune.storage import Storage
from opportune.strategy.models import barred

__all__ = ["judged"]


def judged(
    storage: Storage, course: Course, snapshot: Snapshot, position: int, kernel: str, at: datetime
) -> ModelReport:
    """Judge models by a copy of what they know, so that they can go on learning.

    Args:
        position: journal entry that they have learned to.

    Raises:
        UnknownError: the revision that they learned under is lost, or the state is of another one.
    """
    plan = course.plan_at(position)
    if plan is None:
        raise UnknownError.of("models", "there is no revision that they could be judged under", code="not-found")
    models = new_model(plan, kernel)
    assert isinstance(models, Contest)
    try:
        models.restore(snapshot)
    except ValueError:
        message = "a revision was published that they have not come to yet"
        raise UnknownError.of("models", message, "ask again in a second", "not-found") from None
    hidden = barred(course.strategies.of(plan.revision).project)
    return report_of(storage, plan, models, position, at, hidden)
