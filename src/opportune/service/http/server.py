"""Run the application under uvicorn: bounded headers, no access log, a quiet garbage collector."""

from __future__ import annotations

import gc
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from opportune.service.http.app import App
from opportune.service.http.problems import Refusal, problem_body

__all__ = ["bind", "serve"]

HEADER_BYTES_MAX = 32_768
"""Request line and headers together."""
SWITCH_SECONDS = 0.0005
"""How long the loop may keep the writer's thread waiting for its turn, and the other way round."""
COLLECT_AFTER = (10_000, 10, 100)
"""Thresholds of the garbage collector while serving."""
DRAIN_SECONDS = 10
"""Time for running requests after a signal to stop."""


class _BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which by itself takes headers without end."""

    _head_bytes = 0
    _in_head = True

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEADER_BYTES_MAX and not self.transport.is_closing():
            self._refuse()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep the way back open for a caller who has said everything and waits for the answer."""
        last = self.pipeline[0][0] if self.pipeline else self.cycle
        if last is None or last.response_complete or last.more_body:
            return False
        last.keep_alive = False
        return True

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > HEADER_BYTES_MAX:
            self._head_bytes = HEADER_BYTES_MAX + 1
            # The parser turns this into the answer to what is not HTTP.
            raise ValueError
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        # Bytes between two messages count for the next head.
        self._in_head = True
        self._head_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP in the one shape of errors."""
        if self._head_bytes > HEADER_BYTES_MAX:
            self._refuse()
            return
        self._send_refusal(Refusal("malformed-http", "expected a request in HTTP/1.1"), b"400 Bad Request")

    def _refuse(self) -> None:
        detail = f"expected request line and headers of at most {HEADER_BYTES_MAX} bytes"
        self._send_refusal(Refusal("headers-too-large", detail), b"431 Request Header Fields Too Large")

    def _send_refusal(self, refusal: Refusal, status: bytes) -> None:
        body = problem_body(refusal)
        headers = b"content-type: application/problem+json\r\ncontent-length: %d\r\nconnection: close" % len(body)
        self.transport.write(b"HTTP/1.1 %s\r\n%s\r\n\r\n%s" % (status, headers, body))
        self.transport.close()


class _Server(uvicorn.Server):
    """Tells when requests are taken."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[int], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            # What exists now stays: the collector need not look at it again. Requests leave few cycles behind, so it
            # may come seldom; measured, that is worth a fifth of the time of a decision.
            gc.collect()
            gc.freeze()
            gc.set_threshold(*COLLECT_AFTER)
            self._on_ready(self.servers[0].sockets[0].getsockname()[1])


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
    sys.setswitchinterval(SWITCH_SECONDS)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=_BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        backlog=1024,
    )
    # uvicorn raises the signal that stopped it once more at the end, when all is closed: that must not end in an error.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    _Server(config, on_ready).run(sockets=[bound])
