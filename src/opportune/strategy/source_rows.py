"""Rows of the sheets that sources read, and cells as values; every fault with its line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from opportune.customers.attributes import Attribute, read_value
from opportune.customers.context.positions import LATITUDE_MAX, LONGITUDE_MAX
from opportune.records import Value, ValueType
from opportune.strategy.wording import suggest

__all__ = [
    "Report",
    "Row",
    "Rows",
    "RowsError",
    "column",
    "coordinates",
    "day_after",
    "day_or_moment",
    "is_passed_over",
    "number",
    "read_rows",
]

COLUMNS_MAX = 200
CELL_SHOWN = 60
_DAY = re.compile(r"\d{4}([-/])\d{2}\1\d{2}", re.ASCII)

Report = Callable[[int, str, str], None]
"""Takes the line, 1-based, what is wrong there and what to do."""


class RowsError(Exception):
    """The file cannot be read as a sheet."""

    def __init__(self, line: int, message: str, remedy: str) -> None:
        self.line, self.message, self.remedy = line, message, remedy
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Args:
        line: where it stands, 1-based.
        cells: by heading, trimmed.
        parts: of cells that hold several texts, by heading: each of them.
        label: what messages call it; of a row that has one, they repeat no text.
        faults: what is wrong with it already: line, message and remedy.
    """

    line: int
    cells: Mapping[str, str]
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    label: str = ""
    faults: tuple[tuple[int, str, str], ...] = ()

    def report(self, report: Report, message: str, remedy: str) -> None:
        """Report something that is wrong with it."""
        report(self.line, f"{self.label}: {message}" if self.label else message, remedy)

    def found(self, name: str) -> str:
        """Say what a cell holds, as far as messages may."""
        return "something else" if self.label else f"'{self.cells[name][:CELL_SHOWN]}'"


@dataclass(frozen=True, slots=True)
class Rows:
    """Headings and rows; empty rows are left out."""

    headings: tuple[str, ...]
    rows: tuple[Row, ...]

    def expect(self, *names: str, beside: Sequence[str] = ()) -> None:
        """Raise unless there are such columns.

        Args:
            beside: what the source gives without a column, which may be meant.

        Raises:
            RowsError: at the headings.
        """
        for name in names:
            if name not in self.headings:
                known, noun = {*self.headings, *beside}, "it gives" if beside else "its columns"
                raise RowsError(1, f"no column '{name[:CELL_SHOWN]}'", suggest(name, known, noun))


def read_rows(text: str) -> Rows:
    """Read CSV with commas, semicolons or tabs, headings in the first row.

    Raises:
        RowsError: it is no such text, or has no row below its headings.
    """
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        headings = tuple(cell.strip() for cell in next(reader, []))
        _expect_headings(headings)
        rows = tuple(_rows(reader, headings))
    except csv.Error:
        message = "not valid CSV: a quote is not closed, or stands inside a text"
        raise RowsError(reader.line_num, message, "put the text into quotes and double the quotes inside") from None
    if not rows:
        raise RowsError(1, "no rows below the headings", "add one")
    return Rows(headings, rows)


def _expect_headings(headings: Sequence[str]) -> None:
    if not any(headings):
        raise RowsError(1, "no headings", "name the columns in the first row")
    if len(headings) > COLUMNS_MAX:
        raise RowsError(1, f"more than {COLUMNS_MAX} columns", "leave out what is not used")
    for name in headings:
        if not name:
            raise RowsError(1, "a column without heading", "name it, or remove the column")
        if headings.count(name) > 1:
            raise RowsError(1, f"the heading '{name[:CELL_SHOWN]}' stands twice", "rename one of both")


def _rows(reader: Iterator[list[str]], headings: Sequence[str]) -> Iterator[Row]:
    line = getattr(reader, "line_num", 1) + 1
    for record in reader:
        cells = [cell.strip() for cell in record]
        if any(cells):
            if len(cells) > len(headings):
                raise RowsError(line, "more cells than headings", "put texts with commas into quotes")
            yield Row(line, dict(zip(headings, [*cells, *[""] * (len(headings) - len(cells))], strict=True)))
        line = getattr(reader, "line_num", line) + 1


def column(
    rows: Rows, name: str, attribute: Attribute, report: Report, beside: Sequence[str] = ()
) -> list[Value | None]:
    """Read a column as values of an attribute; empty cells are None.

    Args:
        beside: as of `Rows.expect`.

    Raises:
        RowsError: there is no such column.
    """
    rows.expect(name, beside=beside)
    values = []
    for row in rows.rows:
        text = row.cells[name]
        try:
            values.append(None if text == "" else read_value(attribute, _typed(text, attribute.type)))
        except ValueError as fault:
            quoted = "" if row.label else f" ({row.found(name)})"
            remedy = "correct it, or leave it out" if row.label else "correct the cell, or leave it empty"
            row.report(report, f"{name}: {fault}{quoted}", remedy)
            values.append(None)
    return values


def _typed(text: str, kind: ValueType) -> object:
    """Give what a cell may stand for: a truth value or a number where such a one is wanted, else the text."""
    if kind is ValueType.BOOLEAN:
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind in (ValueType.INTEGER, ValueType.NUMBER):
        found = number(text)
        return text if found is None else found
    return text


def number(text: str) -> float | None:
    """Read a number with a point; None where it is none."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def coordinates(row: Row, report: Report) -> tuple[float, float] | None:
    """Read latitude and longitude in degrees; None where they are wrong, which is reported."""
    found = []
    for name, limit in (("latitude", LATITUDE_MAX), ("longitude", LONGITUDE_MAX)):
        value = number(row.cells[name])
        if value is None or not -limit <= value <= limit:
            message = f"{name}: expected {-limit:g} to {limit:g} degrees, found {row.found(name)}"
            row.report(report, message, _degree_remedy(row.cells[name], value))
        else:
            found.append(value)
    return (found[0], found[1]) if len(found) == 2 else None


def _degree_remedy(text: str, value: float | None) -> str:
    if value is not None:
        return "latitude comes before longitude, and south and west are negative"
    return "write decimals with a point" if number(text.replace(",", ".", 1)) is not None else "write degrees, as 52.23"


def day_or_moment(text: str, zone: ZoneInfo) -> tuple[datetime, bool] | None:
    """Read a day such as 2026-05-04, or 2026/05/04, or a moment; None where it is neither.

    Args:
        zone: of days, and of moments without offset.

    Returns:
        the moment, or the begin of the day, in UTC; and whether it is a day.
    """
    try:
        if _DAY.fullmatch(text):
            return datetime.combine(date.fromisoformat(text.replace("/", "-")), time(), zone).astimezone(UTC), True
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC), False
    except (ValueError, OverflowError):
        return None


def is_passed_over(text: str, zone: ZoneInfo) -> bool:
    """Say whether a moment that can be read has no offset, and the clocks of a zone never show it."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        return False
    shown = moment.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
    return shown.replace(tzinfo=None) != moment


def day_after(moment: datetime, zone: ZoneInfo) -> datetime:
    """Give the begin of the next day in a zone; after the last day of the calendar, its last moment."""
    try:
        return datetime.combine(moment.astimezone(zone).date() + timedelta(days=1), time(), zone).astimezone(UTC)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
