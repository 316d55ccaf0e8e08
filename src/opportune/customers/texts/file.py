"""The file of a model of texts: data and nothing else, bounded, with a digest of its content.

Layout: MAGIC, 32 bytes BLAKE2b of all that follows, then one MessagePack map with the arrays (little-endian, packed by
zlib). Nothing in it is executed or names a type to be made.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from opportune.customers.texts.model import About, TextModel

__all__ = ["BYTES_MAX", "SUFFIX", "from_bytes", "to_bytes"]

SUFFIX = ".texts"
BYTES_MAX = 8_000_000
CELLS_MAX = 64_000_000
"""Weights of a model, unpacked."""
LABELS_MAX = 1_000
MAGIC = b"OPPTEXTS1\n"
_DIGEST_SIZE = 32


class _Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    about: About
    rarity: bytes
    weights: bytes
    scale: bytes
    bias: bytes


def to_bytes(model: TextModel) -> bytes:
    """Write a model; equal models give equal bytes wherever zlib packs alike."""
    content = _Content(
        about=model.about,
        rarity=_packed(model.rarity, "<f4"),
        weights=_packed(model.weights, "i1"),
        scale=_packed(model.scale, "<f8"),
        bias=_packed(model.bias, "<f8"),
    )
    body = msgspec.msgpack.encode(content, order="deterministic")
    return MAGIC + _hash(body) + body


def from_bytes(data: bytes) -> TextModel:
    """Read what `to_bytes` wrote.

    Raises:
        ValueError: the bytes are damaged, cut off, too large, or no model of texts.
    """
    if len(data) > BYTES_MAX:
        raise ValueError(f"larger than {BYTES_MAX} bytes")
    if not data.startswith(MAGIC):
        raise ValueError("this is no model of texts; make one with the command 'texts train'")
    start = len(MAGIC) + _DIGEST_SIZE
    digest, body = data[len(MAGIC) : start], data[start:]
    if _hash(body) != digest:
        raise ValueError("damaged or cut off (its digest differs); copy it anew or train it again")
    try:
        content = msgspec.msgpack.decode(body, type=_Content)
    except (msgspec.DecodeError, RecursionError):
        raise ValueError("its description cannot be read; train it again with this version") from None
    about = content.about
    _examine(about)
    size, labels = about.layout.size, len(about.labels)
    return TextModel(
        about=about,
        rarity=_unpacked(content.rarity, "<f4", (size,)).astype(np.float32),
        weights=_unpacked(content.weights, "i1", (size, labels)).astype(np.int8),
        scale=_unpacked(content.scale, "<f8", (labels,)).astype(np.float64),
        bias=_unpacked(content.bias, "<f8", (labels,)).astype(np.float64),
        digest=digest.hex(),
    )


def _examine(about: About) -> None:
    labels, layout = about.labels, about.layout
    sound = (
        1 <= len(labels) <= LABELS_MAX
        and len(set(labels)) == len(labels)
        and all(0 < len(label) <= 200 for label in labels)
        and 0 < about.at_least <= 1
        and (about.none is None) == about.several
        and math.isfinite(about.none or 0.0)
        and all(8 <= bits <= 20 for bits in (layout.word_bits, layout.letter_bits))
        and layout.size * len(labels) <= CELLS_MAX
    )
    if not sound:
        raise ValueError("it describes itself wrongly; train it again")


def _hash(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST_SIZE).digest()


def _packed(values: npt.NDArray[Any], dtype: str) -> bytes:
    return zlib.compress(np.ascontiguousarray(values, dtype).tobytes(), 9)


def _unpacked(data: bytes, dtype: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Unpack an array of a known size; not a byte more is unpacked than that."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    reader = zlib.decompressobj()
    try:
        raw = reader.decompress(data, size + 1)
    except zlib.error:
        raise ValueError("an array of it cannot be unpacked; train it again") from None
    if len(raw) != size:
        raise ValueError("an array of it has another size than it says; train it again")
    values = np.frombuffer(raw, dtype).reshape(shape)
    if not np.isfinite(values).all():
        raise ValueError("an array of it holds what is no number; train it again")
    return values
