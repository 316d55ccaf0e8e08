"""The whole service over HTTP with durable records, under an open load.

./run bench service [--quick] [--actions 1000] [--seconds 20] [--page docs/benchmarks.md]
./run bench service --store postgresql [--workers 2]: several processes, see benchmarks/processes.py
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from rich.console import Console

from benchmarks.load import Load, Result, http_post
from benchmarks.page import PAGE, machine, replace
from benchmarks.project import ID_MARK, profile_of, request_template, write_project
from benchmarks.world import World, make_world

__all__ = [
    "CONNECTIONS",
    "HOST",
    "LATE_MS_MAX",
    "Figures",
    "Traffic",
    "answer_to",
    "cpu_seconds_of",
    "find_capacity",
    "import_customers",
    "is_good",
    "main",
    "measure",
    "wait_until_ready",
    "watch_learning",
]

HOST = "127.0.0.1"
READY_SECONDS = 180
RAMP = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1)
"""Shares of the rate that a closed loop reached: the steps by which the open loop looks for capacity."""
KEPT_UP = 0.98
"""A rate is carried when this share of the planned requests got a good answer within the step."""
SLOW_MS = 100.0
"""... and 99 of 100 within this time."""
TRIES = 3
"""A step counts as carried if one of so many tries is: whatever else runs on the machine must not decide."""
LATE_MS_MAX = 1.0
"""A generator that is later than this shares its core with others; the run then says so and is not written down."""
CONNECTIONS = 64
PROBES = 20


@dataclass
class Figures:
    """What was measured; times in milliseconds, rates per second.

    Args:
        steps: (planned rate, good rate, p50, p99, errors and unanswered) of every step of the ramp.
        steady: the run at half of capacity.
        learned: from the acknowledgement of an outcome to the first answer that it changed.
    """

    start_seconds: float
    request_bytes: int
    answer_bytes: int
    capacity: float = 0.0
    steps: list[tuple[float, float, float, float, int]] = field(default_factory=list)
    steady_rate: float = 0.0
    steady: Result | None = None
    learned: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0


class Traffic:
    """Requests of many customers, each with an id of its own."""

    def __init__(self, world: World, host: str) -> None:
        mark = ID_MARK.encode()
        self._parts = [
            http_post("/v1/decisions", request_template(world, i), host).split(mark) for i in range(len(world.profiles))
        ]
        self._width = len(ID_MARK)

    def __call__(self, number: int) -> bytes:
        name = b"b%0*d" % (self._width - 1, number)
        return name.join(self._parts[number % len(self._parts)])


def is_good(answer: bytes) -> bool:
    """Say whether the engine itself decided and answered."""
    return answer.startswith(b"HTTP/1.1 200") and b'"degraded":null' in answer


def measure(
    url_port: int, world: World, pid: int, seconds: float, figures: Figures, say: Callable[[str], None]
) -> None:
    """Load a running service: warm up, look for capacity, stay at half of it, then watch it learn."""
    traffic = Traffic(world, f"{HOST}:{url_port}")
    load = Load(HOST, url_port, CONNECTIONS)
    step = max(1.0, seconds / 5)
    try:
        find_capacity(load, traffic, step, figures, say)
        figures.steady_rate = figures.capacity / 2
        if figures.steady_rate:
            before = cpu_seconds_of(pid)
            figures.steady = load.run(traffic, is_good, figures.steady_rate, seconds)
            figures.cpu_seconds = cpu_seconds_of(pid) - before
    finally:
        load.close()
    figures.learned = watch_learning(url_port, world)


def find_capacity(load: Load, traffic: Traffic, step: float, figures: Figures, say: Callable[[str], None]) -> None:
    """Warm up, then plan ever more requests until they are no longer answered in time.

    Args:
        step: seconds of each try.
    """
    load.run(traffic, is_good, None, step / 2)
    closed = load.run(traffic, is_good, None, step)
    say(f"closed loop with {CONNECTIONS} connections: {closed.rate:,.0f}/s, {closed.errors} errors")
    for share in RAMP:
        rate = closed.rate * share
        if not any(_carries(load, traffic, rate, step, figures, say) for _ in range(TRIES)):
            break
        figures.capacity = rate


def _carries(
    load: Load, traffic: Traffic, rate: float, step: float, figures: Figures, say: Callable[[str], None]
) -> bool:
    """Try one rate."""
    found = load.run(traffic, is_good, rate, step)
    failed = found.errors + found.unanswered
    figures.steps.append((rate, found.rate, found.quantile(0.5), found.quantile(0.99), failed))
    say(f"planned {rate:,.0f}/s: {found.rate:,.0f}/s, p99 {found.quantile(0.99):.1f} ms, {failed} failed")
    return found.rate >= KEPT_UP * rate and found.quantile(0.99) <= SLOW_MS and not failed


def answer_to(world: World, port: int) -> bytes:
    """Give the answer to one request, to know its size."""
    with httpx.Client(base_url=f"http://{HOST}:{port}", headers={"content-type": "application/json"}) as client:
        answer = client.post("/v1/decisions", content=request_template(world, 0))
        answer.raise_for_status()
        return answer.content


def cpu_seconds_of(pid: int) -> float:
    """Read the processor time of a process; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watch_learning(port: int, world: World) -> list[float]:
    """Report an acceptance, then ask again in the same conversation until the propensity is another one."""
    taken = []
    with httpx.Client(base_url=f"http://{HOST}:{port}", timeout=10) as client:
        for probe in range(PROBES):
            customer = probe % len(world.profiles)
            first = _ask(client, world, customer, f"learn-{probe}-0", f"learn-{probe}")
            shown = first["placements"][0]["actions"]
            if not shown:
                continue
            body = {
                "id": f"o-{probe}",
                "decision": first["id"],
                "action": shown[0]["action"],
                "outcome": "accept" if probe % 2 else "reject",
            }
            client.post("/v1/outcomes", json=body).raise_for_status()
            acknowledged = time.perf_counter()
            known = {action["action"]: action["propensity"] for action in shown}
            for attempt in range(1, 2_000):
                again = _ask(client, world, customer, f"learn-{probe}-{attempt}", f"learn-{probe}")
                now = {action["action"]: action["propensity"] for action in again["placements"][0]["actions"]}
                if any(now[name] != known[name] for name in now.keys() & known.keys()):
                    taken.append((time.perf_counter() - acknowledged) * 1000.0)
                    break
    return taken


def _ask(client: httpx.Client, world: World, customer: int, name: str, session: str) -> dict[str, Any]:
    body = json.loads(request_template(world, customer))
    answer = client.post("/v1/decisions", json=body | {"id": name, "session": session})
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


@contextmanager
def running(project: Path, store: Path, core: int | None, log: Path) -> Iterator[tuple[int, int, float]]:
    """Start the service on one core; give its port, its process and the seconds until it was ready."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    own = os.sched_getaffinity(0) if core is not None else set()
    if core is not None:
        os.sched_setaffinity(0, {core})  # inherited by the service
    command = [sys.executable, "-m", "opportune.cli", "serve", str(project), "--store", str(store), "--port", str(port)]
    begin = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        if core is not None:
            os.sched_setaffinity(0, (own - {core}) or own)
        wait_until_ready(port, process, begin, log)
        yield port, process.pid, time.perf_counter() - begin
    finally:
        if core is not None:
            os.sched_setaffinity(0, own)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(port: int, process: subprocess.Popen[bytes], begin: float, log: Path) -> None:
    while True:
        try:
            if httpx.get(f"http://{HOST}:{port}/readyz", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        if process.poll() is not None or time.perf_counter() - begin > READY_SECONDS:
            raise RuntimeError(f"the service did not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)


def import_customers(port: int, world: World) -> None:
    rows = [{"id": f"c{i:05d}", "attributes": profile_of(world, i)} for i in range(len(world.profiles))]
    with httpx.Client(base_url=f"http://{HOST}:{port}", timeout=60) as client:
        for start in range(0, len(rows), 500):
            answer = client.post("/v1/customers", json=rows[start : start + 500])
            answer.raise_for_status()
            if answer.json()["refused"]:
                raise RuntimeError(f"customers were refused: {answer.text[:500]}")


def _report(figures: Figures, actions: int, store: Path, command: str) -> str:
    lines = [
        f"Machine: {machine()}; one core for the service, another for the load.",
        f"Command: `{command}`.",
        f"Project: {actions:,} actions, as many rules, 100 predictors, {CONNECTIONS} connections.",
        f"Requests of {figures.request_bytes:,} bytes, answers of {figures.answer_bytes:,} bytes.",
        f"Start with all checks until ready: {figures.start_seconds:.1f} s.",
        "",
        "| planned/s | good answers/s | p50 ms | p99 ms | failed |",
        "|---:|---:|---:|---:|---:|",
        *(f"| {a:,.0f} | {b:,.0f} | {p50:.2f} | {p99:.2f} | {bad} |" for a, b, p50, p99, bad in figures.steps),
        "",
        f"Capacity: {figures.capacity:,.0f} decisions/s, the highest planned rate of which {KEPT_UP:.0%} were answered"
        f" in time, with p99 under {SLOW_MS:.0f} ms and no error.",
    ]
    steady = figures.steady
    if steady is not None:
        share = figures.cpu_seconds / steady.seconds
        lines += [
            "",
            f"| at half of capacity, {steady.seconds:.0f} s | |",
            "|---|---:|",
            f"| decisions/s | {steady.rate:,.0f} |",
            f"| p50 | {steady.quantile(0.5):.2f} ms |",
            f"| p99 | {steady.quantile(0.99):.2f} ms |",
            f"| p99.9 | {steady.quantile(0.999):.2f} ms |",
            f"| largest | {steady.quantile(1.0):.2f} ms |",
            f"| errors, degraded, unanswered | {steady.errors + steady.unanswered} |",
            f"| load generator late, p99 | {steady.late * 1000.0:.3f} ms |",
            f"| processor time of the service | {share:.0%} of one core |",
        ]
    if figures.learned:
        median, most = np.median(figures.learned), max(figures.learned)
        lines += [
            "",
            f"An acknowledged outcome changed the served propensity after {median:.1f} ms (median of"
            f" {len(figures.learned)}; longest {most:.1f} ms), asked again without other load.",
        ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 where requests failed at half of capacity."""
    parser = argparse.ArgumentParser(prog="./run bench service", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small project and short runs: shows that it works")
    parser.add_argument("--actions", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the run at half of capacity")
    parser.add_argument("--page", type=Path, default=None, help="page to write into; default docs/benchmarks.md")
    parser.add_argument("--keep", type=Path, default=None, help="folder for project and store, kept afterwards")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--workers", type=int, default=2, help="of PostgreSQL: compared with one")
    options = parser.parse_args(arguments)
    actions, seconds = (20, 2.0) if options.quick else (options.actions, options.seconds)
    console = Console(stderr=True)
    world = make_world(actions, customers=50 if options.quick else 1_000)
    if options.store == "postgresql":
        from benchmarks.processes import compare

        page = options.page or (None if options.quick else PAGE)
        return compare(world, options.workers, seconds, page, lambda text: console.print(text, markup=False))
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    core = cores[-1] if len(cores) > 1 else None
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        write_project(world, folder / "project")
        with running(folder / "project", folder / "bench.db", core, folder / "service.log") as (port, pid, ready):
            console.print(f"ready after {ready:.1f} s", markup=False)
            import_customers(port, world)
            request = Traffic(world, f"{HOST}:{port}")(0)
            answer = answer_to(world, port)
            figures = Figures(ready, len(request), len(answer))
            measure(port, world, pid, seconds, figures, lambda text: console.print(text, markup=False))
        text = _report(figures, actions, folder, "./run bench service")
    print(text)
    steady = figures.steady
    is_quiet = steady is not None and steady.late * 1000.0 <= LATE_MS_MAX
    if not is_quiet:
        console.print("the load generator was late: something else ran on this machine; run it again", markup=False)
    elif options.page is not None or not options.quick:
        replace(options.page or PAGE, "service", text)
    return int(steady is None or steady.errors + steady.unanswered > 0)


if __name__ == "__main__":
    sys.exit(main())
