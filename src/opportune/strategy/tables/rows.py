"""The rows of a decision table: what each asks, and of which actions it speaks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from opportune.records import ValueType
from opportune.strategy.sections.attributes import EventAttribute
from opportune.strategy.tables.cells import CellError, Condition, condition_of
from opportune.strategy.tables.cover import Axis
from opportune.strategy.tables.sheet import Cell, Sheet

__all__ = ["ACTION", "BECAUSE", "NOTE", "PERCENT", "Column", "Row", "axis_of", "effective", "rows_of"]

ACTION, PERCENT, BECAUSE, NOTE = "action", "percent", "because", "note"
"""Headings of what a row gives; all other headings are expressions."""

Complain = Callable[[Cell, str, str, str], None]
"""Takes a problem: cell, message, remedy, code."""

_PERCENT = re.compile(r"([-+]?\d+(?:\.\d+)?) ?%?")


@dataclass(frozen=True, slots=True)
class Column:
    """A column that asks something.

    Args:
        index: in the sheet.
        expression: CEL; `kind` is the type of what it gives.
        attribute: what is declared of it, where it is an attribute alone.
    """

    index: int
    expression: str
    kind: ValueType
    attribute: EventAttribute | None


@dataclass(frozen=True, slots=True)
class Row:
    """One row: what it asks, column by column, and what it gives."""

    place: Cell
    conditions: tuple[Condition, ...]
    actions: tuple[str, ...]
    percent: float
    because: str

    @property
    def rule(self) -> str:
        """CEL of all that it asks; "" where that is nothing."""
        return " && ".join(condition.rule for condition in self.conditions if condition.rule)


def rows_of(
    sheet: Sheet, columns: Sequence[Column], actions_of: Mapping[str, Sequence[str]], complain: Complain
) -> list[Row]:
    """Read the rows; those with a fault are complained of and left out.

    Args:
        actions_of: name that the column `action` may hold → the actions that it stands for.
    """
    names = [heading.text for heading in sheet.headings]
    at = {name: names.index(name) for name in (ACTION, PERCENT, BECAUSE) if name in names}
    rows = []
    for cells in sheet.rows:
        conditions = [_condition(cells[column.index], column, complain) for column in columns]
        actions = _actions(cells[at[ACTION]], actions_of, complain)
        percent = _percent(cells[at[PERCENT]], complain) if PERCENT in at else 0.0
        if actions is not None and percent is not None and None not in conditions:
            because = cells[at[BECAUSE]].text if BECAUSE in at else ""
            known = tuple(condition for condition in conditions if condition is not None)
            rows.append(Row(cells[0], known, actions, percent, because))
    return rows


def _condition(cell: Cell, column: Column, complain: Complain) -> Condition | None:
    try:
        return condition_of(cell.text, column.expression, column.kind, column.attribute is not None)
    except CellError as fault:
        complain(cell, fault.message, fault.remedy, "table-cell")
        return None


def _actions(cell: Cell, actions_of: Mapping[str, Sequence[str]], complain: Complain) -> tuple[str, ...] | None:
    found: list[str] = []
    for name in re.split(r"[\s,;]+", cell.text) if cell.text not in ("", "-") else ():
        if name not in actions_of:
            complain(cell, f"unknown action or group '{name[:100]}'", "", "unknown-action")
            return None
        found += [action for action in actions_of[name] if action not in found]
    return tuple(found)


def _percent(cell: Cell, complain: Complain) -> float | None:
    match = _PERCENT.fullmatch(cell.text)
    percent = float(match[1]) if match else None
    if percent is None or not -100 <= percent <= 1000:
        message = f"expected percent from -100 to 1000, found '{cell.text[:30]}'"
        remedy = "write what is added to the context weight, such as 25 or -50"
        if re.fullmatch(r"[+-]?[0-9]+,[0-9]+ ?%?", cell.text):
            remedy = "write decimals with a point"
        complain(cell, message, remedy, "table-percent")
        return None
    return percent


def axis_of(column: Column) -> Axis:
    """Say what values a column may have: as its attribute is declared, else any of its type."""
    attribute = column.attribute
    if attribute is None:
        # An expression of attributes is unknown where one of them is missing, and then no row asks for that.
        return Axis(column.kind, is_optional=False)
    low, high = attribute.range or (None, None)
    return Axis(
        column.kind,
        low=float("-inf") if low is None else low,
        high=float("inf") if high is None else high,
        values=attribute.values,
    )


def effective(rows: Sequence[Row], overlapping: Callable[[int, int], bool], is_first: bool) -> Iterator[str]:
    """Give CEL of when each row decides.

    Args:
        overlapping: whether two rows, by number, may both fit.
        is_first: whether only the first row that fits decides.
    """
    for number, row in enumerate(rows):
        earlier = [rows[other].rule for other in range(number) if is_first and overlapping(other, number)]
        parts = [row.rule, *(f"!({rule})" for rule in earlier)]
        yield " && ".join(part for part in parts if part) or "true"
