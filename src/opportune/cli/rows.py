"""Rows of a file, read into attributes of customers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from opportune.customers import Attribute, Registry
from opportune.errors import InputError, Problem
from opportune.records import Value, ValueType

__all__ = ["FORMATS", "ColumnMap", "Mapped", "first_line", "read_mapping", "read_rows", "read_table"]

FORMATS = {".csv": "CSV", ".parquet": "Parquet", ".jsonl": "JSON Lines", ".ndjson": "JSON Lines"}
ITEM_SEPARATOR = ";"
"""Between the items of a list in one cell of a CSV."""
_TRUE, _FALSE = {"true", "yes", "1"}, {"false", "no", "0"}


class ColumnMap(msgspec.Struct, frozen=True):
    """Where everything comes from: the column of the identifier, and attribute → column."""

    id: str
    attributes: dict[str, str]


class MappingFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a mapping file says; null keeps an attribute from being imported."""

    id: str | None = None
    attributes: dict[str, str | None] = {}


@dataclass(frozen=True, slots=True)
class Mapped:
    """One row: its identifier and attributes, or what is wrong with it.

    Args:
        line: 1-based line of the file where it begins; 0 where the format has no lines.
    """

    number: int
    line: int
    identifier: str
    attributes: dict[str, Value]
    problems: tuple[Problem, ...] = ()


def read_table(path: Path) -> pl.DataFrame:
    """Read a file; cells of a CSV stay texts, and its columns may be separated by comma, semicolon or tab.

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
            return pl.read_csv(path, infer_schema=False, separator=_separator(path))
        return pl.read_parquet(path) if kind == "Parquet" else pl.read_ndjson(path, infer_schema_length=None)
    except pl.exceptions.NoDataError:
        return pl.DataFrame()
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise InputError.of(
            str(path), f"expected {kind}, found something else ({type(error).__name__})", "save it again as that"
        ) from None


def _separator(path: Path) -> str:
    """Give what stands between the columns: of the three usual ones, that which the first line has most of."""
    with path.open("rb") as file:
        first = file.readline(1_000_000)
    return max(",;\t", key=lambda separator: first.count(separator.encode()))


def first_line(path: Path) -> int:
    """Give the line where the first row begins; 0 where the format has no lines."""
    return {"CSV": 2, "JSON Lines": 1}.get(FORMATS[path.suffix.lower()], 0)


def read_mapping(text: Mapping[str, Any] | None, id_column: str, columns: list[str], registry: Registry) -> ColumnMap:
    """Say which column feeds what: the attribute of its name, unless a mapping file names column or attribute.

    Raises:
        InputError: a column or an attribute does not exist, or nothing is mapped.
    """
    try:
        wanted = msgspec.convert(text or {}, MappingFile)
    except msgspec.ValidationError as error:
        raise InputError.of("mapping", str(error)) from None
    id_column = wanted.id or id_column
    taken = {id_column, *wanted.attributes.values()}
    attributes = {
        name: name
        for name in registry.attributes
        if name in columns and name not in taken and name not in wanted.attributes
    }
    attributes |= {name: column for name, column in wanted.attributes.items() if column is not None}
    mapping = ColumnMap(id=id_column, attributes=attributes)
    problems = [
        _problem(f"column {column}", "the file has no such column", f"its columns: {', '.join(columns[:30])}")
        for column in (mapping.id, *mapping.attributes.values())
        if column not in columns
    ]
    problems += [
        _problem(f"attribute {name}", "the project does not declare it", "declare it, or leave it out of the mapping")
        for name in wanted.attributes
        if name not in registry.attributes
    ]
    if not mapping.attributes:
        problems.append(_problem("columns", "no column has the name of an attribute", "write a mapping file"))
    if problems:
        raise InputError(problems)
    return mapping


def read_rows(table: pl.DataFrame, mapping: ColumnMap, registry: Registry, first_line: int) -> Iterator[Mapped]:
    """Read every row; numbers count from 1.

    Args:
        first_line: of the file where the first row begins; 0 where the format has no lines.
    """
    attributes = [(registry.attributes[name], column) for name, column in mapping.attributes.items()]
    line = first_line
    for number, row in enumerate(table.iter_rows(named=True), start=1):
        yield _row(number, line, row, mapping.id, attributes, registry)
        if line:
            line += 1 + sum(value.count("\n") for value in row.values() if isinstance(value, str))


def _row(
    number: int,
    line: int,
    row: Mapping[str, Any],
    id_column: str,
    columns: list[tuple[Attribute, str]],
    registry: Registry,
) -> Mapped:
    identifier = row[id_column]
    if identifier is None or isinstance(identifier, float | bool) or not 0 < len(str(identifier)) <= 256:
        problem = _problem(id_column, "expected an identifier of 1 to 256 characters")
        return Mapped(number, line, "", {}, (problem,))
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
        column_of = {registry.prefix + attribute.name: column for attribute, column in columns}
        problems += [replace(one, where=column_of.get(one.where, one.where)) for one in error.problems]
        facts = {}
    if problems:
        return Mapped(number, line, str(identifier), {}, tuple(problems))
    start = len(registry.prefix)
    return Mapped(number, line, str(identifier), {name[start:]: value for name, value in facts.items()})


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
