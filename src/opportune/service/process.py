"""A child of the supervisor: `python -m opportune.service.process`, told by its standard input what it is to do."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from time import sleep
from typing import TypeVar

import msgspec
import structlog

from opportune.errors import OpportuneError, StoreError
from opportune.service.course import Course
from opportune.service.following import FollowingRuntime
from opportune.service.http import App
from opportune.service.http.balance import Board
from opportune.service.http.server import Share, serve_shared
from opportune.service.learning_process import LearningProcess
from opportune.service.logs import place_of, set_up_logs
from opportune.service.publishing import current
from opportune.service.revisions import Strategy
from opportune.service.settings import Settings
from opportune.service.supervisor import ALIVE, ALIVE_SECONDS, END_SECONDS, GO, READY
from opportune.storage import Storage, open_storage

__all__ = ["Task", "main"]

RETRY_SECONDS = 0.5

T = TypeVar("T")

log = structlog.get_logger()


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a child is to do.

    Args:
        role: "decider" or "learner".
        store: URL; it comes this way since others on the machine may read the arguments of a process.
        listening: descriptor of the socket that deciders share; `board` that of their counts.
        number: of a decider among them.
        address: of the socket.
    """

    role: str
    store: str
    kernel: str
    listening: int = -1
    board: int = -1
    number: int = 0
    address: str = ""

    def line(self) -> bytes:
        """Write the task as the line that tells a child."""
        return msgspec.json.encode(self) + b"\n"


class Parent:
    """The supervisor, as its child knows it."""

    def __init__(self) -> None:
        self._output = os.dup(sys.stdout.fileno())
        # Whatever else prints must not talk to the supervisor.
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        # A supervisor that stands still must not hold up anybody.
        os.set_blocking(self._output, False)
        # Not through a buffered reader: one that waits in a thread cannot be left behind at the end.
        self._input = os.dup(sys.stdin.fileno())
        self._received = b""
        self._begin: Callable[[], object] = lambda: None
        # Until something was begun, there is nothing to finish.
        self._end: Callable[[], object] = lambda: os._exit(0)
        self._may_begin = False
        self._guard = threading.Lock()

    def read_task(self) -> Task:
        """Wait for the task; from then on, the end of the supervisor is the end of this process."""
        task = msgspec.json.decode(self._line(), type=Task)
        threading.Thread(target=self._listen, name="opportune-parent", daemon=True).start()
        return task

    def attend(self, begin: Callable[[], object], end: Callable[[], object]) -> None:
        """Say that this process is ready, and from then on that it lives; to be called in its event loop.

        Args:
            begin: called from any thread when the supervisor lets it serve.
            end: called from another thread when the supervisor is gone.
        """
        with self._guard:
            self._begin, self._end = begin, end
            if self._may_begin:
                begin()
        self._say(READY)
        self._beat()

    def _listen(self) -> None:
        while line := self._line():
            if line == GO:
                with self._guard:
                    self._may_begin = True
                    self._begin()
        self._end()
        sleep(END_SECONDS)
        # It had its time to end in order, and nobody is left to kill it.
        os._exit(1)

    def _line(self) -> bytes:
        """Wait for the next line; empty at the end."""
        while b"\n" not in self._received:
            piece = os.read(self._input, 65_536)
            if not piece:
                return b""
            self._received += piece
        line, _, self._received = self._received.partition(b"\n")
        return line + b"\n"

    def _beat(self) -> None:
        self._say(ALIVE)
        asyncio.get_running_loop().call_later(ALIVE_SECONDS, self._beat)

    def _say(self, line: bytes) -> None:
        try:
            os.write(self._output, line)
        except OSError:
            # It stands still, or is gone: then its end of the other pipe says so.
            return


def main() -> None:
    """Do the task until a signal to stop."""
    # Before it takes them itself, a signal ends it at once.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = Parent()
    task = parent.read_task()
    set_up_logs()
    settings = Settings(kernel=task.kernel)
    storage = _opened(task.store)
    if task.role == "learner":
        asyncio.run(_learn(storage, settings, parent))
    else:
        _decide(storage, settings, task, parent)


def _decide(storage: Storage, settings: Settings, task: Task, parent: Parent) -> None:
    runtime = _retried(lambda: _prepared(storage, settings))
    runtime.address = task.address
    listening = socket.socket(fileno=task.listening)
    listening.setblocking(False)

    def attend(begin: Callable[[], object]) -> None:
        parent.attend(begin, lambda: os.kill(os.getpid(), signal.SIGTERM))

    serve_shared(App(runtime), Share(listening, Board(task.board, task.number), attend))


def _prepared(storage: Storage, settings: Settings) -> FollowingRuntime:
    runtime = FollowingRuntime(_current_strategy(storage), storage, settings)
    runtime.prepare()
    return runtime


def _current_strategy(storage: Storage) -> Strategy:
    """Compile the current revision, or the last one that can be."""
    course = Course(storage)
    step = current(course)
    if step is None:
        raise StoreError(f"{storage.place}: no revision is published; publish one with 'opportune publish'")
    return course.strategies.of(step.hash)


async def _learn(storage: Storage, settings: Settings, parent: Parent) -> None:
    process = LearningProcess(storage, settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.end)
    parent.attend(lambda: None, lambda: loop.call_soon_threadsafe(process.end))
    try:
        await process.run()
    finally:
        storage.close()


def _opened(url: str) -> Storage:
    return _retried(lambda: open_storage(url))


def _retried(work: Callable[[], T]) -> T:
    """Do what needs the store, again and again until it is there."""
    is_told = False
    while True:
        try:
            return work()
        except StoreError as error:
            if not is_told:
                log.warning("waiting for the store", reason=str(error), where=place_of(error))
            is_told = True
            sleep(RETRY_SECONDS)


if __name__ == "__main__":
    try:
        main()
    except OpportuneError as error:
        log.error("process ended", reason=str(error), error=type(error).__name__)
        sys.exit(2)
