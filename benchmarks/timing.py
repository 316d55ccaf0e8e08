"""Timing of several contenders side by side."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

__all__ = ["Quantiles", "measure", "measure_steady", "pin"]

Contender = Callable[[int], object]
"""Does the work for one customer; one that returns a float gives its own time in microseconds."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Microseconds."""

    p10: float
    median: float
    p90: float


def pin(core: int = -1) -> int | None:
    """Bind this process to one core, the last by default; None where the system cannot."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    chosen = sorted(os.sched_getaffinity(0))[core]
    os.sched_setaffinity(0, {chosen})
    return chosen


def measure(
    contenders: Mapping[str, Contender], customers: int, rounds: int, round_seconds: float
) -> dict[str, Quantiles]:
    """Time every contender in every round, each round in another order, each call for another customer.

    A round gives each contender as many calls as fit into `round_seconds`, between 1 and 20.
    """
    names = list(contenders)
    calls = {}
    for name, contender in contenders.items():
        contender(0)
        begin = time.perf_counter()
        contender(1 % customers)
        calls[name] = max(1, min(20, int(round_seconds / (time.perf_counter() - begin))))
    taken: dict[str, list[float]] = {name: [] for name in names}
    following = dict.fromkeys(names, 0)
    for number in range(rounds):
        for name in [*names[number % len(names) :], *names[: number % len(names)]]:
            contender, times = contenders[name], taken[name]
            for _ in range(calls[name]):
                following[name] = customer = (following[name] + 1) % customers
                begin = time.perf_counter_ns()
                own = contender(customer)
                elapsed = time.perf_counter_ns() - begin
                times.append(own if isinstance(own, float) else elapsed / 1000.0)
    return {name: Quantiles(*np.quantile(times, [0.1, 0.5, 0.9]).tolist()) for name, times in taken.items()}


def measure_steady(
    contenders: Mapping[str, Contender], customers: int, blocks: int, calls: int
) -> dict[str, Quantiles]:
    """Time every contender in blocks of many calls, blocks of all taking turns; the first tenth of a block is left out.

    So each finds its own tables and code where it left them, as one that does nothing else does.
    """
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for block in range(blocks):
        for name, contender in contenders.items():
            for call in range(calls):
                customer = (block * calls + call) % customers
                begin = time.perf_counter_ns()
                own = contender(customer)
                elapsed = time.perf_counter_ns() - begin
                if call >= calls // 10:
                    taken[name].append(own if isinstance(own, float) else elapsed / 1000.0)
    return {name: Quantiles(*np.quantile(times, [0.1, 0.5, 0.9]).tolist()) for name, times in taken.items()}
