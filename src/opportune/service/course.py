"""The revisions of a store in order: which plan was in use where in the journal, and what led from one to the next."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from opportune.decide import Plan
from opportune.outcomes import Names
from opportune.records import Renamed
from opportune.service.revisions import Strategies
from opportune.storage import Entry, RevisionBody, RevisionNote, Storage

__all__ = ["Course", "Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """One revision's place in the journal, what it repeats, and the names that became others with it."""

    number: int
    sequence: int
    hash: str
    renamed: tuple[Renamed, ...] = ()
    returns_to: int | None = None


class Course:
    """All revisions of a store; may be used from any thread.

    A revision that cannot be compiled (its bundle is damaged, or this version no longer accepts it) changes nothing:
    the one before it goes on.
    """

    def __init__(self, storage: Storage, strategies: Strategies | None = None) -> None:
        self.strategies = strategies or Strategies(storage)
        self.storage = storage
        self._guard = threading.Lock()
        self._steps: list[Step] = []
        self.read()

    @property
    def steps(self) -> list[Step]:
        """All revisions, in order of their numbers."""
        return list(self._steps)

    def read(self) -> None:
        """Take in what was published since."""
        with self._guard:
            last = self._steps[-1].number if self._steps else 0
            self._steps += [_step(note) for note in self.storage.revisions(last)]

    def note(self, entry: Entry) -> Step:
        """Take in a revision's journal entry."""
        with self._guard:
            body = entry.body
            assert isinstance(body, RevisionBody)
            step = Step(body.number, entry.sequence, entry.revision or "", body.renamed, body.returns_to)
            if body.number == (self._steps[-1].number if self._steps else 0) + 1:
                self._steps.append(step)
                return step
        self.read()
        return step

    def plan(self, revision: str) -> Plan | None:
        """Give the plan of a content hash; None where it is not to be had."""
        return self.strategies.plan(revision)

    def at(self, position: int) -> Step | None:
        """Give the revision in use at a journal position; None before the first."""
        for step in reversed(self._steps):
            if step.sequence <= position and self.plan(step.hash) is not None:
                return step
        return None

    def plan_at(self, position: int) -> Plan | None:
        """Give the plan in use at a journal position; before the first revision, that of the first that can be used."""
        step = self.at(position)
        if step is not None:
            return self.plan(step.hash)
        plans = (self.plan(step.hash) for step in self._steps)
        return next((plan for plan in plans if plan is not None), None)

    def number(self, number: int) -> Step | None:
        """Give a revision by its number."""
        return next((step for step in self._steps if step.number == number), None)

    def names(self, position: int, after: int = 0) -> Names:
        """Give what earlier revisions called otherwise, as of a journal position.

        Args:
            after: what was renamed up to there is left out.
        """
        names = Names()
        for step in self._steps:
            if after < step.sequence <= position:
                names = names.after(step.renamed)
        return names

    def ahead(self, position: int, revision: str) -> list[Step] | None:
        """Give the revisions that lead a model at a journal position on to a content hash.

        Who decides may switch to a revision before the model has learned to it. What such a decision was made with
        follows from its position and its content hash alone: none where that plan is in use at the position, else all
        up to the next revision of that hash. None where no revision leads there.
        """
        now = self.at(position)
        if now is not None and now.hash == revision:
            return []
        found: list[Step] = []
        for step in self._steps:
            if step.sequence <= position or self.plan(step.hash) is None:
                continue
            found.append(step)
            if step.hash == revision:
                return found
        return None


def _step(note: RevisionNote) -> Step:
    body = None if note.entry is None else note.entry.body
    if not isinstance(body, RevisionBody):
        return Step(note.number, note.sequence, note.hash)
    return Step(note.number, note.sequence, note.hash, body.renamed, body.returns_to)
