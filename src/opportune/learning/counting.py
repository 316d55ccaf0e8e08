"""Counts of answers over cells and candidates: sums, whatever the order of the answers.

Formulas: docs/concepts/learning-experts.md, "Counts".

Notation:
    O  outcomes; L  leaves, in the order of their first answer; S  slots of cells (see cells.py)
    K  nodes, the paths above and of the leaves, in the order of their first answer
    cells   [O, 2, L, S], answers and those where the outcome happened: int32, or float32 where they fade
    totals  float64 [O, 2, K], the same of nodes, whatever the cell
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
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
        self.cells: npt.NDArray[Any] = np.zeros((outcomes, 2, 4, 64), dtype=kind)
        self.answers = np.zeros((outcomes, 4), dtype=np.int64)
        """Answers of each leaf, [O, L], which never fade."""
        self.totals: Doubles = np.zeros((outcomes, 2, 16))
        self._layers: tuple[int, list[tuple[Slots, Slots]]] | None = None

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
            self.cells = _longer(self.cells, 2)
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

    def add(self, outcome: int, path: Path, touched: Sequence[tuple[int, int]], happened: bool) -> list[int]:
        """Count one answer.

        Args:
            touched: predictor and key of each cell.

        Returns:
            Predictors whose resolution was halved.
        """
        leaves = len(self.leaves)
        leaf = self.leaf(path)
        slots = [self.take(predictor, key) for predictor, key in touched]
        self._count(outcome, leaf, path, slots, happened, 1)
        self.learned += 1
        if self._pace and self.learned % self._pace == 0:
            self._fade()
        if len(self.leaves) > leaves:
            return [predictor for predictor in range(len(self.lattice.slots)) if self._fit(predictor)]
        return [predictor for predictor in dict.fromkeys(j for j, _ in touched) if self._fit(predictor)]

    def take_exactly(self, predictor: int, key: int) -> int:
        """Slot of a cell by its key at the predictor's resolution, made if need be."""
        return self.take(predictor, key if key <= SPECIAL else key << self.lattice.level[predictor])

    def take(self, predictor: int, key: int) -> int:
        """Slot of a cell, made if need be."""
        slot = self.lattice.take(predictor, key)
        if slot >= self.cells.shape[3]:
            self.cells = _longer(self.cells, 3)
        return slot

    def remove(self, outcome: int, path: Path, touched: Sequence[tuple[int, int]], happened: bool) -> None:
        """Take back one answer, as if it had not faded."""
        slots = [slot for j, key in touched if (slot := self.lattice.find(j, key)) is not None]
        leaf = self.leaf_of[path]
        self._count(outcome, leaf, path, slots, happened, -1)

    def _count(self, outcome: int, leaf: int, path: Path, slots: Sequence[int], happened: bool, sign: int) -> None:
        parts = (0, 1) if happened else (0,)
        nodes = [self.node_of[path[:depth]] for depth in DEPTHS]
        for part in parts:
            # One cell may be touched twice, by two items of a list.
            np.add.at(self.cells[outcome, part, leaf], slots, sign)
            self.totals[outcome, part, nodes] += sign
        self.answers[outcome, leaf] += sign

    def _fade(self) -> None:
        kept = 0.5 ** (self._pace / self.half_life)
        self.cells *= np.float32(kept)
        self.totals *= kept

    def _fit(self, predictor: int) -> bool:
        halved = False
        while self.lattice.is_full(predictor, len(self.leaves)):
            for gone, kept in self.lattice.halve(predictor):
                self.cells[..., kept] += self.cells[..., gone]
                self.cells[..., gone] = 0
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

    def by_layer(self) -> list[tuple[Slots, Slots]]:
        """Nodes of each layer in the order of their names, and the nodes above them."""
        if self._layers is None or self._layers[0] != len(self.nodes):
            found = []
            for depth in DEPTHS:
                paths = sorted(path for path in self.nodes if len(path) == depth)
                nodes = np.array([self.node_of[path] for path in paths], dtype=np.int64)
                found.append((nodes, np.array(self.parents, dtype=np.int64)[nodes]))
            self._layers = (len(self.nodes), found)
        return self._layers[1]

    def part(self, outcome: int, leaves: Slots, slots: Slots) -> tuple[Doubles, Doubles]:
        """Counts [leaves, slots]: answers, and those where the outcome happened."""
        both = self.cells[outcome][:, leaves[:, None], slots].astype(np.float64)
        return _sound(both[0], both[1])

    def leaf_part(self, outcome: int, leaf: int, slots: Slots) -> tuple[Doubles, Doubles]:
        """The same of one leaf, [slots]."""
        both = self.cells[outcome, :, leaf, slots].astype(np.float64)
        return _sound(both[:, 0], both[:, 1])

    def weight(self, slots: Slots) -> Doubles:
        """Answers in cells, whatever the outcome and the leaf."""
        found: Doubles = self.cells[:, 0, : len(self.leaves)][:, :, slots].sum(axis=(0, 1), dtype=np.float64)
        return found

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
                counted = self.cells[:, :, leaf, slot]
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
