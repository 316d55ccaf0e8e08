"""Rows become attributes, column by column: a value that was seen before is not read again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
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
_OTHER_BYTES = re.compile("[\udc80-\udcff]")
"""What stands for bytes that the encoding of a file does not have."""
_UNREADABLE = (
    "expected text in the encoding of the file, found other bytes",
    "name the encoding in the mapping, such as 'csv: {encoding: cp1250}', or write the file anew",
)
_TWO_WAYS = (
    "expected an identifier as text or whole number, found a truth value or a number with a point",
    "write the column as text: such values are written in more than one way",
)
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
            value = _Wrong(*_UNREADABLE) if _is_unreadable(cell) else _Wrong(str(error))
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
        identifiers: list[Any] = [_identifier(cell) for cell in batch.columns.get(self._id, nothing)]
        wrong = self._problems(batch, identifiers, fields)
        lines = batch.lines or [0] * batch.size
        names = [column.name for column in self._columns]
        constants: Any = self._constants
        numbers = range(batch.first, batch.first + batch.size)
        cells: Any = zip(*fields, strict=True) if fields else [()] * batch.size
        rows = []
        for index, (number, line, identifier, values) in enumerate(
            zip(numbers, lines, identifiers, cells, strict=True)
        ):
            if index in wrong:
                known_as = "" if isinstance(identifier, _Wrong) else identifier
                rows.append(Row(number, line, known_as, {}, tuple(wrong[index])))
            else:
                known = {name: value for name, value in zip(names, values, strict=True) if value is not None}
                rows.append(Row(number, line, identifier, {**constants, **known} if constants else known))
        return rows

    def _problems(self, batch: Batch, identifiers: list[Any], fields: list[list[Any]]) -> dict[int, list[Problem]]:
        """Say what is wrong, per place in the batch."""
        wrong = {index: [_problem("row", message)] for index, message in batch.faults.items()}
        names = (self._id, *(column.column for column in self._columns))
        for name, values in zip(names, (identifiers, *fields), strict=True):
            if _Wrong in set(map(type, values)):
                for index, value in enumerate(values):
                    if type(value) is _Wrong and index not in batch.faults:
                        wrong.setdefault(index, []).append(_problem(name, value.message, value.remedy))
        return wrong


def _identifier(cell: Any) -> str | _Wrong:
    """Read an identifier: a text, or a whole number; whatever else is written in more than one way."""
    if isinstance(cell, Decimal) and cell == cell.to_integral_value():
        cell = int(cell)
    if isinstance(cell, int) and not isinstance(cell, bool):
        cell = str(cell)
    if isinstance(cell, bool | float | Decimal):
        return _Wrong(*_TWO_WAYS)
    if not isinstance(cell, str) or not 0 < len(cell) <= IDENTIFIER_CHARACTERS_MAX:
        return _Wrong(f"expected an identifier of 1 to {IDENTIFIER_CHARACTERS_MAX} characters")
    if cell.isascii():
        return _Wrong("expected an identifier without NUL characters, found one") if "\0" in cell else cell
    if _is_unreadable(cell):
        return _Wrong(*_UNREADABLE)
    return cell


def _is_unreadable(cell: Any) -> bool:
    return isinstance(cell, str) and not cell.isascii() and _OTHER_BYTES.search(cell) is not None


def _problem(where: str, message: str, remedy: str = "") -> Problem:
    return Problem("", 0, 0, where, message, remedy, "invalid-attribute")
