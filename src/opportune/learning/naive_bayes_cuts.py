"""Which row of the counts a value belongs to, and the remembered answers laid out by rows. Notation: naive_bayes.py.

n  remembered answers in use
W  columns: one for every number, boolean and text, and as many for lists as the longest answer needs
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from opportune.learning.bins import Block
from opportune.learning.cells import SPECIAL
from opportune.learning.rates import Doubles
from opportune.learning.remembered import Remembered, Remembrance
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

    def row(self, key: int) -> int:
        """Give the row of a key of full resolution."""
        if key <= SPECIAL:
            return self.block.special(key)
        coarse = key >> self.level
        if self.block.is_number:
            return self.block.start + bisect_right(self.edges, coarse)
        place = bisect_left(self.edges, coarse)
        is_own = place < len(self.edges) and self.edges[place] == coarse
        return self.block.start + place if is_own else self.block.other

    def rows(self, keys: Counts) -> Counts:
        """Give the rows of many keys, int64 of the same shape."""
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
        happened: int64 [n], 1 or 0.
        times: float64 [n].
    """

    def __init__(self, singles: int, nowhere: int) -> None:
        self._singles = singles
        self._nowhere = nowhere
        self._border = 0
        self._codes: list[int] = []
        self._places: dict[int, int] = {}
        self._owners: Counts = np.zeros((0, singles), dtype=np.int64)
        self._keys = self._owners.copy()
        self.rows = self._owners.copy()
        self.candidates: Counts = np.zeros(0, dtype=np.int64)
        self.happened: Counts = np.zeros(0, dtype=np.int64)
        self.times: Doubles = np.zeros(0)

    def follow(
        self, remembered: Remembered, answers: int, place: Mapping[tuple[str, ...], int], cuts: Sequence[Cut]
    ) -> None:
        """Take in what is remembered now; rows of new answers are looked up, the others stay."""
        border = remembered.border(answers)
        news = set(remembered.news)
        remembered.news.clear()
        if border != self._border:
            self._border = border
            news |= self._places.keys() | remembered.kept.keys()
        new = []
        for code in news:
            one = remembered.kept.get(code) if code < border else None
            known = self._places.get(code)
            if one is None and known is not None:
                self._remove(code, known)
            elif one is not None and known is not None:
                self.times[known] = one.times
            elif one is not None:
                new.append((code, one))
        self._append(new, place, cuts)

    def _remove(self, code: int, place: int) -> None:
        """Let the last answer take the place of one that goes."""
        last = len(self._codes) - 1
        for values in (self._owners, self._keys, self.rows, self.candidates, self.happened, self.times):
            values[place] = values[last]
        moved = self._codes.pop()
        if moved != code:
            self._codes[place] = moved
            self._places[moved] = place
        del self._places[code]
        self._cut_to(last)

    def _cut_to(self, size: int) -> None:
        self._owners, self._keys, self.rows = self._owners[:size], self._keys[:size], self.rows[:size]
        self.candidates, self.happened = self.candidates[:size], self.happened[:size]
        self.times = self.times[:size]

    def _append(
        self, new: Sequence[tuple[int, Remembrance]], place: Mapping[tuple[str, ...], int], cuts: Sequence[Cut]
    ) -> None:
        if not new:
            return
        first = len(self._codes)
        width = max(self.rows.shape[1], *(len(one.keys) for _, one in new))
        self._widen(width)
        self._codes += [code for code, _ in new]
        self._places.update({code: first + i for i, (code, _) in enumerate(new)})
        owners = [[*one.owners] + [NO_OWNER] * (width - len(one.owners)) for _, one in new]
        keys = [[*one.keys] + [SPECIAL] * (width - len(one.keys)) for _, one in new]
        self._owners = np.concatenate((self._owners, np.array(owners, dtype=np.int64).reshape(len(new), width)))
        self._keys = np.concatenate((self._keys, np.array(keys, dtype=np.int64).reshape(len(new), width)))
        self.rows = np.concatenate((self.rows, np.full((len(new), width), self._nowhere)))
        self.candidates = np.concatenate((self.candidates, [place[one.row] for _, one in new])).astype(np.int64)
        self.happened = np.concatenate((self.happened, [one.happened for _, one in new])).astype(np.int64)
        self.times = np.concatenate((self.times, [one.times for _, one in new])).astype(np.float64)
        self.look_up(cuts, range(len(cuts)), first)

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
