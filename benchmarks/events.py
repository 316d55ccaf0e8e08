"""Ten thousand events a second into one process on one core, with decisions that read 200 features beside them.

./run bench events [--quick] [--rate 10000] [--seconds 20] [--page docs/benchmarks.md]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
from rich.console import Console

from benchmarks.events_sender import BATCH, BEGINS, CUSTOMERS, Sent, send
from benchmarks.load import Load, Result
from benchmarks.page import PAGE, machine, replace
from benchmarks.project import write_project
from benchmarks.service import HOST, LATE_MS_MAX, Traffic, cpu_seconds_of, import_customers, is_good, running
from benchmarks.world import make_world
from opportune.customers.features import EventHistory
from opportune.customers.intake import Event
from opportune.decide.limits.windows import micros
from opportune.service.revisions import strategy_from_folder

__all__ = ["main"]

decode = msgspec.json.Decoder(list[Event]).decode

DECISIONS = 30.0
"""Decisions per second beside the events."""
CONNECTIONS = 16
PERSONS = 400
KNOWN = 100
"""Events of every customer whom decisions are made for, before the run."""
WINDOWS = ("minutes: 1", "minutes: 10", "hours: 1", "hours: 6", "days: 1", "days: 3", "days: 7", "days: 30", "days: 90")
FORMS = (
    "count: call",
    "sum: call.minutes",
    "mean: call.minutes",
    "min: call.minutes",
    "max: call.minutes",
    "last: call.number",
    "first: call.minutes",
    "time_since: call",
    "distinct: call.number",
    "rate: call",
    "count: call, where: \"event.direction == 'in'\"",
    "sum: call.minutes, where: \"event.direction == 'out'\"",
    "count: basket",
    "sum: basket.amount",
    "mean: basket.amount",
    "max: basket.amount",
    "distinct: basket.category",
    "time_since: basket",
    "rate: basket",
    "last: basket.category",
    'count: basket, where: "event.amount > 50.0"',
    "sum: basket.amount, where: \"event.category == 'fresh'\"",
)
EVENTS = """\
call:
  attributes:
    minutes: {type: number, range: [0, 600]}
    direction: {type: text, values: [in, out]}
    number: {type: text}
basket:
  attributes:
    amount: {type: number, range: [0, 10000]}
    category: {type: text, values: [fresh, dry, drinks, other]}
"""


@dataclass
class Run:
    """What was measured.

    Args:
        cpu_events: processor seconds of the service per event, when nothing else is asked of it.
        sent: what became of the events.
        decisions: those beside them.
        cpu_share: of one core, in the run.
        grown_bytes: by how much the store grew.
        memory_before, memory: bytes of the service's memory before and after.
        person_bytes: memory of one customer's events.
    """

    cpu_events: float
    cpu_share: float
    sent: Sent
    decisions: Result
    grown_bytes: int
    memory_before: int
    memory: int
    person_bytes: float = 0.0


def person_bytes(project: Path) -> float:
    """Measure the memory that the events of one customer take, laid out for all features."""
    strategy = strategy_from_folder(project)
    now = datetime.now(UTC)
    pasts = []
    before = _memory(os.getpid())
    for _ in range(PERSONS):
        past = EventHistory()
        for key, event in enumerate(decode(send.batch("memory", 0, KNOWN, 1))):
            past.add(key, micros(now - timedelta(hours=key)), event.type, event.attributes)
        strategy.features.read(past, (), now, "UTC")
        pasts.append(past)
    return (_memory(os.getpid()) - before) / len(pasts)


def features(count: int) -> str:
    """Declare so many features."""
    lines = [
        f"f{place:03d}: {{{form}, within: {{{window}}}, predictor: {'true' if place < 50 else 'false'}}}\n"
        for place, (window, form) in enumerate((window, form) for window in WINDOWS for form in FORMS)
    ]
    lines += [
        "f198: {decayed: call.minutes, half_life: {days: 7}, predictor: false}\n",
        "f199: {decayed: basket.amount, half_life: {days: 30}, predictor: false}\n",
    ]
    return "".join(lines[:count] if count < len(lines) - 2 else lines[: count - 2] + lines[-2:])


def measure(port: int, pid: int, store: Path, rate: float, seconds: float, world_size: int, decide: Traffic) -> Run:
    """Send events alone, then events and decisions together."""
    with httpx.Client(base_url=f"http://{HOST}:{port}", timeout=60) as client:
        for start in range(0, world_size * KNOWN, BATCH):
            body = send.batch("known", start, BATCH, world_size)
            client.post("/v1/events", content=body, headers={"content-type": "application/json"}).raise_for_status()
    alone = Load(HOST, port, 2)
    total = max(BATCH * 10, int(rate * seconds / 4))
    before = cpu_seconds_of(pid)
    alone.run(send.requests("alone", port), send.is_taken, total / BATCH / (seconds / 4) / 2, seconds / 4)
    done = total / 2
    cpu_events = (cpu_seconds_of(pid) - before) / done
    alone.close()
    load = Load(HOST, port, CONNECTIONS)
    load.run(decide, is_good, DECISIONS, 2.0)
    size, memory = _size(store), _memory(pid)
    command = [sys.executable, "-m", "benchmarks.events_sender", str(port), str(rate), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as sender:
        assert sender.stdout is not None
        sender.stdout.read(len(BEGINS))
        cpu = cpu_seconds_of(pid)
        decisions = load.run(decide, is_good, DECISIONS, seconds)
        out, _ = sender.communicate(timeout=120)
    load.close()
    share = (cpu_seconds_of(pid) - cpu) / seconds
    return Run(cpu_events, share, Sent.read(out), decisions, _size(store) - size, memory, _memory(pid))


def _size(store: Path) -> int:
    return sum(path.stat().st_size for path in store.parent.glob(store.name + "*"))


def _memory(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def report(run: Run, rate: float, features_count: int, actions: int) -> str:
    """Write the table."""
    sent, decisions = run.sent, run.decisions
    return "\n".join(
        [
            f"Machine: {machine()}; one core for the service, another for the load.",
            "Command: `./run bench events`.",
            f"Project: {actions} actions, {features_count} features, of which 50 are predictors; SQLite, every commit"
            f" flushed; requests of {BATCH} events, of {CUSTOMERS:,} customers.",
            f"Decisions are for customers with {KNOWN} events and more.",
            "",
            "| | |",
            "|---|---:|",
            f"| events planned | {rate:,.0f}/s |",
            f"| events acknowledged | {sent.rate:,.0f}/s |",
            f"| refused, unanswered | {sent.failed} |",
            f"| from sending to acknowledgement, p50 and p99 | {sent.p50:.1f} ms, {sent.p99:.1f} ms |",
            f"| processor time of the service per event, alone | {run.cpu_events * 1e6:.0f} µs |",
            f"| processor time of the service in the run | {run.cpu_share:.0%} of one core |",
            f"| decisions beside them | {decisions.rate:,.0f}/s |",
            f"| decisions p50 | {decisions.quantile(0.5):.2f} ms |",
            f"| decisions p99 | {decisions.quantile(0.99):.2f} ms |",
            f"| decisions that failed | {decisions.errors + decisions.unanswered} |",
            f"| growth of the store per event | {run.grown_bytes / max(1, sent.taken):,.0f} bytes |",
            f"| growth of memory in the run | {(run.memory - run.memory_before) / 1e6:,.0f} MB |",
            f"| memory of a customer with {KNOWN} events, while used | {run.person_bytes / 1e3:,.0f} kB |",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 where something failed."""
    parser = argparse.ArgumentParser(prog="./run bench events", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run: shows that it works")
    parser.add_argument("--rate", type=float, default=10_000.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--features", type=int, default=200)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="where the store lies")
    parser.add_argument("--page", type=Path, default=None, help="page to write into; default docs/benchmarks.md")
    options = parser.parse_args(arguments)
    rate, seconds = (1_000.0, 2.0) if options.quick else (options.rate, options.seconds)
    console = Console(stderr=True)

    def say(text: str) -> None:
        console.print(text, markup=False)

    world = make_world(20 if options.quick else 100, customers=50)
    core = max(os.sched_getaffinity(0)) if len(os.sched_getaffinity(0)) > 1 else None
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        write_project(world, folder / "project")
        (folder / "project" / "events.yaml").write_text(EVENTS)
        (folder / "project" / "features.yaml").write_text(features(options.features))
        store = folder / "bench.db"
        with running(folder / "project", store, core, folder / "service.log") as (port, pid, ready):
            say(f"ready after {ready:.1f} s")
            import_customers(port, world)
            decide = Traffic(world, f"{HOST}:{port}")
            begin = time.perf_counter()
            run = measure(port, pid, store, rate, seconds, len(world.profiles), decide)
            say(f"measured in {time.perf_counter() - begin:.0f} s")
        run.person_bytes = person_bytes(folder / "project")
    text = report(run, rate, options.features, world.size)
    print(text)
    late = run.decisions.late * 1000.0
    if late > LATE_MS_MAX or run.sent.late > LATE_MS_MAX:
        say(f"the load generator was late ({late:.1f} ms): something else ran on this machine; run it again")
    elif options.page is not None or not options.quick:
        replace(options.page or PAGE, "events", text)
    return int(bool(run.sent.failed or run.decisions.errors or run.decisions.unanswered))
