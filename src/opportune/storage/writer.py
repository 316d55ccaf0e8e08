"""One thread that commits for many callers.

Natural group commit: as soon as one commit has returned, all that came meanwhile is the next batch, which grows with
the load by itself. Writes of one turn of the event loop go together, unless that takes too long. What comes by the
thousand goes in small portions, when nothing else is to be written or they waited for a moment: no decision waits for
all of it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from itertools import islice
from math import inf
from time import perf_counter

from opportune.errors import InputError, OpportuneError, StoreBusyError, StoreError
from opportune.storage.base import Storage
from opportune.storage.entries import Entry
from opportune.storage.portions import PORTION, YIELD_SECONDS, Portions, Waiting
from opportune.storage.requests import weight
from opportune.storage.stored import Committed
from opportune.storage.writes import Receipt, Write

__all__ = ["GroupWriter"]

HOLD_SECONDS = 0.005
"""How long writes wait at most for others of the loop's turn: where one turn follows the other there is no end."""
GROUP_BYTES = 8 << 20
"""Content after which a group ends early: its transaction holds up all other writers, and has seconds in all."""


class _Announced:
    """Writes that will come in a moment; counts in the event loop's thread.

    Args:
        settle: called when there is none any more.
    """

    def __init__(self, settle: Callable[[], None]) -> None:
        self._settle = settle
        self.count = 0

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1
        if not self.count:
            self._settle()


class GroupWriter:
    """Takes writes from any thread and from one event loop; commits them in groups.

    A receipt arrives after its commit and never before. When a commit fails, every write of the group gets the
    `StoreError`; the storage opens itself anew at the next one.

    Args:
        storage: the store; the writer does not close it.
        on_committed: gets every new journal entry once, in journal order, before the receipts of its group arrive.
            It is called in the loop's thread once a loop is known, else in the writer's. It must be quick and
            must not raise.
        loop: event loop to deliver in; None takes that of the first `write`.
        on_commit: told in the writer's thread how every commit ended, with None where it is on disk; must not raise.
        waiting_max: writes that may wait; more are refused with `StoreBusyError`.
        group_max: writes in one commit.
    """

    def __init__(
        self,
        storage: Storage,
        on_committed: Callable[[list[Entry]], None] | None = None,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        waiting_max: int = 10_000,
        group_max: int = 256,
        on_commit: Callable[[StoreError | None], None] = lambda failure: None,
    ) -> None:
        self._storage = storage
        self._on_commit = on_commit
        self._on_committed = on_committed
        self._loop = loop
        self._waiting_max = waiting_max
        self._group_max = group_max
        self._waiting: list[Waiting] = []
        self._since = 0.0
        """When the first of them came."""
        self._portions = Portions()
        self._announced = _Announced(self._settle)
        self._calm: asyncio.Future[None] | None = None
        """Done when no write is announced any more."""
        self._guard = threading.Lock()
        self._signal = threading.Lock()
        self._signal.acquire()
        self._asleep = False
        self._turn_open = False
        self._coming = 0
        """How many are in `together`; the turn stays open for them, once."""
        self._is_put_off = False
        self._closing = False
        self._delivered = storage.last_sequence()
        self._thread = threading.Thread(target=self._run, name="opportune-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Writes that no commit has taken yet."""
        return len(self._waiting) + sum(len(portion.writes) for portion in self._portions)

    async def write(self, write: Write) -> Receipt:
        """Commit one write, together with others; cancelling withdraws it, unless its commit has begun.

        Raises:
            InputError: the write is refused.
            StoreBusyError: too many wait.
            StoreError: nothing was acknowledged.
        """
        loop = self._own_loop()
        future: asyncio.Future[Receipt] = loop.create_future()
        with self._guard:
            self._enqueue(Waiting((write,), future, True))
        self._open_turn(loop)
        return await future

    async def write_many(self, writes: Sequence[Write]) -> list[Receipt | InputError]:
        """Commit many writes, each judged by itself, in portions between those of others; in the order given.

        Raises:
            StoreBusyError: too many wait.
            StoreError: not all were acknowledged; the same writes may be sent again.
        """
        loop = self._own_loop()
        parts = [writes[start : start + PORTION] for start in range(0, len(writes), PORTION)]
        futures: list[asyncio.Future[list[Receipt | InputError]]] = [loop.create_future() for _ in parts]
        with self._guard:
            self._check_room()
            self._portions.add(Waiting(part, future, False) for part, future in zip(parts, futures, strict=True))
        self._open_turn(loop)
        return [result for results in await asyncio.gather(*futures) for result in results]

    async def write_together(self, writes: Sequence[Write]) -> list[Receipt | InputError]:
        """Commit a few writes in one transaction, each judged by itself; a result for each.

        Raises:
            StoreBusyError: too many wait.
            StoreError: nothing was acknowledged.
        """
        loop = self._own_loop()
        future: asyncio.Future[list[Receipt | InputError]] = loop.create_future()
        with self._guard:
            self._enqueue(Waiting(writes, future, False))
        self._open_turn(loop)
        return await future

    def announced(self) -> AbstractContextManager[None]:
        """Announce a write, from before it is made until it is answered: portions that have not begun let it go first.

        For the event loop's thread.
        """
        return self._announced

    async def calm(self) -> None:
        """Wait until no write is announced, or for a moment: for work that would hold up those who make them."""
        if not self._announced.count:
            return
        if self._calm is None:
            self._calm = self._own_loop().create_future()
        with suppress(TimeoutError):
            async with asyncio.timeout(YIELD_SECONDS):
                await asyncio.shield(self._calm)

    async def together(self) -> None:
        """Let all that the loop has begun come as far as this, before work begins that ends with a write.

        The same work of many in a row finds its code and data in the processor's caches, and one commit takes it all.
        """
        self._open_turn(self._own_loop())
        self._coming += 1
        try:
            await asyncio.sleep(0)
        finally:
            self._coming -= 1

    def _settle(self) -> None:
        """Let go what let announced writes go first."""
        calm, self._calm = self._calm, None
        if calm is not None:
            calm.set_result(None)
        if self._portions and not self._turn_open:
            self._end_turn()

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None:
                raise RuntimeError("a GroupWriter serves one event loop; make another one for this loop")
            self._loop = loop
        return loop

    def _open_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._turn_open:
            # Woken at the end of the loop's turn, so that all of the turn's writes share a commit.
            self._turn_open, self._is_put_off = True, False
            loop.call_soon(self._end_turn)

    def submit(self, write: Write) -> Future[Receipt]:
        """Commit one write, together with others; for threads.

        Where the writer delivers in an event loop, do not wait for the result in the loop's own thread.

        Raises:
            StoreBusyError: too many wait.
            StoreError: the writer is closed.
        """
        future: Future[Receipt] = Future()
        with self._guard:
            self._enqueue(Waiting((write,), future, True))
            self._wake()
        return future

    def close(self) -> None:
        """Commit what waits, deliver it and end the thread; later writes are refused."""
        with self._guard:
            self._closing = True
            self._wake()
        self._thread.join()

    def _enqueue(self, waiting: Waiting) -> None:
        self._check_room()
        if not self._waiting:
            self._since = perf_counter()
        self._waiting.append(waiting)

    def _check_room(self) -> None:
        if self._closing:
            raise StoreError(f"{self._storage.place}: the writer is closed")
        if len(self._waiting) + len(self._portions) * PORTION >= self._waiting_max:
            raise StoreBusyError(f"{self._storage.place}: {self._waiting_max} writes wait already; try again")

    def _end_turn(self) -> None:
        if self._coming and not self._is_put_off:
            self._is_put_off = True
            self._own_loop().call_soon(self._end_turn)
            return
        self._turn_open = False
        with self._guard:
            self._wake()

    def _wake(self) -> None:
        if self._asleep:
            self._asleep = False
            self._signal.release()

    def _take(self) -> list[Waiting]:
        """The next group; waits for one; empty when there will be none. What nobody awaits any more is withdrawn.

        While the loop's turn is open more will come of it at once, and one commit for all of it costs less than two.
        """
        while True:
            with self._guard:
                while taken := self._next():
                    group = [waiting for waiting in taken if not waiting.future.cancelled()]
                    if group:
                        return group
                if self._closing:
                    return []
                self._asleep = True
                patience = max(0.0, self._patience()) if self._turn_open else self._portions.patience()
            self._sleep(patience)

    def _sleep(self, seconds: float) -> None:
        """Wait to be woken, at most so long."""
        if not self._signal.acquire(timeout=-1 if seconds == inf else seconds):
            with self._guard:
                if not self._asleep:
                    # Somebody woke it just now.
                    self._signal.acquire()
                self._asleep = False

    def _patience(self) -> float:
        """Give the seconds that what waits still leaves to others of the loop's turn."""
        return self._since + HOLD_SECONDS - perf_counter() if self._waiting else inf

    def _next(self) -> list[Waiting]:
        """Take what is written next: single writes before portions, unless these waited for a while."""
        if self._turn_open and not self._closing and self._patience() > 0.0:
            return []
        taken = self._waiting[: self._fitting()]
        del self._waiting[: len(taken)]
        is_free = self._closing or not (taken or self._announced.count)
        return taken + self._portions.take(is_free=is_free)

    def _fitting(self) -> int:
        """How many of the waiting writes go together."""
        size = 0
        for number, waiting in enumerate(self._waiting[: self._group_max], start=1):
            size += sum(map(weight, waiting.writes))
            if size >= GROUP_BYTES:
                return number
        return self._group_max

    def _run(self) -> None:
        try:
            while group := self._take():
                committed, failure = self._commit(group)
                self._on_commit(failure)
                self._hand_over(group, committed, failure)
        finally:
            self._abandon()

    def _abandon(self) -> None:
        """Refuse what waits when the thread ends by an error: nobody may wait for ever."""
        with self._guard:
            self._closing = True
            group, self._waiting = [*self._waiting, *self._portions], []
            self._portions.clear()
        if group:
            self._hand_over(
                group, Committed([], []), StoreError(f"{self._storage.place}: the writer ended by an error")
            )

    def _commit(self, group: list[Waiting]) -> tuple[Committed, StoreError | None]:
        try:
            committed = self._storage.commit([write for waiting in group for write in waiting.writes])
            return Committed(committed.results, self._new_entries(committed.entries)), None
        except StoreError as error:
            return Committed([], []), error
        except Exception as error:  # noqa: BLE001  A bug must not silence the writer: callers hear of it.
            failure = StoreError(f"{self._storage.place}: unexpected {type(error).__name__} while writing")
            failure.__cause__ = error
            return Committed([], []), failure

    def _new_entries(self, entries: list[Entry]) -> list[Entry]:
        """Entries after the last delivered one: a group that failed to be acknowledged may be in the journal."""
        if self._on_committed is None or not entries:
            return entries
        missed = entries[0].sequence - 1 - self._delivered
        if missed:
            entries = self._storage.journal(self._delivered, missed) + entries
        self._delivered = entries[-1].sequence
        return entries

    def _hand_over(self, group: list[Waiting], committed: Committed, failure: StoreError | None) -> None:
        loop = self._loop
        if loop is None:
            self._deliver(group, committed, failure)
            return
        try:
            loop.call_soon_threadsafe(self._deliver, group, committed, failure)
        except RuntimeError:
            # The loop is closed: nobody awaits there any more, but threads may.
            self._deliver(group, committed, failure, only_threads=True)

    def _deliver(
        self, group: list[Waiting], committed: Committed, failure: StoreError | None, only_threads: bool = False
    ) -> None:
        results = iter(committed.results)
        try:
            if committed.entries and self._on_committed is not None:
                self._on_committed(committed.entries)
        finally:
            for writes, future, alone in group:
                own = [] if failure else list(islice(results, len(writes)))
                if future.cancelled() or (only_threads and not isinstance(future, Future)):
                    continue
                if failure:
                    future.set_exception(failure)
                elif not alone:
                    future.set_result(own)
                elif isinstance(own[0], OpportuneError):
                    future.set_exception(own[0])
                else:
                    future.set_result(own[0])
