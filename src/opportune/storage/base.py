"""The contract of storages."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Self

import msgspec

from opportune.errors import InputError, StoreError
from opportune.records import Decision
from opportune.storage.anchor import Anchor
from opportune.storage.books import Book
from opportune.storage.changes import Changes, Found
from opportune.storage.cluster import Cluster
from opportune.storage.contacts import Contacts
from opportune.storage.digests import SALT_BYTES, erasure_mark
from opportune.storage.entries import Entry, StoredRow
from opportune.storage.erasing import ERASURES, erase_again, erasures
from opportune.storage.histories import History
from opportune.storage.hooks import Hooks
from opportune.storage.kinds import Kind
from opportune.storage.local_cluster import LocalCluster
from opportune.storage.naming import Naming, search
from opportune.storage.persons import new_person
from opportune.storage.reads import (
    about,
    belonging,
    decisions,
    decoded,
    first_receipt,
    happening,
    kept_anchor,
    limits,
    people,
    publishing,
)
from opportune.storage.reservations import DueLease, StockCount, StoredReservation
from opportune.storage.stored import (
    Committed,
    Consent,
    Counts,
    DueWindow,
    Erasure,
    KnownMerge,
    KnownPerson,
    ModelState,
    OwnValues,
    Profile,
    Revision,
    RevisionNote,
    StoredDecision,
    StoredOutcome,
    Switch,
    Unit,
)
from opportune.storage.writes import ErasePerson, Receipt, Searched, Write

__all__ = ["MODELS_KEPT", "Storage"]

MODELS_KEPT = 10
"""States kept of every model name: as many as the promise to go back to any of ten earlier models."""

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
        naming = None
        if book.wanted.erasing:
            orders = (write for write in batch if isinstance(write, ErasePerson))
            searched = [order.searched for order in orders if order.searched is not None]
            naming = Naming(self, book.wanted.erasing, searched)
            book.wanted.payloads.extend(naming.sequences)

        def plan(found: Found) -> Changes:
            if naming is not None:
                naming.complete(found)
            book.plan(found, self._clock())
            return book.changes

        self._transact(book.wanted, plan)
        results = [first_receipt(self, result) if isinstance(result, int) else result for result in book.results]
        return Committed(results, book.entries)

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

    def search(self, identifier: str, identifier_kind: str = "customer") -> Searched:
        """Read the whole journal for who names a person, for an `ErasePerson` that follows; beside all writing."""
        return search(self, identifier_kind, identifier)

    def merges(self, identifier: str, identifier_kind: str = "customer") -> list[KnownMerge]:
        """Merges of the person behind an identifier that can be undone or were, newest first.

        Those of before persons had entries of their own are missing, and undone ones whose entry retention dropped.
        """
        return people.merges(self, identifier_kind, identifier)

    def people(self) -> Iterator[KnownPerson]:
        """Everybody who is known, one after another; of a snapshot all of one moment."""
        return people.everybody(self)

    def identifiers(self, identifier: str, identifier_kind: str = "customer") -> list[tuple[str, str]]:
        """(kind, identifier) of all identifiers of the person behind one, and of all who became one with it."""
        persons = self.persons_of(identifier, identifier_kind)
        return sorted(self._identifiers(persons)) if persons else []

    def identifiers_of(self, person: str) -> list[tuple[str, str]]:
        """(kind, identifier) of all identifiers of an internal id alone, without those who became one with it."""
        return sorted(self._identifiers([person]))

    def profile(self, identifier: str, identifier_kind: str = "customer") -> Profile | None:
        """Attributes of the person behind an identifier; None where nobody or nothing is known."""
        return people.profile(self, identifier_kind, identifier)

    def own_values(self, person: str) -> OwnValues | None:
        """What an internal id's own profile holds, which entries of the journal stand under; None where there is none.

        Of what others hold that are one person with it, nothing.
        """
        return people.own_values(self, person)

    def units(self, identifier: str, identifier_kind: str = "customer") -> dict[str, Unit]:
        """Level → unit that the person behind an identifier belongs to: what was said last of the level."""
        return belonging.units(self, identifier_kind, identifier)

    def members(self, level: str, unit: str) -> list[str]:
        """Internal ids of the persons who belong to a unit."""
        return sorted({root for root, _ in belonging.persons_in(self, level, unit)})

    def member_identifiers(self, level: str, unit: str) -> list[list[tuple[str, str]]]:
        """Per person who belongs to a unit, all identifiers that lead there, as (kind, value), sorted."""
        return belonging.member_identifiers(self, level, unit)

    def consents(self, identifier: str, identifier_kind: str = "customer") -> tuple[Consent, ...]:
        """What the person behind an identifier said last of every channel and purpose; of what is missing, nothing.

        Where several identifiers are one person, the later word counts, and of two of one moment the one that does not
        give.
        """
        return belonging.consents(self, identifier_kind, identifier)

    def happened(self, identifier: str, identifier_kind: str, since: datetime, level: str | None = None) -> History:
        """Contacts and events of the person behind an identifier and of all who became one with it, from a moment on.

        Args:
            level: those of all members of the person's unit of this level too.
        """
        return happening.happened(self, identifier_kind, identifier, since, level)

    def session(self, session: str, limit: int = 100, before: int | None = None) -> list[Entry]:
        """Entries of a conversation, newest first.

        Args:
            before: only entries with a smaller sequence.
        """
        return self._decoded(self._session(session, before or _AFTER_ALL, limit))

    def turns(self, session: str, said: str, limit: int, among: int = 50_000) -> list[Entry]:
        """Decisions of a conversation and its events of one type, newest first.

        Args:
            said: the type.
            among: only these many newest entries of the conversation are searched.
        """
        return happening.turns(self, session, said, limit, among)

    # Erasure

    def erasures(self, after: int = 0) -> list[Erasure]:
        """Who was forgotten by entries behind `after`, in order, without anything personal; see `erase_again`."""
        return erasures(self, after)

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
        return self._decoded(self._history(persons, before or _AFTER_ALL, limit)) if persons else []

    def journal_of(self, persons: Collection[str], limit: int = 10_000) -> list[Entry]:
        """Entries of persons by their internal ids, newest first; also of those who were forgotten."""
        return self._decoded(self._history(list(persons), _AFTER_ALL, limit)) if persons else []

    # Decisions and outcomes

    def decision(self, decision_id: str) -> StoredDecision | None:
        """A decision by its id."""
        return decisions.decision(self, self._decision_sequence(decision_id))

    def said(self, decision_id: str) -> Decision | None:
        """What a decision said, for those who need not know whether it can be made once more."""
        return decisions.said(self, self._decision_sequence(decision_id))

    def decision_of_request(self, request_id: str) -> StoredDecision | None:
        """A decision by the idempotency key of its request."""
        return decisions.decision(self, self._key_sequence(Kind.DECISION, request_id))

    def recorded(self, kind: Kind, caller_ids: Iterable[str]) -> set[str]:
        """Of some ids of callers, those under which something of a kind was recorded."""
        return {name for name in caller_ids if self._key_sequence(kind, name) is not None}

    def about(self, decision_ids: Collection[str]) -> list[Entry]:
        """Entries of some decisions and of all their outcomes, in journal order; one read, however many they are."""
        return about(self, decision_ids)

    def outcomes_of(self, decision_id: str) -> list[StoredOutcome]:
        """All outcomes of a decision, in journal order."""
        return decisions.outcomes(self, decision_id)

    def due_windows(self, now: datetime, limit: int) -> list[DueWindow]:
        """Open response windows that were due at `now`, oldest first, at most `limit`."""
        return decisions.due_windows(self, now, limit)

    # What limits count

    def contacts(self, identifier: str, since: datetime, identifier_kind: str = "customer") -> Contacts:
        """Contacts of the person behind an identifier and of all who became one with it, from a moment on.

        Outcomes are those that stand, silence among them. `Contacts.last` goes into the decision that is made with
        them, see `SaveDecision.contacts_seen`.
        """
        return happening.contacts(self, identifier_kind, identifier, since)

    def stocks(self, wanted: Collection[tuple[str, str]] | None = None) -> list[StockCount]:
        """What is taken of stocks: of some (stock, period), zero where nothing is; or all that was ever taken of."""
        return limits.stocks(self, wanted)

    def reservations(self, stock: str, limit: int = 1_000, before: int | None = None) -> list[StoredReservation]:
        """Reservations of a stock whose decisions are kept, the newest first.

        Args:
            limit: how many at most.
            before: only those of decisions with a smaller sequence.
        """
        return [row.read() for row in self._reservations(stock, before or _AFTER_ALL, limit)]

    def reservations_of(self, decision_id: str) -> list[StoredReservation]:
        """What a decision reserved."""
        return limits.reservations_of(self, decision_id)

    def due_leases(self, now: datetime, limit: int) -> list[DueLease]:
        """Open reservations whose lease had ended at `now`, oldest first, at most `limit`; see `ReleaseLeases`."""
        return limits.due_leases(self, now, limit)

    def switches(self) -> list[Switch]:
        """The last switch of every action and group that was ever switched, by target."""
        return limits.switches(self)

    # Journal

    def journal(self, after: int = 0, limit: int = 1_000, kinds: Collection[Kind] = ()) -> list[Entry]:
        """Entries with a sequence above `after`, in order, at most `limit`; of all kinds unless some are named."""
        return self._decoded(self._rows(after, limit, kinds))

    def anchor(self) -> Anchor | None:
        """Where the kept journal begins; None while nothing was dropped."""
        return kept_anchor(self)

    def learnable(self, after: int, until: int) -> bool:
        """Whether all that was learned from the outcomes behind one position up to another is still there."""
        return decisions.learnable(self, after, until)

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
        return publishing.revision(self, key)

    def revisions(self, after: int = 0) -> list[RevisionNote]:
        """What is known of all revisions with a number above `after`, in order, without their bundles."""
        return publishing.revisions(self, after)

    def model_state(self, name: str) -> ModelState | None:
        """The state of a model that was adopted last."""
        states = self.model_states(name, 1)
        return states[0] if states else None

    def change_state(self, sequence: int) -> bytes:
        """Bytes that a change of models came with, by its journal entry.

        Raises:
            DamageError: they are missing, or do not fit their digest.
        """
        return publishing.change_state(self, sequence)

    def model_states(self, name: str, limit: int = MODELS_KEPT) -> list[ModelState]:
        """Kept states of a model, the one adopted last first."""
        return publishing.model_states(self, name, limit)

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
                f"{self.place}: the copy from {source} into it did not end; run 'opportune copy' or"
                " 'opportune restore' again, whichever it was, or drop it"
            )

    def _check_tail(self) -> None:
        """Read the last entries: damage by a torn write would be there."""
        self.journal(max(0, self.last_sequence() - 10), 10)

    @abstractmethod
    def close(self) -> None:
        """Release everything; further calls raise `StoreError`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _decoded(self, rows: Iterable[StoredRow]) -> list[Entry]:
        return [decoded(self, row) for row in rows]
