"""Rows of a file, read into attributes of customers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from opportune.customers import Attribute, Registry
from opportune.errors import InputError, Problem
from opportune.records import Value, ValueType

__all__ = ["FORMATS", "ColumnMap", "Mapped", "read_mapping", "read_rows", "read_table"]

FORMATS = {".csv": "CSV", ".parquet": "Parquet", ".jsonl": "JSON Lines", ".ndjson": "JSON Lines"}
ITEM_SEPARATOR = ";"
"""Between the items of a list in one cell of a CSV."""
_TRUE, _FALSE = {"true", "yes", "1"}, {"false", "no", "0"}


class ColumnMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a mapping file says: the column of the identifier, and attribute → column."""

    id: str
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Mapped:
    """One row: its identifier and attributes, or what is wrong with it."""

    number: int
    identifier: str
    attributes: dict[str, Value]
    problems: tuple[Problem, ...] = ()


def read_table(path: Path) -> pl.DataFrame:
    """Read a file; cells of a CSV stay texts.

    Raises:
        InputError: the file is of no known format, or does not hold what its name says.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError.of(str(path), f"expected a file that ends in {', '.join(FORMATS)}", "convert or rename it")
    if not path.is_file():
        raise InputError.of(str(path), "No such file", "check the name")
    try:
        if kind == "CSV":
            return pl.read_csv(path, infer_schema=False)
        return pl.read_parquet(path) if kind == "Parquet" else pl.read_ndjson(path, infer_schema_length=None)
    except pl.exceptions.NoDataError:
        return pl.DataFrame()
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise InputError.of(
            str(path), f"expected {kind}, found something else ({type(error).__name__})", "save it again as that"
        ) from None


def read_mapping(text: Mapping[str, Any] | None, id_column: str, columns: list[str], registry: Registry) -> ColumnMap:
    """Say which column feeds what; without a mapping file, columns feed the attributes of the same name.

    Raises:
        InputError: a column or an attribute does not exist, or nothing is mapped.
    """
    if text is None:
        known = [name for name in registry.attributes if name in columns and name != id_column]
        mapping = ColumnMap(id=id_column, attributes={name: name for name in known})
    else:
        try:
            mapping = msgspec.convert(text, ColumnMap)
        except msgspec.ValidationError as error:
            raise InputError.of("mapping", str(error)) from None
    problems = [
        _problem(f"column {column}", "the file has no such column", f"its columns: {', '.join(columns[:30])}")
        for column in (mapping.id, *mapping.attributes.values())
        if column not in columns
    ]
    problems += [
        _problem(f"attribute {name}", "the project does not declare it", "declare it, or leave it out of the mapping")
        for name in mapping.attributes
        if name not in registry.attributes
    ]
    if not mapping.attributes:
        problems.append(_problem("columns", "no column has the name of an attribute", "write a mapping file"))
    if problems:
        raise InputError(problems)
    return mapping


def read_rows(table: pl.DataFrame, mapping: ColumnMap, registry: Registry) -> Iterator[Mapped]:
    """Read every row; numbers count from 1."""
    attributes = [(registry.attributes[name], column) for name, column in mapping.attributes.items()]
    for number, row in enumerate(table.iter_rows(named=True), start=1):
        yield _row(number, row, mapping.id, attributes, registry)


def _row(
    number: int, row: Mapping[str, Any], id_column: str, columns: list[tuple[Attribute, str]], registry: Registry
) -> Mapped:
    identifier = row[id_column]
    if identifier is None or isinstance(identifier, float | bool) or not 0 < len(str(identifier)) <= 256:
        problem = _problem(id_column, "expected an identifier of 1 to 256 characters")
        return Mapped(number, "", {}, (problem,))
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for attribute, column in columns:
        value = row[column]
        if value is None or value == "":
            continue
        try:
            values[attribute.name] = _typed(attribute, value) if isinstance(value, str) else value
        except ValueError:
            problems.append(_problem(column, f"expected {_EXPECTED[attribute.type]}"))
    try:
        facts, _ = registry.read(values)
    except InputError as error:
        problems += error.problems
        facts = {}
    if problems:
        return Mapped(number, str(identifier), {}, tuple(problems))
    start = len(registry.prefix)
    return Mapped(number, str(identifier), {name[start:]: value for name, value in facts.items()})


def _typed(attribute: Attribute, text: str) -> Any:
    """Read a cell of text as the attribute's type; the registry judges the value itself."""
    match attribute.type:
        case ValueType.BOOLEAN:
            if text.lower() not in _TRUE | _FALSE:
                raise ValueError
            return text.lower() in _TRUE
        case ValueType.INTEGER:
            return int(text)
        case ValueType.NUMBER:
            return float(text)
        case ValueType.TEXTS:
            return [item.strip() for item in text.split(ITEM_SEPARATOR) if item.strip()]
    return text


_EXPECTED = {
    ValueType.BOOLEAN: "true or false",
    ValueType.INTEGER: "a whole number",
    ValueType.NUMBER: "a number",
}


def _problem(where: str, message: str, remedy: str = "") -> Problem:
    return Problem("", 0, 0, where, message, remedy, "invalid-attribute")
