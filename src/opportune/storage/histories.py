"""What happened with a person: contacts and events in one read, of all who became one person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from opportune.errors import DamageError
from opportune.records import Contact
from opportune.storage.contacts import ContactRow, read_contact_rows, read_rows
from opportune.storage.digests import digest_of, payload_digest
from opportune.storage.entries import Entry
from opportune.storage.kinds import CONTACT_KINDS, Kind

__all__ = ["HappenedRow", "Happening", "History", "read_history"]


class Happening(NamedTuple):
    """An event.

    Args:
        at: when it happened, microseconds since 1970; one that is dated ahead happened when it was recorded.
        recorded_at: when it was recorded.
        sequence: its journal entry.
        attributes: none after the erasure of its payload.
    """

    at: int
    recorded_at: int
    sequence: int
    type: str
    attributes: dict[str, Any]
    session: str | None


class History(NamedTuple):
    """What is known of what happened with a person.

    Args:
        last: sequence of the newest entry of any kind; 0 where there is none.
        contacts, events: in the order in which they happened.
    """

    last: int
    contacts: tuple[Contact, ...]
    events: tuple[Happening, ...]


class HappenedRow(NamedTuple):
    """An entry, and of an event its payload: the columns of `statements.HAPPENED_COLUMNS`."""

    sequence: int
    kind: str
    schema: int
    id: str
    occurred_at: int
    recorded_at: int
    decision: str | None
    body: bytes
    body_digest: bytes
    session: str | None
    payload_digest: bytes | None
    salt: bytes | None
    payload: bytes | None


class _Event(msgspec.Struct):
    """Of an `EventBody`, what it is."""

    type: str


class _Payload(msgspec.Struct):
    """Of an `EventPayload`, what it says."""

    attributes: dict[str, Any]


_decode_event = msgspec.msgpack.Decoder(_Event).decode
_decode_payload = msgspec.msgpack.Decoder(_Payload).decode


def read_history(
    page: Callable[[int, int], Sequence[tuple[Any, ...]]], about: Callable[[set[str]], list[Entry]], since: int
) -> History:
    """Read contacts and events from a moment on.

    Args:
        page: gives rows of entries below a sequence, so many, the newest first.
        about: gives the entries of decisions and of their outcomes.
        since: microseconds since 1970.

    Raises:
        DamageError: an entry contradicts itself.
    """
    rows = [HappenedRow(*row) for row in read_rows(page, since)]
    told = [ContactRow(*row[:9]) for row in rows if row.kind in CONTACT_KINDS]
    events = [_happening(row) for row in rows if row.kind == Kind.EVENT]
    return History(
        rows[0].sequence if rows else 0,
        read_contact_rows(told, about, since),
        tuple(sorted(event for event in events if event.at >= since)),
    )


def _happening(row: HappenedRow) -> Happening:
    if digest_of(row.body) != row.body_digest:
        raise DamageError(f"journal entry {row.sequence}: its body does not fit its digest")
    attributes: dict[str, Any] = {}
    if row.salt is not None and row.payload is not None:
        if payload_digest(row.salt, row.payload) != row.payload_digest:
            raise DamageError(f"journal entry {row.sequence}: its payload does not fit its digest")
        attributes = _decode_payload(row.payload).attributes
    at = min(row.occurred_at, row.recorded_at)
    return Happening(at, row.recorded_at, row.sequence, _decode_event(row.body).type, attributes, row.session)
