"""What the counts say: cuts of the predictors, and the weight of every row at every node.

Formulas: docs/concepts/learning-experts.md, "Bins".

Notation: evidence.py. The table is read again a predictor or an action at a time, so that no answer waits for all.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.learning.base import Predictor
from opportune.learning.bins import BINS_MAX, blocks, cut_levels, cut_numbers
from opportune.learning.cells import SPECIAL, CellReader
from opportune.learning.counting import Counts
from opportune.records import Facts

__all__ = ["Reading"]

Whole = npt.NDArray[np.int64]
Steps = npt.NDArray[np.int16]

REMEMBERED, LENGTH_MAX = 1024, 200
"""Values of one predictor whose rows are kept at hand, if they are shorter than this."""
NEVER = np.iinfo(np.int64).max


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
        self._store: Steps = np.zeros((outcomes, 8, self.rows), dtype=np.int16)
        self._nodes = 0
        self.row_of: Whole = np.zeros(64, dtype=np.int64)
        """Row of each slot, derived from the cuts."""
        numbers = [j for j, block in enumerate(self.blocks) if block.is_number]
        self._number_place = {j: place for place, j in enumerate(numbers)}
        self._edges: Whole = np.full((len(numbers), BINS_MAX - 1), NEVER, dtype=np.int64)
        self._starts: Whole = np.array([self.blocks[j].start for j in numbers], dtype=np.int64)
        # Rows of values of booleans and texts that were looked up since the last cut; for speed alone.
        self._remembered: dict[int, dict[Any, int]] = {}

    @property
    def table(self) -> Steps:
        """Weights, int16 [O, K, R]."""
        return self._store[:, : self._nodes]

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

    def number_rows(self, keys: Whole) -> Whole:
        """Rows of keys of the numbers, all at once."""
        found: Whole = self._starts + (self._edges <= keys[:, None]).sum(axis=1)
        missing = keys <= SPECIAL
        if missing.any():
            found[missing] = self._starts[missing] + BINS_MAX
        return found

    def choice_rows(self, reader: CellReader, facts: Facts, levels: Sequence[int]) -> list[int]:
        """Rows of booleans and texts."""
        values = reader.choice_values(facts)
        remembered = [self._remembered.setdefault(j, {}) for j in reader.choices]
        try:
            return list(map(dict.__getitem__, remembered, values))
        except (KeyError, TypeError):
            keys = reader.choice_keys(facts)
        rows = [self.row(j, key, levels[j]) for j, key in zip(reader.choices, keys, strict=True)]
        for known, value, row in zip(remembered, values, rows, strict=True):
            # 1 and True are one key of a dictionary, and mean the same to every predictor.
            is_short = value is None or isinstance(value, bool) or (isinstance(value, str) and len(value) < LENGTH_MAX)
            if is_short and len(known) < REMEMBERED:
                known[value] = row
        return rows

    def grow(self, counts: Counts) -> bool:
        """Give new nodes the weights of the node above them; return whether there were any."""
        if self._nodes == len(counts.nodes):
            return False
        while len(counts.nodes) > self._store.shape[1]:
            self._store = np.concatenate((self._store, np.zeros_like(self._store)), axis=1)
        for node in range(self._nodes, len(counts.nodes)):
            self._store[:, node] = self._store[:, counts.parents[node]] if node else 0
        self._nodes = len(counts.nodes)
        return True

    def place(self, slot: int, row: int) -> None:
        """Note the row of a slot."""
        if slot >= len(self.row_of):
            self.row_of = np.concatenate((self.row_of, np.zeros(max(64, slot), dtype=np.int64)))
        self.row_of[slot] = row

    def set_edges(self, predictor: int, edges: list[int]) -> None:
        """Fix the bins of a number."""
        self.edges[predictor] = edges
        own = self._edges[self._number_place[predictor]]
        own[:] = NEVER
        own[: len(edges)] = edges

    def cut(self, counts: Counts, predictor: int) -> tuple[Whole, Whole]:
        """Cut a predictor anew; return its slots and their rows, by row."""
        lattice, block = counts.lattice, self.blocks[predictor]
        level = lattice.level[predictor]
        cells = sorted(lattice.slots[predictor].items())
        if not cells:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        slots = np.array([slot for _, slot in cells], dtype=np.int64)
        weights = counts.weight(slots)
        ordinary = [k for k, (key, _) in enumerate(cells) if key > SPECIAL and weights[k] > 0]
        keys = [cells[k][0] for k in ordinary]
        if block.is_number:
            self.set_edges(predictor, [key << level for key in cut_numbers(keys, weights[ordinary])] if keys else [])
        else:
            chosen = cut_levels(keys, weights[ordinary], block.own)
            self.own[predictor] = {key: block.start + k for k, key in enumerate(chosen)}
            self._remembered.pop(predictor, None)
        if block.is_number:
            keys_at = np.array([key for key, _ in cells], dtype=np.int64)
            edges = np.array(self.edges[predictor], dtype=np.int64) >> level
            rows = block.start + np.searchsorted(edges, keys_at, side="right")
            rows[keys_at <= SPECIAL] = block.start + block.own
        else:
            rows = np.array([self.cell_row(predictor, key, level) for key, _ in cells], dtype=np.int64)
        while len(self.row_of) <= int(slots.max()):
            self.row_of = np.concatenate((self.row_of, np.zeros_like(self.row_of)))
        self.row_of[slots] = rows
        order = np.argsort(rows, kind="stable")
        return slots[order], rows[order]
