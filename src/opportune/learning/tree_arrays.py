"""Boosted trees as flat arrays: data that anybody can score, without the package that trained them.

Notation:
    T  trees of all outcomes, N inner nodes of all trees, L leaves, W words of sets of categories
    roots     int64 [T], first node of every tree; ~leaf where the tree is a leaf
    heads     int64 [T], outcome of every tree, by its place
    column    int64 [N]
    border    float64 [N]: numbers at most as large go left
    missing   int64 [N]: what counts as missing: NONE (NaN counts as 0), ZERO (NaN and 0), NAN
    missing_left  int64 [N]: 1 where what is missing goes left
    left, right   int64 [N]: next node, ~leaf where it is a leaf
    first, words  int64 [N]: place of the set of categories that go left, in `sets`; words = 0 for numbers
    sets      int64 [W]: 62 categories a word
    leaves    float64 [L]: what a leaf adds to the log odds
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.learning.base import Snapshot
from opportune.learning.snapshot import read_array

__all__ = ["NAN", "NONE", "WORD", "ZERO", "TreeArrays", "arrays_from", "arrays_of"]

NONE, ZERO, NAN = range(3)
MISSING = {"None": NONE, "Zero": ZERO, "NaN": NAN}
WORD = 62
NODES_MAX = 1_000_000
INTEGERS = ("roots", "heads", "column", "missing", "missing_left", "left", "right", "first", "words", "sets")
NODES = ("column", "missing", "missing_left", "left", "right", "first", "words", "border")
REALS = ("border", "leaves")

Integers = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TreeArrays:
    """Trees of several outcomes; see the notation above."""

    roots: Integers
    heads: Integers
    column: Integers
    border: Doubles
    missing: Integers
    missing_left: Integers
    left: Integers
    right: Integers
    first: Integers
    words: Integers
    sets: Integers
    leaves: Doubles

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Give all arrays by name."""
        return {name: getattr(self, name) for name in (*INTEGERS, *REALS)}


@dataclass(slots=True)
class _Growing:
    roots: list[int] = field(default_factory=list)
    heads: list[int] = field(default_factory=list)
    nodes: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in NODES})
    sets: list[int] = field(default_factory=list)
    leaves: list[float] = field(default_factory=list)

    def add(self, node: Mapping[str, Any]) -> int:
        """Add a node with all below it; give its place, ~place of a leaf."""
        if "leaf_value" in node:
            self.leaves.append(float(node["leaf_value"]))
            return ~(len(self.leaves) - 1)
        place = len(self.nodes["column"])
        is_category = node["decision_type"] == "=="
        words = self._words(node["threshold"]) if is_category else []
        values = {
            "column": int(node["split_feature"]),
            "border": 0.0 if is_category else float(node["threshold"]),
            "missing": MISSING[node["missing_type"]],
            "missing_left": int(node["default_left"]),
            "left": 0,
            "right": 0,
            "first": len(self.sets),
            "words": len(words),
        }
        self.sets += words
        for name, value in values.items():
            self.nodes[name].append(value)
        self.nodes["left"][place] = self.add(node["left_child"])
        self.nodes["right"][place] = self.add(node["right_child"])
        return place

    def _words(self, threshold: str) -> list[int]:
        codes = [int(code) for code in threshold.split("||")]
        words = [0] * (max(codes) // WORD + 1)
        for code in codes:
            words[code // WORD] |= 1 << (code % WORD)
        return words


def arrays_of(dumps: Sequence[tuple[int, Mapping[str, Any]]]) -> TreeArrays:
    """Flatten trees.

    Args:
        dumps: (outcome, model as LightGBM's `dump_model` describes it).
    """
    growing = _Growing()
    for head, dump in dumps:
        for tree in dump["tree_info"]:
            growing.roots.append(growing.add(tree["tree_structure"]))
            growing.heads.append(head)
    lists: dict[str, list[Any]] = {
        **growing.nodes,
        "roots": growing.roots,
        "heads": growing.heads,
        "sets": growing.sets,
        "leaves": growing.leaves,
    }
    found: dict[str, Any] = {name: np.array(lists[name], dtype=np.int64) for name in INTEGERS}
    found |= {name: np.array(lists[name], dtype=np.float64) for name in REALS}
    return TreeArrays(**found)


def arrays_from(snapshot: Snapshot, heads: int, columns: int) -> TreeArrays:
    """Read and examine the arrays of a state, so that scoring them needs no bounds.

    Raises:
        ValueError: they are missing, of another shape, or lead nowhere.
    """
    found: dict[str, Any] = {}
    for name in (*INTEGERS, *REALS):
        values = snapshot.arrays.get(name)
        if values is None or values.ndim != 1 or len(values) > NODES_MAX:
            raise ValueError(f"trees: array {name} is missing or too large")
        found[name] = read_array(snapshot, name, np.float64 if name in REALS else np.int64, values.shape)
    trees = TreeArrays(**found)
    nodes, leaves = len(trees.column), len(trees.leaves)
    is_wrong = [
        len({len(found[name]) for name in NODES}) != 1 or len(trees.roots) != len(trees.heads),
        not _within(trees.heads, 0, heads),
        not _within(trees.roots, -leaves, nodes),
        not _within(trees.column, 0, columns),
        not _within(trees.missing, NONE, NAN + 1),
        not _within(trees.first, 0, len(trees.sets) + 1),
        not _within(trees.words, 0, len(trees.sets) + 1),
        not _within(trees.sets, 0, 1 << WORD),
    ]
    if any(is_wrong) or (trees.first + trees.words > len(trees.sets)).any():
        raise ValueError("trees: an array is out of range")
    for branch in (trees.left, trees.right):
        # Children stand behind their parents, so that every path ends.
        if not _within(branch, -leaves, nodes) or ((branch >= 0) & (branch <= np.arange(nodes))).any():
            raise ValueError("trees: a branch leads nowhere")
    return trees


def _within(values: Integers, low: int, end: int) -> bool:
    return not len(values) or (int(values.min()) >= low and int(values.max()) < end)
