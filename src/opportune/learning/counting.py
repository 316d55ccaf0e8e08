"""Counts of answers over cells and candidates: sums, whatever the order of the answers.

Formulas: docs/concepts/learning-experts.md, "Counts".

Notation:
    O  outcomes; L  leaves, in the order of their first answer; S  slots of cells (see cells.py)
    K  nodes, the paths above and of the leaves, in the order of their first answer
    cells   [O, L, S, 2], answers and those where the outcome happened: int32, or float32 where they fade
    totals  float64 [O, 2, K], the same of nodes, whatever the cell
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.learning.cells import SPECIAL, Lattice

__all__ = ["DEPTHS", "Counts", "Path"]

Doubles = npt.NDArray[np.float64]
Slots = npt.NDArray[np.int64]
Path = tuple[str, ...]

DEPTHS = (0, 1, 2, 4)
"""Names in the path of a node of each layer: all, group, action, candidate."""
FADES = 16
"""Times that counts fade within one half-life."""


class Counts:
    """Counts of one model.

    Args:
        predictors: their number.
        outcomes: their number.
        half_life: answers after which an answer counts half; math.inf keeps every answer for ever, exactly.
    """

    def __init__(self, predictors: int, outcomes: int, half_life: float = math.inf) -> None:
        self.lattice = Lattice(predictors)
        self.half_life = half_life
        self.leaves: list[Path] = []
        self.leaf_of: dict[Path, int] = {}
        self.nodes: list[Path] = []
        self.node_of: dict[Path, int] = {}
        self.parents: list[int] = []
        """Node above each node; that of the root is itself."""
        self.learned = 0
        """Answers ever learned."""
        self._pace = max(1, round(half_life / FADES)) if math.isfinite(half_life) else 0
        kind = np.int32 if math.isinf(half_life) else np.float32
        self.cells: npt.NDArray[Any] = np.zeros((outcomes, 4, 64, 2), dtype=kind)
        self.answers = np.zeros((outcomes, 4), dtype=np.int64)
        """Answers of each leaf, [O, L], which never fade."""
        self.totals: Doubles = np.zeros((outcomes, 2, 16))
        self._layers: tuple[int, list[tuple[Slots, Slots]]] | None = None
        self._marginal = np.zeros(64, dtype=np.int64)
        self._sorted: tuple[int, Slots, Slots] | None = None

    def leaf(self, path: Path) -> int:
        """Index of a leaf, made with the nodes above it if need be."""
        found = self.leaf_of.get(path)
        if found is not None:
            return found
        for depth in DEPTHS:
            self._add_node(path[:depth])
        leaf = self.leaf_of[path] = len(self.leaves)
        self.leaves.append(path)
        if leaf >= self.answers.shape[1]:
            self.cells = _longer(self.cells, 1)
            self.answers = _longer(self.answers, 1)
        return leaf

    def _add_node(self, path: Path) -> None:
        if path in self.node_of:
            return
        node = self.node_of[path] = len(self.nodes)
        self.nodes.append(path)
        self.parents.append(self.node_of[path[: DEPTHS[max(0, DEPTHS.index(len(path)) - 1)]]])
        if node >= self.totals.shape[2]:
            self.totals = _longer(self.totals, 2)

    def add(
        self, outcome: int, path: Path, owners: Sequence[int], keys: Sequence[int], happened: bool
    ) -> tuple[Slots, list[int], list[int]]:
        """Count one answer.

        Args:
            owners: predictor of each touched cell; `keys` are theirs.

        Returns:
            Slots of the cells, places among them of cells that are new, and predictors whose resolution was halved.
        """
        leaves = len(self.leaves)
        leaf = self.leaf(path)
        level, slots_of = self.lattice.level, self.lattice.slots
        found = [
            slots_of[j].get(key if key <= SPECIAL else key >> level[j]) for j, key in zip(owners, keys, strict=True)
        ]
        new = [place for place, slot in enumerate(found) if slot is None]
        slots = [self.take(owners[k], keys[k]) if slot is None else slot for k, slot in enumerate(found)]
        self._count(outcome, leaf, path, slots, happened, 1)
        self.learned += 1
        if self._pace and self.learned % self._pace == 0:
            self._fade()
        # Only a new cell or a new leaf can make a predictor's cells too many.
        grown: Iterable[int] = dict.fromkeys(owners[k] for k in new)
        if self.lattice.most(len(self.leaves)) < self.lattice.most(leaves):
            grown = range(len(slots_of))
        halved = [predictor for predictor in grown if self._fit(predictor)]
        return np.array(slots, dtype=np.int64), new, halved

    def take_exactly(self, predictor: int, key: int) -> int:
        """Slot of a cell by its key at the predictor's resolution, made if need be."""
        return self.take(predictor, key if key <= SPECIAL else key << self.lattice.level[predictor])

    def take(self, predictor: int, key: int) -> int:
        """Slot of a cell, made if need be."""
        slot = self.lattice.take(predictor, key)
        if slot >= self.cells.shape[2]:
            self.cells = _longer(self.cells, 2)
            self._marginal = _longer(self._marginal, 0)
        return slot

    def remove(self, outcome: int, path: Path, owners: Sequence[int], keys: Sequence[int], happened: bool) -> None:
        """Take back one answer, as if it had not faded."""
        found = [self.lattice.find(j, key) for j, key in zip(owners, keys, strict=True)]
        slots = [slot for slot in found if slot is not None]
        self._count(outcome, self.leaf_of[path], path, slots, happened, -1)

    def _count(self, outcome: int, leaf: int, path: Path, slots: Sequence[int], happened: bool, sign: int) -> None:
        nodes = [self.node_of[path[:depth]] for depth in DEPTHS]
        own = self.cells[outcome, leaf]
        for part in (0, 1) if happened else (0,):
            self.totals[outcome, part, nodes] += sign
            if len(set(slots)) == len(slots):
                own[slots, part] += sign
            else:
                # One cell is touched twice, by two items of a list.
                np.add.at(own[:, part], slots, sign)
        np.add.at(self._marginal, slots, sign)
        self.answers[outcome, leaf] += sign

    def _fade(self) -> None:
        kept = 0.5 ** (self._pace / self.half_life)
        self.cells *= np.float32(kept)
        self.totals *= kept

    def _fit(self, predictor: int) -> bool:
        halved = False
        while self.lattice.is_full(predictor, len(self.leaves)):
            for gone, kept in self.lattice.halve(predictor):
                self.cells[:, :, kept] += self.cells[:, :, gone]
                self.cells[:, :, gone] = 0
                self._marginal[kept] += self._marginal[gone]
                self._marginal[gone] = 0
            halved = True
        return halved

    def rates(self, outcome: int, answers: Sequence[float], first: float) -> Doubles:
        """Rate of every node, [K], each starting from that of the node above it.

        Args:
            answers: by layer, answers at the rate of the layer above that a node begins with.
            first: rate before any answer.
        """
        size = len(self.nodes)
        rate = np.full(size, first)
        counted, happened = _sound(self.totals[outcome, 0, :size], self.totals[outcome, 1, :size])
        for layer, (nodes, above) in enumerate(self.by_layer()):
            start = answers[layer]
            up = rate[above] if layer else first
            rate[nodes] = (happened[nodes] + start * up) / (counted[nodes] + start)
        return rate

    def rate(self, outcome: int, node: int, answers: Sequence[float], first: float) -> float:
        """Rate of one node: the same as in `rates`."""
        rate = first
        for layer, above in enumerate(self.above(node)):
            rate, _ = self.rate_below(outcome, above, rate, answers[layer])
        return rate

    def rate_below(self, outcome: int, node: int, rate: float, answers: float) -> tuple[float, float]:
        """Rate of one node from that of the node above it and its answers at that rate, and the answers it counts."""
        counted = max(float(self.totals[outcome, 0, node]), 0.0)
        happened = min(max(float(self.totals[outcome, 1, node]), 0.0), counted)
        return (happened + answers * rate) / (counted + answers), counted

    def above(self, node: int) -> list[int]:
        """Give the nodes from the root to this one."""
        found = [node]
        while node:
            node = self.parents[node]
            found.append(node)
        return found[::-1]

    def by_layer(self) -> list[tuple[Slots, Slots]]:
        """Nodes of each layer, and the nodes above them."""
        if self._layers is None or self._layers[0] != len(self.nodes):
            depths = np.array([len(path) for path in self.nodes], dtype=np.int64)
            parents = np.array(self.parents, dtype=np.int64)
            layers = [np.flatnonzero(depths == depth) for depth in DEPTHS]
            self._layers = (len(self.nodes), [(nodes, parents[nodes]) for nodes in layers])
        return self._layers[1]

    def sorted_leaves(self) -> tuple[Slots, Slots]:
        """Leaves in the order of their names, [L], and their nodes of each layer, [4, L]."""
        if self._sorted is None or self._sorted[0] != len(self.leaves):
            paths = sorted(self.leaves)
            nodes = [[self.node_of[path[:depth]] for path in paths] for depth in DEPTHS]
            leaves = np.array([self.leaf_of[path] for path in paths], dtype=np.int64)
            self._sorted = (len(paths), leaves, np.array(nodes, dtype=np.int64).reshape(len(DEPTHS), -1))
        return self._sorted[1:]

    def weight(self, slots: Slots) -> Doubles:
        """Answers in cells, whatever the outcome and the leaf."""
        if not self._pace:
            return self._marginal[slots].astype(np.float64)
        # Sums of what fades depend on the order in which it faded.
        found: Doubles = self.cells[:, : len(self.leaves), :, 0][:, :, slots].sum(axis=(0, 1), dtype=np.float64)
        return found

    def settle(self) -> None:
        """Work out what follows from cells that were written from outside."""
        self._marginal = self.cells[..., 0].sum(axis=(0, 1), dtype=np.int64)

    def touched(self) -> list[tuple[int, int, int]]:
        """Predictor, key at its resolution and slot of every cell, in order."""
        return [(j, key, slot) for j, cells in enumerate(self.lattice.slots) for key, slot in sorted(cells.items())]

    def digest(self) -> str:
        """Hex digest of what is counted: equal for the same answers in any order, learned and taken back."""
        found = hashlib.blake2b(digest_size=32)
        slots = self.touched()
        for path in sorted(self.leaves):
            leaf = self.leaf_of[path]
            if not self.answers[:, leaf].any():
                continue
            found.update(repr((path, self.answers[:, leaf].tolist())).encode())
            for j, key, slot in slots:
                counted = self.cells[:, leaf, slot]
                if counted.any():
                    found.update(repr((j, self.lattice.level[j], key, counted.tolist())).encode())
        return found.hexdigest()


def _sound(answers: Doubles, happened: Doubles) -> tuple[Doubles, Doubles]:
    """Counts as they can be: what is taken back without ever being learned leaves others."""
    counted = np.maximum(answers, 0.0)
    return counted, np.minimum(np.maximum(happened, 0.0), counted)


def _longer(values: npt.NDArray[Any], axis: int) -> npt.NDArray[Any]:
    """Twice as long along one axis, the rest 0."""
    return np.concatenate((values, np.zeros_like(values)), axis=axis)
