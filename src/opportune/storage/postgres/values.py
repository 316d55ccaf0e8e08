"""Values on the wire, in PostgreSQL's binary format: whole numbers, text, bytes, and arrays of them.

Only these are used by our tables. Arrays are put together by hand since a group of writes goes as arrays of columns,
and the general adapters of the driver take several times as long for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from struct import Struct, error
from typing import Any

__all__ = ["DECODERS", "ENCODERS", "OIDS", "columns"]

_INT8 = Struct("!q")
_INT4 = Struct("!i")
_ITEM = Struct("!iq")
_ARRAY = Struct("!iiIii")
_NULL = _INT4.pack(-1)
_OIDS = {"int8": 20, "text": 25, "bytea": 17}


def _array(kind: str, count: int, items: Iterable[bytes]) -> bytes:
    """One dimension, counted from 1, with room for nulls; `items` are lengths and values."""
    if not count:
        return _ARRAY.pack(0, 0, _OIDS[kind], 0, 1)[:12]
    return _ARRAY.pack(1, 1, _OIDS[kind], count, 1) + b"".join(items)


def _numbers(values: Sequence[int | None]) -> bytes:
    try:
        return _array("int8", len(values), [_ITEM.pack(8, value) for value in values])
    except error:
        items = [_NULL if value is None else _ITEM.pack(8, value) for value in values]
        return _array("int8", len(values), items)


def _pieces(kind: str, values: Sequence[bytes | None]) -> bytes:
    items: list[bytes] = []
    for value in values:
        if value is None:
            items.append(_NULL)
        else:
            items.append(_INT4.pack(len(value)))
            items.append(value)
    return _array(kind, len(values), items)


def _bytes(values: Sequence[bytes | None]) -> bytes:
    return _pieces("bytea", values)


def _texts(values: Sequence[str | None]) -> bytes:
    return _pieces("text", [None if value is None else value.encode() for value in values])


ENCODERS: dict[str, Callable[[Any], bytes]] = {
    "int8": _INT8.pack,
    "text": str.encode,
    "bytea": bytes,
    "int8[]": _numbers,
    "text[]": _texts,
    "bytea[]": _bytes,
}
"""Name of a type → its encoder; None is sent as null by the caller."""


OIDS = {**_OIDS, "int8[]": 1016, "text[]": 1009, "bytea[]": 1001}
"""Name of a type → its identifier in every server."""


def _number(content: bytes) -> int:
    return int.from_bytes(content, "big", signed=True)


def _text(content: bytes) -> str:
    return content.decode()


DECODERS: dict[int, Callable[[bytes], Any]] = {
    16: lambda content: content == b"\1",
    17: bytes,
    19: _text,
    20: _number,
    21: _number,
    23: _number,
    25: _text,
    26: _number,
    1043: _text,
    2278: lambda content: None,
}
"""Identifier of a type → its decoder: bool, bytea, name, int8, int2, int4, text, oid, varchar, void."""


def columns(rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Rows as columns, for `unnest`."""
    return list(zip(*rows, strict=True))
