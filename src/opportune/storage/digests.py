"""Digests of the journal, and the bytes that they are of."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

__all__ = [
    "DIGEST_BYTES",
    "GENESIS",
    "SALT_BYTES",
    "chain_digest",
    "digest_of",
    "encode",
    "erasure_mark",
    "identifier_digest",
    "payload_digest",
]

DIGEST_BYTES = 32

SALT_BYTES = 16

GENESIS = bytes(DIGEST_BYTES)
"""Stands for the digest before the first entry."""

encode = msgspec.msgpack.Encoder().encode


def digest_of(content: bytes) -> bytes:
    """Digest of bytes without a secret in them."""
    return blake2b(content, digest_size=DIGEST_BYTES).digest()


def payload_digest(salt: bytes, content: bytes) -> bytes:
    """Digest of personal bytes."""
    return blake2b(content, digest_size=DIGEST_BYTES, salt=salt).digest()


def identifier_digest(salt: bytes, identifier_kind: str, identifier: str) -> bytes:
    """Digest by which the journal proves who an identifier leads to, without telling it.

    The salt is kept beside the identifier alone and goes with it.
    """
    return blake2b(encode((identifier_kind, identifier)), digest_size=16, salt=salt).digest()


def erasure_mark(secret: bytes, identifier_kind: str, identifier: str) -> bytes:
    """Digest by which an identifier that was forgotten is known again, by those alone who have the secret."""
    return blake2b(encode((identifier_kind, identifier)), digest_size=16, key=secret).digest()


def chain_digest(previous: bytes, header: tuple[Any, ...]) -> bytes:
    """Digest of an entry.

    Args:
        header: the row without `body` and `digest`, in the order of `EntryRow`.
    """
    return blake2b(previous + encode(header), digest_size=DIGEST_BYTES).digest()
