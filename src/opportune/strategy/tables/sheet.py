"""Sheets as cells that know their place, from CSV or from a workbook."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from opportune.strategy.tables.cell import COLUMNS_MAX, ROWS_MAX, Cell, SheetError

__all__ = ["Cell", "Sheet", "SheetError", "read_sheet"]

CELL_CHARACTERS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Sheet:
    """Headings, and rows of as many cells; empty rows are left out."""

    headings: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]


def read_sheet(path: str, data: bytes) -> Sheet:
    """Read a sheet: CSV with commas, semicolons or tabs in UTF-8, or the first sheet of a workbook.

    Raises:
        SheetError: it is not such a file, is too large, or a row is longer than the headings.
    """
    if path.endswith(".xlsx"):
        # What reads workbooks takes long to load, and few projects have one.
        from opportune.strategy.tables.workbook import read_workbook

        records: Iterator[Iterable[Cell]] = read_workbook(data)
    else:
        records = _csv(data)
    rows: list[tuple[Cell, ...]] = []
    for record in records:
        cells = tuple(record)
        if not any(cell.text for cell in cells):
            continue
        long = next((cell for cell in cells if len(cell.text) > CELL_CHARACTERS_MAX), None)
        if long is not None:
            raise SheetError(long.line, long.column, f"more than {CELL_CHARACTERS_MAX} characters", "shorten the cell")
        rows.append(cells)
        if len(rows) > ROWS_MAX + 1:
            raise SheetError(cells[0].line, 1, f"more than {ROWS_MAX} rows", "split the table")
    if not rows:
        raise SheetError(1, 1, "no headings", "name the columns in the first row")
    headings = _headings(rows[0])
    return Sheet(headings, tuple(_row(row, headings) for row in rows[1:]))


def _headings(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    last = max(index for index, cell in enumerate(cells) if cell.text)
    if last >= COLUMNS_MAX:
        place = cells[COLUMNS_MAX]
        raise SheetError(place.line, place.column, f"more than {COLUMNS_MAX} columns", "split the table")
    for cell in cells[: last + 1]:
        if not cell.text:
            raise SheetError(cell.line, cell.column, "a column without heading", "name it, or remove the column")
    return cells[: last + 1]


def _row(cells: tuple[Cell, ...], headings: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """Give as many cells as there are headings."""
    for cell in cells[len(headings) :]:
        if cell.text:
            raise SheetError(cell.line, cell.column, "a cell without heading", "put texts with commas into quotes")
    line, end = cells[0].line, cells[-1].column
    missing = (Cell("", line, end) for _ in range(len(headings) - len(cells)))
    return (*cells[: len(headings)], *missing)


_FIELD = re.compile(r'\s*"(?:[^"]|"")*"[^,;\t]*|[^,;\t]*')


def _csv(data: bytes) -> Iterator[Iterable[Cell]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SheetError(1, 1, "not UTF-8", "save it as CSV in UTF-8") from None
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    field = re.compile(_FIELD.pattern.replace(",;\\t", separator))
    lines = text.splitlines()
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True, strict=True)
    line = 1
    try:
        for record in reader:
            starts = _starts(lines[line - 1], field) if record else []
            cells = (
                Cell(value.strip(), line, starts[index] if index < len(starts) else 1)
                for index, value in enumerate(record)
            )
            yield tuple(cells)
            line = reader.line_num + 1
    except csv.Error:
        message = "not valid CSV: a quote is not closed, or stands inside a text"
        raise SheetError(line, 1, message, "put the text into quotes and double the quotes inside") from None


def _starts(line: str, field: re.Pattern[str]) -> list[int]:
    """Give the columns at which the fields of a line begin, 1-based; of a record over several lines, of its first."""
    starts, at = [], 0
    while at <= len(line):
        match = field.match(line, at)
        text = match[0] if match else ""
        starts.append(at + len(text) - len(text.lstrip()) + 1)
        at += len(text) + 1
    return starts
