"""The parent of the processes of one host: starts them, starts again what ends, and ends them all when told to.

It does nothing else, so that nothing can end it. Every child has a pipe from the parent as its standard input: the
first line says what it is to do, and its end says that the parent is gone. A child's standard output is a pipe to the
parent: it says when the child is ready, and then that it lives.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

import structlog

from opportune.service.events import happened

__all__ = ["ALIVE", "ALIVE_SECONDS", "END_SECONDS", "GO", "READY", "Child", "Supervisor"]

READY = b"ready\n"
"""What a child says once it could serve."""
ALIVE = b"alive\n"
"""What it says from then on, from its event loop."""
ALIVE_SECONDS = 0.5
"""How often it says so."""
HUNG_SECONDS = 3.0
"""A child that was ready and says nothing for so long is killed: nobody can tell it to go on."""
GO = b"go\n"
"""What a child is told once it may."""
SETTLED_SECONDS = 1.0
"""A child that was ready for so long is started again at once: it is no fault of its start that it ended."""
BACK_OFF_SECONDS = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses before a child that keeps ending is started again; the last one repeats."""
END_SECONDS = 15.0
"""Time for children to finish what they do; what is left then is killed."""
COMMAND = (sys.executable, "-m", "opportune.service.process")

log = structlog.get_logger()


@dataclass
class Child:
    """A process to keep.

    Args:
        name: for the log.
        task: the line that tells it what to do.
        files: descriptors that it inherits.
    """

    name: str
    task: bytes
    files: tuple[int, ...] = ()
    process: Process | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    ready_since: float | None = None


class Supervisor:
    """Keeps children alive.

    Args:
        children: what is to run.
        on_ready: called once, when all of them are ready for the first time.
        command: starts a child.
    """

    def __init__(
        self,
        children: Sequence[Child],
        on_ready: Callable[[], None] = lambda: None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._children = children
        self._on_ready = on_ready
        self._command = command
        self._ending = asyncio.Event()
        self._open = False
        """Whether children may serve."""

    async def run(self) -> None:
        """Keep the children until a signal to stop; then end them in order."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ending.set)
        keepers = [loop.create_task(self._keep(child)) for child in self._children]
        opener = loop.create_task(self._open_when_ready())
        await self._ending.wait()
        opener.cancel()
        await asyncio.gather(*(self._end(child) for child in self._children))
        await asyncio.gather(opener, *keepers, return_exceptions=True)

    async def _open_when_ready(self) -> None:
        await asyncio.gather(*(child.ready.wait() for child in self._children))
        self._on_ready()
        self._open = True
        for child in self._children:
            await _tell(child.process, GO)

    async def _keep(self, child: Child) -> None:
        failures = 0
        while not self._ending.is_set():
            child.ready_since = None
            code = await self._run_once(child)
            if self._ending.is_set():
                return
            has_settled = child.ready_since is not None and monotonic() - child.ready_since >= SETTLED_SECONDS
            failures = 0 if has_settled else failures + 1
            pause = BACK_OFF_SECONDS[min(failures, len(BACK_OFF_SECONDS) - 1)]
            log.warning("process ended; it is started again", process=child.name, code=code, pause=pause)
            await happened(self._ending, pause)

    async def _run_once(self, child: Child) -> int:
        """Start a child and wait for its end; give its exit code."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=child.files,
            # A signal of the terminal is for the parent, which passes it on.
            start_new_session=True,
        )
        child.process = process
        await _tell(process, child.task)
        if self._ending.is_set():
            process.terminate()
        assert process.stdout is not None
        patience: float | None = None
        try:
            while line := await asyncio.wait_for(process.stdout.readline(), patience):
                if line == READY:
                    patience = HUNG_SECONDS
                    child.ready_since = monotonic()
                    child.ready.set()
                    if self._open:
                        await _tell(process, GO)
        except TimeoutError:
            log.warning("process killed, as it was silent", process=child.name)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        try:
            return await process.wait()
        finally:
            assert process.stdin is not None
            process.stdin.close()

    async def _end(self, child: Child) -> None:
        process = child.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), END_SECONDS)
            except TimeoutError:
                log.warning("process killed, as it did not end", process=child.name)
                process.kill()
                await process.wait()


async def _tell(process: Process | None, line: bytes) -> None:
    if process is None or process.stdin is None:
        return
    # A child that is gone already is noticed by its end.
    with contextlib.suppress(ConnectionError):
        process.stdin.write(line)
        await process.stdin.drain()
