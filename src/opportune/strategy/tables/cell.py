"""A cell that knows its place, and how large a sheet may be."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COLUMNS_MAX", "ROWS_MAX", "Cell", "SheetError"]

ROWS_MAX = 2_000
COLUMNS_MAX = 60


class SheetError(Exception):
    """The file is no sheet that we read; the place is 1-based."""

    def __init__(self, line: int, column: int, message: str, remedy: str) -> None:
        self.line, self.column, self.message, self.remedy = line, column, message, remedy
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Cell:
    """The trimmed text of a cell and where it stands, 1-based; `name` is such as C4 in a workbook, else ""."""

    text: str
    line: int
    column: int
    name: str = ""
