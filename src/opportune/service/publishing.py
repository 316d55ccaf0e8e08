"""The gate that every revision passes: check, persona tests, a self-test on recent requests; then it is written.

Whatever is refused on the way leaves no trace: the revision before goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from opportune.errors import InputError, Problem, ProjectError, UnknownError
from opportune.learning import PropensityModel
from opportune.outcomes import Learner, Names, carried, new_model
from opportune.records import Renamed
from opportune.service.course import Course, Step
from opportune.service.live import Knowledge
from opportune.service.reachable import expect_reachable
from opportune.service.renaming import knowing, renamed_since
from opportune.service.revisions import Strategy, bundle_of, files_of, strategy_from_files
from opportune.service.training import trained
from opportune.service.trial import Trial, recent_decisions, try_on
from opportune.storage import SaveRevision, Storage
from opportune.strategy.advice import of_change, of_project
from opportune.strategy.checked import CheckedProject
from opportune.strategy.diff import differences
from opportune.strategy.persona import run_persona, unexplored

__all__ = [
    "Offer",
    "Published",
    "advice_on",
    "already",
    "as_published",
    "current",
    "earlier",
    "examined",
    "expect_sound",
    "known_in",
    "names_for",
    "publish",
    "published",
    "renames_to",
    "revision_of",
    "trial_model",
]

AUTHOR_MAX = 200
REASON_MAX = 2_000

Made = tuple[Strategy, CheckedProject]


@dataclass(frozen=True, slots=True)
class Offer:
    """What somebody wants to publish.

    Args:
        files: the strategy's texts by path.
        author, reason: who publishes it, and why, in their words.
        another_project: take it although the store's strategy has another name.
        returns_to: number of the earlier revision that these are the files of.
        now: with it, active actions whose validity is over are problems.
    """

    files: Mapping[str, str]
    author: str = ""
    reason: str = ""
    another_project: bool = False
    returns_to: int | None = None
    now: datetime | None = None


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an offer.

    Args:
        number: of the revision.
        hash: content hash, which every answer carries.
        repeated: it was the current revision already; nothing changed.
        returns_to: number of the earlier revision that it repeats.
        changes: what is different from the revision before, in words.
        tests: persona tests that passed.
        trial: how it did on recent requests; None where nothing was tried.
        live_ms: time from its commit until the process that published it served it; null where none serves.
        advice: what is to be done now, in words.
    """

    number: int
    hash: str
    repeated: bool
    returns_to: int | None
    changes: tuple[str, ...]
    tests: int
    trial: Trial | None
    live_ms: float | None = None
    advice: tuple[str, ...] = ()


def examined(course: Course, offer: Offer, made: Made | None = None) -> tuple[Strategy, int]:
    """Check an offer and run its persona tests; compile it.

    Args:
        made: what the offer's files are, where they were checked and compiled already.

    Returns:
        the strategy, and how many tests passed.

    Raises:
        ProjectError: with all that is wrong.
        InputError: author or reason are too long.
    """
    _check_words(offer)
    strategy, checked = made or strategy_from_files(offer.files, offer.now)
    _expect_project(course, strategy, offer)
    _run_tests(strategy, checked)
    return strategy, len(checked.personas)


def revision_of(course: Course, strategy: Strategy, new_id: str, offer: Offer | None = None) -> SaveRevision:
    """Write a strategy as the revision that follows the current one, with what changes in words."""
    steps = course.steps
    now = current(course)
    before = None if now is None else course.strategies.of(now.hash).project
    return SaveRevision(
        id=f"revision-{new_id}",
        hash=strategy.plan.revision,
        bundle=bundle_of(strategy.project),
        after=steps[-1].number if steps else 0,
        author="" if offer is None else offer.author,
        reason="" if offer is None else offer.reason,
        returns_to=None if offer is None else offer.returns_to,
        changes=() if before is None else differences(before, strategy.project),
        renamed=renames_to(course, strategy),
    )


def renames_to(course: Course, strategy: Strategy) -> tuple[Renamed, ...]:
    """List the renames that lead from the current revision to a strategy."""
    now = current(course)
    if now is None:
        return ()
    names = course.names(course.steps[-1].sequence)
    return renamed_since(course.strategies.of(now.hash).project, strategy.project, names)


def names_for(course: Course, strategy: Strategy, after: int = 0) -> Names:
    """Give what earlier revisions, the current one included, called otherwise than a strategy.

    Args:
        after: journal position; what was renamed up to there is left out.
    """
    steps = course.steps
    names = course.names(steps[-1].sequence, after) if steps else Names()
    return names.after(renames_to(course, strategy))


def known_in(course: Course, strategy: Strategy) -> Strategy:
    """Let a strategy know what the revisions of a store called otherwise."""
    return knowing(strategy, names_for(course, strategy))


def current(course: Course) -> Step | None:
    """Give the revision in use: the last one that can be compiled."""
    steps = course.steps
    return course.at(steps[-1].sequence) if steps else None


def publish(storage: Storage, offer: Offer, new_id: str, kernel: str = "auto", made: Made | None = None) -> Published:
    """Take an offer through the gate and make it the current revision of a store that nobody serves from this process.

    Args:
        made: as for `examined`.

    Raises:
        ProjectError: with all that is wrong.
        InputError: author or reason are too long, or another revision was published meanwhile.
        StoreError: the store cannot be read or written.
    """
    course = Course(storage)
    strategy, tests = examined(course, offer, made)
    repeated = already(course, strategy, tests)
    if repeated is not None:
        return repeated
    expect_sound(storage, strategy, course)
    learner = as_published(storage, strategy, kernel, course)
    trial = try_on(strategy, learner.model, recent_decisions(storage))
    advice = advice_on(course, strategy)
    write = revision_of(course, strategy, new_id, offer)
    (receipt,) = storage.write([write])
    if isinstance(receipt, InputError):
        raise receipt
    return published(write, receipt.version, tests, trial, advice)


def advice_on(course: Course, strategy: Strategy) -> tuple[str, ...]:
    """Say what is to be done once a strategy follows the current one; nothing was published of it yet."""
    now = current(course)
    found = of_project(strategy.project, datetime.now(UTC))
    return found if now is None else (*found, *of_change(course.strategies.of(now.hash).project, strategy.project))


def published(
    write: SaveRevision,
    number: int,
    tests: int,
    trial: Trial,
    advice: tuple[str, ...],
    live_ms: float | None = None,
) -> Published:
    """Say what was written."""
    return Published(
        number=number,
        hash=write.hash,
        repeated=False,
        returns_to=write.returns_to,
        changes=write.changes,
        tests=tests,
        trial=trial,
        live_ms=live_ms,
        advice=advice,
    )


def already(course: Course, strategy: Strategy, tests: int) -> Published | None:
    """Say that a strategy is the current revision; None where it is not."""
    steps, now = course.steps, current(course)
    if now is None or now != steps[-1] or now.hash != strategy.plan.revision:
        return None
    return Published(
        number=now.number, hash=now.hash, repeated=True, returns_to=None, changes=(), tests=tests, trial=None
    )


def expect_sound(storage: Storage, strategy: Strategy, course: Course | None = None) -> None:
    """Refuse a strategy that does not go with what the store holds.

    Raises:
        DamageError: its bundle is in the store already, and damaged: nobody else could read it.
        ProjectError: identifiers in the store could not be named any more.
        StoreError: the store cannot be read.
    """
    storage.revision(strategy.plan.revision)
    course = course or Course(storage)
    now = current(course)
    if now is not None:
        expect_reachable(storage, course.strategies.of(now.hash), strategy)


def as_published(storage: Storage, strategy: Strategy, kernel: str, course: Course | None = None) -> Learner:
    """Give a learner as it would be if a strategy were published now; nothing is written.

    Raises:
        StoreError: the store cannot be read.
    """
    course = course or Course(storage)
    learner = trained(storage, course, kernel)
    if learner is None:
        return Learner(strategy.plan, new_model(strategy.plan, kernel))
    if learner.plan.revision != strategy.plan.revision:
        renamed = renames_to(course, strategy)
        model = carried(learner.model.snapshot(), strategy.plan, renamed, kernel)
        learner.switch(strategy.plan, model, learner.position + 1, renamed)
    return learner


def trial_model(course: Course, strategy: Strategy, taught: Knowledge | None, kernel: str) -> PropensityModel:
    """Give the model that a strategy would have from a model of the current revision."""
    if taught is None:
        return new_model(strategy.plan, kernel)
    return carried(taught.model.snapshot(), strategy.plan, renames_to(course, strategy), kernel)


def earlier(storage: Storage, course: Course, number: int | None, author: str, reason: str) -> Offer:
    """Offer an earlier revision anew.

    Args:
        number: of the revision; None takes the one before the current one. Where the current one itself went back to
            an earlier one, it is the one before that, so that going back twice goes back further.

    Raises:
        UnknownError: there is no such revision.
        DamageError: its bundle contradicts its digest.
        StoreError: the store cannot be read.
    """
    if number is None:
        number = _before_current(course)
    kept = storage.revision(number)
    if kept is None:
        raise UnknownError.of(
            "number", "there is no revision with this number", "see 'opportune revisions'", "not-found"
        )
    # As it was when it was published: that an offer has ended since must not keep anybody from going back.
    return Offer(files_of(kept.bundle), author, reason, another_project=True, returns_to=number)


def _before_current(course: Course) -> int:
    steps = {step.number: step for step in course.steps}
    if not steps:
        raise UnknownError.of("number", "nothing was published yet", "publish a strategy first", "not-found")
    number = last = max(steps)
    while (back := steps[number].returns_to) is not None:
        number = back
    while number > 1:
        number -= 1
        if steps[number].hash != steps[last].hash:
            return number
    raise UnknownError.of(
        "number", "there is no revision before the current one", "name one by its number", "not-found"
    )


def _check_words(offer: Offer) -> None:
    for where, text, limit in (("author", offer.author, AUTHOR_MAX), ("reason", offer.reason, REASON_MAX)):
        if len(text) > limit:
            raise InputError.of(where, f"expected at most {limit} characters, found {len(text)}", "shorten it")


def _expect_project(course: Course, strategy: Strategy, offer: Offer) -> None:
    """Refuse a strategy of another name: it is probably meant for another store."""
    now = current(course)
    if now is None or offer.another_project:
        return
    settings = course.strategies.of(now.hash).project.settings
    if settings.name != strategy.project.settings.name:
        message = f"this store belongs to project '{settings.name}', found '{strategy.project.settings.name}'"
        remedy = "choose its own store, or say that another project is meant (--another-project)"
        raise ProjectError([Problem("project.yaml", 0, 0, "name", message, remedy, "another-project")])


def _run_tests(strategy: Strategy, checked: CheckedProject) -> None:
    plan = unexplored(strategy.plan)
    problems = []
    for persona in checked.personas:
        result = run_persona(plan, strategy.registries, new_model(plan, "numpy"), persona, strategy.features)
        file, line = checked.project.persona_place(persona.name)
        problems += [
            Problem(file, line, 1, f"test '{persona.name}'", failure, "", "test-failed") for failure in result.failures
        ]
    if problems:
        raise ProjectError(sorted(problems))
