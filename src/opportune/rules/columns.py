"""The index over a table of facts: the same rows of bits, for many customers at a time.

Notation: that of index.py, and
    r   customers of one block
    acc uint64 [r, W], OR of the rows that the features of each customer select
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.records import Value
from opportune.rules.clauses import Feature
from opportune.rules.index import Index, line_row, list_row
from opportune.rules.masks import LineRows, ListRows
from opportune.rules.tree import Ident, walk

__all__ = ["Column", "Columns"]

BLOCK_ROWS = 4096

_Words = npt.NDArray[np.uint64]
_Places = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Column:
    """Values of one fact key over the rows of a table.

    Args:
        values: shape [length], or [1] where all rows have the same; boolean bool, integer int64, number float64,
            text str objects or a NumPy text type, timestamp datetime64 in UTC, texts objects that are lists of str.
        missing: bool, shape as `values`; None where no value is missing. Times that are NaT are missing too.
    """

    values: npt.NDArray[Any]
    missing: npt.NDArray[np.bool_] | None = None


class Columns:
    """Evaluates an index over tables."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._numbers = [(name, kind, lines.cuts, lines.first) for name, kind, lines in index.numbers]
        self._moments = [(name, _to_datetime64(cuts), lines) for name, lines, cuts in index.moments]
        self._listed = [(name, listed) for name, _, listed in index.listed]
        self._lines = [(_needs(feature), closure, lines) for feature, closure, lines in index.computed_lines]
        self._lists = [(_needs(feature), closure, listed) for feature, closure, listed in index.computed_lists]

    def alive(self, columns: Mapping[str, Column], length: int) -> Iterator[npt.NDArray[np.bool_]]:
        """Give, block by block, for every bit whether its condition passes; as `Index.alive`, [r, 64 words]."""
        index = self._index
        for start in range(0, length, BLOCK_ROWS):
            rows = min(BLOCK_ROWS, length - start)
            block = {name: _slice(name, column, start, rows, length) for name, column in columns.items()}
            word = self._word(block, rows)
            dead = word[:, : index.words]
            for first, size in index.layers.tolist():
                dead[:, :size] |= ~word[:, first : first + size]
            alive = np.ascontiguousarray(~dead).view(np.uint8)
            yield np.unpackbits(alive, axis=1, bitorder="little").view(np.bool_)

    def _word(self, columns: Mapping[str, Column], rows: int) -> _Words:
        table = self._index.table
        acc = np.repeat(table[:1], rows, axis=0)
        for name, kind, cuts, first in self._numbers:
            acc |= table[first + _number_places(columns.get(name), name, kind, cuts, rows)]
        for name, moments, lines in self._moments:
            acc |= table[_moment_rows(columns.get(name), name, moments, lines, rows)]
        for name, listed in self._listed:
            acc |= table[_listed_rows(columns.get(name), listed, rows)]
        for member in self._index.members:
            for row, value in enumerate(_python(columns.get(member.variable), rows)):
                acc[row] |= np.bitwise_or.reduce(table[member.rows(value)], axis=0)
        for names, closure, lines in self._lines:
            acc |= table[[line_row(closure(facts, {}), lines) for facts in _facts(columns, names, rows)]]
        for names, closure, listed in self._lists:
            acc |= table[[list_row(closure(facts, {}), listed) for facts in _facts(columns, names, rows)]]
        return acc


def _slice(name: str, column: Column, start: int, rows: int, length: int) -> Column:
    if len(column.values) == 1 and length != 1:
        missing = None if column.missing is None else np.broadcast_to(column.missing, rows)
        return Column(np.broadcast_to(column.values, rows), missing)
    if len(column.values) != length:
        raise ValueError(f"{name}: expected {length} values, found {len(column.values)}")
    missing = None if column.missing is None else column.missing[start : start + rows]
    return Column(column.values[start : start + rows], missing)


def _number_places(column: Column | None, name: str, kind: type, cuts: Sequence[int | float], rows: int) -> _Places:
    if column is None:
        return np.full(rows, len(cuts) + 2, dtype=np.intp)
    if column.values.dtype.kind not in ("if" if kind is float else "i"):
        expected = "numbers" if kind is float else "integers"
        raise ValueError(f"{name}: expected a column of {expected}, found {column.values.dtype}")
    if kind is float:
        values: npt.NDArray[Any] = column.values.astype(np.float64)
        places = np.searchsorted(np.array(cuts, dtype=np.float64), values, side="right")
        places[np.isnan(values)] = len(cuts) + 1
    else:
        limits = np.array([cut for cut in cuts if cut <= _INT64_MAX], dtype=np.int64)
        places = np.searchsorted(limits, column.values.astype(np.int64), side="right")
    if column.missing is not None:
        places[column.missing] = len(cuts) + 2
    return places


_INT64_MAX = (1 << 63) - 1


def _moment_rows(column: Column | None, name: str, moments: npt.NDArray[Any], lines: LineRows, rows: int) -> _Places:
    if column is None:
        return np.full(rows, lines.missing, dtype=np.intp)
    if column.values.dtype.kind != "M":
        raise ValueError(f"{name}: expected a column of datetime64, found {column.values.dtype}")
    values = column.values.astype("datetime64[us]")
    places = lines.first + np.searchsorted(moments, values, side="right")
    places[np.isnat(values)] = lines.missing
    if column.missing is not None:
        places[column.missing] = lines.missing
    return places


def _listed_rows(column: Column | None, listed: ListRows, rows: int) -> _Places:
    if column is None:
        return np.full(rows, listed.missing, dtype=np.intp)
    found = (listed.rows.get(value, listed.other) for value in column.values.tolist())
    places = np.fromiter(found, dtype=np.intp, count=rows)
    if column.missing is not None:
        places[column.missing] = listed.missing
    return places


def _to_datetime64(moments: Sequence[datetime]) -> npt.NDArray[Any]:
    return np.array([moment.replace(tzinfo=None) for moment in moments], dtype="datetime64[us]")


def _needs(feature: Feature) -> frozenset[str]:
    """Give the names that a feature may read (loop variables among them do no harm)."""
    return frozenset(part.name for part in walk(feature.node) if isinstance(part, Ident))


def _facts(columns: Mapping[str, Column], names: frozenset[str], rows: int) -> Iterator[dict[str, Value]]:
    """Give the facts of each row, of these names only."""
    present = [(name, _python(columns[name], rows)) for name in sorted(names) if name in columns]
    for row in range(rows):
        yield {name: values[row] for name, values in present if values[row] is not None}


def _python(column: Column | None, rows: int) -> list[Any]:
    """Give a column as Python values, None where missing."""
    if column is None:
        return [None] * rows
    if column.values.dtype.kind == "M":
        naive = column.values.astype("datetime64[us]").tolist()
        values = [None if value is None else value.replace(tzinfo=UTC) for value in naive]
    else:
        values = column.values.tolist()
    if column.missing is None:
        return values
    return [None if gone else value for value, gone in zip(values, column.missing.tolist(), strict=True)]
