"""Which row of the counts a value belongs to, and the remembered answers laid out by rows. Notation: naive_bayes.py.

n  remembered answers in use
W  columns: one for every number, boolean and text, and as many for lists as the longest answer needs
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from opportune.learning.bins import Block
from opportune.learning.cells import SPECIAL
from opportune.learning.rates import Doubles
from opportune.learning.remembered import Remembered
from opportune.learning.tally import Counts

__all__ = ["Cut", "Panel"]

NO_OWNER = -1


@dataclass(frozen=True, slots=True)
class Cut:
    """Rows of one predictor's values.

    Args:
        level: resolution of the keys in `edges`.
        edges: of numbers, first key of each bin after the first; of others, levels with a row of their own; ascending.
    """

    block: Block
    level: int
    edges: tuple[int, ...]

    def rows(self, keys: Counts) -> Counts:
        """Give the rows of keys of full resolution, int64 of the same shape."""
        coarse = keys >> self.level
        edges = np.array(self.edges, dtype=np.int64)
        if self.block.is_number:
            rows = self.block.start + np.searchsorted(edges, coarse, side="right")
        elif not len(edges):
            rows = np.full(keys.shape, self.block.other)
        else:
            place = np.minimum(np.searchsorted(edges, coarse), len(edges) - 1)
            rows = np.where(edges[place] == coarse, self.block.start + place, self.block.other)
        is_special = keys <= SPECIAL
        if is_special.any():
            rows[is_special] = [self.block.special(key) for key in keys[is_special].tolist()]
        return rows.astype(np.int64)


class Panel:
    """Remembered answers of one outcome as arrays; their order is of no account.

    Args:
        singles: number of predictors that have one value each; they come first in every answer.
        nowhere: row of columns that an answer does not use.

    Attributes:
        rows: int64 [n, W].
        candidates: int64 [n], rows of the tally.
        happened, times: float64 [n].
    """

    def __init__(self, singles: int, nowhere: int) -> None:
        self._singles = singles
        self._nowhere = nowhere
        self._seen: tuple[int, int] = (-1, -1)
        self._codes: list[int] = []
        self._owners: Counts = np.zeros((0, singles), dtype=np.int64)
        self._keys = self._owners.copy()
        self.rows = self._owners.copy()
        self.candidates: Counts = np.zeros(0, dtype=np.int64)
        self.happened: Doubles = np.zeros(0)
        self.times: Doubles = np.zeros(0)

    def follow(
        self, remembered: Remembered, answers: int, place: Mapping[tuple[str, ...], int], cuts: Sequence[Cut]
    ) -> None:
        """Take in what is remembered now; rows of new answers are looked up, the others stay."""
        border = remembered.border(answers)
        if self._seen == (remembered.changes, border):
            return
        self._seen = (remembered.changes, border)
        used = {code: one for code, one in remembered.kept.items() if code < border}
        stay = [i for i, code in enumerate(self._codes) if code in used]
        self._keep(stay)
        known = set(self._codes)
        new = [code for code in used if code not in known]
        width = max([self.rows.shape[1], *(len(used[code].keys) for code in new)])
        self._widen(width)
        if new:
            owners = [[*used[code].owners] + [NO_OWNER] * (width - len(used[code].owners)) for code in new]
            keys = [[*used[code].keys] + [SPECIAL] * (width - len(used[code].keys)) for code in new]
            first = len(self._codes)
            self._codes += new
            self._owners = np.concatenate((self._owners, np.array(owners, dtype=np.int64).reshape(len(new), width)))
            self._keys = np.concatenate((self._keys, np.array(keys, dtype=np.int64).reshape(len(new), width)))
            nowhere = np.full((len(new), width), self._nowhere)
            self.rows = np.concatenate((self.rows, nowhere))
            added = np.array([place[used[code].row] for code in new], dtype=np.int64)
            self.candidates = np.concatenate((self.candidates, added))
            self.look_up(cuts, range(len(cuts)), first)
        self.happened = np.array([used[code].happened for code in self._codes], dtype=np.float64)
        self.times = np.array([used[code].times for code in self._codes], dtype=np.float64)

    def _keep(self, stay: list[int]) -> None:
        if len(stay) == len(self._codes):
            return
        self._codes = [self._codes[i] for i in stay]
        self._owners, self._keys, self.rows = self._owners[stay], self._keys[stay], self.rows[stay]
        self.candidates = self.candidates[stay]

    def _widen(self, width: int) -> None:
        more = width - self.rows.shape[1]
        if more > 0:
            size = len(self._codes)
            self._owners = np.hstack((self._owners, np.full((size, more), NO_OWNER)))
            self._keys = np.hstack((self._keys, np.full((size, more), SPECIAL)))
            self.rows = np.hstack((self.rows, np.full((size, more), self._nowhere)))

    def look_up(self, cuts: Sequence[Cut], predictors: Sequence[int] | range, first: int = 0) -> None:
        """Find anew the rows of these predictors' values, in answers from `first` on."""
        owners, keys, rows = self._owners[first:], self._keys[first:], self.rows[first:]
        if not len(owners):
            return
        columns = {int(owner): column for column, owner in enumerate(owners[0, : self._singles].tolist())}
        for predictor in predictors:
            if predictor in columns:
                column = columns[predictor]
                rows[:, column] = cuts[predictor].rows(keys[:, column])
            else:
                is_own = owners == predictor
                rows[is_own] = cuts[predictor].rows(keys[is_own])
