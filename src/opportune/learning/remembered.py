"""A bounded share of the answers, chosen by a hash of each, so that it does not depend on their order.

Formulas: docs/concepts/models.md, "Remembered answers".

An answer is kept where its hash falls below a border that halves whenever the number of answers doubles. Twice as many
as are used are kept, so that answers can be taken back: as long as not half of all are, what is used is exactly what it
would be had they never been learned.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Remembered", "Remembrance", "hash_of"]

HASH_BITS = 62


class Remembrance(NamedTuple):
    """One answer.

    Args:
        times: how often the very same answer was learned.
        owners, keys: predictors (by place) and cells of its facts.
    """

    row: tuple[str, ...]
    happened: bool
    times: int
    owners: tuple[int, ...]
    keys: tuple[int, ...]


def hash_of(row: Sequence[str], happened: bool, now: object, owners: Sequence[int], keys: Sequence[int]) -> int:
    """Hash of an answer, in [0, 2 ** HASH_BITS)."""
    text = repr((tuple(row), happened, str(now), tuple(owners), tuple(keys))).encode("utf-8", "backslashreplace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") >> (64 - HASH_BITS)


class Remembered:
    """Remembered answers of one outcome.

    Args:
        size: how many are used at most, if all differ.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.kept: dict[int, Remembrance] = {}
        self.news: list[int] = []
        """Hashes of what was added, taken or counted again; emptied by whoever follows."""

    def _border(self, answers: int, size: int) -> int:
        """Give the hash below which answers are kept when there were so many."""
        halvings = max(0, (max(answers - 1, 0) // size).bit_length())
        return 1 << (HASH_BITS - halvings)

    def add(self, code: int, remembrance: Remembrance, answers: int) -> None:
        """Take in an answer.

        Args:
            answers: how many there are with this one.
        """
        border = self._border(answers, 2 * self.size)
        if code < border:
            known = self.kept.get(code)
            if known is not None:
                remembrance = known._replace(times=known.times + 1)
            self.kept[code] = remembrance
            self.news.append(code)
        if border < self._border(answers - 1, 2 * self.size):
            self.kept = {code: one for code, one in self.kept.items() if code < border}

    def take(self, code: int) -> None:
        """Let go of an answer, where it is remembered."""
        known = self.kept.get(code)
        if known is None:
            return
        self.news.append(code)
        if known.times > 1:
            self.kept[code] = known._replace(times=known.times - 1)
        else:
            del self.kept[code]

    def forget(self, row: tuple[str, ...]) -> None:
        """Let go of all answers of a candidate."""
        self.news += [code for code, one in self.kept.items() if one.row == row]
        self.kept = {code: one for code, one in self.kept.items() if one.row != row}

    def border(self, answers: int) -> int:
        """Give the hash below which kept answers are used when there are so many."""
        return self._border(answers, self.size)
