"""Rows become attributes, column by column: a value that was seen before is not read again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from opportune.customers.attributes import Attribute, Registry, read_value
from opportune.customers.importing.conversions import cell_reader
from opportune.customers.importing.mapping import ColumnMap, Feed
from opportune.customers.importing.sources import Batch
from opportune.customers.own_zone import own_zone_fault
from opportune.errors import Problem
from opportune.records import Value

__all__ = ["Row", "RowReader"]

IDENTIFIER_CHARACTERS_MAX = 256
_TEXTS_REMEMBERED = 4_096
"""Per column: plans, towns and ages fit, names do not and are read one by one."""


class Row(NamedTuple):
    """One row: its identifier and attributes, or what is wrong with it.

    Args:
        number: counted from 1.
        line: 1-based line of the file where it begins; 0 where the format has no lines.
    """

    number: int
    line: int
    identifier: str
    attributes: dict[str, Value]
    problems: tuple[Problem, ...] = ()


class _Wrong(NamedTuple):
    """Stands for a value that the attribute does not take."""

    message: str
    remedy: str = ""


class _Column:
    """Reads the cells of one attribute."""

    def __init__(self, attribute: Attribute, feed: Feed, missing: frozenset[str], prefix: str) -> None:
        self.name = attribute.name
        self._key = prefix + attribute.name
        self.column = feed.column or ""
        self._attribute = attribute
        self._read = cell_reader(attribute, feed.conversion)
        self._known: dict[str, Any] = dict.fromkeys(missing | {""})
        self._room = _TEXTS_REMEMBERED

    def values(self, cells: Sequence[Any]) -> list[Any]:
        """Give the value of each cell: None where there is none, `_Wrong` where it is none."""
        known = self._known
        # Texts alone are remembered: 1, 1.0 and true would be one key.
        return [
            known[cell]
            if type(cell) is str and cell in known
            else None
            if cell is None
            else self._value(cell)
            for cell in cells
        ]  # fmt: skip

    def _value(self, cell: Any) -> Any:
        try:
            value: Any = read_value(self._attribute, self._read(cell))
            fault = own_zone_fault(self._key, value)
            value = value if fault is None else _Wrong(*fault)
        except ValueError as error:
            value = _Wrong(str(error))
        if self._room and type(cell) is str:
            self._room -= 1
            self._known[cell] = value
        return value


class RowReader:
    """Reads batches of rows.

    Args:
        columns: what feeds which attribute.
        registry: where the attributes are declared.
    """

    def __init__(self, columns: ColumnMap, registry: Registry) -> None:
        self._id = columns.id
        feeds = [(registry.attributes[name], feed) for name, feed in columns.attributes.items()]
        self._columns = [
            _Column(attribute, feed, columns.missing, registry.prefix)
            for attribute, feed in feeds
            if feed.constant is None
        ]
        self._constants = {attribute.name: feed.constant for attribute, feed in feeds if feed.constant is not None}

    def read(self, batch: Batch) -> list[Row]:
        """Read a batch: one row for each of it."""
        nothing: Sequence[Any] = [None] * batch.size
        fields = [column.values(batch.columns.get(column.column, nothing)) for column in self._columns]
        wrong = self._problems(batch, fields)
        identifiers = [_identifier(cell) for cell in batch.columns.get(self._id, nothing)]
        lines = batch.lines or [0] * batch.size
        names = [column.name for column in self._columns]
        constants: Any = self._constants
        numbers = range(batch.first, batch.first + batch.size)
        cells: Any = zip(*fields, strict=True) if fields else [()] * batch.size
        rows = []
        for index, (number, line, identifier, values) in enumerate(
            zip(numbers, lines, identifiers, cells, strict=True)
        ):
            if identifier is None and index not in batch.faults:
                message = f"expected an identifier of 1 to {IDENTIFIER_CHARACTERS_MAX} characters"
                rows.append(Row(number, line, "", {}, (_problem(self._id, message),)))
            elif index in wrong:
                rows.append(Row(number, line, identifier or "", {}, tuple(wrong[index])))
            else:
                known = {name: value for name, value in zip(names, values, strict=True) if value is not None}
                rows.append(Row(number, line, identifier or "", {**constants, **known} if constants else known))
        return rows

    def _problems(self, batch: Batch, fields: list[list[Any]]) -> dict[int, list[Problem]]:
        """Say what is wrong, per place in the batch."""
        wrong = {index: [_problem("row", message)] for index, message in batch.faults.items()}
        for column, values in zip(self._columns, fields, strict=True):
            if _Wrong in set(map(type, values)):
                for index, value in enumerate(values):
                    if type(value) is _Wrong and index not in batch.faults:
                        wrong.setdefault(index, []).append(_problem(column.column, value.message, value.remedy))
        return wrong


def _identifier(cell: Any) -> str | None:
    if type(cell) is not str:
        if cell is None or isinstance(cell, float | bool | list | dict):
            return None
        cell = str(cell)
    return cell if 0 < len(cell) <= IDENTIFIER_CHARACTERS_MAX else None


def _problem(where: str, message: str, remedy: str = "") -> Problem:
    return Problem("", 0, 0, where, message, remedy, "invalid-attribute")
