"""Which processes an installation has, what each one serves, and whether all is well."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import uuid4

import msgspec
import structlog

from opportune.service.events import happened
from opportune.storage import Storage
from opportune.storage.cluster import Cluster, ProcessReport

__all__ = ["LOST_SECONDS", "Identity", "ProcessStatus", "Reporter", "Status", "status_of"]

RENEW_SECONDS = 1.0
LOST_SECONDS = 3.0
"""A process that was silent for so long counts as lost: two reports in a row did not come."""
SWITCH_SECONDS = 5.0
"""How long processes may differ in their revision after a new one was published."""
LEARNERS = frozenset(("embedded", "learner"))
DECIDERS = frozenset(("embedded", "decider"))

log = structlog.get_logger()


class ProcessStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One process.

    Args:
        host: name of its machine; `pid` its process there.
        role: "embedded" decides and learns; "decider", "learner"; "standby" waits to become the learner.
        address: where it takes requests; "" where it takes none.
        revision: number of the revision that it works with; 0 before the first.
        model: name of the model, "" where it has none.
        position: last journal entry that its model has learned.
        lag: of one that learns, journal entries that it has not looked at; of a decider, entries between its model and
            the last one posted.
        age_seconds: since its last report.
        health: "ok"; "lost" for one that reports no more; "behind" for another revision than the current one.
    """

    host: str
    pid: int
    role: str
    address: str
    revision: int
    model: str
    position: int
    lag: int
    age_seconds: float
    health: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """An installation.

    Args:
        revision: number of the current revision; 0 before the first.
        journal: last entry.
        outcomes_waiting: outcomes by token whose decision has not come.
        problems: what is wrong, in words; empty where all is well.
        warnings: what the process that was asked found of the data of decisions, in words.
    """

    revision: int
    journal: int
    outcomes_waiting: int
    problems: tuple[str, ...]
    processes: tuple[ProcessStatus, ...]
    warnings: tuple[str, ...] = ()


class Reporter:
    """Says every second, beside the event loop, that this process is there and what it serves.

    Args:
        describe: gives role, address, number of the revision, name of the model, position and lag, as they are now.
    """

    def __init__(self, cluster: Cluster, describe: Callable[[], ProcessReport]) -> None:
        self._cluster = cluster
        self._describe = describe
        self._task: asyncio.Task[None] | None = None
        self._due = asyncio.Event()
        self._silent = False

    def start(self) -> None:
        """Begin; in the event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def renew(self) -> None:
        """Report at once, as something changed; in the event loop."""
        self._due.set()

    async def close(self) -> None:
        """Take the report back."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        try:
            await asyncio.to_thread(self._cluster.withdraw, self._describe().id)
        except Exception as error:  # noqa: BLE001  It ages out by itself.
            log.info("report not withdrawn", error=type(error).__name__)

    async def _run(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._cluster.report, self._describe())
                self._silent = False
            except Exception as error:  # noqa: BLE001  The store may be away for a while; the next report comes.
                if not self._silent:
                    log.warning("report not written", error=type(error).__name__)
                self._silent = True
            await happened(self._due, RENEW_SECONDS)
            self._due.clear()


class Identity:
    """What stays the same in all reports of this process."""

    def __init__(self, now: datetime) -> None:
        self.host = socket.gethostname()
        self.pid = os.getpid()
        self.id = f"{self.host}-{self.pid}-{uuid4().hex[:12]}"
        self.started_at = now

    def report(
        self,
        *,
        role: str,
        address: str,
        revision: int,
        model: str,
        position: int,
        lag: int,
        now: datetime,
        quality: bytes = b"",
    ) -> ProcessReport:
        """Write a report."""
        return ProcessReport(
            id=self.id,
            host=self.host,
            pid=self.pid,
            role=role,
            address=address,
            revision=revision,
            model=model,
            position=position,
            lag=lag,
            started_at=self.started_at,
            seen_at=now,
            quality=quality,
        )


def status_of(storage: Storage, now: datetime) -> Status:
    """Say how an installation is; blocks.

    Raises:
        StoreError: the store cannot be read.
    """
    current = storage.current_revision()
    number, since = 0, now
    if current is not None:
        number = current.number
        entry = next(iter(storage.journal(current.sequence - 1, 1)), None)
        since = now if entry is None else entry.recorded_at
    settled = now - since > timedelta(seconds=SWITCH_SECONDS)
    reports = storage.cluster.processes()
    processes = tuple(_status(report, number if settled else report.revision, now) for report in reports)
    return Status(
        revision=number,
        journal=storage.last_sequence(),
        outcomes_waiting=storage.counts().outcomes_waiting,
        problems=tuple(_problems(processes, number)),
        processes=processes,
    )


def _status(report: ProcessReport, revision: int, now: datetime) -> ProcessStatus:
    age = max(0.0, (now - report.seen_at).total_seconds())
    health = "ok"
    if age > LOST_SECONDS:
        health = "lost"
    elif report.revision != revision and report.role != "standby":
        health = "behind"
    return ProcessStatus(
        host=report.host,
        pid=report.pid,
        role=report.role,
        address=report.address,
        revision=report.revision,
        model=report.model,
        position=report.position,
        lag=report.lag,
        age_seconds=round(age, 1),
        health=health,
    )


def _problems(processes: Iterable[ProcessStatus], revision: int) -> Iterable[str]:
    alive = [process for process in processes if process.health != "lost"]
    if not any(process.role in DECIDERS for process in alive):
        yield "no process decides; start one with 'opportune serve'"
    if not any(process.role in LEARNERS for process in alive):
        yield "no process learns; one takes over within seconds where 'opportune serve' runs"
    for process in alive:
        if process.health == "behind":
            yield (
                f"process {process.pid} on {process.host}: expected revision {revision}, found {process.revision} for"
                f" more than {SWITCH_SECONDS:g} seconds; its log says why"
            )
