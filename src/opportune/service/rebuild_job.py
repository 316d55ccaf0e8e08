"""Rebuilds in a process of its own, with the lowest claim on the machine: `python -m opportune.service.rebuild_job`.

What to do comes as JSON on the standard input, so that no address of a store stands in the list of processes; what it
came to goes to the standard output. How far it is stands in a file that both processes hold.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from struct import Struct

import msgspec

from opportune.errors import OpportuneError, UnknownError
from opportune.learning import to_bytes
from opportune.outcomes import joined
from opportune.service.contests import check_words
from opportune.service.course import Course
from opportune.service.rebuilding import Progress, rebuilt
from opportune.service.training import fold
from opportune.storage import ChangeModels, Storage, open_storage
from opportune.storage.digests import digest_of

__all__ = ["STEPS", "Task", "Work", "main", "work_of"]

NICE = 10
STEPS = Struct("<qq")
"""Steps done and steps in all, at the beginning of the file that says how far a rebuild is."""
PASSES = 3
"""Times that what came meanwhile is folded too; each takes a small part of the one before."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What to rebuild.

    Args:
        url: of the store.
        kernel: "auto", "numpy" or "numba".
        progress: descriptor of the file that says how far it is, in STEPS.
    """

    url: str
    kernel: str
    progress: int


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild came to, before anybody goes on from it.

    Args:
        until: journal entry up to which final truths were taken.
        position: of the state; what came between is learned as it came.
        decisions: that were answered; `reports` that stand of them.
        ledger: digest of the final truths.
        model: digest of what the models know, as others give it.
        state: what the models know.
    """

    until: int
    position: int
    decisions: int
    reports: int
    ledger: str
    model: str
    state: bytes

    def order(self, new_id: str, author: str = "", reason: str = "") -> ChangeModels:
        """Order to go on from it.

        Raises:
            InputError: author or reason are too long.
        """
        check_words(author, reason)
        return ChangeModels(
            id=f"rebuild-{new_id}",
            order="replace",
            position=self.position,
            hash=digest_of(self.state).hex(),
            state=self.state,
            again=True,
            author=author,
            reason=reason,
        )


def work_of(storage: Storage, kernel: str, progress: Progress = lambda done, total: None) -> Work:
    """Learn every final truth of a store's journal, then what came meanwhile.

    Raises:
        UnknownError: the store has no revision that can be used.
        StoreError: the store cannot be read.
    """
    course, until = Course(storage), storage.last_sequence()
    plan = course.plan_at(until)
    if plan is None:
        raise UnknownError.of("store", "it has no revision that can be used", "publish one first", "not-found")
    found = rebuilt(storage, plan, course.names(until), kernel, until, progress)
    # Whoever adopts the state learns what came since: here that costs nobody else's time.
    for _ in range(PASSES):
        end = storage.last_sequence()
        if end == found.learner.position:
            break
        course.read()
        fold(storage, found.learner, course, until=end, again=True)
    learner = found.learner
    return Work(
        until=until,
        position=learner.position,
        decisions=found.decisions,
        reports=found.reports,
        ledger=found.digest,
        model=learner.model.digest(),
        state=to_bytes(joined(learner.model.snapshot(), learner.quota)),
    )


def main() -> None:
    """Do what the standard input says; what is wrong with the store goes to the standard error."""
    os.nice(NICE)
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    try:
        storage = open_storage(task.url, read_only=True)
        try:
            found = work_of(storage, task.kernel, partial(_tell, task.progress))
        finally:
            storage.close()
    except OpportuneError as error:
        sys.exit(str(error))
    sys.stdout.buffer.write(msgspec.msgpack.encode(found))


def _tell(progress: int, done: int, total: int) -> None:
    os.pwrite(progress, STEPS.pack(done, total), 0)


if __name__ == "__main__":
    main()
