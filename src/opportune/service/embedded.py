"""One process for everything: it decides, takes outcomes and learns, on a store that nobody else writes to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from time import monotonic

import structlog

from opportune.errors import OpportuneError
from opportune.outcomes import Learner
from opportune.service.live import Live
from opportune.service.logs import place_of
from opportune.service.revisions import Strategy, bundle_of
from opportune.service.runtime import Learning, Runtime
from opportune.service.settings import Settings
from opportune.service.teacher import Teacher
from opportune.service.training import Progress, adoption, trained
from opportune.service.windows import Sweeper
from opportune.storage import Entry, SaveRevision, Storage, Write

__all__ = ["EmbeddedRuntime"]

log = structlog.get_logger()


class EmbeddedRuntime(Runtime):
    """Learns in the event loop, between decisions: an outcome that was acknowledged is learned at once."""

    role = "embedded"
    learner: Learner
    teacher: Teacher

    def __init__(self, strategy: Strategy, storage: Storage, settings: Settings | None = None) -> None:
        super().__init__(strategy, storage, settings)
        self._chores: asyncio.Task[None] | None = None

    def prepare(self, progress: Progress = lambda done, total: None) -> None:
        """Bring the model to the end of the journal, and make the strategy the current revision."""
        plan = self._strategy.plan
        self.learner = trained(self.storage, plan, self.settings.kernel, progress)
        current = self.storage.current_revision()
        if current is None or current.hash != plan.revision:
            self._save_revision()
            current = self.storage.current_revision()
        self.live = Live(self._served(self.learner, 0 if current is None else current.number))

    def _save_revision(self) -> None:
        """Make the strategy the current revision, with a checkpoint in the same transaction.

        Between two checkpoints, one plan taught.
        """
        plan = self._strategy.plan
        self._write(
            SaveRevision(
                id=f"revision-{self.settings.new_id()}", hash=plan.revision, bundle=bundle_of(self._strategy.project)
            ),
            adoption(
                plan,
                self.learner.model.snapshot(),
                self.learner.model.evidence(),
                self.learner.position,
                f"checkpoint-{self.settings.new_id()}",
            ),
        )

    def learning(self) -> Learning:
        """Say how far the learner is."""
        learner = self.learner
        return Learning(
            position=learner.position,
            learned=learner.learned,
            skipped=learner.skipped,
            set_aside=learner.set_aside,
            lag=self.teacher.lag,
        )

    def _on_committed(self) -> Callable[[list[Entry]], None]:
        self.teacher = Teacher(self.storage, self.learner, self.settings)
        return self.teacher.follow

    async def _begin(self) -> None:
        self.teacher.writer = self.writer
        self._chores = asyncio.create_task(self._do_chores())

    async def _finish(self) -> None:
        if self._chores is not None:
            self._chores.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._chores
        try:
            self.teacher.drain()
            await self.teacher.keep()
        except Exception as error:  # noqa: BLE001  What was not kept is learned again from the journal.
            log.error("no checkpoint at the end", error=type(error).__name__, where=place_of(error))

    def _write(self, *writes: Write) -> None:
        for result in self.storage.write(writes):
            if isinstance(result, OpportuneError):
                raise result

    async def _do_chores(self) -> None:
        """Record silence and keep the model, again and again."""
        sweeper = Sweeper(self.live, self.storage, self.writer, self.settings)
        kept_at = monotonic()
        while True:
            await asyncio.sleep(self.settings.sweep_seconds)
            try:
                await sweeper.sweep()
                if monotonic() - kept_at >= self.settings.checkpoint_seconds:
                    await self.teacher.keep()
                    kept_at = monotonic()
            except Exception as error:  # noqa: BLE001  A chore that ends for good would be noticed too late.
                log.warning("chore failed; it is tried again", error=type(error).__name__)
