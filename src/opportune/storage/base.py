"""The contract of storages."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Self

import msgspec

from opportune.errors import DamageError, InputError, StoreError
from opportune.storage.anchor import Anchor
from opportune.storage.books import Book
from opportune.storage.changes import (
    Changes,
    ConsentFound,
    Found,
    SwitchFound,
    Wanted,
    consent_digest,
    profile_digest,
    switch_digest,
)
from opportune.storage.cluster import Cluster
from opportune.storage.contacts import Contacts, read_contacts
from opportune.storage.digests import SALT_BYTES, digest_of, erasure_mark
from opportune.storage.entries import Entry, StoredRow, decode_row, from_microseconds, lasting_row, to_microseconds
from opportune.storage.erasing import ERASURES, erase_again, key_name
from opportune.storage.histories import History, read_history
from opportune.storage.hooks import Hooks, ProfileRow
from opportune.storage.kinds import (
    ChangeBody,
    DecisionPayload,
    EventBody,
    ForgetBody,
    Kind,
    MergeBody,
    OutcomeBody,
    ProfileBody,
    RevisionBody,
    SplitBody,
)
from opportune.storage.local_cluster import LocalCluster
from opportune.storage.parting import decision_of
from opportune.storage.persons import new_person
from opportune.storage.reservations import DueLease, StockCount, StoredReservation
from opportune.storage.stored import (
    Committed,
    Consent,
    Counts,
    DueWindow,
    Erasure,
    KnownPerson,
    ModelState,
    Profile,
    Revision,
    RevisionNote,
    StoredDecision,
    StoredOutcome,
    Switch,
    Unit,
)
from opportune.storage.unions import OwnProfile, alone, read_marks, united
from opportune.storage.writes import Receipt, Write

__all__ = ["MODELS_KEPT", "Storage"]

MODELS_KEPT = 10
"""States kept of every model name: as many as the promise to go back to any of ten earlier models."""

_SHARED = ("attributes", "version", "times")
"""Fields that a unit has in common with a profile."""

_AFTER_ALL = 2**63 - 1
"""Behind every sequence."""


class Storage(Hooks):
    """Keeps the journal and the state that follows from it.

    **What is kept.** The journal is the truth: every write that is taken appends one entry, in the same transaction as
    its effect on profiles, decisions, outcomes, windows, revisions and models. Entries are never changed. Their
    personal part may be erased; the entry and its digests stay. Only retention drops entries, the oldest first and
    without a gap, and leaves an anchor that what follows is proved from; decisions with all their outcomes, ids and
    erasures go with their entries, all else stays.

    **One person.** Every identifier has a person of its own, whose entries stay under it. Merges that stand let several
    of them be one, and one of these stand for all; reads take all of them together. A merge can be undone.

    **Forgotten.** An erasure takes all that is personal of somebody; what is dated before it and written later has no
    effect.

    **Atomic.** `write` is one transaction: after a crash at any moment either the whole batch is there or nothing of
    it. Inside a batch each write is judged by itself, as if the writes came one by one: a refusal (`InputError` in the
    place of the receipt) has no effect and spoils no other. A failure of the store (`StoreError`) refuses the batch.

    **Durable.** When `write` returns, the batch survives the loss of power. No write may be lost after that, of any
    kind. When `write` raises `StoreError`, nothing was acknowledged; the batch may or may not be there, and the
    caller may send it again with the same ids.

    **Idempotent.** By (kind, caller's id): the same body again gets the first receipt with `repeated` set; another
    body is refused with `ConflictError`. An outcome whose decision does not exist is refused with `UnknownError` and
    counted, or waits for it where the write says so. Every report of an outcome is an entry: see `standing`.

    **Reads.** A read that begins after `write` returned sees it. A read sees committed states only. `decision`,
    `profile` and the like are one state each; two reads may be two states.

    **Order.** Sequences are assigned inside the transaction, start at 1 and have no gaps; their order is the order in
    which effects took place. `recorded_at` follows the wall clock and may step back; `occurred_at` is the caller's.

    **Threads.** All methods may be called from any thread; writes take their turn. Only some backends let several
    processes write: opening says so.

    **Damage.** What is read is checked against digests kept beside it. What contradicts itself raises `DamageError`
    naming place, fault and command; it is never answered.

    Backends fill the underscored methods. They get rows ready to store and need no knowledge of their meaning.

    Args:
        place: name of the store in messages, such as its file.
        clock: gives the time of recording, aware.
        new_id: makes internal ids of persons.
        new_salt: makes 16 random bytes.
    """

    def __init__(
        self,
        place: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], str] = new_person,
        new_salt: Callable[[], bytes] = lambda: os.urandom(SALT_BYTES),
    ) -> None:
        self.place = place
        self.url = ""
        """How another process opens it, as `open_storage` was told; "" where it was opened otherwise."""
        self.migrated: tuple[str, ...] = ()
        """Names of the migrations that opening it applied, such as "0002_merges_and_retention"."""
        self.cluster: Cluster = LocalCluster(clock)
        """How the processes of this installation reach one another; a shared store brings its own."""
        self._clock = clock
        self._new_id = new_id
        self._new_salt = new_salt
        self._marking: bytes | None = None

    # Writing

    def write(self, batch: Sequence[Write]) -> list[Receipt | InputError]:
        """Take a batch in one transaction; durable when this returns.

        Raises:
            StoreBusyError: not now; the same batch may succeed later.
            StoreError: nothing of the batch is acknowledged.
        """
        return self.commit(batch).results

    def commit(self, batch: Sequence[Write]) -> Committed:
        """Do as `write`, and return the new entries too, for those who follow the journal."""
        book = Book(batch, self._new_id, self._new_salt, self._mark)

        def plan(found: Found) -> Changes:
            book.plan(found, self._clock())
            return book.changes

        self._transact(book.wanted, plan)
        results = [self._first_receipt(result) if isinstance(result, int) else result for result in book.results]
        return Committed(results, book.entries)

    def _first_receipt(self, sequence: int) -> Receipt:
        """The receipt that the entry's own write got, with `repeated` set."""
        entry = self._kept_entry(sequence)
        if entry is None:
            return Receipt(sequence=sequence, repeated=True)
        body, payload = entry.body, entry.payload
        version = 0
        match body:
            case ProfileBody() | MergeBody() | SplitBody():
                version = body.version
            case RevisionBody():
                version = body.number
            case ForgetBody():
                version = len(body.sequences)
        return Receipt(
            sequence=sequence,
            repeated=True,
            answer=payload.answer if isinstance(payload, DecisionPayload) else None,
            version=version,
        )

    def _mark(self, identifier_kind: str, identifier: str) -> bytes:
        """Keyed digest of an identifier, which outlives its erasure."""
        if self._marking is None:
            self._marking = self.secret(ERASURES)
        return erasure_mark(self._marking, identifier_kind, identifier)

    # Customers

    def person_of(self, identifier: str, identifier_kind: str = "customer") -> str | None:
        """Internal id of the person behind an identifier."""
        return self._person(identifier_kind, identifier)

    def persons_of(self, identifier: str, identifier_kind: str = "customer") -> list[str]:
        """Internal ids of the person behind an identifier and of all whom that person absorbed; empty for nobody."""
        return self._persons(identifier_kind, identifier)

    def merges(self, identifier: str, identifier_kind: str = "customer") -> list[tuple[Entry, Entry | None]]:
        """Merges of the person behind an identifier, newest first, each with what undid it; those that are kept.

        Those of before persons had entries of their own are missing.
        """
        persons = self.persons_of(identifier, identifier_kind)
        found = []
        for sequence, undone in sorted(self._merges(persons), reverse=True) if persons else ():
            entry = self._kept_entry(sequence) if sequence else None
            if entry is not None:
                found.append((entry, self._kept_entry(undone) if undone else None))
        return found

    def people(self) -> Iterator[KnownPerson]:
        """Everybody who is known, one after another; of a snapshot all of one moment."""
        for root, rows in groupby(self._table("people"), key=lambda row: str(row[0])):
            found = list(rows)
            own = [ProfileRow(*row[3:]) for row in found if row[3] is not None]
            attributes: dict[str, Any] = {}
            if len(found) == 1 and own:
                attributes = self._own_profile(own[0]).attributes
            elif own:
                known = self.profile(found[0][2], found[0][1])
                attributes = {} if known is None else known.attributes
            yield KnownPerson(root, tuple((kind, value) for _, kind, value, *_ in found), attributes)

    def identifiers(self, identifier: str, identifier_kind: str = "customer") -> list[tuple[str, str]]:
        """(kind, identifier) of all identifiers of the person behind one, and of all who became one with it."""
        persons = self.persons_of(identifier, identifier_kind)
        return sorted(self._identifiers(persons)) if persons else []

    def profile(self, identifier: str, identifier_kind: str = "customer") -> Profile | None:
        """Attributes of the person behind an identifier; None where nobody or nothing is known."""
        rows = self._profiles(identifier_kind, identifier)
        if rows is None or not rows.profiles:
            return None
        owns = [self._own_profile(row) for row in rows.profiles]
        known = united(owns, rows.links) if len(owns) > 1 else alone(owns[0])
        return Profile(
            person=rows.root,
            attributes={name: value for name, (value, _) in known.items()},
            version=max(row.version for row in rows.profiles),
            times={name: at for name, (_, at) in known.items() if at is not None},
        )

    def _own_profile(self, row: ProfileRow) -> OwnProfile:
        if profile_digest(row.person, row.version, row.sequence, row.attributes, row.marks) != row.digest:
            raise self._damage(f"profile of person {row.person}: it does not fit its digest")
        return OwnProfile(row.person, msgspec.msgpack.decode(row.attributes), read_marks(row.marks, row.sequence))

    def units(self, identifier: str, identifier_kind: str = "customer") -> dict[str, Unit]:
        """Level → unit that the person behind an identifier belongs to: what was said last of the level."""
        last: dict[str, tuple[int, str | None]] = {}
        for level, _, sequence, unit in self._units(identifier_kind, identifier):
            last[level] = max(last.get(level, (0, None)), (sequence, unit), key=lambda said: said[0])
        found = {}
        for level, (_, unit) in sorted(last.items()):
            if unit is not None:
                known = self.profile(unit, level)
                said = {} if known is None else {name: getattr(known, name) for name in _SHARED}
                found[level] = Unit(level=level, unit=unit, **said)
        return found

    def members(self, level: str, unit: str) -> list[str]:
        """Internal ids of the persons who belong to a unit."""
        return sorted({root for root, _ in self._persons_in(level, unit)})

    def member_identifiers(self, level: str, unit: str) -> list[list[tuple[str, str]]]:
        """Per person who belongs to a unit, all identifiers that lead there, as (kind, value), sorted."""
        persons: dict[str, list[str]] = {}
        for root, person in self._persons_in(level, unit):
            persons.setdefault(root, []).append(person)
        return sorted(sorted(self._identifiers(group)) for group in persons.values())

    def _persons_in(self, level: str, unit: str) -> list[tuple[str, str]]:
        """(who stands for it, person) of all who are one with somebody who belongs to a unit."""
        rows = self._members(level, unit)
        last: dict[str, tuple[int, bool]] = {}
        for root, _, sequence, is_of in rows:
            last[root] = max(last.get(root, (0, False)), (sequence, bool(is_of)))
        return [(root, person) for root, person, _, _ in rows if last[root][1]]

    def consents(self, identifier: str, identifier_kind: str = "customer") -> tuple[Consent, ...]:
        """What the person behind an identifier said last of every channel and purpose; of what is missing, nothing.

        Where several identifiers are one person, the later word counts, and of two of one moment the one that does not
        give.
        """
        last: dict[tuple[str, str], ConsentFound] = {}
        for row in self._consents(identifier_kind, identifier):
            if consent_digest(*row[:-1]) != row.digest:
                raise self._damage(f"consent of person {row.person}: it does not fit its digest")
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

    def happened(self, identifier: str, identifier_kind: str, since: datetime, level: str | None = None) -> History:
        """Contacts and events of the person behind an identifier and of all who became one with it, from a moment on.

        Args:
            level: those of all members of the person's unit of this level too.
        """
        others: list[str] = []
        if level is not None and (unit := self.units(identifier, identifier_kind).get(level)) is not None:
            others = [person for _, person in self._persons_in(level, unit.unit)]
        try:
            return read_history(
                lambda before, limit: self._happened(identifier_kind, identifier, others, before, limit),
                self.about,
                to_microseconds(since),
            )
        except (DamageError, msgspec.MsgspecError) as error:
            raise self._damage(str(error)) from error

    def session(self, session: str, limit: int = 100, before: int | None = None) -> list[Entry]:
        """Entries of a conversation, newest first.

        Args:
            before: only entries with a smaller sequence.
        """
        return [self._decode(row) for row in self._session(session, before or _AFTER_ALL, limit)]

    def turns(self, session: str, said: str, limit: int, among: int = 50_000) -> list[Entry]:
        """Decisions of a conversation and its events of one type, newest first.

        Args:
            said: the type.
            among: only these many newest entries of the conversation are searched.
        """
        found = [self._decode(row) for row in self._turns(session, said.encode(), limit, among)]
        return [entry for entry in found if not isinstance(entry.body, EventBody) or entry.body.type == said]

    # Erasure

    def erasures(self, after: int = 0) -> list[Erasure]:
        """Who was forgotten by entries behind `after`, in order, without anything personal; see `erase_again`."""
        found: dict[tuple[int, int], list[bytes]] = {}
        for mark, at, sequence in self._table("tombstones"):
            if sequence > after:
                found.setdefault((sequence, at), []).append(bytes(mark))
        key = key_name(self.secret(ERASURES))
        return [
            Erasure(sequence=sequence, at=from_microseconds(at), marks=tuple(sorted(marks)), key=key)
            for (sequence, at), marks in sorted(found.items())
        ]

    def erase_again(self, records: Iterable[Erasure], secret: bytes | None = None) -> int:
        """Forget once more whom an earlier state of this store, such as a restored backup, knows again.

        To be called before anything else is written to it.

        Args:
            records: as `erasures` gave them.
            secret: the one that the records were made with, `secret("erasures")` of the store they come from; None
                takes this store's own, which a backup brings along.

        Returns:
            how many of them it did not know as forgotten.

        Raises:
            StoreError: the records were made with another secret, or the store cannot be written.
        """
        return erase_again(self, records, secret)

    def compact(self) -> tuple[str, ...]:
        """Leave no bytes behind of what was erased: rewrite the files. Other writers wait as long as that takes.

        Returns:
            what is left for an administrator to do, in words; nothing with a store in a file.

        Raises:
            StoreBusyError: a reader holds an old state.
        """
        return self._compact()

    def history(
        self, identifier: str, identifier_kind: str = "customer", limit: int = 100, before: int | None = None
    ) -> list[Entry]:
        """Entries of the person behind an identifier and of all whom that person absorbed, newest first.

        Args:
            limit: how many at most.
            before: only entries with a smaller sequence.
        """
        persons = self.persons_of(identifier, identifier_kind)
        return [self._decode(row) for row in self._history(persons, before or _AFTER_ALL, limit)] if persons else []

    def journal_of(self, persons: Collection[str], limit: int = 10_000) -> list[Entry]:
        """Entries of persons by their internal ids, newest first; also of those who were forgotten."""
        return [self._decode(row) for row in self._history(list(persons), _AFTER_ALL, limit)] if persons else []

    # Decisions and outcomes

    def decision(self, decision_id: str) -> StoredDecision | None:
        """A decision by its id."""
        sequence = self._decision_sequence(decision_id)
        return None if sequence is None else self._stored_decision(sequence)

    def decision_of_request(self, request_id: str) -> StoredDecision | None:
        """A decision by the idempotency key of its request."""
        sequence = self._key_sequence(Kind.DECISION, request_id)
        return None if sequence is None else self._stored_decision(sequence)

    def recorded(self, kind: Kind, caller_ids: Iterable[str]) -> set[str]:
        """Of some ids of callers, those under which something of a kind was recorded."""
        return {name for name in caller_ids if self._key_sequence(kind, name) is not None}

    def about(self, decision_ids: Collection[str]) -> list[Entry]:
        """Entries of some decisions and of all their outcomes, in journal order; one read, however many they are."""
        return [self._decode(row) for row in self._about(decision_ids)] if decision_ids else []

    def _stored_decision(self, sequence: int) -> StoredDecision | None:
        entry = self._kept_entry(sequence)
        if entry is None:
            return None
        decision = decision_of(entry)
        payload = entry.payload
        return StoredDecision(
            decision=decision,
            answer=payload.answer if isinstance(payload, DecisionPayload) else None,
            sequence=sequence,
            recomputable=payload is not None and self._can_rebuild(decision.position),
        )

    def _can_rebuild(self, position: int) -> bool:
        """Whether what was learned from the latest kept state at or before a position, up to it, is all there."""
        return self.learnable(self._checkpoint(position) or 0, position)

    def outcomes_of(self, decision_id: str) -> list[StoredOutcome]:
        """All outcomes of a decision, in journal order."""
        outcomes = []
        for sequence in self._outcome_sequences(decision_id):
            entry = self._kept_entry(sequence)
            if entry is None:
                continue
            if not isinstance(entry.body, OutcomeBody):
                raise self._damage(f"journal entry {sequence}: expected an outcome, found a {entry.kind}")
            outcomes.append(
                StoredOutcome(
                    sequence=sequence,
                    id=entry.id,
                    occurred_at=entry.occurred_at,
                    recorded_at=entry.recorded_at,
                    body=entry.body,
                )
            )
        return outcomes

    def due_windows(self, now: datetime, limit: int) -> list[DueWindow]:
        """Open response windows that were due at `now`, oldest first, at most `limit`."""
        return [
            DueWindow(
                decision=decision, action=action, treatment=treatment, outcome=outcome, due_at=from_microseconds(due_at)
            )
            for decision, action, treatment, outcome, due_at in self._due_windows(to_microseconds(now), limit)
        ]

    # What limits count

    def contacts(self, identifier: str, since: datetime, identifier_kind: str = "customer") -> Contacts:
        """Contacts of the person behind an identifier and of all who became one with it, from a moment on.

        Outcomes are those that stand, silence among them. `Contacts.last` goes into the decision that is made with
        them, see `SaveDecision.contacts_seen`.
        """
        try:
            return read_contacts(
                lambda before, limit: self._contacts(identifier_kind, identifier, before, limit),
                self.about,
                to_microseconds(since),
            )
        except (DamageError, msgspec.MsgspecError) as error:
            raise self._damage(str(error)) from error

    def stocks(self, wanted: Collection[tuple[str, str]] | None = None) -> list[StockCount]:
        """What is taken of stocks: of some (stock, period), zero where nothing is; or all that was ever taken of."""
        if wanted is None:
            return [StockCount(*row) for row in sorted(self._table("stocks"))]
        found = self._look_up(Wanted(stocks=list(wanted))).stocks
        return [found.get(key) or StockCount(*key) for key in wanted]

    def reservations(self, stock: str, limit: int = 1_000, before: int | None = None) -> list[StoredReservation]:
        """Reservations of a stock whose decisions are kept, the newest first.

        Args:
            limit: how many at most.
            before: only those of decisions with a smaller sequence.
        """
        return [row.read() for row in self._reservations(stock, before or _AFTER_ALL, limit)]

    def reservations_of(self, decision_id: str) -> list[StoredReservation]:
        """What a decision reserved."""
        found = self._look_up(Wanted(reservations=[decision_id])).reservations.get(decision_id, {})
        return [row.read() for row in sorted(found.values())]

    def due_leases(self, now: datetime, limit: int) -> list[DueLease]:
        """Open reservations whose lease had ended at `now`, oldest first, at most `limit`; see `ReleaseLeases`."""
        return [
            DueLease(
                decision=row.decision,
                action=row.action,
                stock=row.stock,
                period=row.period,
                lease_until=from_microseconds(row.lease_until),
            )
            for row in self._due_leases(to_microseconds(now), limit)
        ]

    def switches(self) -> list[Switch]:
        """The last switch of every action and group that was ever switched, by target."""
        return [self._switch(row) for row in self._switches()]

    def _switch(self, row: SwitchFound) -> Switch:
        if switch_digest(*row[:-1]) != row.digest:
            raise self._damage(f"switch of {row.target}: it does not fit its digest")
        return Switch(
            target=row.target,
            off=bool(row.off),
            author=row.author,
            reason=row.reason,
            at=from_microseconds(row.at),
            sequence=row.sequence,
        )

    # Journal

    def journal(self, after: int = 0, limit: int = 1_000, kinds: Collection[Kind] = ()) -> list[Entry]:
        """Entries with a sequence above `after`, in order, at most `limit`; of all kinds unless some are named."""
        return [self._decode(row) for row in self._rows(after, limit, kinds)]

    def anchor(self) -> Anchor | None:
        """Where the kept journal begins; None while nothing was dropped."""
        anchor = self._anchor()
        if anchor is not None and anchor.sealed() != anchor:
            raise self._damage("anchor of the journal: it does not fit its digest")
        return anchor

    def learnable(self, after: int, until: int) -> bool:
        """Whether all that was learned from the outcomes behind one position up to another is still there."""
        begin = min([after, *self._taught_again(after, until)])
        anchor = self.anchor()
        return (anchor is None or begin >= anchor.learnable_from) and not self._lost(begin, until)

    def _taught_again(self, after: int, until: int) -> list[int]:
        """Positions from which changes of models in a stretch had something learned anew."""
        found: list[int] = []
        while page := self.journal(after, 100, (Kind.CHANGE,)):
            for entry in page:
                if entry.sequence > until:
                    return found
                if isinstance(entry.body, ChangeBody) and entry.body.again:
                    found.append(entry.body.position)
            after = page[-1].sequence
        return found

    def last_sequence(self) -> int:
        """Sequence of the last entry; 0 in an empty journal."""
        return self._last_sequence()

    def counts(self) -> Counts:
        """How much there is; kept up by every write, so this costs little."""
        return msgspec.convert({k: v for k, v in self._counters().items() if k in Counts.__struct_fields__}, Counts)

    # Revisions and models

    def current_revision(self) -> Revision | None:
        """The strategy in use: the one saved last."""
        return self.revision(None)

    def revision(self, key: int | str | None) -> Revision | None:
        """A strategy by number, or the latest of a hash, or the latest of all."""
        row = self._revision(key)
        if row is None:
            return None
        number, name, sequence, bundle, digest = row
        if digest_of(bundle) != digest:
            raise self._damage(f"bundle of revision {number}: it does not fit its digest")
        return Revision(number=number, hash=name, bundle=bundle, sequence=sequence)

    def revisions(self, after: int = 0) -> list[RevisionNote]:
        """What is known of all revisions with a number above `after`, in order, without their bundles."""
        notes = []
        rows = sorted(row for row in self._table("revisions") if row[0] > after)
        entries = {row[0]: lasting_row(row) for row in self._table("revision_entries")} if rows else {}
        for number, name, sequence in rows:
            entry = self._decode(entries[sequence]) if sequence in entries else self._kept_entry(sequence)
            notes.append(RevisionNote(number, name, sequence, entry))
        return notes

    def model_state(self, name: str) -> ModelState | None:
        """The state of a model that was adopted last."""
        states = self.model_states(name, 1)
        return states[0] if states else None

    def change_state(self, sequence: int) -> bytes:
        """Bytes that a change of models came with, by its journal entry.

        Raises:
            DamageError: they are missing, or do not fit their digest.
        """
        row = self._change_state(sequence)
        if row is None or digest_of(row[0]) != row[1]:
            raise self._damage(f"state of the change of models {sequence}: it is missing or does not fit its digest")
        return row[0]

    def model_states(self, name: str, limit: int = MODELS_KEPT) -> list[ModelState]:
        """Kept states of a model, the one adopted last first."""
        states = []
        for sequence, position, hash_, state, digest in self._models(name, limit):
            if digest_of(state) != digest:
                raise self._damage(f"state of model {name} adopted by entry {sequence}: it does not fit its digest")
            states.append(ModelState(name=name, position=position, hash=hash_, state=state, sequence=sequence))
        return states

    # Secrets

    def secret(self, name: str) -> bytes:
        """32 random bytes that the store keeps under a name; the same for all who use it, and drawn when first asked.

        Raises:
            StoreError: it cannot be read or written now.
        """
        return self._secret(name, os.urandom(32))

    # Life

    def prepare(self) -> None:
        """Make room for the entries to come, so that no write has to; a chore for now and then."""

    @abstractmethod
    def snapshot(self) -> Storage:
        """Open a reader of what is committed now, which sees nothing of what is written later; the caller closes it."""

    def interrupted_copies(self) -> list[str]:
        """Places from which a copy into this store began and did not end; only opening with `for_copy` gives them."""
        return self._copies()

    def _check_complete(self) -> None:
        """Refuse a store that a copy into it left half full.

        Raises:
            StoreError: the copy did not end.
        """
        for source in self._copies():
            raise StoreError(
                f"{self.place}: the copy from {source} into it did not end; run 'opportune copy' again, or drop it"
            )

    @abstractmethod
    def close(self) -> None:
        """Release everything; further calls raise `StoreError`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # Checks shared by the reads

    def _kept_entry(self, sequence: int) -> Entry | None:
        """An entry that was pointed to; None where retention dropped it, unless it is a revision's."""
        row = self._row(sequence)
        if row is None:
            anchor = self.anchor()
            if anchor is None or anchor.sequence < sequence:
                raise self._damage(f"journal entry {sequence}: it is missing")
            row = self._revision_entry(sequence)
        return None if row is None else self._decode(row)

    def _decode(self, row: StoredRow) -> Entry:
        try:
            return decode_row(row)
        except (DamageError, msgspec.MsgspecError) as error:
            raise self._damage(str(error)) from error

    def _damage(self, fault: str) -> DamageError:
        return DamageError(f"{self.place}: {fault}; run 'opportune verify', then restore a backup")
