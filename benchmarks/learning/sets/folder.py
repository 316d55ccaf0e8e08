"""Where the open data lie, and how a cell of a table becomes a fact."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from opportune.learning import Predictor
from opportune.records import Value, ValueType

__all__ = ["facts_of", "find", "predictors_of", "table"]


def find(*parts: str) -> Path:
    """Give a path in the folder that OPPORTUNE_DATA names.

    Raises:
        FileNotFoundError: the variable is not set, or there is no such file.
    """
    folder = os.environ.get("OPPORTUNE_DATA")
    if not folder:
        raise FileNotFoundError("OPPORTUNE_DATA is not set; it names the folder with the open data")
    path = Path(folder, *parts)
    if not path.exists():
        raise FileNotFoundError(f"the folder of OPPORTUNE_DATA has no {'/'.join(parts)}")
    return path


def table(path: Path, separator: str = ",") -> Iterator[dict[str, str]]:
    """Read the rows of a compressed table."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter=separator)


def predictors_of(types: Mapping[str, ValueType], prefix: str = "customer") -> tuple[Predictor, ...]:
    """Name predictors as facts are named."""
    return tuple(Predictor(f"{prefix}.{name}", type_) for name, type_ in types.items())


def facts_of(
    row: Mapping[str, str], types: Mapping[str, ValueType], missing: Mapping[str, str], prefix: str = "customer"
) -> dict[str, Value]:
    """Turn cells into facts; one that is empty or blank, or holds its column's word for "missing", gives none.

    Args:
        missing: column → word that stands for a missing value.
    """
    facts: dict[str, Value] = {}
    for name, type_ in types.items():
        cell = row[name].strip()
        if not cell or cell == missing.get(name):
            continue
        if type_ == ValueType.NUMBER:
            facts[f"{prefix}.{name}"] = float(cell)
        elif type_ == ValueType.BOOLEAN:
            facts[f"{prefix}.{name}"] = cell in ("1", "Yes", "yes")
        else:
            facts[f"{prefix}.{name}"] = cell
    return facts
