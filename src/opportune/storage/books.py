"""Plan what a batch of writes does to the store: pure, from what was found to what changes.

The plan sees earlier writes of the same batch, so a batch has the effect of its writes one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from opportune.errors import ConflictError, InputError, UnknownError
from opportune.records import Sign
from opportune.storage.changes import Changes, DecisionReference, Found, KeyFound, ProfileFound, Wanted, profile_digest
from opportune.storage.entries import (
    SCHEMAS,
    Body,
    Entry,
    EntryRow,
    ErasureBody,
    EventBody,
    EventPayload,
    Kind,
    MergeBody,
    MergePayload,
    ModelBody,
    OutcomeBody,
    Payload,
    ProfileBody,
    ProfilePayload,
    RevisionBody,
    chain_digest,
    digest_of,
    encode,
    identifier_digest,
    payload_digest,
    split_decision,
    to_microseconds,
)
from opportune.storage.requests import UNSTORABLE, Request, request_digest, unstorable
from opportune.storage.writes import (
    AdoptModel,
    ErasePayloads,
    MergePersons,
    Receipt,
    RecordEvent,
    RecordOutcome,
    SaveDecision,
    SaveProfile,
    SaveRevision,
    Write,
)

__all__ = ["Book"]


class _Newcomer(NamedTuple):
    """An identifier that nobody had yet; `digest` is what the entry that introduces it carries."""

    kind: str
    value: str
    salt: bytes
    digest: bytes


class Book:
    """The plan of one batch.

    Args:
        writes: the batch, in the order of arrival.
        new_id: makes internal ids of persons.
        new_salt: makes `SALT_BYTES` random bytes.
    """

    def __init__(self, writes: Sequence[Write], new_id: Callable[[], str], new_salt: Callable[[], bytes]) -> None:
        self._new_id = new_id
        self._new_salt = new_salt
        self._items: list[Request | InputError] = []
        self.wanted = Wanted()
        self.changes = Changes()
        self.entries: list[Entry] = []
        """What the batch adds to the journal, as readers will see it."""
        self.results: list[Receipt | InputError | int] = []
        """Per write: its receipt, its refusal, or the sequence of the stored entry that it repeats."""
        self._receipts: dict[int, Receipt] = {}
        for write in writes:
            self._items.append(self._prepare(write))

    def _prepare(self, write: Write) -> Request | InputError:
        try:
            item = Request(write)
        except InputError as error:
            return error
        self._want(item)
        return item

    def _want(self, item: Request) -> None:
        wanted, write = self.wanted, item.write
        wanted.keys.append(item.key)
        match write:
            case RecordOutcome():
                outcome = write.outcome
                wanted.decisions.append(outcome.decision)
                wanted.effects.append((outcome.decision, outcome.action, write.treatment, outcome.outcome))
                if write.sign is not Sign.NEUTRAL or write.expiry:
                    wanted.windows.append(outcome.decision)
            case SaveDecision():
                wanted.decisions.append(write.decision.id)
            case SaveProfile() | RecordEvent():
                if write.identifier is not None:
                    wanted.identifiers.append((write.identifier_kind, write.identifier))
            case SaveRevision():
                wanted.bundles.append(write.hash)
                wanted.revision = True
            case MergePersons():
                pair = [(write.identifier_kind, write.identifier), (write.other_kind, write.other)]
                wanted.identifiers.extend(pair)
                wanted.merging.extend(pair)
            case ErasePayloads():
                wanted.payloads.extend(write.sequences)

    def plan(self, found: Found, now: datetime) -> None:
        """Fill `changes`, `entries` and `results`.

        Args:
            now: time of recording, aware.
        """
        self._found = found
        self._now = now.astimezone(UTC)
        self._recorded_at = to_microseconds(now)
        handlers: dict[Kind, Callable[[Request, Any], Receipt | int]] = {
            Kind.PROFILE: self._profile,
            Kind.DECISION: self._decision,
            Kind.OUTCOME: self._outcome,
            Kind.EVENT: self._event,
            Kind.REVISION: self._revision,
            Kind.MODEL: self._model,
            Kind.ERASURE: self._erasure,
            Kind.MERGE: self._merge,
        }
        for item in self._items:
            if isinstance(item, InputError):
                self.results.append(item)
                continue
            try:
                self.results.append(self._repeated(item) or handlers[item.kind](item, item.write))
            except ConflictError as error:
                self.changes.counters["conflicts"] += error.code == "id-conflict"
                self.results.append(error)
            except UnknownError as error:
                self.changes.counters["outcomes_refused"] += item.kind is Kind.OUTCOME
                self.results.append(error)
            except InputError as error:
                self.results.append(error)

    def _repeated(self, item: Request) -> Receipt | int | None:
        """The first receipt, or the sequence to build it from, where the id was used before."""
        key = self._found.keys.get(item.key)
        if key is None:
            return None
        # Without its salt a request cannot be compared any more; it has no second effect either way.
        if key.salt is not None and request_digest(key.salt, item.content) != key.request_digest:
            raise ConflictError.of(
                "id",
                f"this id was used before for a {item.kind} with another body",
                "send a new id, or repeat the first body",
                "id-conflict",
            )
        return self._repeat(key.sequence)

    def _repeat(self, sequence: int) -> Receipt | int:
        self.changes.counters["repeats"] += 1
        receipt = self._receipts.get(sequence)
        return sequence if receipt is None else msgspec.structs.replace(receipt, repeated=True)

    def _alias(self, item: Request, sequence: int) -> Receipt | int:
        """Keep a second id of the same effect, so that its reuse with another body is refused like any other."""
        sent = request_digest(b"", item.content)
        self.changes.keys.append((item.kind.value, item.id, sequence, sent))
        self._found.keys[item.key] = KeyFound(sequence, sent, b"")
        return self._repeat(sequence)

    def _append(
        self,
        item: Request,
        body: Body,
        payload: Payload | None = None,
        *,
        occurred_at: datetime | None = None,
        zone: str | None = None,
        person: str | None = None,
        session: str | None = None,
        decision: str | None = None,
        revision: str | None = None,
    ) -> int:
        """Add the entry, its payload and its key; return the sequence."""
        found, changes = self._found, self.changes
        sequence = found.last + 1
        happened = self._recorded_at if occurred_at is None else to_microseconds(occurred_at)
        origin = getattr(item.write, "origin", None)
        header = (
            sequence,
            item.kind.value,
            SCHEMAS[item.kind],
            item.id,
            happened,
            self._recorded_at,
            zone,
            person,
            session,
            decision,
            revision,
            None if origin is None else origin.value,
        )
        salt = b"" if payload is None else self._new_salt()
        sealed = None
        # What cannot be encoded must be refused before anything of it is among the changes.
        try:
            body_bytes = encode(body)
            payload_bytes = b"" if payload is None else encode(payload)
            if payload is not None:
                sealed = payload_digest(salt, payload_bytes)
            body_digest, sent = digest_of(body_bytes), request_digest(salt, item.content)
            digest = chain_digest(found.digest, (*header, body_digest, sealed, sent))
        except UNSTORABLE as error:
            raise unstorable(item.kind, error) from None
        if payload is not None:
            changes.payloads.append((sequence, salt, payload_bytes))
        changes.entries.append(EntryRow(*header, body_bytes, body_digest, sealed, sent, digest))
        changes.keys.append((item.kind.value, item.id, sequence, None))
        found.keys[item.key] = KeyFound(sequence, sent, salt)
        found.last, found.digest = sequence, digest
        self.entries.append(
            Entry(
                sequence=sequence,
                kind=item.kind,
                schema=SCHEMAS[item.kind],
                id=item.id,
                occurred_at=self._now if occurred_at is None else occurred_at.astimezone(UTC),
                recorded_at=self._now,
                zone=zone,
                person=person,
                session=session,
                decision=decision,
                revision=revision,
                origin=origin,
                body=body,
                payload=payload,
                erased=False,
                digest=digest,
            )
        )
        return sequence

    def _receipt(self, receipt: Receipt) -> Receipt:
        self._receipts[receipt.sequence] = receipt
        return receipt

    def _person(self, identifier_kind: str, identifier: str) -> tuple[str, _Newcomer | None]:
        """The person behind an identifier: a new one where nobody is."""
        person = self._found.persons.get((identifier_kind, identifier))
        if person is not None:
            return person, None
        return self._new_id(), self._newcomer(identifier_kind, identifier)

    def _newcomer(self, identifier_kind: str, identifier: str) -> _Newcomer:
        salt = self._new_salt()
        return _Newcomer(identifier_kind, identifier, salt, identifier_digest(salt, identifier_kind, identifier))

    def _welcome(self, newcomer: _Newcomer | None, person: str, sequence: int) -> None:
        """Let a new identifier lead to a person, once its entry is appended."""
        if newcomer is not None:
            self._found.persons[newcomer.kind, newcomer.value] = person
            self.changes.identifiers.append((newcomer.kind, newcomer.value, person, sequence, newcomer.salt))

    def _save_attributes(self, person: str, version: int, sequence: int, stored: bytes) -> None:
        self._found.profiles[person] = ProfileFound(version, stored)
        self.changes.profiles[person] = (version, sequence, stored, profile_digest(person, version, sequence, stored))

    def _profile(self, item: Request, write: SaveProfile) -> Receipt:
        person, newcomer = self._person(write.identifier_kind, write.identifier)
        old = self._found.profiles.get(person) or ProfileFound(0, b"")
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
        body = ProfileBody(
            version=version, replace=write.replace, introduces=None if newcomer is None else newcomer.digest
        )
        sequence = self._append(item, body, payload, occurred_at=write.occurred_at, zone=write.zone, person=person)
        self._welcome(newcomer, person, sequence)
        self._save_attributes(person, version, sequence, encode(attributes))
        self.changes.counters["customers"] += version == 1
        return self._receipt(Receipt(sequence=sequence, version=version))

    def _decision(self, item: Request, write: SaveDecision) -> Receipt:
        decision = write.decision
        if decision.id in self._found.decisions:
            raise ConflictError.of("id", "the decision's id belongs to another request", code="id-conflict")
        body, payload = split_decision(decision, write.answer, write.windows)
        zone = decision.facts.get("zone")
        session = decision.request.session
        reference = DecisionReference(
            0, decision.person, session, zone if isinstance(zone, str) else None, decision.revision
        )
        sequence = self._append(
            item,
            body,
            payload,
            occurred_at=decision.at,
            zone=reference.zone,
            person=decision.person,
            session=session,
            decision=decision.id,
            revision=decision.revision,
        )
        self._found.decisions[decision.id] = reference._replace(sequence=sequence)
        self.changes.decisions.append((decision.id, sequence))
        for window in write.windows:
            self._found.windows.setdefault(decision.id, set()).add((window.action, window.treatment))
            self.changes.windows.append(
                (decision.id, window.action, window.treatment, window.outcome, to_microseconds(window.due_at))
            )
        self.changes.counters["decisions"] += 1
        return self._receipt(Receipt(sequence=sequence, answer=write.answer))

    def _outcome(self, item: Request, write: RecordOutcome) -> Receipt | int:
        outcome = write.outcome
        decision = self._found.decisions.get(outcome.decision)
        if decision is None:
            raise UnknownError.of(
                "decision",
                "no decision has this id",
                "send the id that the decision's answer carried",
                "unknown-decision",
            )
        effect = (outcome.decision, outcome.action, write.treatment, outcome.outcome)
        first = self._found.effects.get(effect)
        closed = self._closed_by(write)
        if first is not None and not (write.expiry and closed):
            return self._alias(item, first)
        if write.expiry and not closed:
            raise ConflictError.of("decision", "the response window is closed already", code="window-closed")
        body = OutcomeBody(
            action=outcome.action,
            treatment=write.treatment,
            placement=write.placement,
            outcome=outcome.outcome,
            sign=write.sign,
            closes=bool(closed),
            expiry=write.expiry,
            repeats=first is not None,
        )
        sequence = self._append(
            item,
            body,
            occurred_at=outcome.occurred_at,
            zone=decision.zone,
            person=self._found.merged.get(decision.person or "", decision.person),
            session=decision.session,
            decision=outcome.decision,
            revision=decision.revision,
        )
        if first is None:
            # Silence may end a window whose default was reported before, when its type was neutral: it only closes.
            self._found.effects[effect] = sequence
            self.changes.outcomes.append((*effect, sequence, decision.sequence))
            self.changes.counters["outcomes"] += 1
        for action, treatment in closed:
            self._found.windows[outcome.decision].discard((action, treatment))
            self.changes.closed.append((outcome.decision, action, treatment))
        return self._receipt(Receipt(sequence=sequence))

    def _closed_by(self, write: RecordOutcome) -> list[tuple[str, str]]:
        """Open windows that an outcome closes: all of its action, or for an expiry the one of its treatment."""
        if write.sign is Sign.NEUTRAL and not write.expiry:
            return []
        open_windows = self._found.windows.get(write.outcome.decision, ())
        return sorted(
            (action, treatment)
            for action, treatment in open_windows
            if action == write.outcome.action and (not write.expiry or treatment == write.treatment)
        )

    def _event(self, item: Request, write: RecordEvent) -> Receipt:
        person = newcomer = None
        if write.identifier is not None:
            person, newcomer = self._person(write.identifier_kind, write.identifier)
        payload = EventPayload(
            identifier=write.identifier, identifier_kind=write.identifier_kind, attributes=write.attributes
        )
        sequence = self._append(
            item,
            EventBody(type=write.type, introduces=None if newcomer is None else newcomer.digest),
            payload,
            occurred_at=write.occurred_at,
            zone=write.zone,
            person=person,
            session=write.session,
        )
        if person is not None:
            self._welcome(newcomer, person, sequence)
        self.changes.counters["events"] += 1
        return self._receipt(Receipt(sequence=sequence))

    def _revision(self, item: Request, write: SaveRevision) -> Receipt | int:
        found = self._found
        if found.revision[1] == write.hash:
            return self._alias(item, found.revision[2])
        if write.after is not None and write.after != found.revision[0]:
            message = (
                f"expected to follow revision {write.after}, found revision {found.revision[0]} published meanwhile"
            )
            raise ConflictError.of("after", message, "look at it, then publish again", "revision-superseded")
        number = found.revision[0] + 1
        body = RevisionBody(
            number=number,
            author=write.author,
            reason=write.reason,
            returns_to=write.returns_to,
            changes=write.changes,
            renamed=write.renamed,
        )
        previous = found.digest
        sequence = self._append(item, body, revision=write.hash)
        self.changes.revision_entries.append((*self.changes.entries[-1], previous))
        if write.hash not in found.bundles:
            self.changes.bundles.append((write.hash, write.bundle, digest_of(write.bundle)))
            found.bundles.add(write.hash)
        found.revision = (number, write.hash, sequence)
        self.changes.revisions.append((number, write.hash, sequence))
        return self._receipt(Receipt(sequence=sequence, version=number))

    def _model(self, item: Request, write: AdoptModel) -> Receipt:
        if not 0 <= write.position <= self._found.last:
            raise InputError.of(
                "position", f"expected 0 to {self._found.last}, the end of the journal, found {write.position}"
            )
        body = ModelBody(name=write.name, position=write.position, hash=write.hash, folds=write.folds)
        sequence = self._append(item, body)
        digest = digest_of(write.state)
        self.changes.models.append((sequence, write.name, write.position, write.hash, write.state, digest))
        return self._receipt(Receipt(sequence=sequence))

    def _erasure(self, item: Request, write: ErasePayloads) -> Receipt:
        # Payloads written by this very batch cannot be named: their sequences are not known to anybody yet.
        sequences = tuple(sorted(set(write.sequences) & self._found.payloads))
        sequence = self._append(item, ErasureBody(sequences=sequences))
        self._found.payloads.difference_update(sequences)
        self.changes.erasures.extend((erased, sequence) for erased in sequences)
        self.changes.counters["erased"] += len(sequences)
        return self._receipt(Receipt(sequence=sequence))

    def _merge(self, item: Request, write: MergePersons) -> Receipt:
        first, second = (write.identifier_kind, write.identifier), (write.other_kind, write.other)
        kept, absorbed = self._found.persons.get(first), self._found.persons.get(second)
        payload = MergePayload(
            identifier=write.identifier,
            identifier_kind=write.identifier_kind,
            other=write.other,
            other_kind=write.other_kind,
        )
        if kept is not None and absorbed is not None and kept != absorbed:
            return self._unite(item, payload, kept, absorbed)
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
            newcomer = self._newcomer(*(first if kept is None else second))
        version = self._found.profiles.get(person, ProfileFound(0, b"")).version
        body = MergeBody(
            version=version, versions=(version, 0), introduces=None if newcomer is None else newcomer.digest
        )
        sequence = self._append(item, body, payload, person=person)
        self._welcome(newcomer, person, sequence)
        self.changes.counters["repeats"] += newcomer is None
        return self._receipt(Receipt(sequence=sequence, repeated=newcomer is None, version=version))

    def _unite(self, item: Request, payload: MergePayload, kept: str, absorbed: str) -> Receipt:
        """Let one person absorb another: identifiers, attributes, and whom the other had absorbed."""
        found, changes = self._found, self.changes
        own, others = (found.profiles.get(person, ProfileFound(0, b"")) for person in (kept, absorbed))
        # Above both: whoever knew either profile by its version sees that it changed.
        version = max(own.version, others.version) + 1 if own.version or others.version else 0
        earlier = tuple(found.absorbed.pop(absorbed, ()))
        body = MergeBody(absorbed=absorbed, earlier=earlier, version=version, versions=(own.version, others.version))
        sequence = self._append(item, body, payload, person=kept)
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
            self._save_attributes(kept, version, sequence, encode(united))
        changes.counters["customers"] -= bool(own.version and others.version)
        return self._receipt(Receipt(sequence=sequence, version=version))
