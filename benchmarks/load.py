"""A load generator that keeps its appointments: open loop over keep-alive connections of HTTP/1.1.

Requests leave when planned, as long as a connection is free, and latency counts from the planned moment; so a service
that stalls is charged for all who would have come meanwhile. One thread spins on non-blocking sockets, since timers of
event loops are no finer than a millisecond; it needs a core of its own.
"""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Load", "Result", "http_post"]

Request = Callable[[int], bytes]
"""Gives the bytes of request number n."""
IsGood = Callable[[bytes], bool]
"""Says whether an answer, head and body, is what was asked for."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one run.

    Args:
        latencies: seconds from the planned moment to the whole answer, of good answers.
        errors: answers that were not good, and connections that broke.
        unanswered: requests that had no answer when the run ended.
        seconds: from the first planned moment to the last answer.
        late: seconds that a request left after its planned moment although a connection was free, 99th percentile.
        refused: seconds from the planned moment to the whole answer, of answers that were not good.
        resent: requests that were sent once more.
    """

    latencies: npt.NDArray[np.float64]
    errors: int
    unanswered: int
    seconds: float
    late: float
    refused: npt.NDArray[np.float64]
    resent: int = 0

    @property
    def rate(self) -> float:
        """Good answers per second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def quantile(self, share: float) -> float:
        """Latency in milliseconds."""
        return float(np.quantile(self.latencies, share)) * 1000.0 if len(self.latencies) else float("inf")


def http_post(path: str, body: bytes, host: str, method: str = "POST") -> bytes:
    """Write a request as the client of a channel would."""
    head = (
        f"{method} {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: opportune-bench/1\r\naccept: application/json\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


FAR_SECONDS = 0.003
"""A request that is planned this far ahead leaves time to sleep."""


class _Connection:
    """One keep-alive connection with at most one request under way."""

    __slots__ = ("buffer", "is_busy", "is_resent", "planned", "request", "socket", "wanted")

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.buffer = b""
        self.wanted = 0
        self.planned = 0.0
        self.request = b""
        self.is_busy = False
        self.is_resent = False

    def send(self, request: bytes, planned: float, is_resent: bool = False) -> None:
        self.buffer = b""
        self.wanted = 0
        self.planned = planned
        self.request = request
        self.is_busy = True
        self.is_resent = is_resent
        # A request is far smaller than the socket's buffer, so that it always fits.
        if self.socket.send(request) != len(request):
            raise OSError("the socket's buffer is full")

    def receive(self) -> bytes | None:
        """Give the answer if it is complete."""
        data = self.socket.recv(262_144)
        if not data:
            raise OSError("closed by the service")
        self.buffer = self.buffer + data if self.buffer else data
        if not self.wanted:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            head = self.buffer[:end].lower()
            start = head.index(b"content-length:") + 15
            length = int(head[start : head.find(b"\r\n", start) if b"\r\n" in head[start:] else None])
            self.wanted = end + 4 + length
        return self.buffer if len(self.buffer) >= self.wanted else None


class Load:
    """Connections to one service.

    Args:
        connections: most requests under way at once.
        resends: send a request once more where its connection was closed without a byte of an answer, as clients of
            HTTP do; its latency counts from the first planned moment all the same.
    """

    def __init__(self, host: str, port: int, connections: int = 64, resends: bool = False) -> None:
        self._address = (host, port)
        self._resends = resends
        self._connections = [_Connection(host, port) for _ in range(connections)]
        self._poll = select.poll()
        self._by_file = {c.socket.fileno(): c for c in self._connections}
        for file in self._by_file:
            self._poll.register(file, select.POLLIN)
        self._sent = 0

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections:
            connection.socket.close()

    def run(self, request: Request, is_good: IsGood, rate: float | None, seconds: float, drain: float = 2.0) -> Result:
        """Send for `seconds`.

        Args:
            rate: requests per second, evenly planned; None sends on every connection as soon as it is free.
            drain: seconds to wait for the last answers.
        """
        self._replace_closed()
        free: deque[_Connection] = deque(self._connections)
        total = int(rate * seconds) if rate else 1 << 60
        step = 1.0 / rate if rate else 0.0
        latencies: list[float] = []
        lates: list[float] = []
        refused: list[float] = []
        errors = sent = answered = resent = 0
        clock = time.perf_counter
        begin = last = clock()
        starved = 0.0
        stop = begin + seconds
        while True:
            now = clock()
            while free and sent < total and (rate or now < stop):
                planned = begin + sent * step if rate else now
                if planned > now:
                    break
                self._send(free.popleft(), request(self._sent), planned)
                self._sent += 1
                sent += 1
                if planned > starved:
                    lates.append(now - planned)
                now = clock()
            if not free:
                starved = now
            if answered == sent and (sent >= total or now >= stop):
                break
            if now > stop + drain:
                break
            # Sleeping is only for long waits: it may end a millisecond late.
            is_far = rate and (sent >= total or begin + sent * step - now > FAR_SECONDS)
            for file, _ in self._poll.poll(1 if is_far else 0):
                connection = self._by_file[file]
                if not connection.is_busy:
                    # The other end closed it between two requests, as it may, or told why it will.
                    free.remove(connection)
                    free.append(self._reconnect(connection))
                    continue
                try:
                    answer = connection.receive()
                except BlockingIOError:
                    continue
                except OSError:
                    if self._resends and not (connection.is_resent or connection.buffer):
                        self._reconnect(connection).send(connection.request, connection.planned, is_resent=True)
                        resent += 1
                        continue
                    errors += 1
                    answered += 1
                    free.append(self._reconnect(connection))
                    continue
                if answer is None:
                    continue
                last = clock()
                connection.is_busy = False
                answered += 1
                if is_good(answer):
                    latencies.append(last - connection.planned)
                else:
                    refused.append(last - connection.planned)
                    errors += 1
                free.append(connection)
        unanswered = sent - answered
        if unanswered:
            self._replace_busy(set(free))
        # What was planned and never sent, for want of a connection, was not answered either.
        missed = max(0, int(rate * seconds) - sent) if rate else 0
        late = float(np.quantile(lates, 0.99)) if lates else 0.0
        return Result(
            np.asarray(latencies),
            errors,
            unanswered + missed,
            max(last - begin, 1e-9),
            late,
            np.asarray(refused),
            resent,
        )

    def _send(self, connection: _Connection, request: bytes, planned: float) -> None:
        try:
            connection.send(request, planned)
        except OSError:
            # It was closed since the last look.
            self._reconnect(connection).send(request, planned)

    def _reconnect(self, old: _Connection) -> _Connection:
        self._poll.unregister(old.socket.fileno())
        del self._by_file[old.socket.fileno()]
        old.socket.close()
        new = _Connection(*self._address)
        self._connections[self._connections.index(old)] = new
        self._by_file[new.socket.fileno()] = new
        self._poll.register(new.socket.fileno(), select.POLLIN)
        return new

    def _replace_closed(self) -> None:
        """Connect anew what the other end closed, or said that it will, since the last run."""
        for file, _ in self._poll.poll(0):
            self._reconnect(self._by_file[file])

    def _replace_busy(self, free: set[_Connection]) -> None:
        for connection in list(self._connections):
            if connection not in free:
                self._reconnect(connection)
