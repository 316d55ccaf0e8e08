"""Rows of a file as events: the same reading as of customers, with a type, a moment and an id beside the attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opportune.customers.attributes import Attribute, Registry
from opportune.customers.identity import CUSTOMER, Identifiers
from opportune.customers.importing import Batch, ColumnMap, Feed, Row, RowReader
from opportune.errors import InputError, Problem, suggest
from opportune.records import ValueType

__all__ = ["ID", "KEYS", "MOMENT", "SESSION", "TYPE", "EventRows", "event_registry", "rearranged"]

TYPE, MOMENT, ID, SESSION = "@type", "@occurred_at", "@event_id", "@session"
"""What rows of events hold beside attributes, whose names never begin so."""
KEYS = {"type": TYPE, "occurred_at": MOMENT, "event_id": ID, "session": SESSION}
"""Key of the mapping, and column where that says nothing → what is meant."""
_BESIDE = (
    Attribute(TYPE, ValueType.TEXT),
    Attribute(MOMENT, ValueType.TIMESTAMP),
    Attribute(ID, ValueType.TEXT, length_max=256),
    Attribute(SESSION, ValueType.TEXT, length_max=256),
)


def event_registry(registry: Registry | None) -> Registry:
    """Give what columns may feed: attributes of an event type, and what stands beside them."""
    own = () if registry is None else tuple(registry.attributes.values())
    return Registry((*own, *_BESIDE), "event.")


def rearranged(content: Any, columns: list[str], type_: str) -> Any:
    """Put what a mapping says beside the attributes among them; columns of the usual names feed what it leaves open.

    Args:
        content: of a mapping file; None where there is none.
        columns: of the file of rows.
        type_: of all rows, or "" where a column tells it.
    """
    if content is not None and not isinstance(content, Mapping):
        return content
    given = {} if content is None else dict(content)
    attributes = given.get("attributes", {})
    if not isinstance(attributes, Mapping):
        return given
    beside = {name: given.pop(key) for key, name in KEYS.items() if key in given}
    usual = {name: key for key, name in KEYS.items() if key in columns and name not in beside}
    constant = {TYPE: {"constant": type_}} if type_ else {}
    return {**given, "attributes": {**attributes, **usual, **beside, **constant}}


class EventRows:
    """Reads batches of rows.

    Args:
        columns: what feeds what.
        registries: event type → its attributes.
        kind: of the identifiers of persons.
    """

    def __init__(
        self, columns: ColumnMap, registries: Mapping[str, Registry], identifiers: Identifiers, kind: str = CUSTOMER
    ) -> None:
        self._columns = columns
        self._registries = registries
        self._identifiers = identifiers
        self._kind = kind
        self._readers: dict[str, RowReader] = {}
        self._moment = columns.attributes.get(MOMENT, Feed()).column or ""
        feed = columns.attributes.get(TYPE, Feed())
        self._type_column, self._type = feed.column, feed.constant

    def read(self, batch: Batch) -> list[Row]:
        """Read a batch: one row for each of it."""
        if self._type_column is None:
            rows = self._reader(str(self._type)).read(batch)
        else:
            rows = self._read_apart(batch, self._type_column)
        if self._moment:
            rows = [row if row.problems or MOMENT in row.attributes else self._undated(row) for row in rows]
        if self._kind == CUSTOMER and self._identifiers.kinds[CUSTOMER].normalize == "none":
            return rows
        return [row if row.problems else self._named(row) for row in rows]

    def _read_apart(self, batch: Batch, column: str) -> list[Row]:
        """Read the rows of each type by what that type declares."""
        places: dict[Any, list[int]] = {}
        for place, type_ in enumerate(batch.columns[column]):
            places.setdefault(type_ if isinstance(type_, str) else None, []).append(place)
        rows: dict[int, Row] = {}
        for type_, own in places.items():
            if type_ not in self._registries:
                remedy = suggest(type_ or "", self._registries, "declare it in events.yaml")
                problem = Problem("", 0, 0, column, "there is no such event type", remedy, "unknown-event-type")
                rows.update((place, self._refused(batch, place, problem)) for place in own)
                continue
            part = batch._replace(
                size=len(own),
                columns={name: [cells[place] for place in own] for name, cells in batch.columns.items()},
                lines=[batch.lines[place] for place in own] if batch.lines else (),
                faults={index: batch.faults[place] for index, place in enumerate(own) if place in batch.faults},
            )
            for place, row in zip(own, self._reader(type_).read(part), strict=True):
                rows[place] = row._replace(number=batch.first + place)
        return [rows[place] for place in range(batch.size)]

    def _refused(self, batch: Batch, place: int, problem: Problem) -> Row:
        return Row(batch.first + place, batch.lines[place] if batch.lines else 0, "", {}, (problem,))

    def _reader(self, type_: str) -> RowReader:
        reader = self._readers.get(type_)
        if reader is None:
            registry = event_registry(self._registries[type_])
            own = {name: feed for name, feed in self._columns.attributes.items() if name in registry.attributes}
            columns = ColumnMap(id=self._columns.id, attributes=own, missing=self._columns.missing)
            reader = self._readers[type_] = RowReader(columns, registry)
        return reader

    def _undated(self, row: Row) -> Row:
        message = "expected the moment at which it happened, found nothing"
        return row._replace(
            attributes={}, problems=(Problem("", 0, 0, self._moment, message, "", "invalid-attribute"),)
        )

    def _named(self, row: Row) -> Row:
        try:
            return row._replace(identifier=self._identifiers.one(self._kind, row.identifier, self._columns.id).value)
        except InputError as error:
            return row._replace(attributes={}, problems=tuple(error.problems))
