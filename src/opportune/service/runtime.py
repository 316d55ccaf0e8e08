"""The running installation: one strategy, one store, one model that learns; knows nothing of HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import msgspec
import structlog

from opportune.decide import Explanation
from opportune.errors import OpportuneError
from opportune.outcomes import Learner
from opportune.records import Decision, DecisionRequest, Outcome
from opportune.service.deciding import Answer, Decider
from opportune.service.intake import Event, Intake, Taken
from opportune.service.live import Live, Serving
from opportune.service.logs import place_of
from opportune.service.profiles import Profiles
from opportune.service.recalling import Recaller
from opportune.service.recent import RecentDecisions
from opportune.service.revisions import Strategy, bundle_of
from opportune.service.settings import Settings
from opportune.service.teacher import Teacher
from opportune.service.training import Progress, adoption, trained
from opportune.service.windows import Sweeper
from opportune.storage import GroupWriter, Profile, Receipt, SaveRevision, Storage, Write

__all__ = ["ModelReport", "Runtime"]

log = structlog.get_logger()


class ModelReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a model has learned.

    Args:
        name: of the model, such as "bayes".
        kernel: "numpy" or "numba".
        revision: of the strategy that it serves.
        position: journal entry that it has learned to; `journal` is the last entry.
        learned: answers learned since the start of the process.
        skipped: outcomes of candidates that the strategy does not have.
        set_aside: outcomes that could not be learned, since the start of the process; the log says why.
        lag: outcomes acknowledged and not yet learned.
        evidence: candidate "group/action/channel/treatment" → outcome → answers learned in all.
    """

    name: str
    kernel: str
    revision: str
    position: int
    journal: int
    learned: int
    skipped: int
    set_aside: int
    lag: int
    evidence: dict[str, dict[str, float]]


class Runtime:
    """Decides, takes outcomes, learns.

    Use `prepare` once, which may take long, then `start` inside of the event loop.

    Args:
        strategy: compiled before, so that a broken project never gets here.
        storage: opened for writing; closed by `close`.
    """

    def __init__(self, strategy: Strategy, storage: Storage, settings: Settings | None = None) -> None:
        self.storage = storage
        self.settings = settings or Settings()
        self.ready = False
        self.learner: Learner
        self.teacher: Teacher
        self.writer: GroupWriter
        self._strategy = strategy
        self.live: Live
        self._recent = RecentDecisions(self.settings.decisions_max)
        # Two threads: an explanation that takes a second must not keep decisions from their profiles.
        self._reader = ThreadPoolExecutor(1, "opportune-reader")
        self._explainer = ThreadPoolExecutor(1, "opportune-explainer")
        self._recaller = Recaller(storage, self.settings.kernel, strategy)
        self._chores: asyncio.Task[None] | None = None

    @property
    def strategy(self) -> Strategy:
        """The strategy that is served now."""
        return self.live.current.strategy

    @property
    def profiles(self) -> Profiles:
        """The profiles that decisions read now."""
        return self.live.current.profiles

    def prepare(self, progress: Progress = lambda done, total: None) -> None:
        """Bring the model to the end of the journal, and make the strategy the current revision.

        Raises:
            StoreError: the store cannot be read or written.
        """
        plan = self._strategy.plan
        self.learner = trained(self.storage, plan, self.settings.kernel, progress)
        profiles = Profiles(self.storage, self._strategy.registries.customer, self.settings.profiles_max)
        self.live = Live(Serving(self._strategy, self.learner, profiles))
        current = self.storage.current_revision()
        if current is None or current.hash != plan.revision:
            # The checkpoint in the same transaction: between two checkpoints, one plan taught.
            self._write(
                SaveRevision(
                    id=f"revision-{self.settings.new_id()}",
                    hash=plan.revision,
                    bundle=bundle_of(self._strategy.project),
                ),
                adoption(
                    plan,
                    self.learner.model.snapshot(),
                    self.learner.model.evidence(),
                    self.learner.position,
                    f"checkpoint-{self.settings.new_id()}",
                ),
            )

    async def start(self) -> None:
        """Begin to take requests."""
        self.teacher = Teacher(self.storage, self.learner, self.settings)
        self.writer = GroupWriter(self.storage, self.teacher.follow, loop=asyncio.get_running_loop())
        self.teacher.writer = self.writer
        self._decider = Decider(self.live, self._recent, self.writer, self._reader, self.settings)
        self._intake = Intake(self.live, self.storage, self._recent, self.writer, self._reader, self.settings)
        self._chores = asyncio.create_task(self._do_chores())
        self.ready = True

    async def close(self) -> None:
        """Finish what was begun, keep the model, release the store."""
        self.ready = False
        if self._chores is not None:
            self._chores.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._chores
            try:
                self.teacher.drain()
                await self.teacher.keep()
            except Exception as error:  # noqa: BLE001  What was not kept is learned again from the journal.
                log.error("no checkpoint at the end", error=type(error).__name__, where=place_of(error))
        try:
            if self._chores is not None:
                await asyncio.to_thread(self.writer.close)
        finally:
            self._reader.shutdown(wait=False, cancel_futures=True)
            self._explainer.shutdown(wait=False, cancel_futures=True)
            self.storage.close()

    async def decide(self, request: DecisionRequest, deadline_ms: float | None = None) -> Answer:
        """Answer a contact; see `Decider.answer`."""
        return await self._decider.answer(request, deadline_ms)

    async def record_outcomes(self, outcomes: Sequence[Outcome]) -> list[Taken]:
        """Record outcomes; see `Intake.outcomes`."""
        return await self._intake.outcomes(outcomes)

    async def record_events(self, events: Sequence[Event]) -> list[Taken]:
        """Record events; see `Intake.events`."""
        return await self._intake.events(events)

    async def save_profile(
        self, customer: str, attributes: Mapping[str, Any], *, replace: bool, write_id: str | None = None
    ) -> tuple[Receipt, tuple[str, ...]]:
        """Set attributes of a customer; see `Intake.profile`."""
        return await self._intake.profile(customer, attributes, replace=replace, write_id=write_id)

    async def save_profiles(
        self, rows: Sequence[tuple[str, Mapping[str, Any], str | None]], replace: bool
    ) -> list[tuple[Taken, tuple[str, ...]]]:
        """Set attributes of many customers; see `Intake.profiles`."""
        return await self._intake.profiles(rows, replace)

    async def profile(self, customer: str) -> Profile | None:
        """Read a customer's profile."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, self.storage.profile, customer)

    async def recall(self, decision: str) -> tuple[Decision, Explanation | None]:
        """Read a decision and explain it; see `Recaller.recall`."""
        return await asyncio.get_running_loop().run_in_executor(self._explainer, self._recaller.recall, decision)

    def model_report(self) -> ModelReport:
        """Say what the model has learned."""
        model, plan = self.learner.model, self.strategy.plan
        evidence = model.evidence()
        return ModelReport(
            name=model.name,
            kernel=model.kernel,
            revision=plan.revision,
            position=self.learner.position,
            journal=self.storage.last_sequence(),
            learned=self.learner.learned,
            skipped=self.learner.skipped,
            set_aside=self.learner.set_aside,
            lag=self.teacher.lag,
            evidence={
                str(key): {name: float(evidence[head, index]) for head, name in enumerate(plan.outcomes)}
                for index, key in enumerate(plan.candidates)
            },
        )

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
