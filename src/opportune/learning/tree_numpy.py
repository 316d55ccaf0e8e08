"""Scoring of trees, NumPy form. Notation: tree_arrays.py, tree_frame.py.

Which way a split of the request leads is decided once for all candidates, which way a split of the candidate leads once
for all requests; then all candidates go through all trees together, level by level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opportune.learning.tree_arrays import NAN, WORD, ZERO, Integers, TreeArrays

__all__ = ["Prepared", "prepare", "score"]

Doubles = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
ZERO_MAX = 1e-35
"""Numbers nearer to 0 count as 0, as they do for whoever trained the trees."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Trees made ready for a catalogue.

    Args:
        of_request: nodes that ask for the request.
        sides: bool [N, C], whether a candidate goes left; filled in for nodes that ask for the candidate.
    """

    trees: TreeArrays
    of_request: Integers
    sides: Booleans


def prepare(trees: TreeArrays, columns: int, candidates: Doubles) -> Prepared:
    """Decide all splits that ask for the candidate.

    Args:
        columns: of the request, F.
        candidates: float64 [PARTS, C], codes.
    """
    sides = np.zeros((len(trees.column), candidates.shape[1]), dtype=bool)
    own = np.flatnonzero(trees.column >= columns)
    sides[own] = _goes_left(trees, own, candidates[trees.column[own] - columns])
    return Prepared(trees, np.flatnonzero(trees.column < columns), sides)


def score(prepared: Prepared, row: Doubles, scores: Doubles) -> None:
    """Add what every tree gives to scores [O, C].

    Args:
        row: float64 [F], of the request.
    """
    trees, sides = prepared.trees, prepared.sides
    own = prepared.of_request
    sides[own] = _goes_left(trees, own, row[trees.column[own]][:, None])
    place = np.repeat(trees.roots[:, None], scores.shape[1], axis=1)
    while True:
        tree, candidate = np.nonzero(place >= 0)
        if not len(tree):
            break
        node = place[tree, candidate]
        place[tree, candidate] = np.where(sides[node, candidate], trees.left[node], trees.right[node])
    # Tree after tree: sums in another order would differ in their last bits.
    for head, leaf in zip(trees.heads.tolist(), ~place, strict=True):
        scores[head] += trees.leaves[leaf]


def _goes_left(trees: TreeArrays, nodes: Integers, values: Doubles) -> Booleans:
    """Decide splits [n] for values [n, C]."""
    words, kind = trees.words[nodes][:, None], trees.missing[nodes][:, None]
    is_nan = np.isnan(values)
    numbers = np.where(is_nan, 0.0, values)
    is_missing = np.where(kind == NAN, is_nan, (kind == ZERO) & (np.abs(numbers) <= ZERO_MAX))
    by_border = np.where(is_missing, trees.missing_left[nodes][:, None] == 1, numbers <= trees.border[nodes][:, None])
    if not words.any():
        return by_border
    known = ~is_nan & (values >= 0.0)
    code = np.where(known, numbers, 0.0).astype(np.int64)
    is_within = known & (code // WORD < words)
    word = np.where(is_within, trees.first[nodes][:, None] + code // WORD, 0)
    by_set = is_within & ((trees.sets[word] >> code % WORD) & 1 == 1)
    sides: Booleans = np.where(words > 0, by_set, by_border)
    return sides
