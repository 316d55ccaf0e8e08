"""The process that learns for all: it waits for the role, follows the journal, and gives up the role when it ends."""

from __future__ import annotations

import asyncio
import contextlib
from time import monotonic

import structlog

from opportune.errors import OpportuneError, StoreError
from opportune.service.events import happened
from opportune.service.follower import Follower
from opportune.service.live import Live
from opportune.service.logs import place_of
from opportune.service.promoting import Promoter
from opportune.service.retaining import Retaining
from opportune.service.settings import Settings
from opportune.service.status import Identity, Reporter
from opportune.service.switching import first_serving
from opportune.service.tree_trainer import TreeTrainer
from opportune.service.windows import Sweeper
from opportune.service.write_log import WriteLog
from opportune.storage import GroupWriter, Storage
from opportune.storage.cluster import Leadership, Notice, ProcessReport

__all__ = ["LearningProcess"]

ROLE = "learner"
STAND_BY_SECONDS = 0.25
"""How often one that stands by asks for the role."""
LOOK_SECONDS = 1.0
"""How often the journal is looked at where no notice came."""
RETRY_SECONDS = 0.5
PREPARE_SECONDS = 10.0
"""How often the store may make room for what comes."""

log = structlog.get_logger()


class LearningProcess:
    """Stands by, then learns, as long as it holds the role.

    The role is a lock in the store that the store takes back from a process that ends or stands still. Whoever loses it
    learns nothing more and stands by again: what it knew is thrown away, since another one goes on.

    Attributes:
        is_standing_by: whether the store was reached and the role asked for.
    """

    def __init__(self, storage: Storage, settings: Settings | None = None) -> None:
        self._storage = storage
        self._settings = settings or Settings()
        self._follower = Follower(storage, self._settings)
        self._retaining = Retaining(storage, self._settings)
        self._role = "standby"
        self._last = 0
        self._ending = asyncio.Event()
        self._wake = asyncio.Event()
        self._identity = Identity(self._settings.clock())
        self._reporter = Reporter(storage.cluster, self._report)

    def end(self) -> None:
        """Finish what is being learned, then let `run` return."""
        self._ending.set()
        self._wake.set()

    async def run(self) -> None:
        """Stand by and learn until `end`."""
        loop = asyncio.get_running_loop()
        watch = await asyncio.to_thread(self._storage.cluster.watch, lambda notice: _pass_on(loop, self, notice))
        self._reporter.start()
        try:
            while not self._ending.is_set():
                leadership = await self._ask()
                if leadership is None:
                    await happened(self._ending, STAND_BY_SECONDS)
                    continue
                try:
                    await self._lead(leadership)
                except Exception as error:  # noqa: BLE001  Whatever broke, it or another one takes the role again.
                    log.warning("learning ended", error=type(error).__name__, where=place_of(error))
                    await happened(self._ending, RETRY_SECONDS)
                finally:
                    self._role = "standby"
                    self._reporter.renew()
                    await asyncio.to_thread(leadership.release)
        finally:
            await self._reporter.close()
            await asyncio.to_thread(watch.close)

    async def _ask(self) -> Leadership | None:
        try:
            return await asyncio.to_thread(self._storage.cluster.lead, ROLE)
        except StoreError:
            return None

    async def _lead(self, leadership: Leadership) -> None:
        """Learn until the role is lost or the process ends.

        Raises:
            StoreError: the store cannot be read or written.
        """
        self._role = ROLE
        if not await asyncio.to_thread(self._follower.begin):
            # Nothing was published yet.
            await happened(self._ending, LOOK_SECONDS)
            return
        log.info("learning", position=self._follower.learner.position)
        self._reporter.renew()
        writer = GroupWriter(self._storage, loop=asyncio.get_running_loop(), on_commit=WriteLog().note)
        chores = asyncio.create_task(self._do_chores(leadership, writer))
        learning = asyncio.create_task(self._learn(leadership, writer))
        try:
            await asyncio.wait((chores, learning), return_when=asyncio.FIRST_COMPLETED)
        finally:
            chores.cancel()
            self._wake.set()
            results = await asyncio.gather(chores, learning, return_exceptions=True)
            await asyncio.to_thread(writer.close)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result

    async def _learn(self, leadership: Leadership, writer: GroupWriter) -> None:
        """Learn what comes, and post it."""
        promoter = Promoter(self._follower.course)
        trainer = TreeTrainer(self._storage.url)
        try:
            await self._repeat(leadership, writer, promoter, trainer)
        finally:
            await asyncio.to_thread(trainer.close)
        if self._role == ROLE:
            await self._finish(writer)

    async def _repeat(
        self, leadership: Leadership, writer: GroupWriter, promoter: Promoter, trainer: TreeTrainer
    ) -> None:
        follower = self._follower
        kept_at = monotonic()
        await asyncio.to_thread(follower.post, at_once=True)
        while self._role == ROLE and not self._ending.is_set():
            self._wake.clear()
            wait = await asyncio.to_thread(self._work)
            checkpoint = await asyncio.to_thread(
                follower.checkpoint, is_due=monotonic() - kept_at >= self._settings.checkpoint_seconds
            )
            if checkpoint is not None and await asyncio.to_thread(leadership.held):
                # One that stood still meanwhile must not write what is older than the checkpoint of the next one.
                kept_at = monotonic()
                await writer.write(checkpoint)
            order = await asyncio.to_thread(promoter.order, follower.learner)
            for one in (order, await asyncio.to_thread(trainer.order, follower.learner)):
                if one is not None:
                    await writer.write(one)
                    self._wake.set()
            await happened(self._wake, wait)

    def _work(self) -> float:
        """Learn all that is there; give the seconds after which to look again."""
        while self._follower.step() and self._role == ROLE and not self._ending.is_set():
            self._follower.post()
        return self._follower.post() or LOOK_SECONDS

    async def _finish(self, writer: GroupWriter) -> None:
        """Leave to the next one as little as can be."""
        await asyncio.to_thread(self._follower.post, at_once=True)
        checkpoint = await asyncio.to_thread(self._follower.checkpoint, is_due=True)
        if checkpoint is not None:
            await writer.write(checkpoint)

    async def _do_chores(self, leadership: Leadership, writer: GroupWriter) -> None:
        """Watch the role, record silence and let old data go; returns when the role is lost."""
        prepared_at = -PREPARE_SECONDS
        while True:
            if not await asyncio.to_thread(leadership.held):
                self._role = "standby"
                log.warning("the role of the learner is lost; another process may have it")
                return
            try:
                await self._sweep(writer)
                if monotonic() - prepared_at >= PREPARE_SECONDS:
                    prepared_at = monotonic()
                    await asyncio.to_thread(self._storage.prepare)
            except OpportuneError as error:
                log.warning("chore failed; it is tried again", error=type(error).__name__)
            await asyncio.sleep(self._settings.sweep_seconds)

    async def _sweep(self, writer: GroupWriter) -> None:
        course, learner = self._follower.course, self._follower.learner
        strategy = await asyncio.to_thread(course.strategies.of, learner.plan.revision)
        live = Live(first_serving(self._storage, self._settings, strategy, learner, 0))
        await Sweeper(live, self._storage, writer, self._settings).sweep()
        await self._retaining.apply(strategy.project.settings.retention_days)
        await self._retaining.apply_classes(strategy.project)

    def hear(self, notice: Notice) -> None:
        """Take in what was committed anywhere."""
        self._last = max(self._last, notice.last)
        if notice.outcomes or notice.changes or notice.revision is not None or notice.missed:
            self._wake.set()

    def _report(self) -> ProcessReport:
        follower = self._follower
        is_learning = self._role == ROLE and hasattr(follower, "learner")
        step = follower.course.at(follower.learner.position) if is_learning else None
        return self._identity.report(
            role=self._role,
            address="",
            revision=0 if step is None else step.number,
            model=follower.learner.model.name if is_learning else "",
            position=follower.learner.position if is_learning else 0,
            lag=max(0, self._last - follower.read_to) if is_learning else 0,
            now=self._settings.clock(),
        )


def _pass_on(loop: asyncio.AbstractEventLoop, process: LearningProcess, notice: Notice) -> None:
    """Hear in the loop's thread; a loop that is closed hears nothing more."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(process.hear, notice)
