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

__all__ = ["Happening", "History", "read_history"]


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


class _Event(msgspec.Struct):
    """Of an `EventBody`, what it is."""

    type: str


class _Payload(msgspec.Struct):
    """Of an `EventPayload`, what it says."""

    attributes: dict[str, Any]


_CONTACT_COLUMNS = len(ContactRow._fields)
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
    rows = read_rows(page, since)
    told: list[ContactRow] = []
    events: list[Happening] = []
    for row in rows:
        if row[1] == Kind.EVENT:
            happening = _happening(row, since)
            if happening is not None:
                events.append(happening)
        elif row[1] in CONTACT_KINDS:
            told.append(ContactRow(*row[:_CONTACT_COLUMNS]))
    return History(rows[0][0] if rows else 0, read_contact_rows(told, about, since), tuple(sorted(events)))


def _happening(row: tuple[Any, ...], since: int) -> Happening | None:
    """Check and read an event that happened from a moment on, of a row in `statements.HAPPENED_COLUMNS`."""
    # Taken apart at once: a history may have thousands.
    sequence, _, _, _, at, recorded_at, _, body, body_digest, session, sealed, salt, payload = row
    at = min(at, recorded_at)
    if at < since:
        return None
    if digest_of(body) != body_digest:
        raise DamageError(f"journal entry {sequence}: its body does not fit its digest")
    attributes: dict[str, Any] = {}
    if salt is not None:
        if payload_digest(salt, payload) != sealed:
            raise DamageError(f"journal entry {sequence}: its payload does not fit its digest")
        attributes = _decode_payload(payload).attributes
    return Happening(at, recorded_at, sequence, _decode_event(body).type, attributes, session)
