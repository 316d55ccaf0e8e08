"""Plan what is written about people."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from opportune.errors import UnknownError
from opportune.storage.books.ledger import Ledger
from opportune.storage.changes import ProfileFound, profile_digest
from opportune.storage.digests import encode, identifier_digest
from opportune.storage.kinds import EventBody, EventPayload, MergeBody, MergePayload, ProfileBody, ProfilePayload
from opportune.storage.requests import Request
from opportune.storage.writes import MergePersons, Receipt, RecordEvent, SaveProfile

__all__ = ["merge_persons", "record_event", "save_profile"]


class _Newcomer(NamedTuple):
    """An identifier that nobody had yet; `digest` is what the entry that introduces it carries."""

    kind: str
    value: str
    salt: bytes
    digest: bytes


def save_profile(ledger: Ledger, item: Request, write: SaveProfile) -> Receipt:
    """Change the attributes of a person, who may be new."""
    person, newcomer = _person(ledger, write.identifier_kind, write.identifier)
    old = ledger.found.profiles.get(person) or ProfileFound(0, b"")
    attributes: dict[str, Any] = {}
    if old.version and not write.replace:
        attributes = msgspec.msgpack.decode(old.attributes)
    attributes.update(write.attributes)
    for name in write.removed:
        attributes.pop(name, None)
    version = old.version + 1
    payload = ProfilePayload(
        identifier=write.identifier,
        identifier_kind=write.identifier_kind,
        attributes=write.attributes,
        removed=write.removed,
    )
    body = ProfileBody(version=version, replace=write.replace, introduces=None if newcomer is None else newcomer.digest)
    sequence = ledger.append(item, body, payload, occurred_at=write.occurred_at, zone=write.zone, person=person)
    _welcome(ledger, newcomer, person, sequence)
    _save_attributes(ledger, person, version, sequence, encode(attributes))
    ledger.changes.counters["customers"] += version == 1
    return ledger.receipt(Receipt(sequence=sequence, version=version))


def record_event(ledger: Ledger, item: Request, write: RecordEvent) -> Receipt:
    """Keep an event, of a person who may be new or of nobody."""
    person = newcomer = None
    if write.identifier is not None:
        person, newcomer = _person(ledger, write.identifier_kind, write.identifier)
    payload = EventPayload(
        identifier=write.identifier, identifier_kind=write.identifier_kind, attributes=write.attributes
    )
    sequence = ledger.append(
        item,
        EventBody(type=write.type, introduces=None if newcomer is None else newcomer.digest),
        payload,
        occurred_at=write.occurred_at,
        zone=write.zone,
        person=person,
        session=write.session,
    )
    if person is not None:
        _welcome(ledger, newcomer, person, sequence)
    ledger.changes.counters["events"] += 1
    return ledger.receipt(Receipt(sequence=sequence))


def merge_persons(ledger: Ledger, item: Request, write: MergePersons) -> Receipt:
    """Let two identifiers lead to one person."""
    first, second = (write.identifier_kind, write.identifier), (write.other_kind, write.other)
    kept, absorbed = ledger.found.persons.get(first), ledger.found.persons.get(second)
    payload = MergePayload(
        identifier=write.identifier,
        identifier_kind=write.identifier_kind,
        other=write.other,
        other_kind=write.other_kind,
    )
    if kept is not None and absorbed is not None and kept != absorbed:
        return _unite(ledger, item, payload, kept, absorbed)
    person = kept or absorbed
    if person is None:
        raise UnknownError.of(
            "other",
            "nobody is known under either of the two identifiers",
            "write a profile or an event of one of them first",
            "unknown-customer",
        )
    newcomer = None
    if kept != absorbed:
        newcomer = _newcomer(ledger, *(first if kept is None else second))
    version = ledger.found.profiles.get(person, ProfileFound(0, b"")).version
    body = MergeBody(version=version, versions=(version, 0), introduces=None if newcomer is None else newcomer.digest)
    sequence = ledger.append(item, body, payload, person=person)
    _welcome(ledger, newcomer, person, sequence)
    ledger.changes.counters["repeats"] += newcomer is None
    return ledger.receipt(Receipt(sequence=sequence, repeated=newcomer is None, version=version))


def _unite(ledger: Ledger, item: Request, payload: MergePayload, kept: str, absorbed: str) -> Receipt:
    """Let one person absorb another: identifiers, attributes, and whom the other had absorbed."""
    found, changes = ledger.found, ledger.changes
    own, others = (found.profiles.get(person, ProfileFound(0, b"")) for person in (kept, absorbed))
    # Above both: whoever knew either profile by its version sees that it changed.
    version = max(own.version, others.version) + 1 if own.version or others.version else 0
    earlier = tuple(found.absorbed.pop(absorbed, ()))
    body = MergeBody(absorbed=absorbed, earlier=earlier, version=version, versions=(own.version, others.version))
    sequence = ledger.append(item, body, payload, person=kept)
    for person in (absorbed, *earlier):
        changes.merges[person] = found.merged[person] = kept
    found.absorbed.setdefault(kept, []).extend((absorbed, *earlier))
    for identifier, person in found.persons.items():
        if person == absorbed:
            found.persons[identifier] = kept
    found.profiles.pop(absorbed, None)
    changes.profiles.pop(absorbed, None)
    changes.united.append(absorbed)
    if version:
        united: dict[str, Any] = {}
        for profile in (others, own):
            united.update(msgspec.msgpack.decode(profile.attributes) if profile.version else {})
        _save_attributes(ledger, kept, version, sequence, encode(united))
    changes.counters["customers"] -= bool(own.version and others.version)
    return ledger.receipt(Receipt(sequence=sequence, version=version))


def _person(ledger: Ledger, identifier_kind: str, identifier: str) -> tuple[str, _Newcomer | None]:
    """The person behind an identifier: a new one where nobody is."""
    person = ledger.found.persons.get((identifier_kind, identifier))
    if person is not None:
        return person, None
    return ledger.new_id(), _newcomer(ledger, identifier_kind, identifier)


def _newcomer(ledger: Ledger, identifier_kind: str, identifier: str) -> _Newcomer:
    salt = ledger.new_salt()
    return _Newcomer(identifier_kind, identifier, salt, identifier_digest(salt, identifier_kind, identifier))


def _welcome(ledger: Ledger, newcomer: _Newcomer | None, person: str, sequence: int) -> None:
    """Let a new identifier lead to a person, once its entry is appended."""
    if newcomer is not None:
        ledger.found.persons[newcomer.kind, newcomer.value] = person
        ledger.changes.identifiers.append((newcomer.kind, newcomer.value, person, sequence, newcomer.salt))


def _save_attributes(ledger: Ledger, person: str, version: int, sequence: int, stored: bytes) -> None:
    ledger.found.profiles[person] = ProfileFound(version, stored)
    ledger.changes.profiles[person] = (version, sequence, stored, profile_digest(person, version, sequence, stored))
