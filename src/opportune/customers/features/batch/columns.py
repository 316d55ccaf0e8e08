"""Values of features as columns of a Parquet file, written part by part."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl

from opportune.customers.features.batch.points import Point
from opportune.errors import InputError
from opportune.records import Value, ValueType

__all__ = ["ColumnWriter"]

_TYPES: Mapping[ValueType, pl.DataType] = {
    ValueType.BOOLEAN: pl.Boolean(),
    ValueType.INTEGER: pl.Int64(),
    ValueType.NUMBER: pl.Float64(),
    ValueType.TEXT: pl.String(),
    ValueType.TIMESTAMP: pl.Datetime("us", "UTC"),
    ValueType.TEXTS: pl.List(pl.String()),
}
CELLS = 4_000_000
"""Values that are in memory at once."""


class ColumnWriter:
    """Writes customer, at and a column per value; missing ones are null.

    Parts wait beside the file until `close`, which puts them together; after a failure nothing is left.

    Args:
        keys: key of every value → its type.

    Raises:
        InputError: there can be no file at the path.
    """

    def __init__(self, path: Path, keys: Mapping[str, ValueType]) -> None:
        if path.is_dir() or not path.parent.is_dir():
            message = "expected a file to write, found a folder" if path.is_dir() else "its folder does not exist"
            raise InputError.of(str(path), message, "name another file", "invalid-file")
        self._path = path
        self._schema = {"customer": pl.String(), "at": _TYPES[ValueType.TIMESTAMP]}
        self._schema |= {key: _TYPES[kind] for key, kind in keys.items()}
        self._keys = tuple(keys)
        self._columns: dict[str, list[object]] = {name: [] for name in self._schema}
        self._folder = tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent)
        self._parts: list[Path] = []
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._folder.cleanup()

    def add(self, customer: str, points: Iterable[Point], rows: Iterable[Mapping[str, Value]]) -> None:
        """Take the values of one person."""
        columns = self._columns
        for point, values in zip(points, rows, strict=True):
            columns["customer"].append(customer)
            columns["at"].append(point.at)
            for key in self._keys:
                columns[key].append(values.get(key))
            self.rows += 1
        if len(columns["at"]) * len(columns) >= CELLS:
            self._write()

    def _write(self) -> None:
        part = Path(self._folder.name) / f"{len(self._parts):06}.parquet"
        pl.DataFrame(self._columns, schema=self._schema).write_parquet(part)
        self._parts.append(part)
        for values in self._columns.values():
            values.clear()

    def _finish(self) -> None:
        if self._columns["at"] or not self._parts:
            self._write()
        whole = Path(self._folder.name) / "whole.parquet"
        pl.scan_parquet(self._parts).sink_parquet(whole)
        whole.replace(self._path)
