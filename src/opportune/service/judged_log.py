"""A store's recorded decisions, decided again as another strategy would, with the model that it would have had."""

from __future__ import annotations

from collections.abc import Callable

from opportune.decide import Plan
from opportune.decide.pipeline import gathered_in
from opportune.errors import InputError
from opportune.evaluate.off_policy.log import Contact, Judged, Log, LogReader
from opportune.evaluate.off_policy.recorded import Span
from opportune.evaluate.off_policy.understudy import Understudy
from opportune.learning import ModelSpec
from opportune.outcomes import Learner, Names, carried, new_model
from opportune.records import Decision
from opportune.service.contacts import read_contact
from opportune.service.course import Course
from opportune.service.profiles import fitting
from opportune.service.publishing import names_for
from opportune.service.renaming import plan_knowing
from opportune.service.revisions import Strategy
from opportune.service.training import checkpoint_before
from opportune.storage import Kind, Storage

__all__ = ["judged_log"]

_PREFIX = "customer."


def judged_log(
    storage: Storage,
    course: Course,
    judged: Strategy,
    plan: Plan,
    span: Span,
    kernel: str,
    place: int = 1,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Log:
    """Read a span of the journal as another strategy would have decided it.

    Args:
        plan: the strategy's own, or changed; with one model.
        place: of every placement, from 1.
        tell: called with (journal position reached, end of the journal).

    Raises:
        StoreError: the store cannot be read.
    """
    names = names_for(course, judged)
    plan = plan_knowing(plan, names)
    understudy = Understudy(storage, _learner(storage, course, plan, names, judged, span, kernel))
    reader = LogReader(
        storage,
        Judged(
            plan=plan,
            model_at=understudy.at,
            read=lambda decision: _read(judged, decision),
            names=names,
            plan_of=course.plan,
        ),
        place,
    )
    return reader.read(span, tell)


def _learner(
    storage: Storage, course: Course, plan: Plan, names: Names, judged: Strategy, span: Span, kernel: str
) -> Learner:
    """Begin at a checkpoint before the span where its model can be carried on, else at the beginning, untaught."""
    kept = checkpoint_before(storage, course, kernel, _position_before(storage, span))
    if kept is not None and kept.position and _has(kept.plan, plan.models[0]):
        renamed = names_for(course, judged, kept.position).renamed()
        model = carried(kept.model.snapshot(), plan, renamed, kept.model.kernel)
        return Learner(plan, model, kept.position, names, kept.quota)
    return Learner(plan, new_model(plan, kernel), 0, names)


def _has(plan: Plan, spec: ModelSpec) -> bool:
    return any((one.name, one.kind, one.settings) == (spec.name, spec.kind, spec.settings) for one in plan.models)


def _position_before(storage: Storage, span: Span) -> int:
    """Give the least model position of the span's decisions; 0 without a beginning."""
    if span.since is None:
        return 0
    after, found = 0, storage.last_sequence()
    while page := storage.journal(after, 1_000, (Kind.DECISION,)):
        positions = [getattr(entry.body, "position", 0) for entry in page if span.holds(entry.occurred_at)]
        if positions:
            return min(positions)
        after = page[-1].sequence
    return found


def _read(judged: Strategy, decision: Decision) -> Contact | None:
    try:
        request, _ = read_contact(judged.plan, judged.registries, decision.request)
    except InputError:
        return None
    start = len(_PREFIX)
    known = {name[start:]: value for name, value in decision.facts.items() if name.startswith(_PREFIX)}
    return request, {**fitting(judged.registries.customer, known)[0], **gathered_in(decision)}
