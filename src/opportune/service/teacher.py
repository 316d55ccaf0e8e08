"""Feeds the learner with what was committed, in journal order, in slices between which decisions go on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from time import monotonic

import structlog

from opportune.outcomes import Learner, LessonBook, teach
from opportune.service.course import Course
from opportune.service.logs import place_of
from opportune.service.settings import Settings
from opportune.service.training import STATES, adoption, prepare_turn, take_turn, turn
from opportune.storage import Entry, ErasureBody, ForgetBody, GroupWriter, Kind, Storage

__all__ = ["Teacher"]

RETRY_SECONDS = 1.0
SLICE_SECONDS = 0.002
"""Time of learning after which decisions get their turn, be the lessons of the slice learned or not."""

log = structlog.get_logger()


class Teacher:
    """Teaches one learner; lives in the event loop's thread.

    Args:
        on_turn: called after every revision or change of models that was folded, in the loop's thread.

    Attributes:
        writer: takes the checkpoints; set before anything is committed.
    """

    writer: GroupWriter

    def __init__(
        self,
        storage: Storage,
        learner: Learner,
        course: Course,
        settings: Settings,
        on_turn: Callable[[], None] = lambda: None,
    ) -> None:
        kept = storage.model_state(STATES)
        self.learner = learner
        self._course = course
        self._on_turn = on_turn
        self._book = LessonBook(storage)
        self._settings = settings
        self._waiting: deque[Entry] = deque()
        self._awake = False
        self._resting = False
        self._still = asyncio.Lock()
        """Held while another thread reads the model: nothing is learned then."""
        # What was learned again at the start counts too: else a service that often crashes would learn ever more again.
        self._kept_at = 0
        self._kept_position = -1 if kept is None else kept.position
        self._tasks: set[asyncio.Task[None]] = set()
        self._keeping: asyncio.Task[None] | None = None

    @property
    def lag(self) -> int:
        """Outcomes, revisions and changes of models committed and not yet learned."""
        return len(self._waiting)

    def follow(self, entries: list[Entry]) -> None:
        """Take new journal entries, in journal order."""
        for entry in entries:
            if entry.kind is Kind.DECISION:
                self._book.read(entry)
            elif entry.kind is Kind.OUTCOME:
                self._waiting.append(entry)
            elif entry.kind is Kind.REVISION:
                self._course.note(entry)
                self._waiting.append(entry)
            elif entry.kind is Kind.CHANGE:
                self._waiting.append(entry)
            elif isinstance(entry.body, ForgetBody | ErasureBody):
                self._book.forget(entry.body.sequences)
                if isinstance(entry.body, ForgetBody):
                    # What it learned of them cannot be learned again: later decisions stand on this checkpoint.
                    self._keep_soon()
        if self._waiting and not self._awake:
            self._awake = True
            asyncio.get_running_loop().call_soon(self._slice)

    async def rest(self) -> None:
        """Learn nothing more by itself."""
        self._resting = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def drain(self) -> None:
        """Learn all that waits, and fold all revisions and changes of models among it."""
        while self._waiting:
            if self._waiting[0].kind is not Kind.OUTCOME:
                turn(self.learner, self._course, self._waiting.popleft())
            else:
                self._learn_next()

    @asynccontextmanager
    async def still(self) -> AsyncIterator[Learner]:
        """Give the learner to read in another thread; it learns nothing meanwhile."""
        async with self._still:
            yield self.learner

    async def keep(self) -> None:
        """Write a checkpoint, unless nothing was learned since the last."""
        if self.learner.position == self._kept_position:
            return
        self._kept_at, self._kept_position = self.learner.learned, self.learner.position
        plan, model, position = self.learner.plan, self.learner.model, self.learner.position
        snapshot, answers, quota = model.snapshot(), model.evidence(), self.learner.quota.copy()
        # Writing megabytes as bytes takes long enough to hold up decisions: another thread does it.
        write = await asyncio.to_thread(
            adoption, plan, snapshot, answers, position, f"checkpoint-{self._settings.new_id()}", quota
        )
        await self.writer.write(write)

    def _slice(self) -> None:
        loop = asyncio.get_running_loop()
        if self._resting:
            return
        if self._still.locked():
            self._start(self._go_on())
            return
        until = monotonic() + SLICE_SECONDS
        try:
            for _ in range(min(self._settings.lessons_per_slice, len(self._waiting))):
                if self._waiting[0].kind is not Kind.OUTCOME:
                    self._start(self._turn())
                    return
                self._learn_next()
                if monotonic() > until:
                    break
        except Exception as error:  # noqa: BLE001  Learning must go on whatever happens.
            # Above all StoreError: a decision that is no longer in memory could not be read. What waits stays in order.
            loop.call_later(RETRY_SECONDS, self._slice)
            log.warning("learning waits", error=type(error).__name__, where=place_of(error), lag=self.lag)
            return
        if self.learner.learned - self._kept_at >= self._settings.checkpoint_lessons:
            self._keep_soon()
        if self._waiting:
            loop.call_soon(self._slice)
        else:
            self._awake = False

    async def _go_on(self) -> None:
        """Learn on once nobody else reads the model."""
        async with self._still:
            pass
        self._slice()

    async def _turn(self) -> None:
        """Fold the revision or change that is next; decisions go on with the model before it."""
        entry = self._waiting[0]
        try:
            async with self._still:
                prepared = await asyncio.to_thread(prepare_turn, self.learner, self._course, entry)
                take_turn(self.learner, entry, prepared)
            if prepared is None:
                log.error("passed over: it cannot be followed", sequence=entry.sequence, kind=entry.kind.value)
            self._waiting.popleft()
            self._on_turn()
        except Exception as error:  # noqa: BLE001  As in a slice: it is tried again, in its order.
            log.warning("learning waits", error=type(error).__name__, where=place_of(error), lag=self.lag)
            await asyncio.sleep(RETRY_SECONDS)
        self._slice()

    def _learn_next(self) -> None:
        teach(self.learner, self._book, self._waiting[0], _tell)
        self._waiting.popleft()

    def _keep_soon(self) -> None:
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.get_running_loop().create_task(self._keep_or_say())

    async def _keep_or_say(self) -> None:
        try:
            await self.keep()
        except Exception as error:  # noqa: BLE001  The next checkpoint must be tried whatever befell this one.
            log.warning("no checkpoint; the next one is tried later", error=type(error).__name__, where=place_of(error))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _tell(sequence: int, error: Exception) -> None:
    log.error("outcome set aside unlearned", sequence=sequence, error=type(error).__name__, where=place_of(error))
