"""What every backend must be able to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

from opportune.storage.anchor import Anchor
from opportune.storage.changes import Changes, ConsentFound, Found, ReservationFound, SwitchFound, Wanted
from opportune.storage.entries import StoredRow
from opportune.storage.kinds import Kind
from opportune.storage.unions import Link

__all__ = ["Hooks", "PersonRows", "ProfileRow"]


class ProfileRow(NamedTuple):
    """A profile as backends read it."""

    person: str
    version: int
    sequence: int
    attributes: bytes
    digest: bytes
    marks: bytes


class PersonRows(NamedTuple):
    """What backends read of the person behind an identifier.

    Args:
        root: who stands for it today.
        profiles: own profiles of all who are one with it; the identifier's own where there are no others.
        links: merges among them that stand.
    """

    root: str
    profiles: list[ProfileRow]
    links: list[Link]


class Hooks(ABC):
    """What a backend does for a `Storage`: find rows and change them, without knowledge of their meaning.

    All hooks may raise `StoreError`; reads see committed states only.
    """

    place: str
    """Name of the store in messages, such as its file."""

    @abstractmethod
    def _transact(self, wanted: Wanted, plan: Callable[[Found], Changes]) -> None:
        """Find what is wanted, plan, apply and commit, all in one transaction that no other writer can interleave.

        `plan` is called exactly once; changes without any row need no commit.
        """

    @abstractmethod
    def _look_up(self, wanted: Wanted) -> Found:
        """Find what is wanted in the last committed state; `_transact` does the same inside its transaction."""

    @abstractmethod
    def _person(self, identifier_kind: str, identifier: str) -> str | None:
        """The person that an identifier leads to today, after merges."""

    @abstractmethod
    def _persons(self, identifier_kind: str, identifier: str) -> list[str]:
        """The person that an identifier leads to today, then those whom that person absorbed; empty for nobody."""

    @abstractmethod
    def _identifiers(self, persons: Sequence[str]) -> list[tuple[str, str]]:
        """(kind, value) of every identifier that was given to one of some persons."""

    @abstractmethod
    def _merges(self, persons: Sequence[str]) -> list[Link]:
        """Every merge on whose either side one of some persons stands."""

    @abstractmethod
    def _history(self, persons: Sequence[str], before: int, limit: int) -> list[StoredRow]:
        """Entries of persons with a sequence below `before`, the newest first."""

    @abstractmethod
    def _profiles(self, identifier_kind: str, identifier: str) -> PersonRows | None:
        """None for nobody; all of one state of the store."""

    @abstractmethod
    def _consents(self, identifier_kind: str, identifier: str) -> list[ConsentFound]:
        """Of all persons who are one with the person behind an identifier."""

    @abstractmethod
    def _units(self, identifier_kind: str, identifier: str) -> list[tuple[str, str | None, int, str | None]]:
        """level, unit's internal id, sequence, unit's identifier, of the same persons."""

    @abstractmethod
    def _members(self, level: str, unit: str) -> list[tuple[str, str, int, bool | None]]:
        """Of all who are one with somebody who joined the unit: who stands for them, the person, the sequence of its
        own row of the level, 0 where it has none, and whether that row is of the unit."""

    @abstractmethod
    def _happened(
        self, identifier_kind: str, identifier: str, others: Sequence[str], before: int, limit: int
    ) -> list[tuple[Any, ...]]:
        """Entries of all persons who are one with the person behind an identifier, and of others, with a sequence below
        `before`, the newest first, in `statements.HAPPENED_COLUMNS`; all of one state of the store."""

    @abstractmethod
    def _session(self, session: str, before: int, limit: int) -> list[StoredRow]:
        """Entries of a session with a sequence below `before`, the newest first."""

    @abstractmethod
    def _turns(self, session: str, said: bytes, limit: int, among: int) -> list[StoredRow]:
        """Of the newest `among` entries of a session, decisions and events with these bytes in their body, the newest
        first."""

    @abstractmethod
    def _decision_sequence(self, decision_id: str) -> int | None: ...

    @abstractmethod
    def _key_sequence(self, kind: Kind, caller_id: str) -> int | None: ...

    @abstractmethod
    def _outcome_sequences(self, decision_id: str) -> list[int]: ...

    @abstractmethod
    def _checkpoint(self, position: int) -> int | None:
        """Position of the latest kept state at or before a position."""

    @abstractmethod
    def _lost(self, after: int, until: int) -> bool:
        """Whether an outcome behind one position up to another answers a decision whose payload was erased."""

    @abstractmethod
    def _due_windows(self, now: int, limit: int) -> list[tuple[str, str, str, str, int]]:
        """decision, action, treatment, outcome, due_at."""

    @abstractmethod
    def _rows(self, after: int, limit: int, kinds: Collection[Kind]) -> list[StoredRow]: ...

    @abstractmethod
    def _about(self, decision_ids: Collection[str]) -> list[StoredRow]:
        """Rows of decisions and of their outcomes, by sequence."""

    @abstractmethod
    def _row(self, sequence: int) -> StoredRow | None: ...

    @abstractmethod
    def _last_sequence(self) -> int: ...

    @abstractmethod
    def _counters(self) -> dict[str, int]: ...

    @abstractmethod
    def _revision(self, key: int | str | None) -> tuple[int, str, int, bytes, bytes] | None:
        """number, hash, sequence, bundle, digest."""

    @abstractmethod
    def _revision_entry(self, sequence: int) -> StoredRow | None:
        """The entry of a revision, which stays when it is dropped from the journal."""

    @abstractmethod
    def _models(self, name: str, limit: int) -> list[tuple[int, int, str, bytes, bytes]]:
        """sequence, position, hash, state, digest; the last adopted first."""

    @abstractmethod
    def _change_state(self, sequence: int) -> tuple[bytes, bytes] | None:
        """Bytes of a change of models, and their digest."""

    @abstractmethod
    def _secret(self, name: str, value: bytes) -> bytes:
        """The secret of a name; where the store has none yet, it keeps the one given."""

    @abstractmethod
    def _adopt_secret(self, name: str, value: bytes) -> None:
        """Replace a secret."""

    # Hooks of limits

    @abstractmethod
    def _contacts(self, identifier_kind: str, identifier: str, before: int, limit: int) -> list[tuple[Any, ...]]:
        """Entries of `CONTACT_KINDS` and `WHO_KINDS` of all persons who are one with the person behind an identifier,
        with a sequence below `before`, the newest first, in `statements.CONTACT_COLUMNS`; all of one state."""

    @abstractmethod
    def _due_leases(self, now: int, limit: int) -> list[ReservationFound]:
        """Open reservations whose lease has ended, the oldest first."""

    @abstractmethod
    def _reservations(self, stock: str, before: int, limit: int) -> list[ReservationFound]:
        """Reservations of a stock by decisions with a sequence below `before`, the newest first."""

    @abstractmethod
    def _switches(self) -> list[SwitchFound]:
        """The last switch of every target, by target."""

    # Hooks of retention

    @abstractmethod
    def _anchor(self) -> Anchor | None: ...

    @abstractmethod
    def _oldest_open(self) -> int | None:
        """Sequence of the oldest decision with an open response window or reservation."""

    @abstractmethod
    def _states(self) -> list[tuple[int, str, int, str]]:
        """sequence, name, position, hash of all kept states of models, in the order of their adoption."""

    @abstractmethod
    def _last_answers(self, after: int, until: int) -> list[tuple[int, int]]:
        """(sequence of a decision, sequence of its last outcome) of the answered decisions in a stretch, in order."""

    @abstractmethod
    def _drop(self, anchor: Anchor, previous: int, seen: int) -> bool:
        """Drop all entries up to the anchor, and what goes with them, and keep the anchor, in one transaction.

        Of outcomes the rows go whose decision goes, though their own entries may stay.

        Args:
            previous: sequence of the anchor before; 0 where there was none.
            seen: last entry that was known when the anchor was made.

        Returns:
            False, and nothing changed, where another anchor stands by now, or where an entry after `seen` answers a
            decision that would go.
        """

    @abstractmethod
    def _settle(self) -> None:
        """Give back the room of what was dropped, and leave no old copy of it behind."""

    @abstractmethod
    def _compact(self) -> tuple[str, ...]:
        """Leave no bytes behind of what is no longer in any table; say what is left to do, and for whom."""

    # Hooks of copying

    @abstractmethod
    def _copies(self) -> list[str]:
        """Sources of copies into this store that did not end."""

    @abstractmethod
    def _everything(self, table: str) -> Iterator[tuple[Any, ...]]:
        """All rows of a table in the columns of `TABLES`, journal and payloads in the order of their sequences."""

    @abstractmethod
    def _begin_copy(self, source: str) -> None:
        """Empty all tables and mark the store as not complete."""

    @abstractmethod
    def _take(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        """Add rows of a copy in one transaction."""

    @abstractmethod
    def _end_copy(self) -> None:
        """Take the mark away."""

    @abstractmethod
    def _integrity(self) -> list[str]:
        """Faults that the backend itself finds in its files."""

    @abstractmethod
    def _table(self, name: str) -> Iterator[tuple[Any, ...]]:
        """All rows of one of the tables that follow from the journal, in the columns of `Changes`; of keys the first
        three columns and only those that are not second ids; of profiles with the person first; of bundles and models
        a name, the bytes and their digest."""
