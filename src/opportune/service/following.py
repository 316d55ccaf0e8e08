"""A process that decides and never learns: it takes over what the learner posts, and forgets what others changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import TypeVar

import structlog

from opportune.decide import Plan
from opportune.errors import DamageError, StoreError, UnknownError
from opportune.learning import PropensityModel
from opportune.outcomes import Taught
from opportune.service.adopting import live_model, some_model
from opportune.service.events import happened
from opportune.service.live import Live
from opportune.service.logs import place_of
from opportune.service.publishing import current
from opportune.service.revisions import Strategy
from opportune.service.runtime import Learning, Runtime
from opportune.service.settings import Settings
from opportune.service.training import Progress, led_on
from opportune.storage import Storage
from opportune.storage.cluster import Notice, Watch

__all__ = ["FollowingRuntime"]

ADOPTING_SHARE = 0.1
"""Share of its time that a process spends at most on taking over models."""
ADOPT_SECONDS_MAX = 0.5
"""Longest pause between two models, whatever they cost."""
LOOK_SECONDS = 15.0
"""How often it looks for a model and a revision where no notice came: nothing hangs on notices alone."""
RETRY_SECONDS = 0.5

T = TypeVar("T")

log = structlog.get_logger()


class FollowingRuntime(Runtime):
    """Decides with the model that was posted last for its revision.

    A model is read and restored in another thread and then served by one change of the pointer, so that no request
    waits for it.
    """

    role = "decider"

    def __init__(self, strategy: Strategy, storage: Storage, settings: Settings | None = None) -> None:
        super().__init__(strategy, storage, settings)
        self._watch: Watch | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._wake = asyncio.Event()
        self._published = asyncio.Event()
        self._turn = asyncio.Lock()
        """Held while the pointer is about to move."""
        self._origin: Taught | None = None
        """The model as it was learned; what is served may be led on from it to a newer revision."""
        self._newest = 0
        """Position of the last model that was heard of."""
        self.refused = 0
        """Posted models that were damaged."""

    def prepare(self, progress: Progress = lambda done, total: None) -> None:
        """Find a model to begin with: the posted one, or the last checkpoint with what came after it."""
        plan, kernel = self._strategy.plan, self.settings.kernel
        step = current(self.course)
        taught: Taught | None = None
        try:
            taught = live_model(self.storage, plan, kernel)
        except DamageError as error:
            self._tell_damage(error)
        if taught is None:
            taught = some_model(self.storage, self.course, kernel)
        self._origin = taught
        self.live = Live(self._served(self._fitted(plan), 0 if step is None else step.number))

    async def switch(self, strategy: Strategy, number: int) -> None:
        """Serve a revision that was committed, with the model at hand led on to it until one of its own is posted."""
        self.course.strategies.put(strategy)
        await asyncio.to_thread(self.course.read)
        async with self._turn:
            self._swap(strategy, await asyncio.to_thread(self._fitted, strategy.plan), number)
        self._wake.set()

    def _fitted(self, plan: Plan) -> Taught | None:
        """Give the model that was posted last, led on to a plan."""
        origin = self._origin
        steps = None if origin is None else self.course.ahead(origin.position, plan.revision)
        return None if origin is None or steps is None else led_on(origin, self.course, steps)

    async def _read_models(self, work: Callable[[PropensityModel, int], T]) -> T:
        learned = self.live.current.learned
        if learned is None:
            raise UnknownError.of("models", "nothing has learned yet", "wait for the process that learns", "not-found")
        return await asyncio.to_thread(work, learned.model, learned.position)

    def learning(self) -> Learning:
        """Say how far the model is behind the one posted last."""
        learned = self.live.current.learned
        position = 0 if learned is None else learned.position
        return Learning(position=position, lag=max(0, self._newest - position))

    def _on_committed(self) -> None:
        return None

    async def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        self._watch = await asyncio.to_thread(
            self.storage.cluster.watch, lambda notice: _pass_on(loop, self._hear, notice)
        )
        self._tasks = [loop.create_task(self._adopt_forever()), loop.create_task(self._switch_forever())]

    async def _finish(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._watch is not None:
            await asyncio.to_thread(self._watch.close)

    def _hear(self, notice: Notice) -> None:
        """Take in what was committed anywhere."""
        if notice.missed:
            self.profiles.forget_all()
        elif notice.persons or notice.identifiers:
            self.profiles.forget_changed(notice.persons, notice.identifiers)
            for person in notice.persons:
                self.histories.forget(person)
        if notice.model is not None:
            self._newest = max(self._newest, notice.model)
        if notice.model is not None or notice.missed:
            self._wake.set()
        if notice.revision is not None or notice.missed:
            self._published.set()

    async def _adopt_forever(self) -> None:
        while True:
            pause = ADOPT_SECONDS_MAX
            begin = perf_counter()
            try:
                await self._adopt()
                seconds = perf_counter() - begin
                pause = min(seconds * (1 / ADOPTING_SHARE - 1), ADOPT_SECONDS_MAX)
            except DamageError as error:
                self._tell_damage(error)
            except StoreError as error:
                log.info("no look for a model", error=type(error).__name__)
            except Exception as error:  # noqa: BLE001  It goes on with the model at hand.
                log.error("model not taken over", error=type(error).__name__, where=place_of(error))
            await asyncio.sleep(pause)
            await happened(self._wake, LOOK_SECONDS)
            self._wake.clear()

    async def _switch_forever(self) -> None:
        """Serve what is published anywhere."""
        pause = LOOK_SECONDS
        is_away = False
        while True:
            await happened(self._published, pause)
            self._published.clear()
            pause = LOOK_SECONDS
            try:
                newer = await asyncio.to_thread(self._newer)
                if newer is not None:
                    await self.switch(*newer)
                    log.info("revision live", revision=newer[1], hash=newer[0].plan.revision)
                is_away = False
            except StoreError as error:
                if not is_away:
                    log.warning("no look for a revision; it is tried again", error=type(error).__name__)
                is_away, pause = True, RETRY_SECONDS
            except Exception as error:  # noqa: BLE001  The revision before goes on, and this one is tried again.
                log.warning("revision not live", error=type(error).__name__, where=place_of(error))
                pause = RETRY_SECONDS

    def _newer(self) -> tuple[Strategy, int] | None:
        """Compile the revision that is current now; None where it is served."""
        self.course.read()
        step = current(self.course)
        if step is None or step.number <= self.live.current.number:
            return None
        return self.course.strategies.of(step.hash), step.number

    async def _adopt(self) -> None:
        """Take over the posted model, if it is of the revision that is served and further than the one at hand."""
        async with self._turn:
            serving = self.live.current
            after = -1 if self._origin is None else self._origin.position
            plan = serving.strategy.plan
            taught = await asyncio.to_thread(live_model, self.storage, plan, self.settings.kernel, after)
            if taught is not None:
                self._origin = taught
                self.live.current = replace(serving, learned=taught)
                self._newest = max(self._newest, taught.position)

    def _tell_damage(self, error: DamageError) -> None:
        self.refused += 1
        log.error("posted model refused; the one at hand goes on", reason=str(error))


def _pass_on(loop: asyncio.AbstractEventLoop, hear: object, notice: Notice) -> None:
    """Call in the loop's thread; a loop that is closed hears nothing more."""
    try:
        loop.call_soon_threadsafe(hear, notice)  # type: ignore[arg-type]
    except RuntimeError:
        return
