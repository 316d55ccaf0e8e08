"""Run the application under uvicorn: bounded headers, no access log, a quiet garbage collector."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any

import uvicorn

from opportune.service.collector import quiet_collector
from opportune.service.http.admission import Admission
from opportune.service.http.app import App
from opportune.service.http.balance import Acceptor, Board
from opportune.service.http.protocol import IDLE_SECONDS, BoundedProtocol
from opportune.service.pages import join_pages

__all__ = ["BACKLOG", "Share", "bind", "serve", "serve_aside", "serve_shared"]

SWITCH_SECONDS = 0.002
"""How long the loop may keep the writer's thread waiting for its turn, and the other way round."""
BACKLOG = 1_024
"""Connections that wait to be taken; the system bounds it too."""
DRAIN_SECONDS = 10
"""Time for running requests after a signal to stop."""


class _Server(uvicorn.Server):
    """Takes connections of a socket that other processes may share, once it is told to."""

    def __init__(self, config: uvicorn.Config, share: Share) -> None:
        super().__init__(config)
        self._share = share
        self._acceptor: Acceptor | None = None

    async def startup(self, sockets: Any = None) -> None:
        await super().startup([])
        if self.started:
            quiet_collector()
            Thread(target=join_pages, name="opportune-pages", daemon=True).start()
            listening = self._share.listening
            self._acceptor = Acceptor(listening, self._protocol, self.server_state, self._share.board)
            self._share.on_ready(partial(asyncio.get_running_loop().call_soon_threadsafe, self._acceptor.start))

    async def shutdown(self, sockets: Any = None) -> None:
        if self._acceptor is not None:
            self._acceptor.close()
        # Of this process alone: others that share the socket go on.
        self._share.listening.close()
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


@dataclass(frozen=True, slots=True)
class Share:
    """A socket that several processes take connections of.

    Args:
        listening: not blocking.
        on_ready: called once requests could be taken, with a function for any thread that begins to take them.
    """

    listening: socket.socket
    board: Board
    on_ready: Callable[[Callable[[], object]], None]


def bind(host: str, port: int) -> socket.socket:
    """Take an address before anything else is begun; connections are refused until requests are taken.

    Args:
        port: 0 takes a free one.

    Raises:
        OSError: the address cannot be had.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def serve(app: App, bound: socket.socket, on_ready: Callable[[int], None] = lambda port: None) -> None:
    """Serve until a signal to stop, then finish what runs.

    Args:
        bound: of `bind`; closed at the end.
        on_ready: called with the port once requests are taken.
    """
    board = Board.make(1)

    def begin(start: Callable[[], object]) -> None:
        bound.listen(BACKLOG)
        start()
        on_ready(bound.getsockname()[1])

    try:
        bound.setblocking(False)
        serve_shared(app, Share(bound, Board(board, 0), begin))
    finally:
        os.close(board)
        bound.close()


def serve_shared(app: App, share: Share) -> None:
    """Serve beside other processes until a signal to stop, then finish what runs."""
    config = _config(app)
    _keep_signals()
    _Server(config, share).run()


def serve_aside(app: App, share: Share, receive_stop: Callable[[Callable[[], None]], object]) -> None:
    """Serve in a thread that is not the main one, until it is told to stop.

    Args:
        receive_stop: gets a function that tells it, from any thread.
    """
    server = _Server(_config(app), share)

    def stop() -> None:
        server.should_exit = True

    receive_stop(stop)
    server.run()


def _config(app: App) -> uvicorn.Config:
    sys.setswitchinterval(SWITCH_SECONDS)
    admission = Admission(lambda: app.runtime.strategy.plan.deadline_ms / 1000)
    app.metrics.registry.register(admission)
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=partial(BoundedProtocol, admission, app),  # type: ignore[arg-type]
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


def _keep_signals() -> None:
    # uvicorn raises the signal that stopped it once more at the end, when all is closed: that must not end in an error.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
