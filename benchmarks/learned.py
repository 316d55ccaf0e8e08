"""Learning beside deciding: outcomes and decisions at the same time, on one core, over HTTP with durable records.

./run bench learned [--quick] [--actions 100] [--seconds 20] [--outcomes 1000] [--decisions 500]

Every request for a decision is followed by a list of outcomes about an earlier one: so many outcomes are learned a
second while so many decisions are served. Lag is what was acknowledged and not yet learned, asked for every half second
and told in seconds at the rate of the outcomes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from rich.console import Console

from benchmarks.load import Load, Result, http_post
from benchmarks.page import machine
from benchmarks.project import ID_MARK, write_project
from benchmarks.service import CONNECTIONS, HOST, LATE_MS_MAX, Traffic, cpu_seconds_of, import_customers, running
from benchmarks.world import World, make_world
from opportune.decide.pipeline import decision_id
from opportune.records import DecisionRequest

__all__ = ["main"]

LAG_SECONDS_MAX = 1.0
BEHIND = 100
"""Decisions between an outcome and the one that it answers: that one has its answer by then."""
LOOK_SECONDS = 0.5


class Mixed:
    """Requests in turn: a decision, then a list of outcomes about an earlier decision.

    Attributes:
        acknowledged: outcomes that the service took.
    """

    def __init__(self, world: World, port: int, outcomes: int) -> None:
        self._host = f"{HOST}:{port}"
        self._decisions = Traffic(world, self._host)
        self._actions = [key.action for key in world.keys]
        self._outcomes = outcomes
        self.acknowledged = 0

    def __call__(self, number: int) -> bytes:
        if number % 2 == 0 or number < 2 * BEHIND:
            return self._decisions(number)
        answered = f"b{number - 1 - 2 * BEHIND + 2:0{len(ID_MARK) - 1}d}"
        decision = decision_id(DecisionRequest(id=answered, channel="", placements=()))
        said = [
            {
                "id": f"o{number}-{n}",
                "decision": decision,
                "action": self._actions[(number * 7 + n) % len(self._actions)],
                "outcome": "accept" if (number + n) % 5 == 0 else "reject",
            }
            for n in range(self._outcomes)
        ]
        return http_post("/v1/outcomes", json.dumps(said).encode(), self._host)

    def is_good(self, answer: bytes) -> bool:
        """Say whether the engine decided, or took all of the outcomes, which are then counted as acknowledged."""
        if not answer.startswith(b"HTTP/1.1 200"):
            return False
        is_taken = b'"refused":0' in answer
        self.acknowledged += self._outcomes if is_taken else 0
        return is_taken or b'"degraded":null' in answer


@dataclass
class Watch:
    """Asks a service how far its learning is, until it is told to stop.

    Attributes:
        lags: outcomes acknowledged and not yet learned, one per look.
        learned: answers learned at the last look.
        left: outcomes acknowledged and not yet learned, once nothing more came.
    """

    port: int
    lags: list[int] = field(default_factory=list)
    learned: int = 0
    left: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Look again and again."""
        with httpx.Client(base_url=f"http://{HOST}:{self.port}", timeout=5) as client:
            while not self._stop.wait(LOOK_SECONDS):
                self.lags.append(self._look(client))
            end = time.monotonic() + LAG_SECONDS_MAX
            self.left = self._look(client)
            while self.left and time.monotonic() < end:
                time.sleep(LOOK_SECONDS / 5)
                self.left = self._look(client)

    def _look(self, client: httpx.Client) -> int:
        found = client.get("/v1/models").json()["models"][0]
        self.learned = found["learned"]
        return int(found["lag"])

    def stop(self) -> None:
        """End the looks."""
        self._stop.set()


@dataclass(frozen=True)
class Figures:
    """What was measured."""

    result: Result
    lags: list[int]
    learned: int
    left: int
    acknowledged: int
    processor: float


def measure(world: World, port: int, pid: int, decisions: float, outcomes: float, seconds: float) -> Figures:
    """Load a running service with both for so long."""
    load, watch = Load(HOST, port, CONNECTIONS), Watch(port)
    traffic = Mixed(world, port, round(outcomes / decisions))
    looks = threading.Thread(target=watch.run)
    try:
        load.run(traffic, traffic.is_good, 2 * decisions, max(1.0, seconds / 4))
        looks.start()
        before = cpu_seconds_of(pid)
        result = load.run(traffic, traffic.is_good, 2 * decisions, seconds)
        processor = cpu_seconds_of(pid) - before
    finally:
        watch.stop()
        if looks.ident is not None:
            looks.join()
        load.close()
    taken = traffic.acknowledged
    return Figures(result, watch.lags, watch.learned, watch.left, taken, processor / result.seconds)


def _report(figures: Figures, actions: int, decisions: float, outcomes: float) -> str:
    result, lag = figures.result, max(figures.lags, default=0) / outcomes
    return "\n".join(
        [
            f"Machine: {machine()}; one core for the service, another for the load.",
            f"Project: {actions:,} actions, 100 predictors.",
            f"Load: {decisions:,.0f} decisions/s and {outcomes:,.0f} outcomes/s.",
            "",
            "| | |",
            "|---|---:|",
            f"| requests/s that were answered well | {result.rate:,.0f} |",
            f"| p50 | {result.quantile(0.5):.2f} ms |",
            f"| p99 | {result.quantile(0.99):.2f} ms |",
            f"| errors, degraded, unanswered | {result.errors + result.unanswered} |",
            f"| outcomes acknowledged, answers learned | {figures.acknowledged:,}, {figures.learned:,} |",
            f"| not yet learned a second after the last | {figures.left:,} |",
            f"| longest lag of {len(figures.lags)} looks | {lag:.3f} s |",
            f"| processor time of the service | {figures.processor:.0%} of one core |",
            f"| load generator late, p99 | {result.late * 1000.0:.3f} ms |",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 where requests failed, learning fell behind, or less was learned than acknowledged."""
    parser = argparse.ArgumentParser(prog="./run bench learned", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small project and a short run: shows that it works")
    parser.add_argument("--actions", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--outcomes", type=float, default=1_000.0, help="a second")
    parser.add_argument("--decisions", type=float, default=500.0, help="a second")
    options = parser.parse_args(arguments)
    actions, seconds = (20, 3.0) if options.quick else (options.actions, options.seconds)
    console = Console(stderr=True)
    world = make_world(actions, customers=50 if options.quick else 1_000)
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    core = cores[-1] if len(cores) > 1 else None
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_project(world, folder / "project")
        with running(folder / "project", folder / "bench.db", core, folder / "service.log") as (port, pid, ready):
            console.print(f"ready after {ready:.1f} s", markup=False)
            import_customers(port, world)
            figures = measure(world, port, pid, options.decisions, options.outcomes, seconds)
    print(_report(figures, actions, options.decisions, options.outcomes))
    if figures.result.late * 1000.0 > LATE_MS_MAX:
        console.print("the load generator was late: something else ran on this machine; run it again", markup=False)
    failed = figures.result.errors + figures.result.unanswered
    wrong = [f"{failed} requests failed"] if failed else []
    if not figures.lags:
        wrong.append("nobody looked how far learning is")
    if max(figures.lags, default=0) / options.outcomes > LAG_SECONDS_MAX:
        wrong.append(f"learning fell behind by more than {LAG_SECONDS_MAX:g} s")
    if figures.left or figures.learned < figures.acknowledged:
        wrong.append(f"{figures.acknowledged:,} outcomes were acknowledged, {figures.learned:,} answers learned")
    for text in wrong:
        console.print(f"failed: {text}", markup=False)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
