"""Plan what is written about people."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from opportune.storage.books.ledger import Ledger
from opportune.storage.changes import ProfileFound, profile_digest
from opportune.storage.digests import encode, identifier_digest
from opportune.storage.kinds import EventBody, EventPayload, ProfileBody, ProfilePayload
from opportune.storage.requests import Request
from opportune.storage.unions import Marks, marked, read_marks
from opportune.storage.writes import DropValues, Receipt, RecordEvent, SaveProfile

__all__ = [
    "Newcomer",
    "drop_values",
    "keep_profile",
    "newcomer",
    "person_of",
    "record_event",
    "save_profile",
    "welcome",
]

NOBODY = ProfileFound(0, b"")


class Newcomer(NamedTuple):
    """An identifier that nobody had yet; `digest` is what the entry that introduces it carries."""

    kind: str
    value: str
    salt: bytes
    digest: bytes


def save_profile(ledger: Ledger, item: Request, write: SaveProfile) -> Receipt:
    """Change the attributes of a person, who may be new."""
    buried = ledger.buried((write.identifier_kind, write.identifier), write.occurred_at)
    if buried is not None:
        return buried
    person, comer = person_of(ledger, write.identifier_kind, write.identifier)
    profiles = ledger.found.profiles
    old = profiles.get(person, NOBODY)
    if write.newcomer and comer is None:
        return Receipt(sequence=old.sequence, repeated=True, version=old.version)
    union = ledger.union(ledger.root(person))
    version = max(profiles.get(one, NOBODY).version for one in union) + 1
    attributes: dict[str, Any] = {}
    if old.version and not write.replace:
        attributes = msgspec.msgpack.decode(old.attributes)
    attributes.update(write.attributes)
    for name in write.removed:
        attributes.pop(name, None)
    payload = ProfilePayload(
        identifier=write.identifier,
        identifier_kind=write.identifier_kind,
        attributes=write.attributes,
        removed=write.removed,
    )
    body = ProfileBody(
        version=version,
        replace=write.replace,
        introduces=None if comer is None else comer.digest,
        before=None if old.version == version - 1 else old.version,
    )
    sequence = ledger.append(item, body, payload, occurred_at=write.occurred_at, zone=write.zone, person=person)
    if comer is not None:
        welcome(ledger, comer, person, sequence)
    marks = marked(
        read_marks(old.marks, old.sequence) if old.version else None,
        attributes,
        write.attributes,
        write.removed,
        (sequence, ledger.moment(write.occurred_at)),
        replaced=write.replace,
        united=len(union) > 1,
    )
    keep_profile(ledger, person, version, sequence, encode(attributes), marks)
    ledger.changes.touched.add(ledger.root(person))
    ledger.changes.counters["customers"] += version == 1
    return ledger.receipt(Receipt(sequence=sequence, version=version))


def drop_values(ledger: Ledger, item: Request, write: DropValues) -> Receipt:
    """Drop attributes of one identifier's own profile; whom nobody knows any more stays unknown."""
    person = ledger.found.persons.get((write.identifier_kind, write.identifier), "")
    profiles = ledger.found.profiles
    old = profiles.get(person, NOBODY)
    attributes: dict[str, Any] = msgspec.msgpack.decode(old.attributes) if old.version else {}
    marks = read_marks(old.marks, old.sequence)
    names = tuple(name for name in write.names if name in attributes and marks.of(name)[0] <= write.until)
    if not names:
        return Receipt(sequence=old.sequence, repeated=True, version=old.version)
    version = max(profiles.get(one, NOBODY).version for one in ledger.union(ledger.root(person))) + 1
    for name in names:
        del attributes[name]
    payload = ProfilePayload(
        identifier=write.identifier, identifier_kind=write.identifier_kind, attributes={}, removed=names
    )
    body = ProfileBody(version=version, replace=False, before=None if old.version == version - 1 else old.version)
    sequence = ledger.append(item, body, payload, person=person)
    # As one alone: that its time is over outdoes nothing that others of the same person have.
    left = marked(marks, attributes, (), names, (sequence, ledger.moment(None)), replaced=False, united=False)
    keep_profile(ledger, person, version, sequence, encode(attributes), left)
    ledger.changes.touched.add(ledger.root(person))
    return ledger.receipt(Receipt(sequence=sequence, version=version))


def record_event(ledger: Ledger, item: Request, write: RecordEvent) -> Receipt:
    """Keep an event, of a person who may be new or of nobody."""
    person = comer = None
    if write.identifier is not None:
        identifier = write.identifier_kind, write.identifier
        if ledger.found.buried and (buried := ledger.buried(identifier, write.occurred_at)) is not None:
            return buried
        person, comer = person_of(ledger, *identifier)
    sequence = ledger.append(
        item,
        EventBody(type=write.type, introduces=None if comer is None else comer.digest),
        EventPayload(identifier=write.identifier, identifier_kind=write.identifier_kind, attributes=write.attributes),
        occurred_at=write.occurred_at,
        zone=write.zone,
        person=person,
        session=write.session,
    )
    if comer is not None and person is not None:
        welcome(ledger, comer, person, sequence)
    ledger.changes.counters["events"] += 1
    return ledger.receipt(Receipt(sequence=sequence))


def person_of(ledger: Ledger, identifier_kind: str, identifier: str) -> tuple[str, Newcomer | None]:
    """The identifier's own person: a new one where nobody is."""
    person = ledger.found.persons.get((identifier_kind, identifier))
    if person is not None:
        return person, None
    return ledger.new_id(), newcomer(ledger, identifier_kind, identifier)


def newcomer(ledger: Ledger, identifier_kind: str, identifier: str) -> Newcomer:
    """Make what a new identifier is introduced by."""
    salt = ledger.new_salt()
    return Newcomer(identifier_kind, identifier, salt, identifier_digest(salt, identifier_kind, identifier))


def welcome(ledger: Ledger, comer: Newcomer, person: str, sequence: int) -> None:
    """Let a new identifier lead to a person, once its entry is appended."""
    ledger.found.persons[comer.kind, comer.value] = person
    ledger.found.kinds.setdefault(person, set()).add(comer.kind)
    ledger.changes.identifiers.append((comer.kind, comer.value, person, sequence, comer.salt))


def keep_profile(ledger: Ledger, person: str, version: int, sequence: int, attributes: bytes, marks: Marks) -> None:
    """Keep a person's own profile."""
    stored = encode(marks)
    ledger.found.profiles[person] = ProfileFound(version, attributes, sequence, stored)
    digest = profile_digest(person, version, sequence, attributes, stored)
    ledger.changes.profiles[person] = (version, sequence, attributes, digest, stored)
