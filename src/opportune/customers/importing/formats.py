"""The formats that rows may come in, told by the file's name."""

from __future__ import annotations

from pathlib import Path

from opportune.customers.importing.csv_source import CsvSource
from opportune.customers.importing.jsonl_source import JsonLinesSource
from opportune.customers.importing.parquet_source import ParquetSource
from opportune.customers.importing.sources import CsvOptions, Source
from opportune.errors import InputError

__all__ = ["FORMATS", "open_source"]

FORMATS = {".csv": "CSV", ".parquet": "Parquet", ".jsonl": "JSON Lines", ".ndjson": "JSON Lines"}


def open_source(path: Path, csv: CsvOptions | None = None) -> Source:
    """Open a file of rows.

    Args:
        csv: how it is written, if it is a CSV.

    Raises:
        InputError: the file is of no known format, or does not hold what its name says.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError.of(str(path), f"expected a file that ends in {', '.join(FORMATS)}", "convert or rename it")
    if not path.is_file():
        raise InputError.of(str(path), "No such file", "check the name")
    if kind == "CSV":
        return CsvSource(path, csv or CsvOptions())
    return ParquetSource(path) if kind == "Parquet" else JsonLinesSource(path)
