"""The running service: one strategy, one store, one model; how the model learns is for its members to say."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import structlog

from opportune.customers.context import NO_ANSWERS
from opportune.customers.intake import Event, Names, Told
from opportune.errors import InputError, StoreError
from opportune.evaluate.data_report import DataReport
from opportune.evaluate.data_report.words import said
from opportune.evaluate.model_report import ModelReport
from opportune.learning import PropensityModel
from opportune.records import DecisionRequest, Outcome
from opportune.service.contests import (
    Changed,
    Comparison,
    Contender,
    Version,
    check_words,
    comparison,
    contenders,
    promotion,
    restoration,
    versions,
)
from opportune.service.course import Course
from opportune.service.deciding import Answer, Decider
from opportune.service.erasure_list import list_of
from opportune.service.events_intake import EventIntake
from opportune.service.gathering import Gatherer
from opportune.service.histories import Histories
from opportune.service.identity_links import Links
from opportune.service.intake import Intake, Taken
from opportune.service.judging import judged
from opportune.service.keeping import LateRecords
from opportune.service.limits import LimitsReport, limits_report, switch_of
from opportune.service.live import Knowledge, Live, Serving
from opportune.service.overdue import overdue
from opportune.service.profiles import Profiles
from opportune.service.publishing import Offer, Published, trial_model
from opportune.service.quality import Quality
from opportune.service.rebuilder import Rebuild, Rebuilder, RebuildProgress
from opportune.service.recalling import Recalled, Recaller
from opportune.service.recent import RecentDecisions
from opportune.service.releasing import Publisher, RevisionLine, RevisionRecord
from opportune.service.renaming import knowing
from opportune.service.revisions import Strategy
from opportune.service.rights import Rights
from opportune.service.session_intake import SessionIntake, SessionKnown, SessionNews
from opportune.service.settings import Settings
from opportune.service.standings import REFRESH_SECONDS, Standings
from opportune.service.status import Identity, Reporter, Status, status_of
from opportune.service.switching import first_serving, next_serving
from opportune.service.tokens import Tokens
from opportune.service.training import Progress
from opportune.service.write_log import WriteLog
from opportune.storage import ChangeModels, Entry, GroupWriter, Profile, Receipt, Storage
from opportune.storage.cluster import ProcessReport

if TYPE_CHECKING:
    from opportune.customers.context.fetching import Fetching

__all__ = ["Learning", "ModelSummary", "Runtime"]

EFFECT_SECONDS = 5.0
"""How long an order to the models is waited for; it takes effect all the same."""
POLL_SECONDS = 0.005
DATA_SECONDS = 300.0
"""Between two looks at the quality of data: reading some thousands of decisions takes up to a second."""

T = TypeVar("T")

log = structlog.get_logger()


class Learning(msgspec.Struct, frozen=True, kw_only=True):
    """How far learning is.

    Args:
        position: journal entry that the model has learned to.
        learned: answers learned since the start of the process; 0 where another process learns, as the next two.
        unlearned: answers taken back, since they were corrected, withdrawn or overtaken.
        over_quota: outcomes of which nothing was learned, since their person had taught enough.
        skipped: outcomes of candidates that the strategy does not have.
        set_aside: outcomes that could not be learned, since the start of the process; the log says why.
        lag: outcomes acknowledged and not yet learned; where another process learns, journal entries between the model
            here and the last one that was posted.
    """

    position: int = 0
    learned: int = 0
    unlearned: int = 0
    over_quota: int = 0
    skipped: int = 0
    set_aside: int = 0
    lag: int = 0


class ModelSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a model has learned.

    Args:
        name: of the model that decides, such as "main".
        kernel: "numpy" or "numba".
        revision: of the strategy that it serves.
        position: journal entry that it has learned to; `journal` is the last entry.
        learned: answers learned since the start of the process; 0 where another process learns, as the next two.
        skipped: outcomes of candidates that the strategy does not have.
        set_aside: outcomes that could not be learned, since the start of the process; the log says why.
        lag: outcomes acknowledged and not yet learned.
        evidence: candidate "group/action/channel/treatment" → outcome → answers learned in all.
        models: champion and challengers.
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
    models: tuple[Contender, ...]


class Runtime(ABC):
    """Decides and takes outcomes; knows nothing of HTTP.

    Use `prepare` once, which may take long, then `start` inside of the event loop.

    Args:
        strategy: compiled before, so that a broken project never gets here.
        storage: opened for writing; closed by `close`.
    """

    role: str
    """What a process of this kind does, as its report says."""

    address = ""
    """Where it takes requests, as its report says."""

    live: Live
    writer: GroupWriter
    rights: Rights
    late_records: LateRecords
    quality: Quality

    def __init__(self, strategy: Strategy, storage: Storage, settings: Settings | None = None) -> None:
        self.storage = storage
        self.settings = settings or Settings()
        self.ready = False
        self._strategy = strategy
        self._recent = RecentDecisions(self.settings.decisions_max)
        # Two threads: an explanation that takes a second must not keep decisions from their profiles.
        self._reader = ThreadPoolExecutor(1, "opportune-reader")
        self._explainer = ThreadPoolExecutor(1, "opportune-explainer")
        # A text is waited for a moment only: nothing slow may stand before it.
        self._text_reader = ThreadPoolExecutor(1, "opportune-texts")
        self.histories = Histories(storage, self._reader, self.settings.entries_max)
        self.standings = Standings(storage, self._reader, self.histories, self.settings.profiles_max)
        self._fetching = _fetching(self.settings.source_hosts)
        self.gatherer = Gatherer(storage, self.histories, self._reader, self._text_reader, self._fetching or NO_ANSWERS)
        self._refreshing: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self.course = Course(storage)
        self.course.strategies.put(strategy)
        self._rebuilder = Rebuilder(storage, self.settings.kernel)
        self._recaller = Recaller(storage, self.settings.kernel, self.course)
        self._identity = Identity(self.settings.clock())
        self.write_log = WriteLog()
        self._reporter = Reporter(storage.cluster, self._report)

    @property
    def strategy(self) -> Strategy:
        """The strategy that is served now."""
        return self.live.current.strategy

    @property
    def profiles(self) -> Profiles:
        """The profiles that decisions read now."""
        return self.live.current.profiles

    @abstractmethod
    def prepare(self, progress: Progress = lambda done, total: None) -> None:
        """Make ready what is served.

        Raises:
            StoreError: the store cannot be read or written.
        """

    async def start(self) -> None:
        """Begin to take requests."""
        loop = asyncio.get_running_loop()
        self.writer = GroupWriter(self.storage, self._hear_commits(), loop=loop, on_commit=self.write_log.note)
        self.late_records = LateRecords(self.writer, self.settings.new_id)
        self.quality = Quality(self.live, self.settings.clock())
        key = self.settings.token_key
        tokens = Tokens(await asyncio.to_thread(self.storage.secret, "tokens") if key is None else key)
        await asyncio.to_thread(self.standings.load_switches)
        if self._fetching is not None:
            self._fetching.open()
        self._decider = Decider(
            self.live,
            self._recent,
            self.writer,
            self._reader,
            self.settings,
            self.late_records,
            tokens,
            self.standings,
            self.quality,
            self.gatherer,
        )
        self._intake = Intake(
            self.live,
            self.storage,
            self._recent,
            self.writer,
            self._reader,
            self.settings,
            tokens,
            self.standings,
            self.late_records,
        )
        self.links = Links(self.live, self.storage, self.writer, self._reader, self.settings)
        self._events = EventIntake(self.live, self.writer, self.standings)
        self.rights = Rights(
            self.live, self.storage, self.writer, self._explainer, self.settings, self.course, list_of(self.storage)
        )
        self._sessions = SessionIntake(
            self.live, self.storage, self.writer, self._events, self._reader, self._text_reader
        )
        self._publisher = Publisher(self.storage, self.course, self.writer, self.settings, self.model_for, self.switch)
        self._refreshing = asyncio.create_task(self._refresh_standings())
        self._watching = asyncio.create_task(self._watch_data())
        await self._begin()
        self._reporter.start()
        self.ready = True

    def _hear_commits(self) -> Callable[[list[Entry]], None] | None:
        """Give who gets what is committed: what is known of persons goes on with it where nobody else writes."""
        hear, take = self._on_committed(), self.histories.take
        if self.storage.cluster.shared:
            return hear
        self.histories.follows = True
        if hear is None:
            return take

        def both(entries: list[Entry]) -> None:
            take(entries)
            hear(entries)

        return both

    async def close(self) -> None:
        """Finish what was begun, release the store."""
        self.ready = False
        try:
            if self._fetching is not None:
                await self._fetching.close()
            await self.histories.close()
            for task in (self._refreshing, self._watching):
                if task is not None:
                    task.cancel()
            if hasattr(self, "writer"):
                await self._reporter.close()
                await self.late_records.close()
                self._publisher.close()
                self._rebuilder.close()
                await self._finish()
                await asyncio.to_thread(self.writer.close)
        finally:
            self._reader.shutdown(wait=False, cancel_futures=True)
            self._explainer.shutdown(wait=False, cancel_futures=True)
            self._text_reader.shutdown(wait=False, cancel_futures=True)
            self.storage.close()

    async def _watch_data(self) -> None:
        """Judge the inputs of decisions now and then, for those who only look at the status or at the figures."""
        while True:
            await asyncio.sleep(DATA_SECONDS)
            try:
                await self.data_report()
            except StoreError as error:
                log.info("no look at the quality of data", error=type(error).__name__)

    async def _refresh_standings(self) -> None:
        """Look again and again what is switched off and what is left of stocks: other processes change both."""
        is_told = False
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self.standings.refresh(self.live.current.strategy.plan, self.settings.clock())
                is_told = False
            except StoreError as error:
                if not is_told:
                    log.info("no look at stocks and switches", error=type(error).__name__)
                is_told = True

    async def decide(self, request: DecisionRequest, deadline_ms: float | None = None, waited: float = 0.0) -> Answer:
        """Answer a contact; see `Decider.answer`."""
        try:
            with self.writer.announced():
                return await self._decider.answer(request, deadline_ms, waited)
        except InputError as error:
            self.quality.refuse(error)
            raise

    async def record_outcomes(self, outcomes: Sequence[Outcome]) -> list[Taken]:
        """Record outcomes; see `Intake.outcomes`."""
        return await self._intake.outcomes(outcomes)

    @property
    def unmatched(self) -> int:
        """Outcomes of decisions that nobody knows, refused since the start."""
        return self._intake.unmatched

    @property
    def event_names(self) -> Names:
        """What the strategy calls what others name in their own way."""
        return self._events.names

    async def record_events(self, events: Sequence[Event]) -> list[Taken]:
        """Record events; see `EventIntake.events`."""
        return await self._events.events(events)

    async def take_events(self, items: Sequence[Told | InputError]) -> list[Taken]:
        """Record what happened; see `EventIntake.take`."""
        return await self._events.take(items)

    async def add_to_session(self, session: str, news: SessionNews) -> SessionKnown:
        """Take in what is new in a conversation; see `SessionIntake.add`."""
        return await self._sessions.add(session, news)

    async def save_profile(
        self, customer: str, attributes: Mapping[str, Any], *, replace: bool, write_id: str | None = None
    ) -> tuple[Receipt, tuple[str, ...]]:
        """Set attributes of a customer; see `Intake.profile`."""
        try:
            return await self._intake.profile(customer, attributes, replace=replace, write_id=write_id)
        except InputError as error:
            self.quality.refuse(error)
            raise

    async def save_profiles(
        self, rows: Sequence[tuple[str, Mapping[str, Any], str | None]], replace: bool
    ) -> list[tuple[Taken, tuple[str, ...]]]:
        """Set attributes of many customers; see `Intake.profiles`."""
        taken = await self._intake.profiles(rows, replace)
        for one, _ in taken:
            if isinstance(one, InputError):
                self.quality.refuse(one)
        return taken

    async def history(self, customer: str, limit: int, before: int | None) -> list[Entry] | None:
        """Read a customer's journal entries, newest first; None where nobody is known."""
        loop = asyncio.get_running_loop()
        kind, value = self.links.named(customer)
        if await loop.run_in_executor(self._explainer, self.storage.person_of, value, kind) is None:
            return None
        return await loop.run_in_executor(self._explainer, self.storage.history, value, kind, limit, before)

    async def profile(self, customer: str) -> Profile | None:
        """Read a customer's profile."""
        kind, value = self.links.named(customer)
        return await asyncio.get_running_loop().run_in_executor(self._reader, self.storage.profile, value, kind)

    async def recall(self, decision: str) -> Recalled:
        """Read a decision and explain it; see `Recaller.recall`."""
        return await asyncio.get_running_loop().run_in_executor(self._explainer, self._recaller.recall, decision)

    async def status(self) -> Status:
        """Say how the whole installation is."""
        now = self.settings.clock()
        found = await asyncio.get_running_loop().run_in_executor(self._reader, status_of, self.storage, now)
        return msgspec.structs.replace(found, warnings=tuple(said(one, "en") for one in self.quality.concerns))

    async def data_report(self) -> DataReport:
        """Judge the inputs of decisions; see `Quality.report`."""
        own, now = self.quality.counts, self.settings.clock()
        report = partial(self.quality.report, self.storage, self._identity.id, own, now)
        return await asyncio.get_running_loop().run_in_executor(self._explainer, report)

    def model_report(self) -> ModelSummary | None:
        """Say what the model has learned; None where there is none."""
        serving = self.live.current
        if serving.learned is None:
            return None
        model, plan, learning = serving.learned.model, serving.strategy.plan, self.learning()
        evidence = model.evidence()
        return ModelSummary(
            name=model.name,
            kernel=model.kernel,
            revision=plan.revision,
            position=learning.position,
            journal=self.storage.last_sequence(),
            learned=learning.learned,
            skipped=learning.skipped,
            set_aside=learning.set_aside,
            lag=learning.lag,
            evidence={
                str(key): {name: float(evidence[head, index]) for head, name in enumerate(plan.outcomes)}
                for index, key in enumerate(plan.candidates)
            },
            models=contenders(model),
        )

    async def publish(self, offer: Offer) -> Published:
        """Publish a strategy and serve it; see `Publisher.publish`."""
        return await self._publisher.publish(offer)

    async def rollback(self, number: int | None, author: str, reason: str) -> Published:
        """Go back to an earlier revision; see `Publisher.rollback`."""
        return await self._publisher.rollback(number, author, reason)

    async def revisions(self) -> list[RevisionLine]:
        """List all revisions, the first one first."""
        return await self._publisher.revisions(self.live.current.number)

    async def revision(self, number: int) -> RevisionRecord:
        """Give one revision with its files; see `Publisher.revision`."""
        return await self._publisher.revision(number, self.live.current.number)

    async def compare_models(self) -> Comparison:
        """Compare champion and challengers.

        Raises:
            UnknownError: nothing has learned yet.
        """
        plan = self.live.current.strategy.plan
        found = await self._read_models(lambda model, position: comparison(model, position, plan))
        advice = await asyncio.get_running_loop().run_in_executor(self._explainer, overdue, self.storage)
        return msgspec.structs.replace(found, advice=advice)

    async def judge_models(self) -> ModelReport:
        """Judge champion and challengers; see `judged`."""
        snapshot, position = await self._read_models(lambda model, position: (model.snapshot(), position))
        judge = partial(judged, self.storage, self.course, snapshot, position, self.settings.kernel)
        return await asyncio.get_running_loop().run_in_executor(self._explainer, judge, self.settings.clock())

    async def model_versions(self) -> list[Version]:
        """List kept versions of what the models learned, the newest first."""
        return await asyncio.get_running_loop().run_in_executor(self._explainer, versions, self.storage)

    async def promote_model(self, model: str, author: str, reason: str, new_id: str | None = None) -> Changed:
        """Let a model decide from now on; see `contests.promotion`."""
        new_id = self.settings.new_id() if new_id is None else new_id
        write = promotion(self.live.current.strategy.plan, model, new_id, author, reason)
        return await self._change_models(write)

    async def restore_version(self, number: int, author: str, reason: str, new_id: str | None = None) -> Changed:
        """Go back to what the models knew; see `contests.restoration`."""
        new_id = self.settings.new_id() if new_id is None else new_id
        write = await asyncio.get_running_loop().run_in_executor(
            self._explainer, restoration, self.storage, number, new_id, author, reason
        )
        return await self._change_models(write)

    async def rebuild_models(self, author: str, reason: str) -> Rebuild:
        """Learn all final truths anew and go on from that; see `Rebuilder.work`.

        Raises:
            InputError: author or reason are too long.
        """
        check_words(author, reason)
        work = await self._rebuilder.work()
        return Rebuild.of(work, await self._change_models(work.order(self.settings.new_id(), author, reason)))

    def rebuild_progress(self) -> RebuildProgress:
        """Say how far a rebuild of this process is."""
        return self._rebuilder.progress

    async def limits(self) -> LimitsReport:
        """Say how stocks and switches stand."""
        plan, now = self.live.current.strategy.plan, self.settings.clock()
        return await asyncio.get_running_loop().run_in_executor(self._explainer, limits_report, self.storage, plan, now)

    async def switch_target(
        self, target: str, off: bool, author: str, reason: str, new_id: str | None = None
    ) -> tuple[str, int]:
        """Switch an action or a group off, or on again; this process obeys when it returns.

        Returns:
            the target as "action:<name>" or "group:<name>", and the journal entry.

        Raises:
            InputError: the strategy has neither, or the id was used for another order.
        """
        new_id = self.settings.new_id() if new_id is None else new_id
        write = switch_of(self.live.current.strategy.plan, target, off, new_id, author, reason)
        receipt = await self.writer.write(write)
        await asyncio.get_running_loop().run_in_executor(self._reader, self.standings.load_switches)
        log.info("switched", target=write.target, off=off, entry=receipt.sequence)
        return write.target, receipt.sequence

    async def _change_models(self, write: ChangeModels) -> Changed:
        """Write an order, and wait a little until this process decides so."""
        receipt = await self.writer.write(write)
        committed = perf_counter()
        while perf_counter() - committed < EFFECT_SECONDS:
            learned = self.live.current.learned
            if learned is not None and learned.position >= receipt.sequence:
                live_ms = (perf_counter() - committed) * 1e3
                log.info("models changed", order=write.order, model=write.model, entry=receipt.sequence, ms=live_ms)
                return Changed(entry=receipt.sequence, champion=learned.model.name, live_ms=live_ms)
            await asyncio.sleep(POLL_SECONDS)
        return Changed(entry=receipt.sequence)

    async def model_for(self, strategy: Strategy) -> PropensityModel:
        """Give a model for a strategy that is not live yet, from what is known now."""
        taught = self.live.current.learned
        return await asyncio.to_thread(trial_model, self.course, strategy, taught, self.settings.kernel)

    @abstractmethod
    async def switch(self, strategy: Strategy, number: int) -> None:
        """Serve a revision that was committed; it is live when this returns.

        Args:
            strategy: compiled, and warm.
            number: of the revision.

        Raises:
            StoreError: the store cannot be read; the revision before goes on.
        """

    @abstractmethod
    def learning(self) -> Learning:
        """Say how far learning is."""

    @abstractmethod
    async def _read_models(self, work: Callable[[PropensityModel, int], T]) -> T:
        """Do something with the served models and their position while nothing is learned.

        Raises:
            UnknownError: nothing has learned yet.
        """

    # What a kind of runtime adds

    @abstractmethod
    def _on_committed(self) -> Callable[[list[Entry]], None] | None:
        """Who gets what this process commits, in the event loop's thread; asked for once, before anything is."""

    @abstractmethod
    async def _begin(self) -> None:
        """Start what runs beside the requests."""

    @abstractmethod
    async def _finish(self) -> None:
        """End what `_begin` started; the writer still takes writes."""

    def _report(self) -> ProcessReport:
        serving, learning = self.live.current, self.learning()
        return self._identity.report(
            role=self.role,
            address=self.address,
            revision=serving.number,
            model=serving.strategy.plan.champion if serving.learned is None else serving.learned.model.name,
            position=learning.position,
            lag=learning.lag,
            now=self.settings.clock(),
            quality=self.quality.encoded(),
        )

    def _served(self, learned: Knowledge | None, number: int) -> Serving:
        """Put the strategy of the start together with a model and the number of its revision."""
        return first_serving(self.storage, self.settings, self._knowing(self._strategy, number), learned, number)

    def _swap(self, strategy: Strategy, learned: Knowledge | None, number: int) -> None:
        """Serve a revision from the next request on; an older one than is served changes nothing."""
        before = self.live.current
        if number >= before.number:
            strategy = self._knowing(strategy, number)
            self.live.current = next_serving(self.storage, self.settings, before, strategy, learned, number)

    def _knowing(self, strategy: Strategy, number: int) -> Strategy:
        step = self.course.number(number)
        return strategy if step is None else knowing(strategy, self.course.names(step.sequence))


def _fetching(hosts: frozenset[str]) -> Fetching | None:
    """Give what asks services of the context; None where none may be asked, and nothing needs to be loaded for it."""
    if not hosts:
        return None
    from opportune.customers.context.fetching import Fetching

    return Fetching(hosts)
