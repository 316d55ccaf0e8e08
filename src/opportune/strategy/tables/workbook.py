"""The first sheet of a workbook, cell by cell.

A workbook hides what a text shows: formulas without a value, and merged cells of which only the first has one, would
read as empty, and an empty cell fits everything. Both are refused.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils import coordinate_to_tuple, get_column_letter

from opportune.strategy.tables.cell import COLUMNS_MAX, ROWS_MAX, Cell, SheetError

__all__ = ["read_workbook"]

UNPACKED_BYTES_MAX = 10_000_000
"""A workbook is a packed archive; what it unpacks to is bounded before it is read."""
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?ref=[\"']([A-Z]{1,3}[1-9][0-9]{0,6}):")


def read_workbook(data: bytes) -> Iterator[tuple[Cell, ...]]:
    """Give the rows of the first sheet.

    Raises:
        SheetError: it is no workbook, is too large, or holds what cannot be read as it looks.
    """
    try:
        yield from _rows(data)
    except SheetError:
        raise
    except Exception:  # noqa: BLE001  The library fails in a dozen ways on what is damaged.
        remedy = "save it as a workbook (.xlsx) whose first sheet is the table, or as CSV"
        raise SheetError(1, 1, "not a workbook that can be read", remedy) from None


def _rows(data: bytes) -> Iterator[tuple[Cell, ...]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > UNPACKED_BYTES_MAX:
            raise SheetError(1, 1, f"it unpacks to more than {UNPACKED_BYTES_MAX} bytes", "split the table")
        values, formulas = (
            load_workbook(io.BytesIO(data), read_only=True, data_only=only, keep_links=False).worksheets[0]
            for only in (True, False)
        )
        _refuse_merged(archive.read(values._worksheet_path))
    both = (sheet.iter_rows(max_row=ROWS_MAX + 2, max_col=COLUMNS_MAX + 1) for sheet in (values, formulas))
    pairs = zip(*both, strict=True)
    for number, (row, written) in enumerate(pairs, start=1):
        yield tuple(
            _cell(value, formula, number, column)
            for column, (value, formula) in enumerate(zip(row, written, strict=True), start=1)
        )


def _refuse_merged(sheet: bytes) -> None:
    if merged := _MERGED.search(sheet):
        line, column = coordinate_to_tuple(merged[1].decode())
        raise SheetError(line, column, "merged cells", "separate them, and write into each what it asks or gives")


def _cell(value: Any, formula: Any, line: int, column: int) -> Cell:
    """Read a cell.

    Args:
        value: the library's cell with its value, or the value that its formula had when it was saved.
        formula: the same with its formula.
    """
    if value.value is None and formula.value is not None:
        remedy = "write the value itself, or save the workbook with a program that computes it"
        raise SheetError(line, column, "a formula without a value", remedy)
    return Cell(_text(value), line, column, f"{get_column_letter(column)}{line}")


def _text(cell: Any) -> str:
    """Give a cell's value as somebody would write it."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float) and "%" in str(cell.number_format):
        return f"{value * 100:.10g}%"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
