"""How long the best slate takes as a whole, beside the decision core: `./run bench decide-slates`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.page import PAGE, machine, replace
from benchmarks.timing import pin
from opportune.decide.slate import Apart, Bundle, Links, Minimum, Most, alike
from opportune.decide.slate_best import Best, best_completion
from opportune.decide.slate_task import Board

__all__ = ["main", "task"]

KERNELS = ("numba", "numpy")
Task = tuple[Board, np.ndarray, list[int], np.ndarray]


def task(rng: np.random.Generator, size: int, places: Sequence[int]) -> Task:
    """Make a task as strategies have them: 20 groups, at most two of each, parts apart, a bundle, a minimum."""
    group = rng.integers(0, 20, size)
    quotas = tuple(Most(f"g{g}", "", group == g, 2, True) for g in range(20))
    quotas += (Most("few", "", group < 5, 3, True), Most("one", "", group == 7, 1, False))
    apart = (Apart("apart", ("x", "y"), np.where(group == 1, 0, np.where(group == 2, 1, -1)), True),)
    minima = (Minimum("served", "", group == 19, 1, True, None),)
    links = Links(quotas, apart, (Bundle("pair", (3, 4)), Bundle("three", (5, 6, 7))), minima)
    return _board(links, rng, size, places)


def hard_task(rng: np.random.Generator, size: int, places: Sequence[int]) -> Task:
    """Make a task with quotas of random members, which overlap as no strategy's would."""
    group = rng.integers(0, 8, size)
    quotas = [Most(f"g{g}", "", group == g, 2, bool(rng.random() < 0.5)) for g in range(8)]
    for _ in range(6):
        members = rng.random(size) < rng.choice([0.05, 0.2, 0.5])
        quotas.append(Most("q", "", members, int(rng.integers(1, 4)), bool(rng.random() < 0.6)))
    parts = np.where(rng.random(size) < 0.3, rng.integers(0, 3, size), -1)
    minima = (Minimum("m", "", group == 0, 2, True, None),)
    links = Links(tuple(quotas), (Apart("a", ("x", "y", "z"), parts, True),), (Bundle("b", (0, 1, 2)),), minima)
    return _board(links, rng, size, places)


def _board(links: Links, rng: np.random.Generator, size: int, places: Sequence[int]) -> Task:
    actions = np.arange(size)
    board = Board(links, links.quotas, links.minima, actions, alike(links, (), actions))
    is_open = rng.random((len(places), size)) < 0.9
    return board, is_open, list(places), rng.gamma(2.0, 1.0, size).astype(np.float32)


def solve(given: Task, kernel: str) -> Best:
    """Find the best slate of a task."""
    board, is_open, places, priority = given
    return best_completion(board, is_open, places, [[] for _ in places], [], priority, kernel)


def _row(name: str, tasks: Sequence[Task], kernel: str, repeats: int) -> tuple[str, list[Best]]:
    solve(tasks[0], kernel)
    times, found = [], []
    for given in tasks:
        own = []
        for _ in range(repeats):
            begin = time.perf_counter_ns()
            best = solve(given, kernel)
            own.append((time.perf_counter_ns() - begin) / 1e6)
        times.append(min(own))
        found.append(best)
    median, high, most = np.percentile(times, [50, 90, 100])
    nodes = np.percentile([best.nodes for best in found], [50, 100])
    proven = sum(best.gap == 0.0 for best in found)
    cells = f"{median:.2f} | {high:.2f} | {most:.2f} | {nodes[0]:,.0f} | {nodes[1]:,.0f} | {proven} of {len(found)}"
    return f"| {name}, {kernel} | {cells} |", found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 where both kernels do not find the same slates."""
    parser = argparse.ArgumentParser(prog="./run bench decide-slates", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few tasks: shows that it works")
    parser.add_argument("--page", type=Path, default=None, help="page to write into; default docs/benchmarks.md")
    options = parser.parse_args(arguments)
    count, repeats = (3, 1) if options.quick else (40, 5)
    pin()
    cases = [
        ("1,000 candidates, 10 places", task, 1_000, [10]),
        ("1,000 candidates, 10 places in two placements", task, 1_000, [5, 5]),
        ("200 candidates, 10 places", task, 200, [10]),
        ("50 candidates, 10 places", task, 50, [10]),
        ("50 candidates, 10 places, random quotas", hard_task, 50, [10]),
        ("50 candidates, 10 places in two placements, random quotas", hard_task, 50, [5, 5]),
        ("50 candidates, 10 places in three placements, random quotas", hard_task, 50, [4, 3, 3]),
    ]
    rows, differ = [], 0
    for name, make, size, places in cases:
        rng = np.random.default_rng(1)
        tasks = [make(rng, size, places) for _ in range(count)]
        row, found = _row(name, tasks, "numba", repeats)
        rows.append(row)
        if make is task:
            row, others = _row(name, tasks, "numpy", 1)
            rows.append(row)
            differ += found != others
    head = ["| ms | median | p90 | most | nodes, median | nodes, most | proven |", "|---" + "|---:" * 6 + "|"]
    lines = [f"Machine: {machine()}, one core.", "Command: `./run bench decide-slates`.", ""]
    text = "\n".join([*lines, *head, *rows])
    print(text)
    page = options.page or (None if options.quick else PAGE)
    if page is not None and not differ:
        replace(page, "slates", text)
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main())
