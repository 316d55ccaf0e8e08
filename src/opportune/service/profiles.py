"""Profiles in memory, in front of the store."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opportune.customers import Registry
from opportune.errors import InputError
from opportune.records import Value
from opportune.storage import Storage

__all__ = ["NOBODY", "KnownProfile", "Profiles"]


@dataclass(frozen=True, slots=True)
class KnownProfile:
    """What decisions know of a person: attributes as facts, keys "customer.<name>"."""

    person: str | None
    facts: Mapping[str, Value] = field(default_factory=dict)
    version: int = 0


NOBODY = KnownProfile(None)
"""An anonymous contact, or a customer who is not in the store."""


class Profiles:
    """The profiles used last.

    Args:
        registry: attributes of customers, as the current strategy declares them.
        size: how many are kept.
    """

    def __init__(self, storage: Storage, registry: Registry, size: int) -> None:
        self._storage = storage
        self._registry = registry
        self._size = size
        self._known: OrderedDict[str, KnownProfile] = OrderedDict()
        self._changes = 0
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
        stored = self._storage.profile(identifier)
        if stored is None:
            person = self._storage.person_of(identifier)
            return (NOBODY if person is None else KnownProfile(person)), changes
        return KnownProfile(stored.person, self._facts(stored.attributes), stored.version), changes

    def keep(self, identifier: str, profile: KnownProfile, changes: int) -> None:
        """Keep what was read, unless a profile was written meanwhile."""
        if changes != self._changes:
            return
        self._known[identifier] = profile
        if len(self._known) > self._size:
            self._known.popitem(last=False)

    def forget(self, identifier: str) -> None:
        """Drop a profile that was written."""
        self._changes += 1
        self._known.pop(identifier, None)

    def _facts(self, attributes: Mapping[str, Any]) -> dict[str, Value]:
        """Turn stored attributes into facts; what an older strategy declared otherwise is left out and counted."""
        try:
            return self._registry.read(attributes)[0]
        except InputError:
            pass
        facts: dict[str, Value] = {}
        for name, value in attributes.items():
            try:
                facts.update(self._registry.read({name: value})[0])
            except InputError:
                self.misfits += 1
        return facts
