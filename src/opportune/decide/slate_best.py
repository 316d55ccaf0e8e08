"""The best completion of an answer, and how many of its minima cannot be met."""

from __future__ import annotations

import functools
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opportune.decide.slate_shape import ACROSS, CLOSED, HARD, LEAST, PENALTY, PLAIN, Task
from opportune.decide.slate_task import Board, joinable, reduce, task_of, whole

__all__ = ["Best", "best_completion", "completion", "least_missing"]

Booleans = npt.NDArray[np.bool_]
Singles = npt.NDArray[np.float32]
Search = Callable[[Task, int, int, int, int, int], tuple[int, int, int]]

NODES_FIRST = 60
"""Nodes that are tried with plain prices: most tasks need fewer."""
SMALL_CANDIDATES, SMALL_PLACES = 50, 10
"""Tasks up to so many candidates and places are searched to their end."""
WORK_SMALL = 30_000_000
"""Options looked at by a walk of a small task: many times what any is known to need, so that none runs for ever."""
WORK_MAX = 750_000
"""As many for larger tasks, about 50 ms when compiled; what is then not proven is said as a gap."""


class Best(NamedTuple):
    """The best completion.

    Args:
        chosen: candidates that join each placement, best first.
        gap: by how much the sum of priorities of another slate could be higher at most; 0 is proven.
        nodes: of the search.
    """

    chosen: list[list[int]]
    gap: float
    nodes: int


class Found(NamedTuple):
    """What a search gave: value, a value that no slate exceeds, nodes, and the choices."""

    value: int
    most: int
    nodes: int
    choices: list[int]


def best_completion(
    board: Board,
    is_open: Booleans,
    places: Sequence[int],
    standing: Sequence[Sequence[int]],
    others: Sequence[int],
    priority: Singles,
    kernel: str,
) -> Best:
    """Fill the places that are left with the best slate as a whole.

    Args:
        is_open: bool [m, C], who passed everything before the slate.
        places: left in every placement.
        standing, others: as in `slate_task.joinable`.
        kernel: "numpy" or "numba"; they differ in speed alone.
    """
    reduced = reduce(board, joinable(board, is_open, standing, others), places, priority)
    values, bits = whole(np.where(is_open.any(axis=0), priority, np.float32(0)), sum(places))
    # An empty place is worth what the worst is that was open, and no less than nothing.
    worth = values[reduced.candidates] - min(0, int(values.min(initial=0)))
    task = _formed(task_of(board, reduced, worth, places, standing, others), kernel)
    found = _run(task, len(places), LEAST, -LEAST, NODES_FIRST, PLAIN, kernel)
    if found.value < found.most:
        found = _hard(task, places, found, kernel)
    chosen = _placed(found.choices, reduced.candidates, len(places))
    for one in chosen:
        one.sort(key=lambda c: (-float(priority[c]), c))
    return Best(chosen, float(np.ldexp(float(found.most - found.value), -bits)), found.nodes)


def _hard(task: Task, places: Sequence[int], first: Found, kernel: str) -> Found:
    """Search candidate by candidate, which finds and proves the best sooner; then find the first of equals, whose value
    is known now, place by place in the order of rank."""
    m, nodes_max = len(places), _nodes_max(task, places)
    found = _run(task, m, first.value, -LEAST, nodes_max, ACROSS, kernel)
    best = found if found.value > first.value else first._replace(most=found.most)
    nodes = first.nodes + found.nodes
    if found.value < found.most:
        return best._replace(nodes=nodes)
    again = _run(task, m, found.value - 1, found.value, nodes_max, HARD, kernel)
    if again.value < found.value:
        return best._replace(nodes=nodes + again.nodes)
    return again._replace(most=again.value, nodes=nodes + again.nodes)


def least_missing(
    board: Board,
    is_open: Booleans,
    places: Sequence[int],
    standing: Sequence[Sequence[int]],
    others: Sequence[int],
    kernel: str,
) -> int:
    """Give how many of the minima cannot be met at least."""
    most = sum(one.least * (1 if one.in_answer else len(places)) for one in board.minima)

    def is_enough(number: int) -> bool:
        return completion(board, is_open, places, standing, others, number, kernel) is not None

    return 0 if is_enough(0) else bisect_left(range(most), True, lo=1, key=is_enough)


def completion(
    board: Board,
    is_open: Booleans,
    places: Sequence[int],
    standing: Sequence[Sequence[int]],
    others: Sequence[int],
    missing: int,
    kernel: str,
) -> list[list[int]] | None:
    """Give who may join each placement so that a valid slate follows of whose minima no more than `missing` are not
    met; None where nobody can make that so."""
    may = joinable(board, is_open, standing, others)
    # Those first whom minima want, who soon show what can be met; else by number, so that others whose candidates are
    # linked in the same way have the same question.
    wanted = np.sum([one.members for one in board.minima], axis=0, dtype=np.int64)
    reduced = reduce(board, may, places, (wanted * (board.like.max(initial=0) + 1) - board.like).astype(np.float32))
    present = [tuple(sorted(board.like[list(own)].tolist())) for own in (others, *standing)]
    key = (board.like[reduced.candidates].tobytes(), reduced.may.tobytes(), tuple(places), *present, missing)

    def work_out() -> Found:
        nobody = np.zeros(len(reduced.candidates), dtype=np.int64)
        task = _formed(task_of(board, reduced, nobody, places, standing, others), kernel)
        target = -PENALTY * missing
        # Only whether the target is reached is asked, so a bound below it says enough.
        found = _run(task, len(places), target - 1, target, NODES_FIRST, PLAIN, kernel)
        if found.value < target <= found.most:
            found = _run(task, len(places), target - 1, target, _nodes_max(task, places), HARD, kernel)
        return found

    found = board.recall(key, work_out)
    if found.value < -PENALTY * missing:
        return None
    return _placed(found.choices, reduced.candidates, len(places))


def _placed(choices: Sequence[int], candidates: npt.NDArray[np.intp], m: int) -> list[list[int]]:
    """Give the candidates that were chosen for each placement."""
    placed: list[list[int]] = [[] for _ in range(m)]
    p = 0
    for choice in choices:
        if p < m and choice != CLOSED:
            placed[p].append(int(candidates[choice]))
        p += choice == CLOSED
    return placed


def _run(task: Task, m: int, found: int, target: int, nodes_max: int, way: int, kernel: str) -> Found:
    value, most, nodes = _search_of(kernel)(task, m, found, target, nodes_max, way)
    return Found(value, most, nodes, [int(choice) for choice in task.best])


def _nodes_max(task: Task, places: Sequence[int]) -> int:
    """Give the nodes of a walk; a node of a larger task takes longer."""
    options = max(1, len(task.red))
    is_small = options <= SMALL_CANDIDATES * len(places) and sum(places) <= SMALL_PLACES
    return (WORK_SMALL if is_small else WORK_MAX) // options


def _formed(task: Task, kernel: str) -> Task:
    """Give a task in the form that a kernel works on."""
    return task if kernel == "numba" else Task(*(part.tolist() for part in task))


@functools.cache
def _search_of(kernel: str) -> Search:
    """Give the search in the form of a kernel."""
    if kernel != "numba":
        from opportune.decide.slate_search import search as plain

        return plain
    from opportune.decide.slate_numba import search

    compiled: Search = search
    return compiled
