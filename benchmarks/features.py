"""CPU time and memory to compute 200 features of one person, and a table of many.

    .venv/bin/python -m benchmarks.features
    .venv/bin/python -m benchmarks.features --events 2000000

Prints milliseconds per reading, the least of many: with everything laid out ("warm"), right after another event, and
of a history that was just read ("cold"). With --events also what a table of 48 features over so many generated events
takes, at one point per hundred events.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time

import numpy as np
import polars as pl

from opportune.customers.features import EventHistory, FeatureSet
from opportune.customers.features.batch import ColumnWriter, EventFile, PointFile, parts_of, values_at
from opportune.decide.limits.windows import micros
from opportune.service.revisions import Strategy, compiled
from opportune.strategy import check_files
from opportune.strategy.files import read_texts
from opportune.strategy.starter import STARTER

__all__ = ["EVENTS", "features_text", "main", "strategy"]

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ZONE = "Europe/Warsaw"
ROUNDS = 60
TYPES = ("purchase", "view", "call", "visit")
EVENTS = "\n".join(
    f"{name}: {{attributes: {{amount: {{type: number}}, pieces: {{type: integer}}, category: {{type: text}}}}}}"
    for name in TYPES
)
WINDOWS = ("{minutes: 10}", "{hours: 1}", "{days: 1}", "{days: 7}", "{days: 30}", "{days: 90}", "{days: 365}")
KINDS = (
    "count: {type}",
    "sum: {type}.amount",
    "mean: {type}.amount",
    "min: {type}.amount",
    "max: {type}.pieces",
    "last: {type}.category",
    "first: {type}.category",
    "time_since: {type}",
    "distinct: {type}.category",
    "decayed: {type}.amount, half_life: {{days: 7}}",
    "rate: {type}.amount",
    "share: {type}.category, values: [c1, c2]",
    "sequence: {{first: {type}, then: view, within: {{hours: 2}}}}",
)


def features_text(number: int) -> str:
    """Write so many features: every kind in turn, over types and windows; every third has one of ten conditions."""
    drawn, lines = random.Random(1), []
    for place in range(number):
        kind = KINDS[place % len(KINDS)].format(type=drawn.choice(TYPES))
        where = f", where: \"event.category == 'c{place % 10}'\"" if place % 3 == 0 and "sequence" not in kind else ""
        lines.append(f"f{place}: {{{kind}{where}, within: {drawn.choice(WINDOWS)}}}")
    return "\n".join(lines) + "\n"


def strategy(number: int) -> Strategy:
    """Compile the starter with so many features."""
    files, _ = read_texts(STARTER)
    return compiled(check_files({**files, "events.yaml": EVENTS, "features.yaml": features_text(number)}))


def history_of(number: int) -> EventHistory:
    """Give so many events, more of them lately."""
    drawn, history = random.Random(number), EventHistory()
    for key in range(number):
        ago = timedelta(days=365 * drawn.random() ** 3)
        history.add(key, micros(NOW - ago), drawn.choice(TYPES), _attributes(drawn))
    return history


def _attributes(drawn: random.Random) -> dict[str, object]:
    return {
        "amount": round(drawn.expovariate(0.05), 2),
        "pieces": drawn.randrange(9),
        "category": f"c{drawn.randrange(6)}",
    }


def least(work: Callable[[int], object]) -> float:
    """Give the least CPU milliseconds of many rounds."""
    found = []
    for round_ in range(ROUNDS):
        begin = process_time()
        work(round_)
        found.append(process_time() - begin)
    return 1e3 * min(found)


def one_person(features: FeatureSet, events: int) -> str:
    """Measure one person."""
    history = history_of(events)
    bare = history.bytes
    features.read(history, (), NOW, ZONE)
    laid = history.bytes

    def cold(_: int) -> None:
        history.follower = None
        features.read(history, (), NOW, ZONE)

    def warm(round_: int) -> None:
        features.read(history, (), NOW + timedelta(seconds=round_), ZONE)

    def after(round_: int) -> None:
        moment = NOW + timedelta(seconds=round_)
        history.add(events + round_, micros(moment), TYPES[round_ % 4], {"amount": 5.0, "pieces": 1, "category": "c1"})
        features.read(history, (), moment, ZONE)

    figures = f"cold {least(cold):.2f} ms, warm {least(warm):.3f} ms, after an event {least(after):.3f} ms"
    return f"{events:>5} events: {figures}; {bare / 1e3:.0f} KB as kept, {laid / 1e3:.0f} KB laid out"


def table(features: Strategy, events: int) -> str:
    """Measure a table of generated events."""
    drawn = np.random.default_rng(3)
    persons = max(1, events // 500)
    moments = np.datetime64(NOW.replace(tzinfo=None), "us") - drawn.integers(0, 365 * 86_400 * 10**6, events).astype(
        "m8[us]"
    )
    frame = pl.DataFrame(
        {
            "customer": drawn.integers(0, persons, events).astype("U"),
            "type": drawn.choice(np.array(TYPES), events),
            "occurred_at": pl.Series(moments).dt.replace_time_zone("UTC"),
            "amount": drawn.exponential(20.0, events).round(2),
            "pieces": drawn.integers(0, 9, events),
            "category": np.char.add("c", drawn.integers(0, 6, events).astype("U")),
        }
    )
    points = frame.sample(events // 100, seed=5).select("customer", at="occurred_at")
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("events.parquet", "points.parquet", "out.parquet")]
        frame.write_parquet(paths[0])
        points.write_parquet(paths[1])
        del frame
        begin = process_time()
        source = EventFile(paths[0], features.features.read_of, features.registries.events, False)
        with ColumnWriter(paths[2], features.features.keys) as writer:
            for part in parts_of(PointFile(paths[1]), source):
                for one in part:
                    own = [point._replace(zone=ZONE) for point in one.points]
                    writer.add(one.customer, own, values_at(features.features, {"person": (one.events, ())}, own))
        seconds = process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = f"{seconds:.0f} s of CPU, {1e6 * seconds / events:.1f} µs per event, peak {peak:.0f} MB"
    return f"{events:,} events, {writer.rows:,} points: {figures}"


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.features")
    parser.add_argument("--events", type=int, default=0, help="events of a table; none is made if left out")
    options = parser.parse_args(arguments)
    made = strategy(200)
    print(f"200 features of one person, {len(made.features.event_types)} event types:")
    for events in (10, 100, 1_000):
        print("  " + one_person(made.features, events))
    if options.events:
        print(f"a table of 48 features: {table(strategy(48), options.events)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
