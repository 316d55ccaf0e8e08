"""Profiles in memory, in front of the store."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opportune.customers import Registry
from opportune.customers.identity import Identifier
from opportune.decide.known import KnownFacts
from opportune.errors import InputError
from opportune.records import Value
from opportune.storage import Storage
from opportune.storage.cluster import identifier_mark

__all__ = ["NOBODY", "KnownProfile", "Profiles", "fitting", "identified", "key_of", "parted"]

IDENTIFIER_KIND = "customer"
"""What requests name persons by, unless they say otherwise."""
CHANGES_REMEMBERED = 10_000
"""A read that takes longer than so many changes is not kept."""


@dataclass(frozen=True, slots=True)
class KnownProfile:
    """What decisions know of a person: attributes as facts, keys "customer.<name>".

    Args:
        kinds: of all identifiers that lead to the person; known where it was read by another kind than "customer".
        key: by which it was read; None for nobody.
        times: name of an attribute → when it was set, in microseconds.
        unfit: stored attributes that the strategy declares otherwise, by name.
    """

    person: str | None
    facts: KnownFacts = field(default_factory=lambda: KnownFacts({}))
    version: int = 0
    kinds: frozenset[str] = frozenset()
    key: str | None = None
    times: Mapping[str, int] = field(default_factory=dict)
    unfit: tuple[str, ...] = ()


NOBODY = KnownProfile(None)
"""An anonymous contact, or a customer who is not in the store."""


def key_of(kind: str, identifier: str) -> str:
    """Write an identifier as one key: a customer's as it is, another one behind its kind; neither has a NUL in it."""
    return identifier if kind == IDENTIFIER_KIND else f"{kind}\0{identifier}"


def parted(key: str) -> tuple[str, str]:
    """Give identifier and kind of a key, as the store asks for them."""
    kind, _, identifier = key.rpartition("\0")
    return identifier, kind or IDENTIFIER_KIND


def identified(key: str | None) -> Identifier | None:
    """Read a key as the identifier that it was made of; None for nobody."""
    if key is None:
        return None
    identifier, kind = parted(key)
    return Identifier(kind, identifier)


def _mark(key: str) -> str:
    identifier, kind = parted(key)
    return identifier_mark(kind, identifier)


class Profiles:
    """The profiles used last, until somebody writes them.

    What this process writes is forgotten at once, what others write when their notice comes, within a second. That is
    soon enough for attributes. It is too late for anything that forbids: consent and limits are never to be read here,
    but at their source.

    Lives in the event loop's thread, but for `read`.

    A person is asked for by `key_of` an identifier.

    Args:
        registry: attributes of customers, as the current strategy declares them.
        size: how many are kept.
    """

    def __init__(self, storage: Storage, registry: Registry, size: int) -> None:
        self._storage = storage
        self._registry = registry
        self._size = size
        self._known: OrderedDict[str, KnownProfile] = OrderedDict()
        self._by_mark: dict[str, str] = {}
        self._by_person: dict[str, set[str]] = {}
        self._changes = 0
        self._forgotten: OrderedDict[str, int] = OrderedDict()
        """Persons and marks that changed lately, with the number of the change."""
        self._unsure: set[str] = set()
        """Identifiers of which nobody was known, and those that are being read."""
        self._certain_since = 0
        """What was read before this change may have changed meanwhile."""
        self.misfits = 0
        """Stored attributes that the current strategy does not declare in this way; decisions do without them."""

    def get(self, identifier: str) -> KnownProfile | None:
        """Find a profile in memory; None where the store must be asked."""
        known = self._known.get(identifier)
        if known is not None:
            self._known.move_to_end(identifier)
        return known

    def read(self, identifier: str) -> tuple[KnownProfile, int]:
        """Ask the store; blocks. The number is to be handed to `keep`."""
        changes = self._changes
        self._unsure.add(identifier)
        kinds: frozenset[str] = frozenset()
        try:
            stored = self._storage.profile(*parted(identifier))
            person = self._storage.person_of(*parted(identifier)) if stored is None else stored.person
            if person is not None and "\0" in identifier:
                kinds = frozenset(kind for kind, _ in self._storage.identifiers(*parted(identifier)))
        except BaseException:
            self._unsure.discard(identifier)
            raise
        if stored is None:
            return (NOBODY if person is None else KnownProfile(person, kinds=kinds, key=identifier)), changes
        facts = self._facts(stored.attributes)
        unfit = self._registry.left_out(stored.attributes, facts)
        known = KnownProfile(stored.person, facts, stored.version, kinds, identifier, stored.times, unfit)
        return known, changes

    def keep(self, identifier: str, profile: KnownProfile, changes: int) -> None:
        """Keep what was read, unless it was written meanwhile."""
        is_sure = identifier not in self._unsure
        self._unsure.discard(identifier)
        if profile.person is None and is_sure:
            return
        mark = _mark(identifier)
        keys = (mark,) if profile.person is None else (mark, profile.person)
        if changes < self._certain_since or any(self._forgotten.get(key, 0) > changes for key in keys):
            return
        self._drop(identifier, mark)
        self._known[identifier] = profile
        self._by_mark[mark] = identifier
        if profile.person is None:
            self._unsure.add(identifier)
        else:
            self._by_person.setdefault(profile.person, set()).add(identifier)
        if len(self._known) > self._size:
            oldest = next(iter(self._known))
            self._drop(oldest, _mark(oldest))

    def forget(self, identifier: str) -> None:
        """Drop a profile that was written, under all identifiers of its person."""
        known = self._known.get(identifier)
        persons = () if known is None or known.person is None else (known.person,)
        self.forget_changed(persons, (_mark(identifier),))

    def forget_nobody(self, kind: str, identifier: str) -> None:
        """Drop that nobody is known by an identifier: an event made somebody of it. What is known of a person stays."""
        key = key_of(kind, identifier)
        if key in self._unsure:
            self._unsure.discard(key)
            self.forget(key)

    def forget_changed(self, persons: Iterable[str], marks: Iterable[str]) -> None:
        """Drop the profiles of persons, and those of identifiers by their mark."""
        self._changes += 1
        for person in persons:
            self._note(person)
            for identifier in list(self._by_person.get(person, ())):
                self._drop(identifier, _mark(identifier))
        for mark in marks:
            self._note(mark)
            found = self._by_mark.get(mark)
            if found is not None:
                self._drop(found, mark)

    def forget_all(self) -> None:
        """Drop everything: nobody can say what changed."""
        self._changes += 1
        self._certain_since = self._changes
        self._forgotten.clear()
        self._known.clear()
        self._by_mark.clear()
        self._by_person.clear()

    def _note(self, key: str) -> None:
        """Remember that something changed, for reads that are under way."""
        self._forgotten[key] = self._changes
        self._forgotten.move_to_end(key)
        if len(self._forgotten) > CHANGES_REMEMBERED:
            self._certain_since = self._forgotten.popitem(last=False)[1]

    def _drop(self, identifier: str, mark: str) -> None:
        known = self._known.pop(identifier, None)
        if known is None:
            return
        self._unsure.discard(identifier)
        self._by_mark.pop(mark, None)
        if known.person is not None:
            identifiers = self._by_person[known.person]
            identifiers.discard(identifier)
            if not identifiers:
                del self._by_person[known.person]

    def _facts(self, attributes: Mapping[str, Any]) -> KnownFacts:
        """Turn stored attributes into facts; what an older strategy declared otherwise is left out and counted."""
        facts, misfits = fitting(self._registry, attributes)
        self.misfits += misfits
        return KnownFacts(facts)


def fitting(registry: Registry, attributes: Mapping[str, Any]) -> tuple[dict[str, Value], int]:
    """Read stored attributes as facts; what the registry does not take is left out, and how many those are.

    What nothing may depend on is left out too: no decision knows it, and none records it.
    """
    facts: dict[str, Value] = {}
    misfits = 0
    try:
        facts = registry.read(attributes)[0]
    except InputError:
        for name, value in attributes.items():
            try:
                facts.update(registry.read({name: value})[0])
            except InputError:
                misfits += 1
    for key in registry.barred:
        facts.pop(key, None)
    return facts, misfits
