"""A service whose store is away at its start: it answers by the fallback until the store is there."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from time import sleep
from typing import cast

import structlog

from opportune.decide import Reason, fallback, gather
from opportune.errors import DamageError, OpportuneError, StoreAwayError, StoreBusyError, StoreError
from opportune.records import DecisionRequest
from opportune.service.contacts import read_contact
from opportune.service.deciding import Answer, body_of
from opportune.service.http import ROUTES, App
from opportune.service.http.balance import Board
from opportune.service.http.server import BACKLOG, Share, serve_aside
from opportune.service.recent import origin_of
from opportune.service.revisions import Strategy
from opportune.service.runtime import Runtime
from opportune.service.settings import Settings
from opportune.storage import SaveDecision, Storage, open_storage

__all__ = ["WaitingService"]

RETRY_SECONDS = 0.2
RECORDS_MAX = 10_000
GROUP_MAX = 256

log = structlog.get_logger()


class _WithoutStore:
    """Answers decisions by the fallback; `ready` is False, so that everything else is refused.

    Attributes:
        late: records of its answers, to be written when the store is there.
    """

    ready = False

    def __init__(self, strategy: Strategy) -> None:
        self.strategy = strategy
        self.settings = Settings()
        self.late: list[SaveDecision] = []

    async def start(self) -> None:
        """Begin; there is nothing to begin."""

    async def close(self) -> None:
        """End; there is nothing to end."""

    async def decide(self, request: DecisionRequest, deadline_ms: float | None = None, waited: float = 0.0) -> Answer:
        """Answer with each placement's declared fallback."""
        plan = self.strategy.plan
        request, ignored = read_contact(plan, self.strategy.registries, request)
        now = self.settings.clock()
        decision = fallback(plan, request, gather(plan, {}, request, now), now, Reason.STORE_UNAVAILABLE)
        body = body_of(decision)
        if len(self.late) < RECORDS_MAX:
            self.late.append(SaveDecision(decision=decision, answer=body, origin=origin_of(decision)))
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
        records = self._runtime.late
        lost = 0
        try:
            with open_storage(url) as storage:
                for start in range(0, len(records), GROUP_MAX):
                    results = storage.write(records[start : start + GROUP_MAX])
                    lost += sum(isinstance(result, OpportuneError) for result in results)
        except (StoreError, DamageError) as error:
            log.warning("fallback answers without a record", count=len(records), reason=str(error))
            return
        log.info("fallback answers of the start kept", count=len(records) - lost, lost=lost)
