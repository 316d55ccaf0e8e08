"""One process for everything: it decides, takes outcomes and learns, on a store that nobody else writes to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

import structlog

from opportune.errors import OpportuneError
from opportune.learning import PropensityModel
from opportune.outcomes import Learner
from opportune.service.course import Step
from opportune.service.live import Live
from opportune.service.logs import place_of
from opportune.service.promoting import Promoter
from opportune.service.publishing import revision_of, trial_model
from opportune.service.retaining import Retaining
from opportune.service.revisions import Strategy
from opportune.service.runtime import Learning, Runtime
from opportune.service.settings import Settings
from opportune.service.teacher import Teacher
from opportune.service.training import Progress, led_on, trained
from opportune.service.tree_trainer import TreeTrainer
from opportune.service.windows import Sweeper
from opportune.storage import Entry, Storage

__all__ = ["EmbeddedRuntime"]

PATIENCE_SECONDS = 0.3
"""How long a new revision waits for the learner to come to it."""
POLL_SECONDS = 0.005

T = TypeVar("T")

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
        """Make the strategy the current revision where it is not, and bring the model to the end of the journal."""
        plan = self._strategy.plan
        step = self.course.at(self.storage.last_sequence())
        if step is None or step.hash != plan.revision:
            step = self._publish()
        learner = trained(self.storage, self.course, self.settings.kernel, progress)
        assert learner is not None
        self.learner = learner
        self.live = Live(self._served(learner.taught, step.number))

    def _publish(self) -> Step:
        """Publish the strategy of the start, which was checked by whoever compiled it."""
        for result in self.storage.write([revision_of(self.course, self._strategy, self.settings.new_id())]):
            if isinstance(result, OpportuneError):
                raise result
        self.course.read()
        return self.course.steps[-1]

    async def model_for(self, strategy: Strategy) -> PropensityModel:
        """Give a model for a strategy that is not live yet; nothing is learned while it is copied."""
        async with self.teacher.still() as learner:
            return await asyncio.to_thread(trial_model, self.course, strategy, learner.taught, self.settings.kernel)

    async def switch(self, strategy: Strategy, number: int) -> None:
        """Serve a revision that was committed, with the learner's model or, where that is behind, with one led on."""
        self.course.strategies.put(strategy)
        until = monotonic() + PATIENCE_SECONDS
        while self.live.current.number < number and monotonic() < until:
            await asyncio.sleep(POLL_SECONDS)
        if self.live.current.number >= number:
            return
        async with self.teacher.still() as learner:
            ahead = self.course.ahead(learner.position, strategy.plan.revision)
            taught = await asyncio.to_thread(led_on, learner.taught, self.course, ahead or [])
            self._swap(strategy, taught, number)

    async def _read_models(self, work: Callable[[PropensityModel, int], T]) -> T:
        async with self.teacher.still() as learner:
            return await asyncio.to_thread(work, learner.model, learner.position)

    def _on_turn(self) -> None:
        """Serve what the learner has come to."""
        step = self.course.at(self.learner.position)
        if step is not None:
            self._swap(self.course.strategies.of(step.hash), self.learner.taught, step.number)

    def learning(self) -> Learning:
        """Say how far the learner is."""
        learner = self.learner
        return Learning(
            position=learner.position,
            learned=learner.learned,
            unlearned=learner.unlearned,
            over_quota=learner.over_quota,
            skipped=learner.skipped,
            set_aside=learner.set_aside,
            lag=self.teacher.lag,
        )

    def _on_committed(self) -> Callable[[list[Entry]], None]:
        self.teacher = Teacher(self.storage, self.learner, self.course, self.settings, self._on_turn)
        return self.teacher.follow

    async def _begin(self) -> None:
        self.teacher.writer = self.writer
        self._chores = asyncio.create_task(self._do_chores())

    async def _finish(self) -> None:
        if self._chores is not None:
            self._chores.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._chores
        await self.teacher.rest()
        try:
            self.teacher.drain()
            await self.teacher.keep()
        except Exception as error:  # noqa: BLE001  What was not kept is learned again from the journal.
            log.error("no checkpoint at the end", error=type(error).__name__, where=place_of(error))

    async def _do_chores(self) -> None:
        """Record silence, keep the model, apply the rule of promotion and have trees trained, again and again."""
        sweeper = Sweeper(self.live, self.storage, self.writer, self.settings)
        retaining = Retaining(self.storage, self.settings)
        promoter = Promoter(self.course)
        trainer = TreeTrainer(self.storage.url)
        try:
            await self._repeat(sweeper, retaining, promoter, trainer)
        finally:
            trainer.close()

    async def _repeat(self, sweeper: Sweeper, retaining: Retaining, promoter: Promoter, trainer: TreeTrainer) -> None:
        kept_at = monotonic()
        while True:
            await asyncio.sleep(self.settings.sweep_seconds)
            try:
                await sweeper.sweep()
                if monotonic() - kept_at >= self.settings.checkpoint_seconds:
                    await self.teacher.keep()
                    kept_at = monotonic()
                order = promoter.order(self.learner)
                if order is not None:
                    await self.writer.write(order)
                async with self.teacher.still() as learner:
                    trees = await asyncio.to_thread(trainer.order, learner)
                if trees is not None:
                    await self.writer.write(trees)
                project = self.live.current.strategy.project
                await retaining.apply(project.settings.retention_days)
                if await retaining.apply_classes(project):
                    self.profiles.forget_all()
            except Exception as error:  # noqa: BLE001  A chore that ends for good would be noticed too late.
                log.warning("chore failed; it is tried again", error=type(error).__name__)
