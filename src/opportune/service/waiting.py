"""A service whose store is away at its start: it answers by the fallback until the store is there."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from time import monotonic, sleep
from typing import cast

import msgspec
import structlog

from opportune.decide import Reason, fallback, gather
from opportune.errors import DamageError, InputError, OpportuneError, StoreAwayError, StoreBusyError, StoreError
from opportune.records import DecisionRequest
from opportune.service.contacts import read_contact
from opportune.service.deciding import Answer, body_of
from opportune.service.happening import happened_in
from opportune.service.http import ROUTES, App
from opportune.service.http.balance import Board
from opportune.service.http.server import BACKLOG, Share, serve_aside
from opportune.service.identity import at_sight
from opportune.service.recent import origin_of
from opportune.service.revisions import Strategy
from opportune.service.runtime import Runtime
from opportune.service.settings import Settings
from opportune.storage import Receipt, RecordEvent, SaveDecision, Storage, Write, open_storage

__all__ = ["WaitingService"]

RETRY_SECONDS = 0.2
RECORDS_MAX = 10_000
SECONDS_MAX = 60.0
"""How long the records are tried once others serve."""
GROUP_MAX = 256

log = structlog.get_logger()


class _WithoutStore:
    """Answers decisions by the fallback; `ready` is False, so that everything else is refused.

    Attributes:
        late: records of its answers, each with what was told to have happened, to be written when the store is there.
    """

    ready = False

    def __init__(self, strategy: Strategy) -> None:
        self.strategy = strategy
        self.settings = Settings()
        self.late: list[tuple[SaveDecision, tuple[RecordEvent, ...]]] = []

    async def start(self) -> None:
        """Begin; there is nothing to begin."""

    async def close(self) -> None:
        """End; there is nothing to end."""

    async def decide(self, request: DecisionRequest, deadline_ms: float | None = None, waited: float = 0.0) -> Answer:
        """Answer with each placement's declared fallback."""
        plan, registries = self.strategy.plan, self.strategy.registries
        request, ignored = read_contact(plan, registries, request)
        now = self.settings.clock()
        decision = fallback(plan, request, gather(plan, {}, request, now), now, Reason.STORE_UNAVAILABLE)
        decision = msgspec.structs.replace(decision, ignored=ignored)
        body = body_of(decision)
        if len(self.late) < RECORDS_MAX:
            who = at_sight(registries.identifiers, request)
            happened = happened_in(registries, request, who.identifier, now)
            self.late.append((SaveDecision(decision=decision, answer=body, origin=origin_of(decision)), happened))
        return Answer(body=body, degraded=decision.degraded, ignored=len(ignored))


class WaitingService:
    """Serves in a thread of its own, on a socket that is another's, until it is told that another one serves.

    Args:
        strategy: of the folder; nobody knows yet which one the store says is in use.
        bound: of `bind`; it stays open.

    Attributes:
        failure: why the store cannot be used although it is there.
    """

    def __init__(self, strategy: Strategy, bound: socket.socket) -> None:
        self._runtime = _WithoutStore(strategy)
        self._listening = socket.socket(fileno=os.dup(bound.fileno()))
        self._listening.setblocking(False)
        self._board = Board.make(1)
        self.failure: OpportuneError | None = None
        self._stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._serve, name="opportune-waiting", daemon=True)

    def start(self, url: str, begin: Callable[[Storage], object], on_ready: Callable[[int], None]) -> None:
        """Serve, and wait for the store.

        Args:
            begin: called in another thread with the store as soon as it can be opened. When that fails for good,
                `failure` says why, and this process is told to stop.
            on_ready: called with the port once requests are taken.
        """
        self._on_ready = on_ready
        self._thread.start()
        threading.Thread(target=self._wait, args=(url, begin), name="opportune-store", daemon=True).start()

    def end(self, url: str) -> None:
        """Take no more connections, since others do; finish what runs, and write the records of what was answered."""
        self._stop()
        threading.Thread(target=self._keep, args=(url,), name="opportune-late", daemon=True).start()

    def _wait(self, url: str, begin: Callable[[Storage], object]) -> None:
        while True:
            try:
                with open_storage(url) as storage:
                    begin(storage)
                return
            except (StoreAwayError, StoreBusyError):
                sleep(RETRY_SECONDS)
            except OpportuneError as error:
                self.failure = error
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def _serve(self) -> None:
        routes = [
            replace(route, before_ready=route.before_ready or (route.method, route.path) == ("POST", "/v1/decisions"))
            for route in ROUTES
        ]
        # Whatever the routes need beside is refused before it is asked for, as long as `ready` is False.
        app = App(cast(Runtime, self._runtime), routes)
        serve_aside(app, Share(self._listening, Board(self._board, 0), self._begin), self._receive_stop)

    def _begin(self, start: Callable[[], object]) -> None:
        self._listening.listen(BACKLOG)
        start()
        self._on_ready(self._listening.getsockname()[1])

    def _receive_stop(self, stop: Callable[[], object]) -> None:
        self._stop = stop

    def _keep(self, url: str) -> None:
        self._thread.join()
        os.close(self._board)
        answered = self._runtime.late
        writes: list[Write] = []
        for record, happened in answered:
            writes += (record, *happened)
        lost = done = 0
        until = monotonic() + SECONDS_MAX
        while done < len(writes):
            try:
                with open_storage(url) as storage:
                    while group := writes[done : done + GROUP_MAX]:
                        lost += sum(map(_is_lost, group, storage.write(group)))
                        done += len(group)
            except StoreError as error:
                # A store that has just come may go once more; one that is damaged will not mend.
                if isinstance(error, DamageError) or monotonic() > until:
                    left = sum(isinstance(write, SaveDecision) for write in writes[done:])
                    log.warning("fallback answers without a record", count=left + lost, reason=str(error))
                    return
                sleep(RETRY_SECONDS)
        log.info("fallback answers of the start kept", count=len(answered) - lost, lost=lost)


def _is_lost(write: Write, result: Receipt | InputError) -> bool:
    return isinstance(write, SaveDecision) and isinstance(result, InputError)
