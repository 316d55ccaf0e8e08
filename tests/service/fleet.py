"""A service of several processes on PostgreSQL, and what happens to its processes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx

from opportune.storage import open_storage
from opportune.storage.cluster import ProcessReport

from .process import Running
from .shop import PROJECT, decision

__all__ = [
    "Fleet",
    "answer_once",
    "fleet",
    "is_alive",
    "parent_of",
    "propensity",
    "signal_to",
    "wait_for",
]


class Fleet(Running):
    """A started service of several processes."""

    def __init__(
        self, store: str, workers: int = 2, *, module: str = "opportune.cli", project: Path | None = PROJECT
    ) -> None:
        super().__init__(store, "--workers", str(workers), module=module, project=project)
        self.store = store
        assert self.process.stderr is not None
        # The pipe must not fill while the service lives.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with suppress(ValueError):
            for line in self.process.stderr or ():
                self.lines.append(line)

    def _end(self, number: signal.Signals) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(30)
        assert self.process.stderr is not None
        if self.process.stderr.closed:
            return code
        # The children hold the pipe until they have ended too.
        self._reader.join(30)
        self.process.stderr.close()
        return code

    def client(self) -> httpx.Client:
        """A client with one connection."""
        return httpx.Client(base_url=self.url, timeout=10, limits=httpx.Limits(max_connections=1))

    def processes(self) -> list[ProcessReport]:
        """Reports of all processes of the store."""
        with open_storage(self.store, read_only=True) as storage:
            return storage.cluster.processes()

    def children(self, role: str) -> list[int]:
        """Living processes of a role."""
        return [one.pid for one in self.processes() if one.role == role and parent_of(one.pid) == self.process.pid]


@contextmanager
def fleet(store: str, workers: int = 2, *, module: str = "opportune.cli") -> Iterator[Fleet]:
    """Run a service of several processes, and end it at the end."""
    service = Fleet(store, workers, module=module)
    try:
        yield service
    finally:
        service.stop()


def parent_of(pid: int) -> int:
    """Parent of a living process; 0 of one that has ended."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            state, parent = file.read().rpartition(")")[2].split()[:2]
    except OSError:
        return 0
    return 0 if state == "Z" else int(parent)


def is_alive(pid: int) -> bool:
    """Whether a process runs: it has not ended, and is not stopped."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZTt"
    except OSError:
        return False


def wait_for(condition: Callable[[], Any], seconds: float, pause: float = 0.01) -> float:
    """Wait until something is so; give the seconds that it took."""
    begin = monotonic()
    while not condition():
        assert monotonic() - begin < seconds, f"it did not come about within {seconds:g} seconds"
        sleep(pause)
    return monotonic() - begin


def answer_once(client: httpx.Client, name: str, outcome: str = "accept") -> None:
    """Decide and answer; the answer is acknowledged when this returns."""
    decided = client.post("/v1/decisions", json=decision(name)).json()
    spoken = {"id": f"o-{name}", "decision": decided["id"], "action": "water", "outcome": outcome}
    client.post("/v1/outcomes", json=spoken).raise_for_status()


def propensity(client: httpx.Client, name: str) -> float:
    """What the model says of water now."""
    decided = client.post("/v1/decisions", json=decision(name)).json()
    shown = decided["placements"][0]["actions"]
    found: float = next(one["propensity"]["accept"] for one in shown if one["action"] == "water")
    return found


def signal_to(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that was seen alive."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
