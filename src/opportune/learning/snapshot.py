"""Learned state as bytes: a length-framed header in JSON, then the arrays, then a digest of all that.

Equal states give equal bytes. Nothing in the bytes is executed or names a type to be made.

Layout: MAGIC, 8-byte little-endian length of the header, header, arrays one after the other (C order, little-endian),
32 bytes BLAKE2b of everything before.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from opportune.learning.base import Snapshot

__all__ = ["from_bytes", "read_array", "state_digest", "to_bytes"]

MAGIC = b"OPPSTATE1\n"
DIGEST_SIZE = 32
SIZE_MAX = 4 << 30
HEADER_MAX = 64 << 20
DTYPES = {"float32": "<f4", "float64": "<f8", "int64": "<i8"}

_canonical = msgspec.json.Encoder(order="deterministic")


class _ArrayHeader(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    dtype: str
    shape: list[int]


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    meta: dict[str, Any]
    arrays: list[_ArrayHeader]


def to_bytes(snapshot: Snapshot) -> bytes:
    """Serialise a state.

    Raises:
        ValueError: an array has a type that states do not use, or the state is larger than SIZE_MAX bytes.
    """
    headers, parts = [], []
    for name in sorted(snapshot.arrays):
        values = snapshot.arrays[name]
        dtype = values.dtype.name
        if dtype not in DTYPES:
            raise ValueError(f"snapshot: array {name}: expected one of {', '.join(DTYPES)}, found {dtype}")
        headers.append(_ArrayHeader(name, dtype, list(values.shape)))
        parts.append(np.ascontiguousarray(values, dtype=DTYPES[dtype]).tobytes())
    header = _canonical.encode(_Header(dict(snapshot.meta), headers))
    body = b"".join([MAGIC, len(header).to_bytes(8, "little"), header, *parts])
    if len(body) + DIGEST_SIZE > SIZE_MAX or len(header) > HEADER_MAX:
        raise ValueError(f"snapshot: larger than {SIZE_MAX} bytes")
    return body + _hash(body)


def from_bytes(data: bytes) -> Snapshot:
    """Read what `to_bytes` wrote.

    Raises:
        ValueError: the bytes are damaged, cut off, too large, or not a state.
    """
    if len(data) > SIZE_MAX:
        raise ValueError(f"snapshot: larger than {SIZE_MAX} bytes")
    if not data.startswith(MAGIC):
        raise ValueError("snapshot: these bytes are not a learned state")
    body, digest = data[:-DIGEST_SIZE], data[-DIGEST_SIZE:]
    if _hash(body) != digest:
        raise ValueError("snapshot: damaged or cut off (digest differs); restore it from a backup or rebuild it")
    start = len(MAGIC) + 8
    end = start + int.from_bytes(body[len(MAGIC) : start], "little")
    if end > len(body) or end - start > HEADER_MAX:
        raise ValueError("snapshot: header is cut off")
    try:
        header = msgspec.json.decode(body[start:end], type=_Header)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError("snapshot: header cannot be read") from error
    return Snapshot(_read_arrays(header.arrays, body, end), header.meta)


def _read_arrays(headers: list[_ArrayHeader], body: bytes, position: int) -> dict[str, npt.NDArray[Any]]:
    arrays: dict[str, npt.NDArray[Any]] = {}
    for header in headers:
        if header.dtype not in DTYPES or header.name in arrays or any(n < 0 for n in header.shape):
            raise ValueError("snapshot: an array is described wrongly")
        dtype = np.dtype(DTYPES[header.dtype])
        count = math.prod(header.shape)
        if position + count * dtype.itemsize > len(body):
            raise ValueError(f"snapshot: array {header.name} is cut off")
        flat = np.frombuffer(body, dtype, count, position)
        arrays[header.name] = flat.reshape(header.shape).astype(header.dtype)
        position += count * dtype.itemsize
    if position != len(body):
        raise ValueError("snapshot: more bytes than arrays")
    return arrays


def state_digest(snapshot: Snapshot) -> str:
    """Hex digest, equal exactly where `to_bytes` is."""
    return to_bytes(snapshot)[-DIGEST_SIZE:].hex()


def _hash(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=DIGEST_SIZE).digest()


def read_array(snapshot: Snapshot, name: str, dtype: type[np.generic], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """One array of a state.

    Raises:
        ValueError: it is missing, of another type or shape, or not finite.
    """
    found = snapshot.arrays.get(name)
    if found is None or found.dtype != dtype or found.shape != shape:
        raise ValueError(f"snapshot: array {name}: expected {np.dtype(dtype)} {shape}")
    if not np.isfinite(found).all():
        raise ValueError(f"snapshot: array {name}: expected finite numbers")
    return found
