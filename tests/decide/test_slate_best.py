"""The best slate of a request as a whole."""

import numpy as np
import pytest

from opportune.decide import slate_best
from opportune.decide.slate_best import best_completion
from tests.decide.slate_problems import best_by_trying, is_valid, random_problem


def solved(problem, kernel):
    standing = [[] for _ in problem.places]
    return best_completion(problem.board, problem.is_open, problem.places, standing, [], problem.priority, kernel)


@pytest.mark.parametrize("nodes_first", [slate_best.NODES_FIRST, 1], ids=["usual", "as if it were hard"])
@pytest.mark.parametrize("count", [100, pytest.param(10_000, marks=pytest.mark.full)])
def test_it_is_the_best_of_all_slates(count, nodes_first, monkeypatch):
    monkeypatch.setattr(slate_best, "NODES_FIRST", nodes_first)
    rng = np.random.default_rng(count)
    wrong = []
    for number in range(count):
        problem = random_problem(rng)
        found = solved(problem, "numba")
        if found.chosen != best_by_trying(problem) or found.gap:
            wrong.append((number, found))
    assert wrong == []


def test_filling_place_by_place_would_be_caught():
    rng = np.random.default_rng(5)
    differ = 0
    for _ in range(60):
        problem = random_problem(rng)
        differ += greedy(problem) != best_by_trying(problem)
    assert differ > 6


def greedy(problem):
    chosen = [[] for _ in problem.places]
    for p, size in enumerate(problem.places):
        for c in problem.order:
            with_it = tuple(tuple([*own, c] if q == p else own) for q, own in enumerate(chosen))
            if len(chosen[p]) < size and problem.is_open[p, c] and is_valid(problem.board, with_it):
                chosen[p].append(c)
    return chosen


@pytest.mark.parametrize("nodes_first", [slate_best.NODES_FIRST, 1])
def test_both_kernels_find_the_same(nodes_first, monkeypatch):
    monkeypatch.setattr(slate_best, "NODES_FIRST", nodes_first)
    rng = np.random.default_rng(8)
    for _ in range(40):
        problem = random_problem(rng)
        assert solved(problem, "numpy") == solved(problem, "numba")
