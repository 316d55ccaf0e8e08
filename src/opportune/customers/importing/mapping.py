"""The mapping: which column feeds which attribute, and how its cells are read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import available_timezones

import msgspec

from opportune.customers.attributes import Attribute, Registry, read_value
from opportune.customers.importing.conversions import SETTINGS_OF, Conversion
from opportune.customers.importing.notes import Notes, Path
from opportune.customers.importing.sources import CsvOptions, Source
from opportune.customers.own_zone import own_zone_fault
from opportune.errors import suggest
from opportune.records import Value

__all__ = ["ColumnMap", "Feed", "MappingFile", "match_columns", "read_mapping_file"]

_KEYS = ("id", "attributes", "missing", "csv")
_FEED_KEYS = ("column", "constant", "format", "zone", "decimal", "when_true", "when_false", "separator")
_A_MOMENT = datetime(2026, 5, 4, 18, 30, 15, tzinfo=UTC)


class Feed(msgspec.Struct, frozen=True):
    """Where an attribute comes from: a column and how it is read, or a constant in every row."""

    column: str | None = None
    constant: Value | None = None
    conversion: Conversion = Conversion()


class MappingFile(msgspec.Struct, frozen=True):
    """What a mapping file says; None keeps an attribute from being imported."""

    id: str | None = None
    attributes: dict[str, Feed | None] = {}
    missing: frozenset[str] = frozenset()
    csv: CsvOptions = CsvOptions()


class ColumnMap(msgspec.Struct, frozen=True):
    """Where everything comes from: the column of the identifier, attribute → feed, and texts that mean nothing."""

    id: str
    attributes: dict[str, Feed]
    missing: frozenset[str] = frozenset()

    @property
    def columns(self) -> list[str]:
        """Names of the columns that are read."""
        feeds = self.attributes.values()
        return list(dict.fromkeys([self.id, *(feed.column for feed in feeds if feed.column is not None)]))


def read_mapping_file(content: Any, registry: Registry, notes: Notes) -> MappingFile:
    """Read what a mapping file says; what is wrong with it is noted, and the rest read all the same."""
    if content is None:
        return MappingFile()
    if not isinstance(content, Mapping):
        notes.add((), "expected 'id: column' and 'attributes: {attribute: column}', found something else")
        return MappingFile()
    notes.check_names(content, _KEYS, ())
    feeds = content.get("attributes", {})
    if not isinstance(feeds, Mapping):
        notes.add(("attributes",), "expected attributes and their columns, found something else")
        feeds = {}
    attributes: dict[str, Feed | None] = {}
    for name, feed in feeds.items():
        attribute = registry.attributes.get(name)
        if attribute is None:
            remedy = suggest(name, registry.attributes, "declare it, or leave it out of the mapping")
            notes.add(("attributes", name), "the project does not declare it", remedy, f"attribute {name}")
        else:
            read = attributes[name] = _feed(attribute, feed, notes, ("attributes", name))
            constant = None if read is None else read.constant
            fault = None if constant is None else own_zone_fault(registry.prefix + name, constant)
            if fault is not None:
                notes.add(("attributes", name, "constant"), *fault)
    missing = _texts(content.get("missing", []), notes, ("missing",))
    return MappingFile(
        id=_name(content.get("id"), notes, ("id",)),
        attributes=attributes,
        missing=frozenset(missing),
        csv=_csv(content.get("csv", {}), notes),
    )


def match_columns(wanted: MappingFile, id_column: str, source: Source, registry: Registry, notes: Notes) -> ColumnMap:
    """Say which column feeds what: the attribute of its name, unless the mapping names column or attribute."""
    id_column = wanted.id or id_column
    named = {name: feed for name, feed in wanted.attributes.items() if feed is not None}
    taken = {id_column, *(feed.column for feed in named.values())}
    attributes = {
        name: Feed(column=name)
        for name in registry.attributes
        if (name in source.columns or source.is_open) and name not in taken and name not in wanted.attributes
    }
    places: dict[str, Path] = {id_column: ("id",)} | {
        feed.column: ("attributes", name, "column") for name, feed in named.items() if feed.column is not None
    }
    columns = source.columns
    if source.is_open and any(column not in columns for column in places):
        columns = source.all_columns()
    for column, path in places.items():
        if column not in columns:
            shown = f"its columns: {', '.join(columns[:30])}" if columns else "it has none: is it empty?"
            remedy = suggest(column, columns, shown)
            if column == id_column and wanted.id is None and columns:
                remedy += "; --id names the column of identifiers"
            notes.add(path, "the file has no such column", remedy, f"column {column}")
    for column in dict.fromkeys([*places, *attributes]):
        if columns.count(column) > 1:
            place: Path = places.get(column, ())
            notes.add(place, "the file has several columns of this name", "rename all but one", f"column {column}")
    if not named and not any(name in columns for name in attributes):
        notes.add((), "no column has the name of an attribute", "write a mapping file", "columns")
    return ColumnMap(id=id_column, attributes=attributes | named, missing=wanted.missing)


def _feed(attribute: Attribute, content: Any, notes: Notes, path: tuple[str, ...]) -> Feed | None:
    if content is None:
        return None
    if isinstance(content, str):
        return Feed(column=content)
    if not isinstance(content, Mapping):
        notes.add(path, "expected the name of a column, or 'column' or 'constant' with more about it")
        return None
    notes.check_names(content, _FEED_KEYS, path)
    if ("column" in content) == ("constant" in content):
        notes.add(path, "expected either 'column' or 'constant'", "write one of them")
    if "constant" in content:
        for key in content.keys() & set(_FEED_KEYS[2:]):
            notes.add((*path, key), "a constant is not read from a cell", "leave it out")
        return Feed(constant=_constant(attribute, content["constant"], notes, (*path, "constant")))
    for key in [key for key in content if key in _FEED_KEYS[2:] and key not in SETTINGS_OF[attribute.type]]:
        notes.add((*path, key), f"it says nothing about an attribute of type {attribute.type.value}", "leave it out")
    column = _name(content.get("column"), notes, (*path, "column"))
    settings = {key: value for key, value in content.items() if key in SETTINGS_OF[attribute.type]}
    return Feed(column=column, conversion=_conversion(settings, notes, path))


def _constant(attribute: Attribute, value: Any, notes: Notes, path: tuple[str, ...]) -> Value | None:
    try:
        return read_value(attribute, value)
    except ValueError as error:
        notes.add(path, str(error), "write a value that the attribute may have")
        return None


def _conversion(content: Mapping[str, Any], notes: Notes, path: tuple[str, ...]) -> Conversion:
    format_, zone = content.get("format", ""), content.get("zone", "")
    if format_ != "" and not _is_format(format_):
        remedy = 'write it with the signs of Python\'s strptime, such as "%d.%m.%Y"'
        notes.add((*path, "format"), "expected how a date is written", remedy)
        format_ = ""
    if zone != "" and zone not in available_timezones():
        notes.add((*path, "zone"), "expected an IANA time zone", "write it as Europe/Warsaw")
        zone = ""
    if format_ and not zone and "%z" not in format_ and "zone" not in content:
        notes.add((*path, "format"), "the format tells no zone", "add 'zone: Europe/Warsaw', or %z to the format")
    if content.get("decimal", ".") not in (".", ","):
        notes.add((*path, "decimal"), 'expected "," or "."')
    separator = content.get("separator", ";")
    if not isinstance(separator, str) or not separator:
        notes.add((*path, "separator"), "expected what stands between the items")
        separator = ";"
    usual = Conversion()
    return Conversion(
        format=format_,
        zone=zone,
        decimal="," if content.get("decimal") == "," else ".",
        separator=separator,
        **_booleans(content, usual, notes, path),
    )


def _booleans(
    content: Mapping[str, Any], usual: Conversion, notes: Notes, path: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    read: dict[str, tuple[str, ...]] = {"when_true": usual.when_true, "when_false": usual.when_false}
    given = {key: _texts(content[key], notes, (*path, key)) for key in read if key in content}
    if len(given) == 1:
        notes.add((*path, *given), "expected both 'when_true' and 'when_false', found one", "write the other one too")
    read |= {key: tuple(text.lower() for text in texts) for key, texts in given.items()}
    if len(given) == len(read) and set(read["when_true"]) & set(read["when_false"]):
        notes.add((*path, "when_false"), "a text means both true and false", "leave it out of one of them")
    return read


def _texts(content: Any, notes: Notes, path: tuple[str, ...]) -> list[str]:
    texts = [content] if isinstance(content, str) else content
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        notes.add(path, "expected a text or a list of texts", "put each in quotes")
        return []
    return texts


def _name(content: Any, notes: Notes, path: tuple[str, ...]) -> str | None:
    if content is None or (isinstance(content, str) and content):
        return content
    notes.add(path, "expected the name of a column", "put it in quotes")
    return None


def _csv(content: Any, notes: Notes) -> CsvOptions:
    if not isinstance(content, Mapping):
        notes.add(("csv",), "expected 'separator' or 'encoding', found something else")
        return CsvOptions()
    notes.check_names(content, ("separator", "encoding"), ("csv",))
    separator, encoding = content.get("separator", ""), content.get("encoding", "utf-8-sig")
    if not isinstance(separator, str) or len(separator) > 1 or separator in ('"', "\n", "\r"):
        notes.add(("csv", "separator"), "expected one character", 'write it as "|"')
        separator = ""
    if not _is_encoding(encoding):
        notes.add(("csv", "encoding"), "expected the name of an encoding", "write it as utf-8, cp1250 or iso-8859-2")
        encoding = "utf-8-sig"
    return CsvOptions(separator=separator, encoding=encoding)


def _is_encoding(name: Any) -> bool:
    try:
        # Some codecs turn bytes into bytes, or texts into texts; some need more than one byte for a letter.
        return isinstance(name, str) and "a".encode(name).decode(name) == "a"
    except (LookupError, ValueError, TypeError):
        return False


def _is_format(text: Any) -> bool:
    """Whether a date that was written so can be read so."""
    if not isinstance(text, str) or "%" not in text:
        return False
    try:
        datetime.strptime(_A_MOMENT.strftime(text), text)  # noqa: DTZ007  The zone may come from elsewhere.
    except ValueError:
        return False
    return True
