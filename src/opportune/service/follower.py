"""Learning from what other processes commit: read the journal in order, teach, and post what was learned."""

from __future__ import annotations

from time import perf_counter

import structlog

from opportune.learning import to_bytes
from opportune.outcomes import Learner, LessonBook, teach
from opportune.service.adopting import live_learner
from opportune.service.course import Course
from opportune.service.logs import place_of
from opportune.service.settings import Settings
from opportune.service.training import STATES, STEPS, Progress, adoption, checkpoint_before, fold, turn
from opportune.storage import AdoptModel, ErasureBody, ForgetBody, Kind, Storage
from opportune.storage.cluster import LiveModel

__all__ = ["Follower"]

PAGE = 500
FOLLOWED = (*STEPS, Kind.ERASURE, Kind.FORGET)
POST_SECONDS = 0.2
"""Shortest pause between two posted models: five a second are as many as anybody sees."""
POSTING_SHARE = 0.2
"""Share of the time that posting may take; the rest is for learning."""

log = structlog.get_logger()


class Follower:
    """One learner that reads the journal behind itself; used by one thread at a time.

    Attributes:
        read_to: last journal entry that was looked at.
    """

    def __init__(self, storage: Storage, settings: Settings) -> None:
        self._storage = storage
        self._settings = settings
        self.course = Course(storage)
        self.learner: Learner
        self.read_to = 0
        self._book = LessonBook(storage)
        self._posted = -1
        self._post_after = 0.0
        self._kept_position = -1
        self._kept_learned = 0
        self._forgot = False
        """Whether somebody was forgotten since the last checkpoint."""

    def begin(self, progress: Progress = lambda done, total: None) -> bool:
        """Bring a learner to the end of the journal, from the posted model or the last checkpoint.

        Returns:
            False where no revision of the store can be used.

        Raises:
            StoreError: the store cannot be read.
        """
        self.course.read()
        kernel, last = self._settings.kernel, self._storage.last_sequence()
        kept = checkpoint_before(self._storage, self.course, kernel, last)
        if kept is None:
            return False
        self._kept_position = kept.position
        learner = live_learner(self._storage, self.course, kept)
        fold(self._storage, learner, self.course, until=last, progress=progress)
        self.learner, self.read_to = learner, last
        self._book = LessonBook(self._storage)
        # What was learned again at the start counts too: else one that often ends would learn ever more again.
        self._kept_learned = 0
        return True

    @property
    def behind(self) -> int:
        """Position that the posted model lacks; 0 where it lacks nothing."""
        return self.learner.position if self.learner.position != self._posted else 0

    def step(self) -> int:
        """Learn the next page of the journal; give how many entries it had.

        Raises:
            StoreError: the store cannot be read; the next step goes on where this one ended.
        """
        last = self._storage.last_sequence()
        page = self._storage.journal(self.read_to, PAGE, FOLLOWED)
        self._book.expect(page)
        for entry in page:
            if entry.kind is Kind.REVISION:
                self.course.note(entry)
            if isinstance(entry.body, ErasureBody | ForgetBody):
                self._book.forget(entry.body.sequences)
                self._forgot = self._forgot or isinstance(entry.body, ForgetBody)
            elif entry.kind is Kind.OUTCOME:
                teach(self.learner, self._book, entry, _tell)
            elif not turn(self.learner, self.course, entry):
                log.error("passed over: it cannot be followed", sequence=entry.sequence, kind=entry.kind.value)
            self.read_to = entry.sequence
        if len(page) < PAGE:
            self.read_to = max(self.read_to, last)
        return len(page)

    def post(self, *, at_once: bool = False) -> float:
        """Post the model, where something was learned and it is time.

        Args:
            at_once: whatever the time.

        Returns:
            seconds until it is time; 0 where nothing waits to be posted.

        Raises:
            StoreError: it cannot be posted now.
        """
        if not self.behind:
            return 0.0
        begin = perf_counter()
        if begin < self._post_after and not at_once:
            return self._post_after - begin
        plan, position = self.learner.plan, self.learner.position
        state = to_bytes(self.learner.model.snapshot())
        # The bytes end with their digest.
        digest = state[-32:].hex()
        self._storage.cluster.post(
            LiveModel(name=STATES, revision=plan.revision, position=position, hash=digest, state=state)
        )
        self._posted = position
        end = perf_counter()
        self._post_after = end + max(POST_SECONDS, (end - begin) * (1 / POSTING_SHARE - 1))
        return 0.0

    def checkpoint(self, *, is_due: bool) -> AdoptModel | None:
        """Give the write of a checkpoint, where enough was learned since the last one.

        Args:
            is_due: anything that was learned is enough. So it is after an erasure: what was learned of the erased
                cannot be learned again, and later decisions stand on this checkpoint.
        """
        learner = self.learner
        learned = learner.learned - self._kept_learned
        is_due = is_due or self._forgot or learned >= self._settings.checkpoint_lessons
        if learner.position == self._kept_position or not is_due:
            return None
        self._forgot = False
        self._kept_position, self._kept_learned = learner.position, learner.learned
        model = learner.model
        name = f"checkpoint-{self._settings.new_id()}"
        return adoption(learner.plan, model.snapshot(), model.evidence(), learner.position, name, learner.quota)


def _tell(sequence: int, error: Exception) -> None:
    log.error("outcome set aside unlearned", sequence=sequence, error=type(error).__name__, where=place_of(error))
