"""Journal entries: header, body without personal values, payload with them, and the digests that bind them.

digest = H(previous digest, header, body digest, payload digest, request digest)
H = BLAKE2b of 32 bytes over MessagePack

A payload's digest is salted, and the salt is deleted with the payload: what stays tells nothing about what went.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from opportune.errors import DamageError
from opportune.records import Origin
from opportune.storage.digests import GENESIS, SALT_BYTES, chain_digest, digest_of, payload_digest
from opportune.storage.kinds import Body, Kind, Payload, decode_parts

__all__ = [
    "Entry",
    "EntryRow",
    "StoredRow",
    "decode_row",
    "fault_of",
    "from_microseconds",
    "lasting_row",
    "stored_row",
    "to_microseconds",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MICROSECOND = timedelta(microseconds=1)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One journal entry, as read or as just committed.

    Args:
        sequence: 1, 2, 3 ... without gaps.
        id: the caller's idempotency key.
        occurred_at: when it happened, by the caller's word.
        recorded_at: when the storage took it.
        zone: IANA time zone of the customer.
        person: internal id.
        decision: id of the decision that the entry is or answers.
        revision: content hash of the strategy concerned.
        payload: None where the kind has none, and after its erasure.
        erased: the payload was deleted.
        digest: of this entry and, through the chain, of all before it.
    """

    sequence: int
    kind: Kind
    schema: int
    id: str
    occurred_at: datetime
    recorded_at: datetime
    zone: str | None
    person: str | None
    session: str | None
    decision: str | None
    revision: str | None
    origin: Origin | None
    body: Body
    payload: Payload | None
    erased: bool
    digest: bytes


class EntryRow(NamedTuple):
    """One entry as backends store it; times in microseconds since 1970 UTC."""

    sequence: int
    kind: str
    schema: int
    id: str
    occurred_at: int
    recorded_at: int
    zone: str | None
    person: str | None
    session: str | None
    decision: str | None
    revision: str | None
    origin: str | None
    body: bytes
    body_digest: bytes
    payload_digest: bytes | None
    request_digest: bytes
    """Of what the caller sent, salted like the payload."""
    digest: bytes


class StoredRow(NamedTuple):
    """What backends read for one entry.

    Args:
        previous: digest of the entry before; GENESIS for the first; None where that entry is missing.
        payload: (salt, bytes), or None where there is none (any more).
        erased: the erasure is on record.
    """

    entry: EntryRow
    previous: bytes | None
    payload: tuple[bytes, bytes] | None
    erased: bool


def to_microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970 UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """The aware UTC datetime of `to_microseconds`."""
    return _EPOCH + timedelta(microseconds=microseconds)


def stored_row(row: Sequence[Any]) -> StoredRow:
    """A row of the journal in the form that is checked against its digests: see `statements.JOURNAL_ROWS`."""
    *entry, previous, salt, payload, erased = row
    head = EntryRow(*entry)
    return StoredRow(
        entry=head,
        previous=GENESIS if head.sequence == 1 else previous,
        payload=None if salt is None else (salt, payload),
        erased=bool(erased),
    )


def lasting_row(row: tuple[Any, ...]) -> StoredRow:
    """The journal row of a revision as it is kept beside the journal, its columns and the digest before it."""
    return StoredRow(EntryRow(*row[:-1]), row[-1], None, erased=False)


def fault_of(row: StoredRow) -> str:
    """Say what contradicts itself in a row; "" where nothing does."""
    entry = row.entry
    if row.previous is None:
        return f"entry {entry.sequence - 1} before it is missing"
    header = (*entry[:12], entry.body_digest, entry.payload_digest, entry.request_digest)
    if chain_digest(row.previous, header) != entry.digest:
        return "its chain digest does not fit it and the entry before"
    if digest_of(entry.body) != entry.body_digest:
        return "its body does not fit its digest"
    if row.payload is not None:
        salt, content = row.payload
        if len(salt) != SALT_BYTES or payload_digest(salt, content) != entry.payload_digest:
            return "its payload does not fit its digest"
    elif entry.payload_digest is not None and not row.erased:
        return "its payload is missing without an erasure"
    return ""


def decode_row(row: StoredRow) -> Entry:
    """Check a stored row against its digests and read it, in today's schema.

    Raises:
        DamageError: the row contradicts itself.
    """
    fault = fault_of(row)
    if fault:
        raise DamageError(f"journal entry {row.entry.sequence}: {fault}")
    head = row.entry
    kind = Kind(head.kind)
    body, payload = decode_parts(kind, head.schema, head.body, row.payload[1] if row.payload else None)
    return Entry(
        sequence=head.sequence,
        kind=kind,
        schema=head.schema,
        id=head.id,
        occurred_at=from_microseconds(head.occurred_at),
        recorded_at=from_microseconds(head.recorded_at),
        zone=head.zone,
        person=head.person,
        session=head.session,
        decision=head.decision,
        revision=head.revision,
        origin=None if head.origin is None else Origin(head.origin),
        body=body,
        payload=payload,
        erased=row.erased,
        digest=head.digest,
    )
