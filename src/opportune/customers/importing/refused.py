"""The file of refused rows: one JSON object per line, with the number of the row, its line, and what is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import msgspec

from opportune.customers.importing.rows import Row

__all__ = ["RefusedRows"]


class RefusedRows:
    """Writes refused rows; the file is made with the first of them. No value of a row is repeated.

    Args:
        kept: bytes that an interrupted import wrote and remembers; what is behind them is written again.
    """

    def __init__(self, path: Path, kept: int = 0) -> None:
        self.path = path
        self.bytes = kept
        self._file: IO[bytes] | None = None
        if not kept:
            path.unlink(missing_ok=True)
        elif path.exists():
            os.truncate(path, min(kept, path.stat().st_size))

    def add(self, rows: Iterable[Row]) -> None:
        """Write rows; they are on the disk when this returns."""
        text = b"".join(_line(row) for row in rows)
        if not text:
            return
        if self._file is None:
            self._file = self.path.open("ab")
        self._file.write(text)
        self._file.flush()
        os.fsync(self._file.fileno())
        self.bytes += len(text)

    def close(self) -> None:
        """Release the file."""
        if self._file is not None:
            self._file.close()


def _line(row: Row) -> bytes:
    told = [{"where": one.where, "message": one.message, "remedy": one.remedy} for one in row.problems]
    place = {"row": row.number, "line": row.line} if row.line else {"row": row.number}
    return msgspec.json.encode({**place, "problems": told}) + b"\n"
