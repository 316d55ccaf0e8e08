"""Two strategies that know the same, made ready to decide the same contacts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from opportune.errors import InputError
from opportune.evaluate.foresight import Case, Side, Sides
from opportune.evaluate.foresight.cases import Contact
from opportune.learning import PropensityModel
from opportune.outcomes import Learner, Names, carried, new_model
from opportune.service.contacts import read_contact
from opportune.service.course import Course
from opportune.service.profiles import fitting
from opportune.service.publishing import known_in, renames_to
from opportune.service.renaming import renamed_since
from opportune.service.revisions import Strategy

__all__ = ["side_of", "sides_of"]


def sides_of(before: Strategy, after: Strategy, course: Course | None, learner: Learner | None, kernel: str) -> Sides:
    """Give both strategies, each with the models of today as they would be if it were published now.

    Args:
        course, learner: of the store whose models are used; None where nothing was learned.
        kernel: "auto", "numpy" or "numba".
    """
    first = side_of(before, course, learner, kernel)
    second = side_of(after, course, learner, kernel)
    names = Names().after(renamed_since(before.project, after.project, Names()))
    return Sides(before=first, after=second, names=names, is_taught=bool(np.any(second.model.evidence() > 0.0)))


def side_of(strategy: Strategy, course: Course | None, learner: Learner | None, kernel: str) -> Side:
    """Give one strategy, ready to decide."""
    return Side(
        project=strategy.project,
        plan=strategy.plan if course is None else known_in(course, strategy).plan,
        model=_model(strategy, course, learner, kernel),
        position=0 if learner is None else learner.position,
        read=_reader(strategy),
        sources=strategy.sources,
    )


def _model(strategy: Strategy, course: Course | None, learner: Learner | None, kernel: str) -> PropensityModel:
    if learner is None or course is None:
        return new_model(strategy.plan, kernel)
    snapshot = learner.model.snapshot()
    return carried(snapshot, strategy.plan, renames_to(course, strategy), learner.model.kernel)


def _reader(strategy: Strategy) -> Callable[[Case], Contact | None]:
    def read(case: Case) -> Contact | None:
        try:
            request, _ = read_contact(strategy.plan, strategy.registries, case.request)
        except InputError:
            return None
        return request, fitting(strategy.registries.customer, case.attributes)[0]

    return read
