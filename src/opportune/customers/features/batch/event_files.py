"""Events and points in files: read person by person, in parts that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import polars as pl

from opportune.customers.attributes import Registry
from opportune.customers.features.batch.points import Known, Point
from opportune.customers.importing.csv_source import FIRST_LINE_MAX, separator_of
from opportune.customers.importing.parquet_source import UNREADABLE
from opportune.decide.zones import is_zone
from opportune.errors import InputError
from opportune.records import ValueType

__all__ = ["EventFile", "PersonPart", "PointFile", "parts_of"]

PART_EVENTS = 200_000
"""Events that are in memory at once, at least where one person has more."""
CUSTOMER, AT, ZONE = "customer", "at", "zone"
_ROW = "@row"
"""Place of a row in the file: reading in parallel gives rows in any order."""
TYPE, OCCURRED, RECORDED, ID, ATTRIBUTES = "type", "occurred_at", "recorded_at", "id", "attributes"


class PersonPart(NamedTuple):
    """One person's points, in the order of time, and events."""

    customer: str
    points: list[Point]
    events: list[Known]


class PointFile:
    """Customers and moments: columns customer, at and, where there is one, zone.

    Raises:
        InputError: it is no such table.
    """

    def __init__(self, path: Path) -> None:
        table = _csv(path) if path.suffix.lower() == ".csv" else _collected(path, _parquet(path))
        _expect(path, table.columns, (CUSTOMER, AT))
        zones = pl.col(ZONE).cast(pl.String).fill_null("") if ZONE in table.columns else pl.lit("")
        moments = _moments(path, table[AT])
        self.table = table.select(pl.col(CUSTOMER).cast(pl.String), moments.alias(AT), zones.alias(ZONE))
        _expect_no_gaps(path, self.table, (CUSTOMER, AT))
        _expect_zones(path, self.table[ZONE])
        self.table = self.table.sort(CUSTOMER, AT, maintain_order=True)

    @property
    def customers(self) -> pl.Series:
        """Everybody who is asked about, once, in order."""
        return self.table[CUSTOMER].unique().sort()

    def by_person(self, first: str | None = None, last: str | None = None) -> Iterator[tuple[str, list[Point]]]:
        """Give the points of all customers, or of those from one name to another, in order."""
        part = self.table
        if first is not None and last is not None:
            part = part.filter(pl.col(CUSTOMER).is_between(pl.lit(first), pl.lit(last)))
        names, moments, zones = part[CUSTOMER].to_list(), part[AT].to_list(), part[ZONE].to_list()
        for name, begin, end in _runs(names):
            yield name, [Point(at, zone) for at, zone in zip(moments[begin:end], zones[begin:end], strict=True)]


class EventFile:
    """Events in Parquet: customer, type, occurred_at; id and recorded_at where there are; and attributes.

    Attributes stand in columns of their names, or in one column `attributes` as a struct or as JSON. Of a customer's
    rows with one id the first counts; rows without an id all count.

    Args:
        reads: event type → attributes that are read; others are left where they are.
        registries: event type → what is declared of it; a value that does not fit is missing.
        as_known: whether recorded_at is needed.

    Raises:
        InputError: it is no such table.
    """

    def __init__(
        self,
        path: Path,
        reads: Mapping[str, frozenset[str]],
        registries: Mapping[str, Registry],
        as_known: bool,
    ) -> None:
        self._path = path
        self._reads = {name: sorted(names) for name, names in reads.items()}
        self._table = _parquet(path)
        self._columns = self._table.collect_schema()
        names = self._columns.names()
        _expect(path, names, (CUSTOMER, TYPE, OCCURRED, *((RECORDED,) if as_known else ())))
        for column in {OCCURRED, RECORDED} & set(names):
            _expect_moments(path, column, self._columns[column])
        self._as_known = as_known
        self._together = self._columns.get(ATTRIBUTES)
        asked = sorted({name for read in reads.values() for name in read})
        self._asked = [] if self._together is not None else [name for name in asked if name in names]
        for kind, read in reads.items():
            for name in read & set(self._asked):
                _expect_type(path, name, self._columns[name], registries[kind].attributes[name].type)
        # Counted by the reader, which still passes over rows that are not asked for.
        table = pl.scan_parquet(path, glob=False, row_index_name=_ROW) if ID in names else self._table
        self._table = table.with_columns(pl.col(CUSTOMER, TYPE).cast(pl.String)).filter(
            pl.col(TYPE).is_in(sorted(reads))
        )

    def counts(self) -> dict[str, int]:
        """Give customer → events that count."""
        found = self._collect(self._table.group_by(CUSTOMER).len())
        _expect_no_gaps(self._path, found, (CUSTOMER,))
        return dict(zip(found[CUSTOMER].to_list(), found["len"].to_list(), strict=True))

    def by_person(self, first: str, last: str, customers: pl.Series) -> dict[str, list[Known]]:
        """Give the events of some customers from one name to another."""
        extra = [name for name in (ID, RECORDED, ATTRIBUTES) if name in self._columns]
        extra += [_ROW] if ID in extra else []
        part = self._collect(
            self._table.filter(pl.col(CUSTOMER).is_between(pl.lit(first), pl.lit(last)))
            .join(customers.to_frame().lazy(), on=CUSTOMER, how="semi")
            .select(CUSTOMER, TYPE, OCCURRED, *extra, *self._asked)
        )
        if RECORDED in extra and not self._as_known:
            part = part.with_columns(pl.col(RECORDED).fill_null(pl.col(OCCURRED)))
        _expect_no_gaps(self._path, part, (OCCURRED, *((RECORDED,) if self._as_known else ())))
        if ID in extra:
            is_first = pl.struct(CUSTOMER, ID).is_first_distinct()
            part = part.sort(_ROW).filter(pl.col(ID).is_null() | is_first)
        part = part.sort(CUSTOMER, OCCURRED, maintain_order=True)
        return self._persons(part)

    def _persons(self, part: pl.DataFrame) -> dict[str, list[Known]]:
        types, happened = part[TYPE].to_list(), _micros(part[OCCURRED])
        recorded = _micros(part[RECORDED]) if RECORDED in part.columns else happened
        attributes = self._attributes(part, types)
        rows = list(map(Known, range(len(part)), map(min, happened, recorded), recorded, types, attributes))
        return {name: rows[begin:end] for name, begin, end in _runs(part[CUSTOMER].to_list())}

    def _attributes(self, part: pl.DataFrame, types: list[str]) -> list[dict[str, Any]]:
        if self._together is None:
            columns = {name: part[name].to_list() for name in self._asked}
            own = {
                kind: [(name, columns[name]) for name in names if name in columns]
                for kind, names in self._reads.items()
            }
            return [
                {name: values[row] for name, values in own[kind] if values[row] is not None}
                for row, kind in enumerate(types)
            ]
        if isinstance(self._together, pl.Struct):
            return [
                {name: value for name, value in (given or {}).items() if value is not None}
                for given in part[ATTRIBUTES].to_list()
            ]
        decoder = msgspec.json.Decoder(dict[str, Any])
        try:
            return [{} if text is None else decoder.decode(text) for text in part[ATTRIBUTES].to_list()]
        except (msgspec.MsgspecError, RecursionError):
            raise _fault(self._path, "expected a JSON object in every cell of attributes", "write objects") from None

    def _collect(self, table: pl.LazyFrame) -> pl.DataFrame:
        return _collected(self._path, table, "streaming")


def parts_of(points: PointFile, events: EventFile) -> Iterator[list[PersonPart]]:
    """Give the persons of the points with their events, some at a time, in the order of their names."""
    customers = points.customers
    sizes = events.counts()
    begin, held = 0, 0
    names = customers.to_list()
    for place, name in enumerate(names):
        held += sizes.get(name, 0) + 1
        if held >= PART_EVENTS or place == len(names) - 1:
            found = events.by_person(names[begin], name, customers[begin : place + 1])
            yield [PersonPart(one, own, found.get(one, [])) for one, own in points.by_person(names[begin], name)]
            begin, held = place + 1, 0


def _runs(names: list[str]) -> Iterator[tuple[str, int, int]]:
    """Give each name with where its rows begin and end; equal names stand together."""
    begin = 0
    for place in range(1, len(names) + 1):
        if place == len(names) or names[place] != names[begin]:
            yield names[begin], begin, place
            begin = place


def _micros(column: pl.Series) -> list[int]:
    return column.dt.cast_time_unit("us").dt.epoch("us").to_list()


def _parquet(path: Path) -> pl.LazyFrame:
    if not path.is_file():
        raise _fault(path, "No such file", "check the name")
    try:
        table = pl.scan_parquet(path, glob=False)
        table.collect_schema()
    except UNREADABLE as error:
        raise _fault(path, f"expected Parquet, found something else ({type(error).__name__})", "convert it") from None
    return table


def _collected(path: Path, table: pl.LazyFrame, engine: Literal["auto", "streaming"] = "auto") -> pl.DataFrame:
    try:
        return table.collect(engine=engine)
    except UNREADABLE as error:
        message = f"the rows could not be read ({type(error).__name__})"
        raise _fault(path, message, "write the file anew") from None


def _csv(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise _fault(path, "No such file", "check the name")
    try:
        with path.open("rb") as file:
            first = file.readline(FIRST_LINE_MAX).decode(errors="replace")
        return pl.read_csv(path, infer_schema=False, separator=separator_of(first))
    except UNREADABLE as error:
        raise _fault(path, f"expected CSV in UTF-8, found something else ({type(error).__name__})", "") from None


def _expect(path: Path, columns: list[str], wanted: tuple[str, ...]) -> None:
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise _fault(path, f"no column '{missing[0]}'", f"it needs the columns {', '.join(wanted)}")


def _expect_moments(path: Path, column: str, kind: pl.DataType) -> None:
    if not isinstance(kind, pl.Datetime) or kind.time_zone is None:
        message = f"column '{column}' holds {kind}, expected moments with their zone"
        raise _fault(path, message, "write it as timestamps in UTC")


def _expect_type(path: Path, column: str, kind: pl.DataType, wanted: ValueType) -> None:
    """Refuse a column none of whose values could be one of the attribute; they would all be missing."""
    if not any(isinstance(kind, one) for one in _TAKEN[wanted]):
        message = f"column '{column}' holds {kind}, and the attribute is of type {wanted.value}"
        raise _fault(path, message, "convert it")
    if wanted is ValueType.TIMESTAMP and isinstance(kind, pl.Datetime):
        _expect_moments(path, column, kind)


_WHOLE = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)
_TAKEN: Mapping[ValueType, tuple[type[pl.DataType], ...]] = {
    ValueType.BOOLEAN: (pl.Boolean,),
    ValueType.INTEGER: (*_WHOLE, pl.Float32, pl.Float64),
    ValueType.NUMBER: (*_WHOLE, pl.Float32, pl.Float64),
    ValueType.TEXT: (pl.String, pl.Categorical, pl.Enum),
    ValueType.TIMESTAMP: (pl.Datetime, pl.String),
    ValueType.TEXTS: (pl.List,),
}
"""Types of columns that an attribute's values may come from."""


def _moments(path: Path, column: pl.Series) -> pl.Series:
    """Read moments, which may be texts such as 2026-05-04T18:00:00Z."""
    if column.dtype == pl.String:
        return pl.Series([_moment(path, row, text) for row, text in enumerate(column.to_list(), 1)], dtype=_UTC)
    _expect_moments(path, column.name, column.dtype)
    return column.dt.cast_time_unit("us").dt.convert_time_zone("UTC")


_UTC = pl.Datetime("us", "UTC")


def _moment(path: Path, row: int, text: str | None) -> datetime | None:
    try:
        read = None if text is None else datetime.fromisoformat(text)
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        message = f"row {row}: expected a moment with its offset in 'at'"
        raise _fault(path, message, "write it as in 2026-05-04T18:00:00Z")
    try:
        return read.astimezone(UTC)
    except OverflowError:
        message = f"row {row}: expected a moment in the years 1 to 9999 in 'at', found another"
        raise _fault(path, message, "correct it") from None


def _expect_zones(path: Path, column: pl.Series) -> None:
    unknown = {text for text in column.unique().to_list() if text and not is_zone(text)}
    if unknown:
        row = next(row for row, text in enumerate(column.to_list(), 1) if text in unknown)
        message = f"row {row}: expected the IANA name of a time zone in 'zone', found something else"
        raise _fault(path, message, "write it as Europe/Warsaw, or leave it empty: the project's zone counts then")


def _expect_no_gaps(path: Path, table: pl.DataFrame, columns: tuple[str, ...]) -> None:
    for name in columns:
        gaps = table[name].null_count()
        if gaps:
            raise _fault(path, f"column '{name}' is empty in {gaps} rows", "fill it, or leave these rows out")


def _fault(path: Path, message: str, remedy: str) -> InputError:
    return InputError.of(str(path), message, remedy, "invalid-file")
