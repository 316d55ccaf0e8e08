"""Parquet files that were damaged on their way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from opportune.customers.features.batch import PointFile
from opportune.customers.importing.parquet_source import ParquetSource
from opportune.errors import InputError


def _rows(path: Path) -> None:
    for _ in ParquetSource(path).batches(["customer"]):
        pass


READERS = pytest.mark.parametrize("read", [_rows, PointFile])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "people.parquet"
    pl.DataFrame(
        {"customer": [f"c-{number}" for number in range(500)], "at": ["2026-05-04T18:00:00Z"] * 500}
    ).write_parquet(path)
    return path


@READERS
def test_a_file_with_a_damaged_page_is_refused_by_name(file: Path, read: Callable[[Path], object]) -> None:
    content = bytearray(file.read_bytes())
    content[4:200] = bytes(196)
    file.write_bytes(content)

    with pytest.raises(InputError, match=r"people\.parquet: "):
        read(file)


@READERS
def test_a_file_that_its_reader_panics_at_is_refused_by_name(
    file: Path, read: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def panic(*_: object, **__: object) -> pl.DataFrame:
        raise pl.exceptions.PanicException("called `Result::unwrap()` on an `Err` value")

    monkeypatch.setattr(pl.LazyFrame, "collect", panic)

    with pytest.raises(InputError, match=r"people\.parquet: "):
        read(file)
