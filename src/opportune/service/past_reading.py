"""One read of what happened to a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from opportune.records import Contact
from opportune.storage import Entry, Kind, Storage
from opportune.storage.entries import to_microseconds
from opportune.storage.kinds import EventBody, EventPayload

__all__ = ["Happening", "History", "happened", "in_session"]

_PAGE = 500


class Happening(NamedTuple):
    """An event."""

    at: int
    recorded_at: int
    sequence: int
    type: str
    attributes: Mapping[str, Any]
    session: str | None


class History(NamedTuple):
    """Contacts and events of a person, and the newest journal entry among them."""

    last: int
    contacts: tuple[Contact, ...]
    events: tuple[Happening, ...]


def happened(storage: Storage, identifier: str, kind: str, since: datetime) -> History:
    """Read what happened to a person from a moment on."""
    contacts = storage.contacts(identifier, since, kind)
    events: list[Happening] = []
    before: int | None = None
    while page := storage.history(identifier, kind, _PAGE, before):
        events += [_happening(entry) for entry in page if entry.kind is Kind.EVENT and entry.occurred_at >= since]
        before = page[-1].sequence
    newest = max((event.sequence for event in events), default=0)
    return History(max(contacts.last, newest), contacts.contacts, tuple(reversed(events)))


def _happening(entry: Entry) -> Happening:
    assert isinstance(entry.body, EventBody)
    attributes = entry.payload.attributes if isinstance(entry.payload, EventPayload) else {}
    at, recorded_at = to_microseconds(entry.occurred_at), to_microseconds(entry.recorded_at)
    return Happening(at, recorded_at, entry.sequence, entry.body.type, attributes, entry.session)


def in_session(storage: Storage, session: str, limit: int) -> list[Entry]:
    """Entries of a conversation, newest first."""
    last = storage.last_sequence()
    entries = storage.journal(max(0, last - 2_000), 2_000)
    return [entry for entry in reversed(entries) if entry.session == session][:limit]
