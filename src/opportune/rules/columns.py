"""The index over a table: the same masks, packed into bytes, for many rows at a time.

Notation
    r   rows of one block
    B   bytes of a mask
    acc uint8 [r, B], OR of the masks that the features of each row select
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.records import Value
from opportune.rules.clauses import Feature
from opportune.rules.closures import Closure
from opportune.rules.index import Index, LineMasks, ListMasks, member_mask
from opportune.rules.tree import Ident, walk
from opportune.rules.values import NoValue

__all__ = ["Column", "Columns"]

BLOCK_ROWS = 4096

_Bytes = npt.NDArray[np.uint8]
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
        bits = index.n + sum(index.widths)
        self._bytes = (bits + 7) // 8
        self._numbers = [(name, kind, lines.cuts, self._lines(lines)) for name, kind, lines, _, _ in index.numbers]
        self._moments = [(name, _to_datetime64(cuts), self._lines(lines)) for name, lines, cuts in index.moments]
        self._listed = [(name, *self._lists(listed)) for name, _, listed, _, _ in index.listed]
        self._computed_lines = [(*_needs(f, c), lines.cuts, self._lines(lines)) for f, c, lines in index.computed_lines]
        self._computed_lists = [(*_needs(f, c), *self._lists(lists)) for f, c, lists in index.computed_lists]

    def alive(self, columns: Mapping[str, Column], length: int) -> Iterator[npt.NDArray[np.bool_]]:
        """Give, block by block, for every bit whether its condition passes; as `Index.alive`, [rows, n + 2]."""
        index = self._index
        for start in range(0, length, BLOCK_ROWS):
            rows = min(BLOCK_ROWS, length - start)
            block = {name: _slice(name, column, start, rows, length) for name, column in columns.items()}
            bits = np.unpackbits(self._word(block, rows), axis=1, bitorder="little").view(np.bool_)
            alive = np.empty((rows, index.n + 2), dtype=np.bool_)
            alive[:, : index.n] = ~bits[:, : index.n]
            for width, offset in zip(index.widths, index.offsets, strict=True):
                alive[:, :width] &= bits[:, offset : offset + width]
            alive[:, index.n], alive[:, index.n + 1] = True, False
            yield alive

    def _word(self, columns: Mapping[str, Column], rows: int) -> _Bytes:
        acc = np.zeros((rows, self._bytes), dtype=np.uint8)
        for name, kind, cuts, masks in self._numbers:
            acc |= masks[_number_places(columns.get(name), name, kind, cuts, rows)]
        for name, moments, masks in self._moments:
            acc |= masks[_moment_places(columns.get(name), name, moments, rows, len(masks))]
        for name, codes, masks in self._listed:
            acc |= masks[_listed_places(columns.get(name), codes, rows)]
        for member in self._index.members:
            values = _python(columns.get(member.variable), rows)
            acc |= self._packed([member_mask(member, value) for value in values])
        for names, closure, cuts, masks in self._computed_lines:
            acc |= masks[[_line_place(closure(facts, {}), cuts) for facts in _facts(columns, names, rows)]]
        for names, closure, codes, masks in self._computed_lists:
            acc |= masks[[_list_place(closure(facts, {}), codes) for facts in _facts(columns, names, rows)]]
        return acc

    def _packed(self, masks: Sequence[int]) -> _Bytes:
        """Give masks as rows of bytes, shape [len(masks), B]."""
        joined = b"".join(mask.to_bytes(self._bytes, "little") for mask in masks)
        return np.frombuffer(joined, dtype=np.uint8).reshape(len(masks), self._bytes)

    def _lines(self, lines: LineMasks) -> _Bytes:
        """Rows: one per interval, then not-a-number, missing, ill."""
        return self._packed([*lines.masks, lines.nan, lines.missing, lines.ill])

    def _lists(self, listed: ListMasks) -> tuple[dict[Any, int], _Bytes]:
        """Rows: one per listed value, then other, missing."""
        codes: dict[Any, int] = {value: i for i, value in enumerate(listed.masks)}
        return codes, self._packed([*listed.masks.values(), listed.other, listed.missing])


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


def _moment_places(column: Column | None, name: str, moments: npt.NDArray[Any], rows: int, masks: int) -> _Places:
    missing = masks - 2
    if column is None:
        return np.full(rows, missing, dtype=np.intp)
    if column.values.dtype.kind != "M":
        raise ValueError(f"{name}: expected a column of datetime64, found {column.values.dtype}")
    values = column.values.astype("datetime64[us]")
    places = np.searchsorted(moments, values, side="right")
    places[np.isnat(values)] = missing
    if column.missing is not None:
        places[column.missing] = missing
    return places


def _listed_places(column: Column | None, codes: Mapping[Any, int], rows: int) -> _Places:
    other = len(codes)
    if column is None:
        return np.full(rows, other + 1, dtype=np.intp)
    places = np.fromiter((codes.get(value, other) for value in column.values.tolist()), dtype=np.intp, count=rows)
    if column.missing is not None:
        places[column.missing] = other + 1
    return places


def _line_place(value: Any, cuts: Sequence[int | float]) -> int:
    if isinstance(value, NoValue):
        return len(cuts) + 2
    return bisect_right(cuts, value) if value == value else len(cuts) + 1


def _list_place(value: Any, codes: Mapping[Any, int]) -> int:
    return len(codes) + 1 if isinstance(value, NoValue) else codes.get(value, len(codes))


def _to_datetime64(moments: Sequence[datetime]) -> npt.NDArray[Any]:
    return np.array([moment.replace(tzinfo=None) for moment in moments], dtype="datetime64[us]")


def _needs(feature: Feature, closure: Closure) -> tuple[frozenset[str], Closure]:
    """Give the names that a feature may read (loop variables among them do no harm)."""
    return frozenset(part.name for part in walk(feature.node) if isinstance(part, Ident)), closure


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
