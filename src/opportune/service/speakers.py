"""Whose an entry of a conversation is: of who speaks now, of somebody else, or of nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property

from opportune.customers.identity import CUSTOMER, Identifier
from opportune.storage import Entry, Kind, Storage
from opportune.storage.kinds import DecisionPayload, EventPayload

__all__ = ["Speaker", "names_in", "note_id", "owners"]


class Speaker:
    """One person in a conversation, or nobody; what it needs of the store is read when it is asked for.

    Args:
        identifier: of the person whose data may be used; None for nobody.
        named: identifiers by which it speaks; None where they are gone, so that they tell nobody apart.
        persons: its internal ids; None asks the store.
    """

    def __init__(
        self,
        storage: Storage,
        identifier: Identifier | None = None,
        named: Iterable[Identifier] | None = (),
        persons: Collection[str] | None = None,
    ) -> None:
        self._storage = storage
        self._identifier = identifier
        self._named = None if named is None else frozenset(named)
        self._given = persons

    @cached_property
    def _persons(self) -> frozenset[str]:
        if self._given is not None or self._identifier is None:
            return frozenset(self._given or ())
        kind, value = self._identifier
        return frozenset(self._storage.persons_of(value, kind))

    @cached_property
    def _names(self) -> frozenset[Identifier]:
        if self._identifier is None:
            return self._named or frozenset()
        kind, value = self._identifier
        known = (Identifier(*one) for one in self._storage.identifiers(value, kind))
        return frozenset((*(self._named or ()), self._identifier, *known))

    def owns(self, entry: Entry, decision: Entry | None = None) -> bool | None:
        """Whether an entry is of this person; None for one of nobody.

        Args:
            decision: the one that the entry was written with.

        Raises:
            StoreError: the store cannot be read.
        """
        names = frozenset(names_in(decision or entry))
        if self._identifier is None and (decision or entry).kind is Kind.DECISION and names and names == self._named:
            # Named as before, by what is not believed.
            return True
        if entry.person is not None:
            return entry.person in self._persons
        if not names or self._named is None:
            return None
        return not names.isdisjoint(self._names)


def names_in(entry: Entry) -> Iterator[Identifier]:
    """Give the identifiers that a decision or an event came under; none after an erasure."""
    payload = entry.payload
    if isinstance(payload, DecisionPayload):
        if payload.customer is not None:
            yield Identifier(CUSTOMER, payload.customer)
        for kind, value in payload.identifiers.items():
            yield Identifier(kind, value)
    elif isinstance(payload, EventPayload) and payload.identifier is not None:
        yield Identifier(payload.identifier_kind, payload.identifier)


def owners(speaker: Speaker, entries: Sequence[Entry]) -> Iterator[tuple[Entry, bool | None]]:
    """Say of entries of one conversation whose they are, as `Speaker.owns` does.

    Raises:
        StoreError: the store cannot be read.
    """
    noted = {note_id(entry.decision): entry for entry in entries if entry.decision and entry.kind is Kind.DECISION}
    for entry in entries:
        yield entry, speaker.owns(entry, noted.get(entry.id) if entry.kind is Kind.EVENT else None)


def note_id(decision: str) -> str:
    """Give the id of what is noted with a decision."""
    return f"{decision}/said"
