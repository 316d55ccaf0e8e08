"""Rows of a Parquet file, whose columns have types."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path

import polars as pl

from opportune.customers.importing.sources import BATCH_ROWS, Batch, Source, not_a
from opportune.errors import InputError

__all__ = ["UNREADABLE", "ParquetSource"]

UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
"""What Polars raises of a damaged file; it panics where damage looks sound at first."""
_SLICE_BATCHES = 16
"""Batches that are decoded together: a group of rows in the file is decoded anew for every slice of it."""


class ParquetSource(Source):
    """A Parquet file; nested columns cannot be attributes and are refused with their rows."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self._table = pl.scan_parquet(path, glob=False)
            self.columns = self._table.collect_schema().names()
        except UNREADABLE as error:
            raise self._fault(error) from None

    def _fault(self, error: BaseException) -> InputError:
        return not_a(self.path, "Parquet", f"something else ({type(error).__name__})")

    def _collect(self, table: pl.LazyFrame) -> pl.DataFrame:
        try:
            return table.collect()
        except UNREADABLE as error:
            raise self._fault(error) from None

    @property
    def rows(self) -> int:
        return self._count

    @cached_property
    def _count(self) -> int:
        return int(self._collect(self._table.select(pl.len())).item())

    def batches(self, names: Collection[str], after: int = 0, size: int = BATCH_ROWS) -> Iterator[Batch]:
        wanted = [name for name in names if name in self.columns]
        step = size * _SLICE_BATCHES
        for begin in range(after, self._count, step):
            part = self._collect(self._table.select(wanted).slice(begin, step))
            for table in part.iter_slices(size):
                columns = {name: table[name].to_list() for name in wanted}
                yield Batch(after + 1, len(table), (), columns, {})
                after += len(table)
