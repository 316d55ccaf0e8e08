"""./run bench learning."""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.learning.cache import Cache
from benchmarks.learning.compare import DRAWS, Cell, chosen_cells, predicted_cells
from benchmarks.learning.contenders import DEFAULT, contenders
from benchmarks.learning.contenders.base import Contender
from benchmarks.learning.jobs import Job, run_all
from benchmarks.learning.report import PAGE, report
from benchmarks.learning.stream import Rounds, Stream, content_digest
from benchmarks.learning.tables import acceptance, prototype_table, table
from benchmarks.learning.tasks import SEEDS, TASKS, Choosing, Predicting, Task, load
from benchmarks.page import replace

__all__ = ["main"]

SHORT = 15_000
"""Answers of a stream that slow contenders still meet."""
CACHE = Path(__file__).parents[2] / ".bench" / "learning"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 where a contender failed."""
    options = _options(arguments)
    console = Console(stderr=True, highlight=False)
    cache = Cache(options.cache)
    begin = time.monotonic()
    tasks, left_out = _tasks(options.sets)
    digests = {name: content_digest(load(name, options.rows)) for name in tasks}
    jobs = _jobs(tasks, digests, options, cache)
    console.print(f"{len(jobs)} runs to do, others are in {options.cache}", markup=False)
    failed = run_all(jobs, cache, options.processes, console)
    tables, texts = {}, []
    rows = {name: contenders(isinstance(task, Choosing)) for name, task in tasks.items()}
    for name, task in tasks.items():
        cells, seconds, earlier = _cells(task, digests[name], rows[name], options, cache)
        tables[name] = cells
        if cells:
            texts.append(table(name, cells, rows[name], seconds, earlier))
    counts = [acceptance(tables, rows, options.default), prototype_table(tables, options.default)]
    print("\n\n".join([*texts, *counts]))
    for name, reason in {**left_out, **failed}.items():
        console.print(f"left out: {name}, {reason}", markup=False, style="yellow")
    whole = not (options.only or options.sets or options.rows or left_out or failed)
    page = options.page or (PAGE if whole else None)
    if page is not None:
        replace(page, "learning", report(texts, counts, {**left_out, **failed}))
    console.print(f"done in {time.monotonic() - begin:.0f} s", markup=False)
    return int(bool(failed))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench learning", description=__doc__)
    parser.add_argument("--only", default="", help="run these contenders alone (words of their names, or 'ours')")
    parser.add_argument("--sets", default="", help=f"these tasks or sets alone: {', '.join(TASKS)}")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="so many seeds, 1 to 3")
    parser.add_argument("--rows", type=int, default=None, help="the first rows of each set alone: shows that it works")
    parser.add_argument("--draws", type=int, default=DRAWS, help="draws of the bootstrap")
    parser.add_argument("--default", default=DEFAULT, help="the model whose cells are counted")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of earlier results; default .bench/learning")
    parser.add_argument("--processes", type=int, default=2, help="0: all in this process")
    parser.add_argument("--page", type=Path, default=None, help="page to write into; a whole run writes its own")
    return parser.parse_args(arguments)


def _tasks(wanted: str) -> tuple[dict[str, Task], dict[str, str]]:
    """Give the tasks whose name or set is wanted and whose data are there, and why others are left out.

    Raises:
        SystemExit: a word names none.
    """
    words = [word for word in wanted.split(",") if word]
    for word in words:
        if not any(word in (task.name, task.set) for task in TASKS.values()):
            raise SystemExit(f"--sets: expected some of {', '.join(TASKS)}, found {word}")
    found, left_out = {}, {}
    for name, task in TASKS.items():
        if words and name not in words and task.set not in words:
            continue
        try:
            load(name)
        except FileNotFoundError as error:
            left_out[name] = str(error)
        else:
            found[name] = task
    return found, left_out


def _is_wanted(contender: Contender, words: Sequence[str]) -> bool:
    names = {contender.name, contender.name.replace(" ", "-"), contender.role, *contender.name.split()}
    return not words or any(word in names for word in words)


def _seeds(task: Task, contender: Contender, options: argparse.Namespace) -> range:
    """Give the seeds that a contender runs on a task with; none where it would take too long."""
    if isinstance(task, Predicting):
        data = load(task.name, options.rows)
        assert isinstance(data, Stream)
        orders = min(int(options.seeds), task.orders(data))
        return range(1 if len(data.answers) <= SHORT else 0) if contender.is_slow else range(orders)
    return range(0 if contender.is_slow else int(options.seeds))


def _jobs(tasks: dict[str, Task], digests: dict[str, str], options: argparse.Namespace, cache: Cache) -> list[Job]:
    """Give what is not in the cache; ours first, since they are the quick ones."""
    words = [word for word in options.only.split(",") if word]
    jobs = []
    for name, task in tasks.items():
        for contender in contenders(isinstance(task, Choosing)):
            if not _is_wanted(contender, words) or not _is_installed(contender):
                continue
            for seed in _seeds(task, contender, options):
                if cache.get(name, contender, seed, digests[name]) is None:
                    jobs.append(Job(name, contender.name, seed, options.rows, digests[name]))
    roles = {c.name: c.role for chooses in (True, False) for c in contenders(chooses)}
    return sorted(jobs, key=lambda job: roles[job.contender] == "peer")


def _is_installed(contender: Contender) -> bool:
    return all(importlib.util.find_spec(package) is not None for package in contender.packages)


def _cells(
    task: Task, digest: str, rows: Sequence[Contender], options: argparse.Namespace, cache: Cache
) -> tuple[list[Cell], dict[str, float], set[str]]:
    """Compare all whose results are there for every seed; name whose are of earlier code."""
    results, seconds, earlier = {}, {}, set()
    for contender in rows:
        seeds = _seeds(task, contender, options)
        found = [cache.get(task.name, contender, seed, digest, of_earlier_code=bool(options.only)) for seed in seeds]
        kept = [result for result in found if result is not None]
        if any(result["is_earlier"] for result in kept):
            earlier.add(contender.name)
        if kept and len(kept) == len(found):
            results[contender.name] = kept
            seconds[contender.name] = sum(result["seconds"] for result in kept) / len(kept)
    data = load(task.name, options.rows)
    if not results:
        return [], {}, set()
    if isinstance(task, Choosing):
        assert isinstance(data, Rounds)
        return chosen_cells(task, data, results, options.draws), seconds, earlier
    assert isinstance(task, Predicting)
    assert isinstance(data, Stream)
    return predicted_cells(task, data, results, options.draws), seconds, earlier
