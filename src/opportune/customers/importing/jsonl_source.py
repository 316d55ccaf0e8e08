"""Rows of JSON Lines: one object per line, whose values have types."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from opportune.customers.importing.sources import BATCH_ROWS, Batch, Source, not_a
from opportune.errors import InputError

__all__ = ["JsonLinesSource"]

LINE_BYTES_MAX = 1 << 24
_LOOKED_AT = 1_000
"""Rows that tell the columns; a column that is missing there may come later."""

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class JsonLinesSource(Source):
    """A file with a JSON object per line; lines may have different names, and blank ones are rows without any."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.is_open = True
        self.columns = self._names(_LOOKED_AT)

    def all_columns(self) -> list[str]:
        return self._names(None)

    def _names(self, limit: int | None) -> list[str]:
        names: dict[str, None] = {}
        read = seen = 0
        for line in islice(self._lines(), limit):
            seen += 1
            row = _row(line)
            if isinstance(row, dict):
                read += 1
                names.update(dict.fromkeys(row))
        if seen and not read:
            raise not_a(self.path, "JSON Lines", "no line with an object among the first")
        return list(names)

    def _lines(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            number = 1
            while line := file.readline(LINE_BYTES_MAX + 1):
                if len(line) > LINE_BYTES_MAX:
                    where = f"{self.path}:{number}"
                    raise InputError.of(
                        where, f"expected lines of at most {LINE_BYTES_MAX:,} bytes, found a longer one"
                    )
                # Some programs put a mark of UTF-8 before the first line.
                yield line.removeprefix(BOM_UTF8) if number == 1 else line
                number += 1

    def batches(self, names: Collection[str], after: int = 0, size: int = BATCH_ROWS) -> Iterator[Batch]:
        lines = self._lines()
        for _ in islice(lines, after):
            pass
        while found := list(islice(lines, size)):
            read = [_row(line) for line in found]
            faults = {index: row for index, row in enumerate(read) if isinstance(row, str)}
            rows = [row if isinstance(row, dict) else {} for row in read]
            columns = {name: [row.get(name) for row in rows] for name in names}
            yield Batch(after + 1, len(rows), range(after + 1, after + 1 + len(rows)), columns, faults)
            after += len(rows)


def _row(line: bytes) -> dict[str, Any] | str:
    """Read one line: its object, or what is wrong with it."""
    if line.isspace():
        return {}
    try:
        return _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # The reader's own words may repeat what the line says.
        return "expected a JSON object in UTF-8"
