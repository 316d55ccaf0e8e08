"""Which identifiers entries name, and which entries name somebody who is to be forgotten."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
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
from opportune.storage.writes import Searched

if TYPE_CHECKING:
    from opportune.storage.hooks import Hooks

__all__ = ["Naming", "asked_as", "entries_naming", "led_by", "named_in", "search"]

_CUSTOMER = "customer"
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
    return [*(() if customer is None else ((_CUSTOMER, customer),)), *identifiers.items()]


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


def search(store: Hooks, kind: str, identifier: str) -> Searched:
    """Read the journal for who names a person, beside the writer."""
    naming = Naming(store, [(kind, identifier)])
    found = {one: frozenset(sequences) for one, sequences in naming.found.items()}
    return Searched(frozenset(naming.wanted), found, naming.until)


class Naming:
    """Finds the entries that name somebody who is to be forgotten.

    The journal is long, and a transaction must be short: it is read before that, and in it only what came meanwhile.

    Args:
        erasing: identifiers whose persons are to be forgotten.
        searched: what was read for them before; nothing is where one of them was not looked for.

    Attributes:
        wanted: all identifiers of those persons.
        found: identifier → entries that name it.
        until: the last entry that was read.
    """

    def __init__(self, store: Hooks, erasing: Collection[_Identifier], searched: Sequence[Searched] = ()) -> None:
        self._store = store
        self.wanted = set(erasing)
        for kind, value in erasing:
            self.wanted.update(store._identifiers(store._persons(kind, value)))
        self.found: dict[_Identifier, set[int]] = {}
        self.until = 0
        if searched and self.wanted <= frozenset().union(*(one.wanted for one in searched)):
            self.until = min(one.until for one in searched)
            for one in searched:
                for identifier, sequences in one.found.items():
                    self.found.setdefault(identifier, set()).update(sequences)
        self._read_to(store._last_sequence())

    @property
    def sequences(self) -> set[int]:
        """All entries that were found."""
        return set().union(*self.found.values())

    def complete(self, found: Found) -> None:
        """Tell the plan of a batch, once no other writer can interleave."""
        owned = {(one.kind, one.value) for rows in found.owned.values() for one in rows}
        if not owned <= self.wanted:
            # Somebody was merged meanwhile.
            self.wanted |= owned
            self.until = 0
        found.payloads |= self._read_to(found.last)
        found.naming = self.found

    def _read_to(self, last: int) -> set[int]:
        texts = [value.encode() for _, value in self.wanted]
        new = set()
        for sequence, identifier in entries_naming(self._store, self.wanted.__contains__, self.until, last, texts):
            self.found.setdefault(identifier, set()).add(sequence)
            new.add(sequence)
        self.until = last
        return new
