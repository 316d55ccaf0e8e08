"""A service on one core, and more requests from another core than it can answer."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import httpx
import numpy as np
import pytest

from benchmarks.load import Load, http_post
from benchmarks.project import ID_MARK, profile_of, request_template, write_project
from benchmarks.world import World, make_world

__all__ = ["DEADLINE_SECONDS", "Flood", "Served", "Step", "make_firm", "service_on", "two_cores"]

DEADLINE_SECONDS = 0.1
ACTIONS = 100
CUSTOMERS = 500
CONNECTIONS = 512
CLOSED_CONNECTIONS = 16
RAMP = (0.85, 1.0, 1.15)
"""Shares of what a closed loop reached: the steps that look for capacity."""
STEP_SECONDS = 0.7
OUTCOME_PAUSE_SECONDS = 0.05


def two_cores() -> tuple[int, int]:
    """Give a core for the service and one for the load; skips the test on a machine with one."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) < 2:
        pytest.skip("an overload needs a core for the service and another for the load")
    return cores[-1], cores[0]


def make_firm(folder: Path) -> World:
    """Write a strategy whose decisions have to be there within the deadline."""
    world = make_world(ACTIONS, customers=CUSTOMERS)
    write_project(world, folder)
    settings = folder / "project.yaml"
    wanted = f"deadline_ms: {DEADLINE_SECONDS * 1000:.0f}"
    settings.write_text(re.sub(r"deadline_ms: \d+", wanted, settings.read_text()))
    return world


@dataclass
class Served:
    """A running service, alone of us on its core."""

    port: int
    process: subprocess.Popen[str]
    core: int

    def time_of_others(self) -> float:
        """Seconds that everything else has had of the core so far, and the machine below it; 0 where nobody says."""
        try:
            cores = Path("/proc/stat").read_text().splitlines()
            own = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        (line,) = [line for line in cores if line.startswith(f"cpu{self.core} ")]
        user, nice, system, _, _, interrupts, soft, stolen, *_ = map(int, line.split()[1:])
        others = user + nice + system + interrupts + soft + stolen - int(own[11]) - int(own[12])
        return others / os.sysconf("SC_CLK_TCK")


@contextmanager
def service_on(core: int, program: Sequence[str], project: Path, store: Path) -> Iterator[Served]:
    """Run a service on one core until the end of the block."""
    command = [sys.executable, *program, "serve", str(project), "--store", str(store), "--port", "0"]
    process = subprocess.Popen([*command, "--kernel", "numpy"], stderr=subprocess.PIPE, text=True)
    os.sched_setaffinity(process.pid, {core})
    assert process.stderr is not None
    try:
        lines: list[str] = []
        for line in process.stderr:
            lines.append(line)
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            if found:
                threading.Thread(target=_drain, args=(process.stderr,), daemon=True).start()
                yield Served(int(found[1]), process, core)
                return
        raise AssertionError("the service did not start: " + "".join(lines))
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stderr.close()


def _drain(stream: IO[str]) -> None:
    with contextlib.suppress(ValueError):
        for _ in stream:
            pass


@dataclass(frozen=True)
class Step:
    """What became of one run; rates per second, times in seconds.

    Args:
        seen: decisions of the engine itself that came within the deadline.
        good: those, per second that others left of the core.
        left: share of the core that others left.
        refused: time until all other answers, 99th percentile.
        late: how late the load itself was, 99th percentile.
        statuses: how often each kind of answer came.
    """

    planned: float
    seen: float
    good: float
    left: float
    refused: float
    late: float
    unanswered: int
    statuses: dict[str, int]

    def __str__(self) -> str:
        return (
            f"planned {self.planned:,.0f}/s: good {self.seen:,.0f}/s, refusals within {self.refused * 1e3:.1f} ms,"
            f" load late {self.late * 1e3:.1f} ms, unanswered {self.unanswered}, {self.statuses}; {self.left:.0%} of"
            " the core"
        )


@dataclass
class Flood:
    """Decisions without end, and all that was acknowledged, as "kind id"."""

    served: Served
    world: World
    acknowledged: set[str] = field(default_factory=set)
    statuses: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        mark = ID_MARK.encode()
        self._parts = [
            http_post("/v1/decisions", request_template(self.world, i), "shop").split(mark) for i in range(CUSTOMERS)
        ]
        self._sent = 0
        self._answerable: deque[tuple[str, str]] = deque(maxlen=1_000)

    def import_customers(self) -> None:
        """Write all profiles."""
        rows = [{"id": f"c{i:05d}", "attributes": profile_of(self.world, i)} for i in range(CUSTOMERS)]
        answer = httpx.post(f"http://127.0.0.1:{self.served.port}/v1/customers", json=rows, timeout=30)
        assert answer.json()["refused"] == 0

    def capacity(self) -> Step:
        """Look for the highest rate of good answers."""
        load = Load("127.0.0.1", self.served.port, CLOSED_CONNECTIONS)
        self._run(load, None, STEP_SECONDS)
        closed = self._run(load, None, STEP_SECONDS)
        load.close()
        load = Load("127.0.0.1", self.served.port, CONNECTIONS)
        steps = [self._run(load, closed.seen * share, STEP_SECONDS) for share in RAMP]
        load.close()
        return max(closed, *steps, key=lambda step: step.good)

    @contextmanager
    def connected(self) -> Iterator[Load]:
        """Keep many connections open, and report outcomes beside all that happens."""
        load = Load("127.0.0.1", self.served.port, CONNECTIONS)
        done = threading.Event()
        reporter = threading.Thread(target=self._report_outcomes, args=(done,))
        reporter.start()
        try:
            yield load
        finally:
            done.set()
            reporter.join()
            load.close()

    def run(self, load: Load, rate: float, seconds: float) -> Step:
        """Send at a rate, whatever comes back."""
        return self._run(load, rate, seconds)

    def _run(self, load: Load, rate: float | None, seconds: float) -> Step:
        self.statuses.clear()
        others = self.served.time_of_others()
        result = load.run(self._request, self._is_good, rate, seconds)
        others = self.served.time_of_others() - others
        in_time = int(np.count_nonzero(result.latencies <= DEADLINE_SECONDS))
        taken = max(seconds, result.seconds)
        return Step(
            planned=rate or 0.0,
            seen=in_time / taken,
            # Whatever else runs on the machine must not decide: what it took of the core nobody could have used.
            good=in_time / max(taken - others, 0.1 * seconds),
            left=1 - others / taken,
            refused=float(np.quantile(result.refused, 0.99)) if len(result.refused) else 0.0,
            late=result.late,
            unanswered=result.unanswered,
            statuses=dict(self.statuses),
        )

    def _request(self, number: int) -> bytes:
        self._sent += 1
        name = b"b%0*d" % (len(ID_MARK) - 1, self._sent)
        return name.join(self._parts[self._sent % CUSTOMERS])

    def _is_good(self, answer: bytes) -> bool:
        if not answer.startswith(b"HTTP/1.1 200"):
            self.statuses[answer[9:12].decode()] += 1
            return False
        start = answer.index(b'"id":"') + 6
        self.acknowledged.add(f"decision {answer[start : start + 34].decode()}")
        if b'"degraded":null' not in answer:
            self.statuses["degraded"] += 1
            return False
        self.statuses["good"] += 1
        if self.statuses["good"] % 50 == 1:
            shown = re.search(rb'"action":"([^"]+)"', answer)
            if shown:
                self._answerable.append((answer[start : start + 34].decode(), shown[1].decode()))
        return True

    def _report_outcomes(self, done: threading.Event) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{self.served.port}", timeout=5) as client:
            while not done.wait(OUTCOME_PAUSE_SECONDS):
                if not self._answerable:
                    continue
                decision, action = self._answerable.popleft()
                name = f"o-{decision}"
                body = {"id": name, "decision": decision, "action": action, "outcome": "reject"}
                try:
                    answer = client.post("/v1/outcomes", json=body)
                except httpx.HTTPError:
                    continue
                if answer.status_code == 200 and json.loads(answer.content)["sequence"]:
                    self.acknowledged.add(f"outcome {name}")
