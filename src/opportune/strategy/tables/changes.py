"""What changed from one sheet to the next, row by row, in words."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from opportune.strategy.tables.sheet import Sheet, SheetError, read_sheet

__all__ = ["row_changes", "sheet_changes"]

Texts = tuple[str, ...]
"""The cells of one row."""


def sheet_changes(file: str, old: str, new: str) -> Iterator[str]:
    """Tell which rows were added, removed or changed.

    Args:
        file: path of both.
        old, new: as a project keeps them: text, or a workbook in base64.
    """
    try:
        before, after = (_rows(_read(file, text)) for text in (old, new))
    except SheetError:
        yield f"{file}: changed"
        return
    yield from row_changes(file, before, after)


def row_changes(file: str, before: Sequence[Texts], after: Sequence[Texts]) -> Iterator[str]:
    """Tell which rows were added, removed or changed."""
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "replace" and b - a == d - c:
            pairs = zip(before[a:b], after[c:d], strict=True)
            yield from (f"{file}: row {_said(one)} → {_said(other)}" for one, other in pairs)
        elif kind != "equal":
            yield from (f"{file}: row {_said(row)} removed" for row in before[a:b])
            yield from (f"{file}: row {_said(row)} added" for row in after[c:d])


def _read(file: str, text: str) -> Sheet:
    return read_sheet(file, base64.b64decode(text) if file.endswith(".xlsx") else text.encode())


def _rows(sheet: Sheet) -> list[Texts]:
    return [tuple(cell.text for cell in row) for row in (sheet.headings, *sheet.rows)]


def _said(row: Texts) -> str:
    return "[" + " | ".join(text or "-" for text in row) + "]"
