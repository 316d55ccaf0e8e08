"""Which strategy a service begins with: that of a folder where it is new, else what the store says is in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from opportune.errors import DamageError, InputError, ProjectError
from opportune.service.course import Course
from opportune.service.publishing import Offer, current, publish
from opportune.service.revisions import Strategy, compiled, reason_of, strategy_from_files
from opportune.service.settings import Settings
from opportune.storage import Storage
from opportune.strategy.advice import of_hosts, of_time
from opportune.strategy.checked import CheckedProject

__all__ = ["Start", "begin_with"]


@dataclass(frozen=True, slots=True)
class Start:
    """What is served at the beginning.

    Args:
        notes: what whoever starts the service should know, in words.
    """

    strategy: Strategy
    notes: tuple[str, ...] = ()


def begin_with(
    storage: Storage,
    files: Mapping[str, str] | None,
    new_id: str,
    *,
    author: str = "",
    kernel: str = "auto",
    checked: CheckedProject | None = None,
) -> Start:
    """Find the strategy to begin with; publish that of a folder where the store never had it.

    A folder that is an earlier revision is not published again: somebody went on, or went back, since.

    Args:
        files: texts of the folder by path; None where none was named.
        checked: what these files are, where they were checked already.

    Raises:
        ProjectError: the folder's strategy does not pass the gate.
        InputError: there is neither a folder nor a revision that can be used.
        StoreError: the store cannot be read or written.
    """
    course = Course(storage)
    notes = _lost(course)
    if files is not None:
        made = strategy_from_files(files) if checked is None else (compiled(checked), checked)
        strategy = made[0]
        number = max((step.number for step in course.steps if step.hash == strategy.plan.revision), default=0)
        if not number:
            publish(storage, Offer(files, author, "served from its folder"), new_id, kernel, made)
            return _start(strategy, ())
        now = current(course)
        if now is not None and now.hash == strategy.plan.revision:
            return _start(strategy, notes)
        if now is not None:
            notes += (
                f"the folder is revision {number}; revision {now.number} is in use and is served:"
                " publish the folder to change that (opportune publish)",
            )
    now = current(course)
    if now is None:
        raise InputError.of("project", "the store has no revision that can be used", "name the folder of a strategy")
    return _start(course.strategies.of(now.hash), notes)


def _start(strategy: Strategy, notes: tuple[str, ...]) -> Start:
    hosts = of_hosts(strategy.project, Settings().source_hosts)
    return Start(strategy, (*notes, *of_time(strategy.project, datetime.now(UTC)), *hosts))


def _lost(course: Course) -> tuple[str, ...]:
    """Say which revision should be in use and cannot be."""
    steps, now = course.steps, current(course)
    if not steps or now == steps[-1]:
        return ()
    try:
        course.strategies.of(steps[-1].hash)
    except (DamageError, ProjectError, InputError) as error:
        goes_on = "" if now is None else f"; revision {now.number} goes on"
        return (f"revision {steps[-1].number} cannot be used: {reason_of(error)}{goes_on}",)
    return ()
