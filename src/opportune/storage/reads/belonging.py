"""What units persons belong to, who belongs to a unit, and what persons allow."""

from __future__ import annotations

from opportune.storage.changes import ConsentFound, consent_digest
from opportune.storage.entries import from_microseconds
from opportune.storage.hooks import Hooks
from opportune.storage.reads.kept import damage
from opportune.storage.reads.people import profile
from opportune.storage.stored import Consent, Unit

__all__ = ["consents", "member_identifiers", "persons_in", "units"]

_SHARED = ("attributes", "version", "times")
"""Fields that a unit has in common with a profile."""


def units(store: Hooks, identifier_kind: str, identifier: str) -> dict[str, Unit]:
    """See `Storage.units`."""
    last: dict[str, tuple[int, str | None]] = {}
    for level, _, sequence, unit in store._units(identifier_kind, identifier):
        last[level] = max(last.get(level, (0, None)), (sequence, unit), key=lambda said: said[0])
    found = {}
    for level, (_, unit) in sorted(last.items()):
        if unit is not None:
            known = profile(store, level, unit)
            said = {} if known is None else {name: getattr(known, name) for name in _SHARED}
            found[level] = Unit(level=level, unit=unit, **said)
    return found


def persons_in(store: Hooks, level: str, unit: str) -> list[tuple[str, str]]:
    """(who stands for it, person) of all who are one with somebody who belongs to a unit."""
    rows = store._members(level, unit)
    last: dict[str, tuple[int, bool]] = {}
    for root, _, sequence, is_of in rows:
        last[root] = max(last.get(root, (0, False)), (sequence, bool(is_of)))
    return [(root, person) for root, person, _, _ in rows if last[root][1]]


def member_identifiers(store: Hooks, level: str, unit: str) -> list[list[tuple[str, str]]]:
    """See `Storage.member_identifiers`."""
    persons: dict[str, list[str]] = {}
    for root, person in persons_in(store, level, unit):
        persons.setdefault(root, []).append(person)
    return sorted(sorted(store._identifiers(group)) for group in persons.values())


def consents(store: Hooks, identifier_kind: str, identifier: str) -> tuple[Consent, ...]:
    """See `Storage.consents`."""
    last: dict[tuple[str, str], ConsentFound] = {}
    for row in store._consents(identifier_kind, identifier):
        if consent_digest(*row[:-1]) != row.digest:
            raise damage(store, f"consent of person {row.person}: it does not fit its digest")
        key = row.channel, row.purpose
        last[key] = max(last.get(key, row), row, key=lambda said: (said.at, not said.given, said.sequence))
    return tuple(
        Consent(
            channel=row.channel,
            purpose=row.purpose,
            given=bool(row.given),
            at=from_microseconds(row.at),
            source=row.source,
            text_version=row.text_version,
        )
        for _, row in sorted(last.items())
    )
