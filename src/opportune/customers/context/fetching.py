"""Answers of services over HTTP, fetched in the background and kept for a while.

A question that has no fresh answer is put into a queue and asked by tasks of an event loop; who asked goes on without
an answer. A service that fails is left alone for a while, twice as long each time, so that a dead one costs nothing.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from time import monotonic
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from opportune.customers.context.base import Call, Service
from opportune.customers.context.pointers import at
from opportune.customers.context.remote import host_of
from opportune.records import Value

__all__ = ["Fetching", "Figures"]

ANSWERS_MAX = 20_000
"""Answers that are kept; those fetched longest ago go first."""
WAITING_MAX = 1_000
"""Questions of one service that wait; further ones are dropped, and asked when they come again."""
BODY_BYTES_MAX = 1_000_000
TEXT_MAX = 10_000
"""Longest text that is taken from an answer, in characters."""
REFRESHED = 0.5
"""Share of an answer's time after which it is fetched anew while it still serves."""
PAUSE_SECONDS = 1.0
PAUSE_SECONDS_MAX = 300.0
"""How long a service that failed is left alone: at first, and at most."""

OVERLOADED = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS)
"""Answers of 400 and above that say nothing of the question."""
FAULTS = (
    *(httpx.HTTPError, httpx.InvalidURL, msgspec.MsgspecError),
    *(TimeoutError, OSError, ValueError, RecursionError),
)
"""What a service may do wrong; a JSON text that nests too deep is read as far as Python allows."""

Values = tuple[Value | None, ...]


@dataclass(slots=True)
class Figures:
    """Counts since the start, of all services together."""

    fetched: int = 0
    failed: int = 0
    dropped: int = 0


@dataclass(slots=True)
class _Line:
    """One service: what waits, what is under way, and until when it is left alone."""

    waiting: deque[str] = field(default_factory=deque)
    queued: set[str] = field(default_factory=set)
    under_way: int = 0
    failures: int = 0
    closed_until: float = 0.0


class Fetching:
    """Keeps answers, and fetches them while it is open; `answer` may be called from any thread.

    Args:
        hosts: that may be asked, such as api.example.org or 127.0.0.1:8080; what a strategy names beside is never
            asked. The operator of a service gives them, not the author of a strategy.
        transport: in place of the network.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        hosts: Collection[str],
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._transport, self._clock = transport, clock
        self._kept: OrderedDict[Call, tuple[float, Values]] = OrderedDict()
        self._lines: dict[Service, _Line] = {}
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: httpx.AsyncClient | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.figures = Figures()

    def open(self) -> None:
        """Begin to fetch, in the running loop; without hosts there is nothing to begin."""
        if self._hosts:
            self._client = httpx.AsyncClient(transport=self._transport, follow_redirects=False, trust_env=False)
            self._loop = asyncio.get_running_loop()

    async def close(self) -> None:
        """End what is under way."""
        self._loop = None
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def answer(self, call: Call) -> Values | None:
        """Give the values if they are fresh enough; have them fetched if they are not, or will soon not be."""
        now = self._clock()
        kept = self._kept.get(call)
        age = None if kept is None else now - kept[0]
        fresh = call.service.fresh_seconds
        if age is None or age > fresh * REFRESHED:
            self._want(call, now)
        return kept[1] if kept is not None and age is not None and age <= fresh else None

    def _want(self, call: Call, now: float) -> None:
        loop = self._loop
        if loop is None or host_of(call.url) not in self._hosts:
            return
        with self._guard:
            line = self._lines.setdefault(call.service, _Line())
            if now < line.closed_until or call.url in line.queued:
                return
            if len(line.queued) >= WAITING_MAX:
                self.figures.dropped += 1
                return
            line.queued.add(call.url)
            line.waiting.append(call.url)
        try:
            loop.call_soon_threadsafe(self._start, call.service)
        except RuntimeError:
            # The loop was closed in the meantime: nobody will decide by the answer.
            return

    def _start(self, service: Service) -> None:
        """Start one more task for a service, unless enough of its calls are under way."""
        line = self._lines[service]
        if self._loop is None or line.under_way >= service.calls_at_once:
            return
        line.under_way += 1
        task = self._loop.create_task(self._work(service, line))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, service: Service, line: _Line) -> None:
        """Ask what waits, one question after the other, until nothing does or the service fails."""
        try:
            while line.waiting:
                url = line.waiting.popleft()
                try:
                    if self._clock() >= line.closed_until:
                        await self._ask(Call(service, url), line)
                finally:
                    with self._guard:
                        line.queued.discard(url)
        finally:
            line.under_way -= 1

    async def _ask(self, call: Call, line: _Line) -> None:
        try:
            document = await asyncio.wait_for(self._fetch(call.url), call.service.timeout_seconds)
        except FAULTS:
            self.figures.failed += 1
            line.failures += 1
            pause = min(PAUSE_SECONDS_MAX, PAUSE_SECONDS * 2.0 ** min(30, line.failures - 1))
            line.closed_until = self._clock() + pause
            return
        self.figures.fetched += 1
        line.failures = 0
        values = tuple(_scalar(at(document, pointer)) for pointer in call.service.pointers)
        with self._guard:
            self._kept[call] = self._clock(), values
            self._kept.move_to_end(call)
            while len(self._kept) > ANSWERS_MAX:
                self._kept.popitem(last=False)

    async def _fetch(self, url: str) -> Any:
        """Read a JSON text of a bounded size; None where the service says that it does not know what was asked.

        Raises:
            ValueError: the service answers neither so, or too much.
        """
        assert self._client is not None
        async with self._client.stream("GET", url, headers={"Accept": "application/json"}, timeout=None) as answer:
            if answer.is_client_error and answer.status_code not in OVERLOADED:
                return None
            if answer.status_code != httpx.codes.OK:
                raise ValueError(f"status {answer.status_code}")
            body = bytearray()
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > BODY_BYTES_MAX:
                    raise ValueError("too large")
        return msgspec.json.decode(bytes(body))


def _scalar(value: Any) -> Value | None:
    """Keep texts, numbers and truth values; msgspec reads no number that is infinite."""
    if isinstance(value, str):
        return value[:TEXT_MAX]
    return value if isinstance(value, bool | int | float) else None
