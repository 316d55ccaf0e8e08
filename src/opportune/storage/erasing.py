"""Who was forgotten, and forgetting the same persons again in an earlier state of a store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from opportune.errors import OpportuneError, StoreError
from opportune.storage.digests import digest_of, encode, erasure_mark
from opportune.storage.entries import from_microseconds
from opportune.storage.naming import entries_naming
from opportune.storage.stored import Erasure
from opportune.storage.writes import RepeatErasure

if TYPE_CHECKING:
    from opportune.storage.base import Storage

__all__ = ["ERASURES", "erase_again", "erasures", "key_name"]

ERASURES = "erasures"
"""Name of the secret that identifiers are marked with."""

_TOGETHER = 100
"""Erasures in one batch: once per batch the journal is searched from end to end."""


def key_name(secret: bytes) -> str:
    """What tells one secret from another and gives neither away."""
    return digest_of(b"erasures " + secret)[:8].hex()


def erasures(storage: Storage, after: int) -> list[Erasure]:
    """See `Storage.erasures`."""
    found: dict[tuple[int, int], list[bytes]] = {}
    for mark, at, sequence in storage._table("tombstones"):
        if sequence > after:
            found.setdefault((sequence, at), []).append(bytes(mark))
    key = key_name(storage.secret(ERASURES))
    return [
        Erasure(sequence=sequence, at=from_microseconds(at), marks=tuple(sorted(marks)), key=key)
        for (sequence, at), marks in sorted(found.items())
    ]


def erase_again(storage: Storage, records: Iterable[Erasure], secret: bytes | None = None) -> int:
    """See `Storage.erase_again`."""
    records = list(records)
    own = storage.secret(ERASURES)
    known = {(bytes(mark), from_microseconds(at)) for mark, at, _ in storage._table("tombstones")}
    used = secret or own
    if any(record.key != key_name(used) for record in records):
        raise StoreError(
            f"{storage.place}: the list of erasures was made with another secret than this store's;"
            " give the secret of the store that it comes from"
        )
    if used != own:
        if known:
            raise StoreError(f"{storage.place}: expected a store without erasures of its own to take another secret")
        storage._adopt_secret(ERASURES, used)
        storage._marking = None
    # A mark alone says nothing: who came back after an erasure may have been erased once more.
    missing = [record for record in records if any((mark, record.at) not in known for mark in record.marks)]
    named = {mark: number for number, record in enumerate(missing) for mark in record.marks}
    identifiers: dict[int, set[tuple[str, str]]] = {}
    for identifier in _identifiers(storage) if named else ():
        number = named.get(erasure_mark(used, *identifier))
        if number is not None:
            identifiers.setdefault(number, set()).add(identifier)
    writes = [
        RepeatErasure(
            id=f"again-{digest_of(encode((record.at, record.marks))).hex()}",
            at=record.at,
            marks=record.marks,
            identifiers=tuple(sorted(identifiers.get(number, ()))),
        )
        for number, record in enumerate(missing)
    ]
    for first in range(0, len(writes), _TOGETHER):
        for result in storage.write(writes[first : first + _TOGETHER]):
            if isinstance(result, OpportuneError):
                raise result
    return len(missing)


def _identifiers(storage: Storage) -> Iterator[tuple[str, str]]:
    """Give all identifiers that are known, and those that others named before they were."""
    for kind, value, *_ in storage._table("identifiers"):
        yield kind, value
    for _, identifier in entries_naming(storage, lambda identifier: True):
        yield identifier
