"""Which identifiers entries name, and which entries name somebody who is to be forgotten."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

from opportune.records import DecisionRequest
from opportune.storage.changes import Found
from opportune.storage.entries import Entry
from opportune.storage.kinds import (
    ConsentPayload,
    DecisionPayload,
    EventPayload,
    Kind,
    MemberBody,
    MemberPayload,
    MergePayload,
    ProfilePayload,
)
from opportune.storage.reads.kept import decoded

if TYPE_CHECKING:
    from opportune.storage.hooks import Hooks

__all__ = ["CUSTOMER", "Naming", "asked_as", "entries_naming", "led_by", "named_in"]

CUSTOMER = "customer"
"""Kind of the identifier that requests name their customer by."""

_PAGE = 500
_KINDS = (Kind.DECISION, Kind.MEMBER)
"""Those that may name others than the person they stand under; which merges do, is in a table."""

_Identifier = tuple[str, str]


def led_by(entry: Entry) -> list[_Identifier]:
    """Give the identifiers that an entry came under, as (kind, identifier)."""
    payload = entry.payload
    match payload:
        case MergePayload():
            return [(payload.identifier_kind, payload.identifier), (payload.other_kind, payload.other)]
        case MemberPayload() if isinstance(entry.body, MemberBody) and payload.unit is not None:
            return [(payload.identifier_kind, payload.identifier), (entry.body.level, payload.unit)]
        case ProfilePayload() | EventPayload() | ConsentPayload() | MemberPayload() if payload.identifier is not None:
            return [(payload.identifier_kind, payload.identifier)]
    return []


def named_in(entry: Entry) -> list[_Identifier]:
    """Give those, and of a decision all that its request named."""
    payload = entry.payload
    if isinstance(payload, DecisionPayload):
        return _asked(payload.customer, payload.identifiers)
    return led_by(entry)


def asked_as(request: DecisionRequest) -> list[_Identifier]:
    """Give all identifiers that a request names."""
    return _asked(request.customer, request.identifiers or {})


def _asked(customer: str | None, identifiers: dict[str, str]) -> list[_Identifier]:
    return [*(() if customer is None else ((CUSTOMER, customer),)), *identifiers.items()]


def entries_naming(
    store: Hooks,
    is_meant: Callable[[_Identifier], bool],
    after: int = 0,
    until: int | None = None,
    texts: Collection[bytes] = (b"",),
) -> Iterator[tuple[int, _Identifier]]:
    """Give the entries that name an identifier that is meant, and may stand under another person.

    Args:
        after, until: only entries behind the one and up to the other; None reads to the end.
        texts: only payloads that hold one of these bytes are decoded.
    """
    while rows := store._rows(after, _PAGE, _KINDS):
        for row in rows:
            after = row.entry.sequence
            if until is not None and after > until:
                return
            payload = b"" if row.payload is None else row.payload[1]
            if payload and any(text in payload for text in texts):
                named = named_in(decoded(store, row))
                yield from ((after, identifier) for identifier in named if is_meant(identifier))


class Naming:
    """Finds the entries that name somebody who is to be forgotten.

    The journal is long, and a transaction must be short: it is read before that, and in it only what came meanwhile.

    Args:
        erasing: identifiers whose persons are to be forgotten.
    """

    def __init__(self, store: Hooks, erasing: Collection[_Identifier]) -> None:
        self._store = store
        self._wanted = set(erasing)
        for kind, value in erasing:
            self._wanted.update(store._identifiers(store._persons(kind, value)))
        self._found: dict[_Identifier, set[int]] = {}
        self._read = 0
        self.sequences = self._read_to(store._last_sequence())
        """Of the entries found before the transaction."""

    def complete(self, found: Found) -> None:
        """Tell the plan of a batch, once no other writer can interleave."""
        owned = {(one.kind, one.value) for rows in found.owned.values() for one in rows}
        if not owned <= self._wanted:
            # Somebody was merged meanwhile.
            self._wanted |= owned
            self._read = 0
        found.payloads |= self._read_to(found.last)
        found.naming = self._found

    def _read_to(self, last: int) -> set[int]:
        texts = [value.encode() for _, value in self._wanted]
        new = set()
        for sequence, identifier in entries_naming(self._store, self._wanted.__contains__, self._read, last, texts):
            self._found.setdefault(identifier, set()).add(sequence)
            new.add(sequence)
        self._read = last
        return new
