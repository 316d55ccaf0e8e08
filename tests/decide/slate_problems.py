"""Small problems of slates with all kinds of links, and their best slates by trying every one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from opportune.decide.slate import Apart, Bundle, Links, Minimum, Most, alike
from opportune.decide.slate_task import Board, whole

Slate = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Problem:
    """Who may stand where, with what priority; candidates of an action lie side by side."""

    board: Board
    is_open: np.ndarray
    places: Sequence[int]
    priority: np.ndarray

    @property
    def order(self) -> list[int]:
        """Candidates that are open anywhere, by rank."""
        somewhere = self.is_open.any(axis=0)
        return [int(c) for c in np.argsort(-self.priority, kind="stable") if somewhere[c]]


def random_problem(rng: np.random.Generator) -> Problem:
    """Make a problem of two to seven actions and one to three placements."""
    actions = int(rng.integers(2, 8))
    action_of = np.repeat(np.arange(actions), 1 + (rng.random(actions) < 0.25))[:9]
    size, places = len(action_of), [int(rng.integers(1, 4)) for _ in range(rng.integers(1, 4))]
    links = random_links(rng, action_of, actions)
    kinds = (rng.normal(1, 1, size), rng.integers(-1, 4, size), rng.random(size))
    board = Board(links, links.quotas, links.minima, action_of, alike(links, (), action_of))
    is_open = rng.random((len(places), size)) < rng.choice([0.5, 0.8, 1.0])
    return Problem(board, is_open, places, kinds[rng.integers(3)].astype(np.float32))


def random_links(rng: np.random.Generator, action_of: np.ndarray, actions: int) -> Links:
    """Link actions at random: quotas, parts that stay apart, bundles and minima."""

    def some(count: int) -> np.ndarray:
        return np.isin(action_of, rng.choice(actions, size=min(actions, count), replace=False))

    quotas = tuple(
        Most("q", "", some(int(rng.integers(2, 5))), int(rng.integers(1, 3)), bool(rng.random() < 0.6))
        for _ in range(rng.integers(0, 3))
    )
    apart = tuple(
        Apart("a", ("x", "y", "z"), rng.integers(-1, 3, size=actions)[action_of], bool(rng.random() < 0.5))
        for _ in range(rng.integers(0, 2))
    )
    shuffled = [int(action) for action in rng.permutation(actions)]
    bundles = [Bundle("b", tuple(shuffled[: int(rng.integers(2, 4))]))] if rng.random() < 0.5 else []
    bundles += [Bundle("c", tuple(shuffled[4:6]))] if rng.random() < 0.3 and actions > 5 else []
    minima = tuple(
        Minimum("m", "", some(int(rng.integers(1, 4))), int(rng.integers(1, 3)), bool(rng.random() < 0.6), None)
        for _ in range(rng.integers(0, 3))
    )
    return Links(quotas, apart, tuple(bundles), minima)


def is_valid(board: Board, slate: Slate) -> bool:
    """Tell whether a whole slate keeps every rule but minima."""
    everybody = [c for own in slate for c in own]
    actions = [int(action) for action in board.action_of[everybody]] if everybody else []
    if len(set(actions)) < len(actions):
        return False
    for row in board.rows:
        pots = [everybody] if row.in_answer else slate
        if any(sum(bool(row.members[c]) for c in own) > row.most for own in pots):
            return False
    for apart in board.links.apart:
        pots = [everybody] if apart.in_answer else slate
        if any(len({int(apart.part_of[c]) for c in own} - {-1}) > 1 for own in pots):
            return False
    for own in slate:
        here = {int(board.action_of[c]) for c in own}
        if any(0 < len(here & set(bundle.actions)) < len(bundle.actions) for bundle in board.links.bundles):
            return False
    return True


def missing(board: Board, slate: Slate) -> int:
    """Count what the minima of a slate miss."""
    everybody = [c for own in slate for c in own]
    return sum(
        max(0, one.least - sum(bool(one.members[c]) for c in own))
        for one in board.minima
        for own in ([everybody] if one.in_answer else slate)
    )


def all_slates(problem: Problem) -> Iterator[Slate]:
    """Give every valid slate, placements in the order of rank."""

    def rest(p: int, used: frozenset[int], so_far: Slate) -> Iterator[Slate]:
        if p == len(problem.places):
            yield so_far
            return
        fit = [c for c in problem.order if problem.is_open[p, c] and int(problem.board.action_of[c]) not in used]
        for size in range(min(problem.places[p], len(fit)) + 1):
            for own in combinations(fit, size):
                actions = frozenset(int(problem.board.action_of[c]) for c in own)
                if len(actions) == size and is_valid(problem.board, (own,)):
                    yield from rest(p + 1, used | actions, (*so_far, own))

    return (slate for slate in rest(0, frozenset(), ()) if is_valid(problem.board, slate))


def best_by_trying(problem: Problem) -> list[list[int]]:
    """Give the slate that misses least, then is worth most, then holds the first candidates, place by place."""
    somewhere = problem.is_open.any(axis=0)
    worth = np.zeros(len(problem.priority), dtype=np.int64)
    worth[somewhere] = whole(problem.priority[somewhere], sum(problem.places))[0]
    worth -= min(0, int(worth[somewhere].min(initial=0)))
    rank = {c: place for place, c in enumerate(problem.order)}

    def key(slate: Slate) -> tuple[int, int, tuple[int, ...]]:
        padded = tuple(
            -place
            for own, size in zip(slate, problem.places, strict=True)
            for place in [*(rank[c] for c in own), *[len(rank)] * (size - len(own))]
        )
        return -missing(problem.board, slate), sum(int(worth[c]) for own in slate for c in own), padded

    return [list(own) for own in max(all_slates(problem), key=key)]
