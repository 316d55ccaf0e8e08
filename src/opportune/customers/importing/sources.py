"""What rows are read from: columns by name, a batch of rows at a time, in an order that stays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from opportune.errors import InputError

__all__ = ["BATCH_ROWS", "Batch", "CsvOptions", "Source", "not_a"]

BATCH_ROWS = 5_000
"""Rows in memory at a time, and in one transaction: a flush to the disk is then no cost worth speaking of."""
_PIECE_BYTES = 1 << 20


class CsvOptions(msgspec.Struct, frozen=True):
    """How a CSV is written; the separator is found out where it is "".

    Args:
        separator: one character between the columns.
        encoding: name of a codec of Python; "utf-8-sig" is UTF-8 with or without a mark at its beginning.
    """

    separator: str = ""
    encoding: str = "utf-8-sig"


class Batch(NamedTuple):
    """Some rows that follow one another.

    Args:
        first: number of the first row, counted from 1.
        size: how many rows.
        lines: 1-based lines of the file where the rows begin; empty where the format has no lines.
        columns: name → values, None where there is none.
        faults: place in the batch → why that row cannot be read.
    """

    first: int
    size: int
    lines: Sequence[int]
    columns: Mapping[str, Sequence[Any]]
    faults: dict[int, str]


class Source(ABC):
    """A file of rows. Reading it again gives the same rows in the same order.

    Attributes:
        columns: names, in the order of the file.
        is_open: later rows may have columns that are not among `columns`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns: list[str] = []
        self.is_open = False

    @abstractmethod
    def batches(self, names: Collection[str], after: int = 0, size: int = BATCH_ROWS) -> Iterator[Batch]:
        """Read some columns.

        Args:
            after: number of the row after which to begin.
            size: rows of a batch; the last one may have fewer.

        Raises:
            InputError: the rest of the file cannot be read.
        """

    def all_columns(self) -> list[str]:
        """Give the names of all columns, by reading to the end where it needs that."""
        return self.columns

    @property
    def rows(self) -> int:
        """About how many rows there are."""
        return self._scanned[1]

    @property
    def fingerprint(self) -> str:
        """Digest of the file's bytes."""
        return self._scanned[0]

    @cached_property
    def _scanned(self) -> tuple[str, int]:
        digest, lines = blake2b(digest_size=16), 0
        with self.path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
                lines += piece.count(b"\n")
        return digest.hexdigest(), lines


def not_a(path: Path, kind: str, found: str) -> InputError:
    """The refusal of a file that does not hold what its name says."""
    return InputError.of(str(path), f"expected {kind}, found {found}", "save it again as that")
