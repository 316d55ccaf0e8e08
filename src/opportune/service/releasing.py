"""Publishing into the service that runs: the gate in a thread of its own, then the journal, then the pointer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from time import perf_counter
from typing import TypeVar

import msgspec
import structlog

from opportune.decide.pipeline import Scorer
from opportune.errors import OpportuneError, UnknownError
from opportune.service.course import Course
from opportune.service.publishing import (
    Offer,
    Published,
    advice_on,
    already,
    earlier,
    examined,
    expect_sound,
    published,
    revision_of,
)
from opportune.service.revisions import Strategy, files_of, reason_of
from opportune.service.settings import Settings
from opportune.service.trial import recent_decisions, try_on
from opportune.storage import GroupWriter, RevisionBody, RevisionNote, Storage
from opportune.strategy.advice import of_hosts

__all__ = ["Publisher", "RevisionLine", "RevisionRecord", "listed"]

log = structlog.get_logger()

T = TypeVar("T")


class RevisionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One published revision.

    Args:
        hash: content hash, which every answer carries.
        at: when it was published; null, and nothing else is known, where retention dropped its journal entry.
        author, reason: who published it, and why, in their words.
        returns_to: number of the earlier revision that it repeats.
        changes: what is different from the revision before, in words.
        live: whether it decides now.
    """

    number: int
    hash: str
    at: datetime | None
    author: str
    reason: str
    returns_to: int | None
    changes: tuple[str, ...]
    live: bool


class RevisionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One revision with its files: path → text."""

    revision: RevisionLine
    files: dict[str, str]


def listed(storage: Storage, live: int) -> list[RevisionLine]:
    """List all revisions of a store, the first one first.

    Args:
        live: number of the one that decides.

    Raises:
        StoreError: the store cannot be read.
    """
    return [_line(note, live) for note in storage.revisions()]


def _line(note: RevisionNote, live: int) -> RevisionLine:
    entry = note.entry
    body = (
        entry.body if entry is not None and isinstance(entry.body, RevisionBody) else RevisionBody(number=note.number)
    )
    return RevisionLine(
        number=note.number,
        hash=note.hash,
        at=None if entry is None else entry.recorded_at,
        author=body.author,
        reason=body.reason,
        returns_to=body.returns_to,
        changes=body.changes,
        live=note.number == live,
    )


class Publisher:
    """Publishes one revision at a time; lives in the event loop's thread.

    Args:
        model_for: gives a model bound to a strategy that is not live yet, for its self-test.
        switch: makes a committed revision live.
    """

    def __init__(
        self,
        storage: Storage,
        course: Course,
        writer: GroupWriter,
        settings: Settings,
        model_for: Callable[[Strategy], Awaitable[Scorer]],
        switch: Callable[[Strategy, int], Awaitable[None]],
    ) -> None:
        self._storage = storage
        self._course = course
        self._writer = writer
        self._settings = settings
        self._model_for = model_for
        self._switch = switch
        self._one = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "opportune-publisher")

    def close(self) -> None:
        """Begin nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def publish(self, offer: Offer) -> Published:
        """Take an offer through the gate, make it the current revision, and serve it.

        Raises:
            ProjectError: with all that is wrong; the revision before goes on.
            InputError: author or reason are too long, or another revision was published meanwhile.
            StoreError: the store cannot be read or written; the revision before goes on.
        """
        async with self._one:
            return await self._publish(offer)

    async def rollback(self, number: int | None, author: str, reason: str) -> Published:
        """Publish an earlier revision again; see `earlier`.

        Raises:
            UnknownError: there is no such revision.
        """
        async with self._one:
            await self._aside(self._course.read)
            offer = await self._aside(lambda: earlier(self._storage, self._course, number, author, reason))
            return await self._publish(offer)

    async def revisions(self, live: int) -> list[RevisionLine]:
        """List all revisions; see `listed`."""
        return await self._aside(lambda: listed(self._storage, live))

    async def revision(self, number: int, live: int) -> RevisionRecord:
        """Give a revision with its files.

        Raises:
            UnknownError: there is no such revision.
            StoreError: the store cannot be read, or the bundle is damaged.
        """

        def read() -> RevisionRecord:
            kept = self._storage.revision(number)
            line = next((_line(note, live) for note in self._storage.revisions(number - 1)[:1]), None)
            if kept is None or line is None:
                raise UnknownError.of("number", "there is no revision with this number", code="not-found")
            return RevisionRecord(revision=line, files=files_of(kept.bundle))

        return await self._aside(read)

    async def _publish(self, offer: Offer) -> Published:
        try:
            return await self._through_the_gate(offer)
        except OpportuneError as error:
            log.warning("revision refused", error=type(error).__name__, reason=reason_of(error)[:200])
            raise

    async def _through_the_gate(self, offer: Offer) -> Published:
        course = self._course
        await self._aside(course.read)
        strategy, tests = await self._aside(lambda: examined(course, offer))
        repeated = await self._aside(lambda: already(course, strategy, tests))
        if repeated is not None:
            return repeated
        await self._aside(lambda: expect_sound(self._storage, strategy, course))
        model = await self._model_for(strategy)
        trial = await self._aside(lambda: try_on(strategy, model, recent_decisions(self._storage)))
        advice = await self._aside(lambda: advice_on(course, strategy))
        advice += of_hosts(strategy.project, self._settings.source_hosts)
        write = await self._aside(lambda: revision_of(course, strategy, self._settings.new_id(), offer))
        # From here on the learner may come to it at any moment, and must not wait for it to be compiled once more.
        course.strategies.put(strategy)
        receipt = await self._writer.write(write)
        committed = perf_counter()
        await self._switch(strategy, receipt.version)
        live_ms = (perf_counter() - committed) * 1e3
        log.info("revision live", revision=receipt.version, hash=write.hash, returns_to=offer.returns_to, ms=live_ms)
        return published(write, receipt.version, tests, trial, advice, live_ms)

    async def _aside(self, work: Callable[[], T]) -> T:
        """Do what takes long where it holds up no decision."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
