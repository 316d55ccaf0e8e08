"""Several processes behind one listening socket: each takes its share of connections, and gives away what is more.

They share the socket itself and not only its port: what a stopped process does not take, another one takes.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import socket
import tempfile
from collections.abc import Callable
from time import monotonic
from typing import Protocol

from uvicorn.server import ServerState

__all__ = ["Acceptor", "Balanced", "Board"]

FRESH_SECONDS = 2.0
"""A process that did not tell its count for so long is left out: it may be stopped or dead."""
TELL_SECONDS = 0.5
YIELD_SECONDS = 0.003
"""How long one with more connections than another lets the other go first; then it takes the connection itself."""
ACCEPTS_MAX = 16
"""Connections taken in one turn of the loop: one alone would let them wait behind requests when the loop is busy."""
RETRY_SECONDS = 0.1
"""Pause after the system refused a connection, for want of file descriptors above all."""
SLACK_SHARE = 0.1
SLACK_LEAST = 2
"""Connections above the mean that are kept: handing over costs a new connection."""

_FIELDS = 2
_BYTES = 8


class Balanced(Protocol):
    """A connection that may be asked to end after its next answer."""

    retiring: bool


class Board:
    """How many connections every process has, in memory that all of them share.

    Args:
        file: descriptor of `make`.
        own: number of this process, from 0.
    """

    def __init__(self, file: int, own: int) -> None:
        self._memory = mmap.mmap(file, os.fstat(file).st_size)
        # Aligned numbers of eight bytes: no reader sees half of one.
        self._cells = memoryview(self._memory).cast("q")
        self._own = own

    @staticmethod
    def make(processes: int) -> int:
        """Make the memory; gives a descriptor that children may inherit."""
        with tempfile.TemporaryFile() as file:
            file.truncate(processes * _FIELDS * _BYTES)
            return os.dup(file.fileno())

    def tell(self, connections: int) -> None:
        """Say how many connections this process has."""
        start = self._own * _FIELDS
        self._cells[start] = connections
        self._cells[start + 1] = int(monotonic() * 1000)

    def others(self) -> list[int]:
        """Give the counts of the other processes, as far as they tell."""
        since = int((monotonic() - FRESH_SECONDS) * 1000)
        starts = range(0, len(self._cells), _FIELDS)
        return [
            self._cells[start]
            for start in starts
            if start != self._own * _FIELDS and self._cells[start + 1] >= max(since, 1)
        ]

    def surplus(self, own: int) -> int:
        """Give how many connections this process has above the mean and the slack."""
        counts = [own, *self.others()]
        mean = sum(counts) / len(counts)
        surplus = own - mean
        return int(surplus) if surplus > max(SLACK_LEAST, SLACK_SHARE * mean) else 0


class Acceptor:
    """Takes connections of the shared socket; lives in the event loop's thread.

    Args:
        listening: not blocking.
        make_protocol: makes the protocol of one connection.
        state: of the server; its connections are counted.
    """

    def __init__(
        self,
        listening: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
        state: ServerState,
        board: Board,
    ) -> None:
        self._listening = listening
        self._make_protocol = make_protocol
        self._state = state
        self._board = board
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._telling: asyncio.TimerHandle | None = None
        self._closed = False

    def start(self) -> None:
        """Begin to take connections; the socket must listen. A second call changes nothing."""
        if self._closed or self._telling is not None:
            return
        self._loop.add_reader(self._listening.fileno(), self._ready)
        self._tell()

    def close(self) -> None:
        """Take no more."""
        self._closed = True
        self._loop.remove_reader(self._listening.fileno())
        for timer in (self._pause, self._telling):
            if timer is not None:
                timer.cancel()

    def _count(self) -> int:
        return len(self._state.connections) + len(self._opening)

    def _ready(self) -> None:
        for _ in range(ACCEPTS_MAX):
            others = self._board.others()
            if others and self._count() > min(others):
                self._wait(YIELD_SECONDS)
                return
            if not self._accept():
                return

    def _wait(self, seconds: float) -> None:
        self._loop.remove_reader(self._listening.fileno())
        self._pause = self._loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        self._accept()
        if not self._closed:
            self._loop.add_reader(self._listening.fileno(), self._ready)

    def _accept(self) -> bool:
        """Take one connection; False where there is none."""
        try:
            connection, _ = self._listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False
        except OSError:
            self._wait(RETRY_SECONDS)
            return False
        connection.setblocking(False)
        task = self._loop.create_task(self._open(connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        self._board.tell(self._count())
        return True

    async def _open(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make_protocol, connection)
        except OSError:
            connection.close()

    def _tell(self) -> None:
        self._board.tell(self._count())
        self._retire()
        self._telling = self._loop.call_later(TELL_SECONDS, self._tell)

    def _retire(self) -> None:
        """Let go of connections above the share of this process, each with its next answer."""
        connections: list[Balanced] = list(self._state.connections)  # type: ignore[arg-type]
        leaving = sum(connection.retiring for connection in connections)
        surplus = self._board.surplus(len(connections) - leaving)
        for connection in connections:
            if surplus <= 0:
                return
            if not connection.retiring:
                connection.retiring = True
                surplus -= 1
