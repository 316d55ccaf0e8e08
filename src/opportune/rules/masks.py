"""What every value of one feature says about all conditions, as rows of one table of bits; notation: index.py."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opportune.rules.sets import Cut, Lines, Listed, Listing, ValueSet

__all__ = ["Asked", "LineRows", "ListRows", "Member", "Table"]

WORD = 64
"""Bits of one word of the table."""

Asked = tuple[int, bool, ValueSet]
"""Bit, whether it is set where the value is in the set (a slot) or where it is not (dead), the set."""


@dataclass(frozen=True, slots=True)
class LineRows:
    """Row `first + i` holds from cuts[i - 1] up to below cuts[i]; three more follow behind the last."""

    cuts: list[Cut]
    first: int

    @property
    def nan(self) -> int:
        """Row of what is no number."""
        return self.first + len(self.cuts) + 1

    @property
    def missing(self) -> int:
        """Row of no value."""
        return self.nan + 1

    @property
    def ill(self) -> int:
        """Row of a value of another type."""
        return self.nan + 2


@dataclass(frozen=True, slots=True)
class ListRows:
    """One row per listed value, `other` for all the rest; `missing` and `ill` follow behind it."""

    rows: dict[Listing, int]
    other: int

    @property
    def missing(self) -> int:
        """Row of no value."""
        return self.other + 1

    @property
    def ill(self) -> int:
        """Row of a value of another type."""
        return self.other + 2


@dataclass(frozen=True, slots=True)
class Member:
    """Rows of the entries of one list of texts; an entry that is there adds its row, no list adds `missing`."""

    variable: str
    entries: dict[str, int]
    missing: int

    def rows(self, value: object) -> list[int]:
        """Give the rows that a list of texts selects."""
        if not isinstance(value, list | tuple):
            return [self.missing]
        return [self.entries[entry] for entry in value if entry in self.entries]


class Table:
    """Rows under construction; row 0 belongs to every word.

    Args:
        always: mask of row 0.
        words: 64-bit words of a row.
    """

    def __init__(self, always: int, words: int) -> None:
        self._masks = [always]
        self._words = words

    def packed(self) -> npt.NDArray[np.uint64]:
        """Give all rows, uint64 [R, W], bit i of a mask in word i // 64."""
        joined = b"".join(mask.to_bytes(self._words * WORD // 8, "little") for mask in self._masks)
        return np.frombuffer(joined, dtype="<u8").reshape(len(self._masks), self._words)

    def add_lines(self, questions: Sequence[Asked]) -> LineRows:
        """Sweep from below: every cut turns the bits of its sets over."""
        mask = nan = missing = ill = 0
        turns: dict[Cut, int] = defaultdict(int)
        for bit, is_slot, values in questions:
            if not isinstance(values, Lines):
                raise TypeError("numbers are asked for intervals")
            one = 1 << bit
            mask |= one if values.low is is_slot else 0
            nan |= one if values.nan is is_slot else 0
            missing |= one if values.missing is is_slot else 0
            ill |= one if values.ill is is_slot else 0
            for cut in values.cuts:
                turns[cut] ^= one
        lines = LineRows(sorted(turns), len(self._masks))
        self._masks.append(mask)
        for cut in lines.cuts:
            mask ^= turns[cut]
            self._masks.append(mask)
        self._masks += (nan, missing, ill)
        return lines

    def add_list(self, questions: Sequence[Asked]) -> ListRows:
        """Give every value that some set lists a row."""
        other = missing = ill = 0
        turns: dict[Listing, int] = defaultdict(int)
        for bit, is_slot, values in questions:
            if not isinstance(values, Listed):
                raise TypeError("texts are asked for values")
            one = 1 << bit
            other |= one if values.rest is is_slot else 0
            missing |= one if values.missing is is_slot else 0
            ill |= one if values.ill is is_slot else 0
            for value in values.values:
                turns[value] ^= one
        first = len(self._masks)
        self._masks += (other ^ turn for turn in turns.values())
        self._masks += (other, missing, ill)
        return ListRows({value: first + i for i, value in enumerate(turns)}, first + len(turns))

    def add_members(self, asked: Iterable[tuple[str, str, int, bool]]) -> list[Member]:
        """Take (list, entry, bit, is a slot); an entry fills the slots that want it and kills who must not have it."""
        entries: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        missing: dict[str, int] = defaultdict(int)
        for variable, entry, bit, is_slot in asked:
            entries[variable][entry] |= 1 << bit
            if not is_slot:
                missing[variable] |= 1 << bit
        members = []
        for variable, masks in sorted(entries.items()):
            first = len(self._masks)
            self._masks += (*masks.values(), missing[variable])
            rows = {entry: first + i for i, entry in enumerate(masks)}
            members.append(Member(variable, rows, first + len(masks)))
        return members
