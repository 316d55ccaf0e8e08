"""Scoring of trees, compiled; notation: tree_arrays.py, tree_frame.py.

All candidates go through a tree together and part only where a split asks for the candidate: a split of the request is
decided once. Sums are those of tree_numpy.py, bit by bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from opportune.learning.tree_arrays import NAN, WORD, ZERO, TreeArrays
from opportune.learning.tree_numpy import ZERO_MAX

__all__ = ["Prepared", "prepare", "score", "warm_up"]

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@njit(cache=True)
def _goes_left(
    value: float, border: float, missing: int, missing_left: int, first: int, words: int, sets: Integers
) -> bool:
    if words:
        if not value >= 0.0:
            return False
        code = int(value)
        word = code // WORD
        return word < words and (sets[first + word] >> (code % WORD)) & 1 == 1
    if value != value and missing != NAN:
        value = 0.0
    if (missing == NAN and value != value) or (missing == ZERO and abs(value) <= ZERO_MAX):
        return missing_left == 1
    return value <= border


@njit(cache=True)
def _score(
    roots: Integers,
    heads: Integers,
    column: Integers,
    border: Doubles,
    missing: Integers,
    missing_left: Integers,
    left: Integers,
    right: Integers,
    first: Integers,
    words: Integers,
    sets: Integers,
    leaves: Doubles,
    row: Doubles,
    candidates: Doubles,
    scores: Doubles,
) -> None:
    size = scores.shape[1]
    own = np.arange(size)
    # Parts that wait are disjoint and not empty, so there are never more than candidates.
    waiting = np.empty((size + 1, 3), dtype=np.int64)
    for tree in range(len(roots)):
        head = heads[tree]
        waiting[0, 0], waiting[0, 1], waiting[0, 2] = roots[tree], 0, size
        depth = 1
        while depth:
            depth -= 1
            node, begin, end = waiting[depth, 0], waiting[depth, 1], waiting[depth, 2]
            while node >= 0:
                f = column[node]
                if f < len(row):
                    is_left = _goes_left(
                        row[f], border[node], missing[node], missing_left[node], first[node], words[node], sets
                    )
                    node = left[node] if is_left else right[node]
                    continue
                middle = begin
                for i in range(begin, end):
                    value = candidates[f - len(row), own[i]]
                    if _goes_left(
                        value, border[node], missing[node], missing_left[node], first[node], words[node], sets
                    ):
                        own[middle], own[i] = own[i], own[middle]
                        middle += 1
                if middle == begin:
                    node = right[node]
                elif middle == end:
                    node = left[node]
                else:
                    waiting[depth, 0], waiting[depth, 1], waiting[depth, 2] = right[node], middle, end
                    depth += 1
                    end = middle
                    node = left[node]
            for i in range(begin, end):
                scores[head, own[i]] += leaves[~node]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Trees and the codes of a catalogue."""

    trees: TreeArrays
    candidates: Doubles


def prepare(trees: TreeArrays, columns: int, candidates: Doubles) -> Prepared:
    """Keep both; arguments are those of the NumPy form."""
    return Prepared(trees, candidates)


def score(prepared: Prepared, row: Doubles, scores: Doubles) -> None:
    """Add what every tree gives to scores [O, C]; arguments are those of the NumPy form."""
    trees = prepared.trees
    _score(
        trees.roots,
        trees.heads,
        trees.column,
        trees.border,
        trees.missing,
        trees.missing_left,
        trees.left,
        trees.right,
        trees.first,
        trees.words,
        trees.sets,
        trees.leaves,
        row,
        prepared.candidates,
        scores,
    )


def warm_up() -> None:
    """Compile, or load from the compiler's cache."""
    none, numbers = np.zeros(0, dtype=np.int64), np.zeros(0)
    trees = TreeArrays(none, none, none, numbers, none, none, none, none, none, none, none, numbers)
    score(prepare(trees, 0, np.zeros((4, 1))), np.zeros(1), np.zeros((1, 1)))
