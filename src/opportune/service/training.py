"""Bring a model to where the journal is: from its last checkpoint, or from the beginning.

The model is a fold of the journal's outcomes, revisions and changes of models. At a revision it is bound to the next
plan, so the fold can begin at any checkpoint and comes to the same state bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from opportune.decide import Plan
from opportune.learning import Contest, PropensityModel, Snapshot, from_bytes, to_bytes
from opportune.learning.snapshot import state_digest
from opportune.outcomes import Learner, LessonBook, Quota, Taught, carried, joined, new_model, parted, teach
from opportune.records import Renamed
from opportune.service.course import Course, Step
from opportune.storage import AdoptModel, ChangeBody, Entry, Kind, ModelState, RevisionBody, Storage
from opportune.storage.digests import digest_of

__all__ = [
    "STATES",
    "Progress",
    "adoption",
    "answers_digest",
    "checkpoint_before",
    "fold",
    "learner_at",
    "led_on",
    "prepare_turn",
    "restored",
    "steps_after",
    "take_turn",
    "trained",
    "turn",
]

PAGE = 500
STATES = "models"
"""Name under which the store keeps what all models of a project have learned."""
STEPS = (Kind.OUTCOME, Kind.REVISION, Kind.CHANGE)
"""Kinds that a model is led on by."""

Floats = npt.NDArray[np.float32]

Turn = tuple[Plan, PropensityModel, Quota | None]
"""The next plan, its model, and who has taught it where that is not as it was."""

Progress = Callable[[int, int], None]
"""Called with (journal position reached, end of the journal)."""


def trained(
    storage: Storage, course: Course, kernel: str, progress: Progress = lambda done, total: None
) -> Learner | None:
    """Give a learner that has folded the whole journal; None where no revision of the store can be used.

    Raises:
        StoreError: the store cannot be read.
    """
    learner = checkpoint_before(storage, course, kernel, storage.last_sequence())
    if learner is not None:
        fold(storage, learner, course, progress=progress)
    return learner


def fold(
    storage: Storage,
    learner: Learner,
    course: Course,
    until: int | None = None,
    progress: Progress = lambda done, total: None,
    *,
    again: bool = False,
) -> None:
    """Fold every outcome, revision and change of models behind the learner's position, in journal order.

    Args:
        until: last sequence to fold; None folds to the end.
        again: pass over states that replaced others on the way: this fold is to replace them in turn.
    """
    book = LessonBook(storage)
    total = storage.last_sequence()
    for done, entry in enumerate(steps_after(storage, learner.position, until, book.expect), start=1):
        if entry.kind is Kind.OUTCOME:
            teach(learner, book, entry)
        elif not (again and isinstance(entry.body, ChangeBody) and entry.body.order == "replace"):
            turn(learner, course, entry)
        if done % PAGE == 0:
            progress(entry.sequence, total)
    progress(total, total)


def turn(learner: Learner, course: Course, entry: Entry) -> bool:
    """Fold one revision or change of models; say whether it could be followed."""
    prepared = prepare_turn(learner, course, entry)
    take_turn(learner, entry, prepared)
    return prepared is not None


def prepare_turn(learner: Learner, course: Course, entry: Entry) -> Turn | None:
    """Prepare the plan and the model that a revision or a change of models leads to; the learner stays as it is.

    None where nothing changes: the revision is lost, or the models cannot be changed so.
    """
    if entry.kind is Kind.CHANGE:
        changed = _changed(learner, course, entry)
        return None if changed is None else (learner.plan, *changed)
    plan = course.plan(entry.revision or "")
    if plan is None:
        return None
    return plan, carried(learner.model.snapshot(), plan, _renamed(entry), learner.model.kernel), None


def take_turn(learner: Learner, entry: Entry, prepared: Turn | None) -> None:
    """Fold what was prepared; nothing may have been learned since."""
    if prepared is None:
        learner.pass_revision(entry.sequence)
    else:
        plan, model, quota = prepared
        learner.switch(plan, model, entry.sequence, _renamed(entry), quota)


def _changed(learner: Learner, course: Course, entry: Entry) -> tuple[PropensityModel, Quota | None] | None:
    """Give the models after a change, and who taught them; None where they cannot make it, and all stays as it is."""
    body = entry.body
    assert isinstance(body, ChangeBody)
    try:
        if body.order == "replace":
            return _replaced(learner, course, entry, body)
        model = new_model(learner.plan, learner.model.kernel)
        model.restore(learner.model.snapshot())
        if body.order == "promote":
            model.promote(body.model)
        else:
            model.take_part_of(body.model, body.part, course.storage.change_state(entry.sequence))
        return model, None
    except ValueError:
        return None


def _replaced(learner: Learner, course: Course, entry: Entry, body: ChangeBody) -> tuple[PropensityModel, Quota]:
    """Give the models with another state: led on over what came since its position, or taught that too.

    Raises:
        ValueError: the state is not of the models at its position.
    """
    state, kernel = course.storage.change_state(entry.sequence), learner.model.kernel
    begun = learner_at(course, state, body.position, kernel)
    if body.again:
        fold(course.storage, begun, course, until=entry.sequence - 1, again=True)
        if begun.plan.revision != learner.plan.revision:
            raise ValueError("a revision since then can no longer be compiled")
        _appoint(begun.model, learner.model)
        return begun.model, begun.quota
    if begun.plan.revision == learner.plan.revision:
        return begun.model, begun.quota
    steps = [step for step in course.steps if body.position < step.sequence < entry.sequence]
    return led_on(begun.taught, course, steps).model, begun.quota


def _appoint(model: PropensityModel, former: PropensityModel) -> None:
    """Let the champion of before decide: what is learned anew says nothing of who was promoted."""
    if isinstance(model, Contest) and isinstance(former, Contest) and former.champion in model.models:
        model.promote(former.champion)


def learner_at(course: Course, state: bytes, position: int, kernel: str) -> Learner:
    """Give a learner that knows what a state knows and goes on behind its position.

    Raises:
        ValueError: the state is damaged, or not of the models at that position.
    """
    plan = course.plan_at(position)
    if plan is None:
        raise ValueError("no revision can be used")
    model = new_model(plan, kernel)
    learned, quota = parted(from_bytes(state))
    model.restore(learned)
    return Learner(plan, model, position, course.names(position), quota)


def _renamed(entry: Entry) -> tuple[Renamed, ...]:
    return entry.body.renamed if isinstance(entry.body, RevisionBody) else ()


def led_on(taught: Taught, course: Course, steps: Sequence[Step]) -> Taught:
    """Give a model led on over revisions that it has not come to yet; the one that is given stays as it is.

    Args:
        steps: of `Course.ahead`.
    """
    if not steps:
        return taught
    model = taught.model
    for step in steps:
        plan = course.plan(step.hash)
        if plan is not None:
            model = carried(model.snapshot(), plan, step.renamed, model.kernel)
    return Taught(model, taught.position)


def steps_after(
    storage: Storage,
    after: int,
    until: int | None = None,
    expect: Callable[[Sequence[Entry]], None] = lambda page: None,
) -> Iterator[Entry]:
    """Read the journal's outcomes, revisions and changes of models.

    Decisions are looked up by what answers them, so that those nobody answered cost nothing.

    Args:
        expect: called with every page of entries before they come one by one.
    """
    while page := storage.journal(after, PAGE, STEPS):
        expect(page)
        for entry in page:
            if until is not None and entry.sequence > until:
                return
            yield entry
        after = page[-1].sequence


def checkpoint_before(storage: Storage, course: Course, kernel: str, position: int) -> Learner | None:
    """Give a learner at the latest usable checkpoint at or before a position, or an untrained one at the beginning.

    None where no revision can be used.
    """
    for state in storage.model_states(STATES):
        if state.position > position:
            continue
        plan = course.plan_at(state.position)
        kept = None if plan is None else restored(state, plan, kernel)
        if plan is not None and kept is not None:
            return Learner(plan, kept[0], state.position, course.names(state.position), kept[1])
    plan = course.plan_at(0)
    return None if plan is None else Learner(plan, new_model(plan, kernel))


def adoption(
    plan: Plan, snapshot: Snapshot, answers: Floats, position: int, new_id: str, quota: Quota | None = None
) -> AdoptModel:
    """Write a checkpoint of the model.

    Args:
        answers: the model's evidence at that position.
        quota: who has taught it, as of that position.
    """
    quota = quota or Quota()
    state, digest = to_bytes(joined(snapshot, quota)), state_digest(snapshot)
    folds = {"model": digest, "answers": answers_digest(plan, answers)}
    if quota.pairs:
        folds["quota"] = state_digest(quota.snapshot())
    return AdoptModel(id=new_id, name=STATES, position=position, hash=digest, state=state, folds=folds)


def answers_digest(plan: Plan, answers: Floats) -> str:
    """Digest of the number of answers learned per scored outcome and candidate."""
    axes = [list(plan.outcomes), [str(key) for key in plan.candidates]]
    return digest_of(msgspec.msgpack.encode([*axes, answers.astype("<f4").tobytes()])).hex()


def restored(state: ModelState, plan: Plan, kernel: str) -> tuple[PropensityModel, Quota] | None:
    """Give the model of a checkpoint, and who has taught it; None where it is damaged, or of other predictors."""
    model = new_model(plan, kernel)
    try:
        learned, quota = parted(from_bytes(state.state))
        model.restore(learned)
    except ValueError:
        return None
    return (model, quota) if model.digest() == state.hash else None
