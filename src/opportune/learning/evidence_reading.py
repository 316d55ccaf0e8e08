"""What the counts say: cuts of the predictors, and the weight of every row at every node.

Formulas: docs/concepts/learning-experts.md, "Weights".

Notation: evidence.py. The table is read again a predictor or an action at a time, so that no answer waits for all.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.learning.base import Predictor
from opportune.learning.bins import blocks, cut_levels, cut_numbers
from opportune.learning.cells import SPECIAL
from opportune.learning.counting import DEPTHS, Counts, Path
from opportune.learning.weighing import PRECISIONS, layer

__all__ = ["BASE_RATE", "RATE_ANSWERS", "UNIT", "WEIGHT_MAX", "Reading"]

Doubles = npt.NDArray[np.float64]
Slots = npt.NDArray[np.int64]
Steps = npt.NDArray[np.int16]

UNIT = 4096
"""Steps of a weight to 1."""
WEIGHT_MAX = 4.0
"""Most that one predictor says, in log odds."""
BASE_RATE = 0.2
RATE_ANSWERS = (2.0, 6.0, 8.0, 16.0)
"""By layer: answers at the rate of the layer above that a node's own rate begins with."""


class Reading:
    """Cuts and table of one model.

    Args:
        predictors: facts that are counted.
        outcomes: their number.
    """

    def __init__(self, predictors: Sequence[Predictor], outcomes: int) -> None:
        self.blocks = blocks([predictor.type for predictor in predictors])
        self.rows = sum(block.size for block in self.blocks)
        self.edges: list[list[int]] = [[] for _ in predictors]
        """First key of each bin after the first, of numbers."""
        self.own: list[dict[int, int]] = [{} for _ in predictors]
        """Row of each level that has one, by its key at the predictor's resolution."""
        self.table: Steps = np.zeros((outcomes, 0, self.rows), dtype=np.int16)
        self.row_of: Slots = np.zeros(0, dtype=np.int64)
        """Row of each slot, derived from the cuts."""

    def row(self, predictor: int, key: int, level: int) -> int:
        """Row of a key of full resolution."""
        block = self.blocks[predictor]
        if key <= SPECIAL:
            return block.special(key)
        if block.is_number:
            return block.start + bisect_right(self.edges[predictor], key)
        return self.own[predictor].get(key >> level, block.other)

    def cell_row(self, predictor: int, key: int, level: int) -> int:
        """Row of a cell's key."""
        return self.row(predictor, key if key <= SPECIAL else key << level, level)

    def grow(self, counts: Counts) -> bool:
        """Give new nodes the weights of the node above them; return whether there were any."""
        known = self.table.shape[1]
        if known == len(counts.nodes):
            return False
        table = np.zeros((self.table.shape[0], len(counts.nodes), self.rows), dtype=np.int16)
        table[:, :known] = self.table
        for node in range(known, len(counts.nodes)):
            table[:, node] = table[:, counts.parents[node]]
        self.table = table
        return True

    def place(self, slot: int, row: int) -> None:
        """Note the row of a slot."""
        if slot >= len(self.row_of):
            self.row_of = np.concatenate((self.row_of, np.zeros(max(64, slot), dtype=np.int64)))
        self.row_of[slot] = row

    def cut(self, counts: Counts, predictor: int) -> None:
        """Cut a predictor anew."""
        lattice, block = counts.lattice, self.blocks[predictor]
        level = lattice.level[predictor]
        cells = sorted(lattice.slots[predictor].items())
        if not cells:
            return
        weights = counts.weight(np.array([slot for _, slot in cells], dtype=np.int64))
        ordinary = [k for k, (key, _) in enumerate(cells) if key > SPECIAL and weights[k] > 0]
        keys = [cells[k][0] for k in ordinary]
        if block.is_number:
            self.edges[predictor] = [key << level for key in cut_numbers(keys, weights[ordinary])] if keys else []
        else:
            chosen = cut_levels(keys, weights[ordinary], block.own)
            self.own[predictor] = {key: block.start + k for k, key in enumerate(chosen)}
        for key, slot in cells:
            self.place(slot, self.cell_row(predictor, key, level))

    def read_predictor(self, counts: Counts, predictor: int) -> None:
        """Weigh the rows of one predictor at all nodes."""
        block = self.blocks[predictor]
        layers = counts.by_layer()
        leaves = np.array([counts.leaf_of[counts.nodes[k]] for k in layers[-1][0].tolist()], dtype=np.int64)
        slots = np.array([slot for _, slot in sorted(counts.lattice.slots[predictor].items())], dtype=np.int64)
        rows = self.row_of[slots]
        order = np.argsort(rows, kind="stable")
        slots, rows = slots[order], rows[order]
        firsts = np.flatnonzero(np.concatenate(([True], rows[1:] != rows[:-1])))
        touched = rows[firsts]
        for outcome in range(len(self.table)):
            answers, happened = counts.part(outcome, leaves, slots)
            n, o = np.add.reduceat(answers, firsts, axis=1), np.add.reduceat(happened, firsts, axis=1)
            rates = counts.rates(outcome, RATE_ANSWERS, BASE_RATE)[layers[-1][0]]
            odds = rates / (1.0 - rates)
            m = np.ones_like(n)
            self.table[outcome, :, block.start : block.start + block.size] = 0
            for depth, (nodes, _) in enumerate(layers):
                starts = _starts([counts.nodes[k] for k in layers[-1][0].tolist()], DEPTHS[depth])
                m = m * np.repeat(
                    layer(n, o, odds, m, starts, PRECISIONS[depth]), np.diff(np.append(starts, len(leaves))), axis=0
                )
                self.table[outcome, nodes[:, None], touched] = _steps(m[starts])

    def read_action(self, counts: Counts, outcome: int, path: Path, order: Slots) -> None:
        """Weigh all rows of one action and its candidates, given those of its group.

        Args:
            path: group and action.
            order: slots in the order of their cells.
        """
        leaves = sorted(leaf for leaf in counts.leaves if leaf[:2] == path)
        slots = self.row_of[order]
        n = np.empty((len(leaves), self.rows))
        o = np.empty_like(n)
        for k, leaf in enumerate(leaves):
            answers, happened = counts.leaf_part(outcome, counts.leaf_of[leaf], order)
            n[k] = np.bincount(slots, answers, self.rows)
            o[k] = np.bincount(slots, happened, self.rows)
        nodes = [counts.node_of[leaf] for leaf in leaves]
        rates = counts.rates(outcome, RATE_ANSWERS, BASE_RATE)[nodes]
        odds = rates / (1.0 - rates)
        group = counts.node_of[path[:1]]
        m = np.repeat(np.exp(self.table[outcome, group] / UNIT)[None], len(leaves), axis=0)
        m = m * layer(n, o, odds, m, np.zeros(1, dtype=np.int64), PRECISIONS[2])
        self.table[outcome, counts.node_of[path]] = _steps(m[0])
        m = m * layer(n, o, odds, m, np.arange(len(leaves)), PRECISIONS[3])
        self.table[outcome, nodes] = _steps(m)


def _steps(m: Doubles) -> Any:
    weights = np.log(m) * UNIT
    limit = WEIGHT_MAX * UNIT
    return np.rint(np.minimum(np.maximum(weights, -limit), limit))


def _starts(paths: Sequence[Path], depth: int) -> Slots:
    """First leaf of each node of a layer; the leaves are sorted."""
    found = [k for k, path in enumerate(paths) if k == 0 or path[:depth] != paths[k - 1][:depth]]
    return np.array(found, dtype=np.int64)
