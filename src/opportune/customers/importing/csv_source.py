"""Rows of a CSV: cells are texts, and columns may be separated by comma, semicolon or tab."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from opportune.customers.importing.sources import BATCH_ROWS, Batch, CsvOptions, Source
from opportune.errors import InputError

__all__ = ["FIRST_LINE_MAX", "CsvSource", "separator_of"]

CELL_CHARACTERS_MAX = 1 << 20
"""A longer cell is a quote that was never closed."""
FIRST_LINE_MAX = 1_000_000
"""What is read of a first line to find its separator."""


class CsvSource(Source):
    """A file of comma separated values whose first line names the columns."""

    def __init__(self, path: Path, options: CsvOptions) -> None:
        super().__init__(path)
        self._encoding = options.encoding
        try:
            with self._open() as file:
                self._separator = options.separator or separator_of(file.readline(FIRST_LINE_MAX))
            with self._open() as file:
                self.columns = next(csv.reader(file, delimiter=self._separator), [])
        except (csv.Error, UnicodeError):
            raise self._fault() from None
        if any("\0" in name or not _is_valid(name) for name in self.columns):
            raise self._fault()

    def _fault(self) -> InputError:
        message = f"expected CSV in the encoding {self._encoding.removesuffix('-sig')}, found something else"
        remedy = "save it again as that, or name its encoding in the mapping, such as 'csv: {encoding: utf-16}'"
        return InputError.of(str(self.path), message, remedy)

    def _open(self) -> Any:
        # A cell with wrong bytes is refused with its row, and spoils no other.
        return self.path.open(encoding=self._encoding, errors="surrogateescape", newline="")

    def batches(self, names: Collection[str], after: int = 0, size: int = BATCH_ROWS) -> Iterator[Batch]:
        places = {name: self.columns.index(name) for name in names if name in self.columns}
        csv.field_size_limit(CELL_CHARACTERS_MAX)
        with self._open() as file:
            reader = csv.reader(file, delimiter=self._separator)
            next(reader, None)
            rows = self._rows(reader)
            for _ in islice(rows, after):
                pass
            while found := list(islice(rows, size)):
                yield self._batch(after + 1, found, places)
                after += len(found)

    def _rows(self, reader: Any) -> Iterator[tuple[int, list[str]]]:
        """Give every row with the line where it begins."""
        line = reader.line_num + 1
        try:
            for row in reader:
                yield line, row
                line = reader.line_num + 1
        except csv.Error:
            where = f"{self.path}:{line}"
            message = f"expected cells of at most {CELL_CHARACTERS_MAX:,} characters, found a longer one"
            raise InputError.of(where, message, "close the quote that begins in this row") from None
        except UnicodeError:
            message = f"expected text in the encoding {self._encoding}, found other bytes"
            raise InputError.of(f"{self.path}:{line}", message, "name the right encoding, or write it anew") from None

    def _batch(self, first: int, found: list[tuple[int, list[str]]], places: dict[str, int]) -> Batch:
        lines, rows = zip(*found, strict=True)
        faults: dict[int, str] = {}
        width = len(self.columns)
        if set(map(len, rows)) != {width}:
            faults = {
                index: f"expected {width} columns, found {len(row)}"
                for index, row in enumerate(rows)
                if row and len(row) != width
            }
            rows = tuple(row if len(row) == width else [""] * width for row in rows)
        columns = {name: [row[place] for row in rows] for name, place in places.items()}
        return Batch(first, len(rows), lines, columns, faults)


def separator_of(first: str) -> str:
    """Give what stands between the columns: of the three usual ones, that which the first line has most of."""
    return max(",;\t", key=first.count)


def _is_valid(name: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in name)
