"""Reader of the protocol buffer wire format, as far as CEL's checked expressions need it.

Source: protobuf.dev, "Encoding".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["Field", "double", "fields", "signed"]

Field = tuple[int, int | bytes]
"""Field number, and its content: a varint, the 8 or 4 bytes of a fixed number, or the bytes of a nested message."""


def fields(data: bytes) -> Iterator[Field]:
    """Give the fields of one message in order.

    Raises:
        ValueError: the bytes are no message.
    """
    at, end = 0, len(data)
    while at < end:
        key = data[at]
        at += 1
        if key >= 0x80:  # most keys and sizes have one byte; reading those here halves the time of a check
            key, at = _varint(data, at - 1)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == 2:
            size, at = _varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind} is not expected in a checked expression")
        if at + size > end:
            raise ValueError("the checked expression ends inside a field")
        yield number, data[at : at + size]
        at += size


def signed(value: int) -> int:
    """Read a varint as the two's complement number of an int64 field."""
    return value - (1 << 64) if value >= 1 << 63 else value


def double(data: bytes) -> float:
    """Read the 8 bytes of a double field."""
    return float(struct.unpack("<d", data)[0])


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data):
            raise ValueError("the checked expression ends inside a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
