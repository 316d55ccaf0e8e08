"""Check a whole store against itself, in one pass over the journal and in bounded memory.

Tables that follow from the journal are compared by an order-free digest of their rows: the sum of the rows' digests,
once expected from the journal and once as stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any

import msgspec

from opportune.errors import DamageError, Problem, StoreError
from opportune.storage.base import Storage
from opportune.storage.changes import Wanted, profile_digest
from opportune.storage.entries import (
    DecisionBody,
    Entry,
    ErasureBody,
    EventPayload,
    Kind,
    OutcomeBody,
    ProfileBody,
    ProfilePayload,
    RevisionBody,
    decode_row,
    digest_of,
    encode,
    to_microseconds,
)

__all__ = ["verify_storage"]

Progress = Callable[[int, int], None]

_PAGE = 500
_FAULTS_MAX = 100
"""Problems listed at most: a store with more is beyond repair by reading them."""
_MODULUS = 1 << 128


class _Rows:
    """Order-free digest of a set of rows."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = 0

    def add(self, row: tuple[Any, ...], sign: int = 1) -> None:
        digest = blake2b(encode(row), digest_size=16).digest()
        self._sum = (self._sum + sign * int.from_bytes(digest, "little")) % _MODULUS
        self.count += sign

    def agrees(self, other: _Rows) -> bool:
        return self.count == other.count and self._sum == other._sum


class _Expected:
    """What the tables must hold, folded from the journal."""

    def __init__(self) -> None:
        self.rows = {name: _Rows() for name in ("keys", "decisions", "outcomes", "windows", "erasures", "revisions")}
        self.counters = dict.fromkeys(("customers", "decisions", "outcomes", "events", "erased"), 0)
        self._decisions: dict[str, int] = {}
        self._open: dict[str, list[tuple[str, str, str, str, int]]] = {}
        """Open windows by decision; closed ones leave, so this holds what waits for an answer now."""

    def add(self, entry: Entry, decision_sequence: int | None) -> None:
        self.rows["keys"].add((entry.kind.value, entry.id, entry.sequence))
        body = entry.body
        match body:
            case DecisionBody():
                self._decision(entry, body)
            case OutcomeBody():
                if not body.repeats:
                    effect = (entry.decision, body.action, body.treatment, body.outcome)
                    self.rows["outcomes"].add((*effect, entry.sequence, decision_sequence))
                    self.counters["outcomes"] += 1
                if body.closes:
                    self._close(entry.decision or "", body)
            case ErasureBody():
                for sequence in body.sequences:
                    self.rows["erasures"].add((sequence, entry.sequence))
                self.counters["erased"] += len(body.sequences)
            case RevisionBody():
                self.rows["revisions"].add((body.number, entry.revision, entry.sequence))
            case ProfileBody():
                self.counters["customers"] += body.version == 1
        self.counters["events"] += entry.kind is Kind.EVENT

    def _decision(self, entry: Entry, body: DecisionBody) -> None:
        decision = entry.decision or ""
        self.rows["decisions"].add((decision, entry.sequence))
        self.counters["decisions"] += 1
        for window in body.windows:
            row = (decision, window.action, window.treatment, window.outcome, to_microseconds(window.due_at))
            self.rows["windows"].add(row)
            self._open.setdefault(decision, []).append(row)

    def _close(self, decision: str, body: OutcomeBody) -> None:
        kept = []
        for row in self._open.pop(decision, ()):
            if row[1] == body.action and (not body.expiry or row[2] == body.treatment):
                self.rows["windows"].add(row, -1)
            else:
                kept.append(row)
        if kept:
            self._open[decision] = kept


def verify_storage(storage: Storage, progress: Progress = lambda done, total: None) -> list[Problem]:
    """Check a whole store against itself; returns all problems, raises for none of them.

    Args:
        progress: called with (entries done, entries in all).
    """
    faults = _Faults(storage)
    try:
        faults.extend("database", storage._integrity())
        expected = _check_journal(storage, faults, progress)
        _check_tables(storage, faults, expected)
    except _TooManyError:
        pass
    except StoreError as error:
        faults.problems.append(Problem("", 0, 0, "database", str(error), "", "damaged"))
    return faults.problems


class _TooManyError(Exception):
    """Enough problems are listed."""


class _Faults:
    def __init__(self, storage: Storage) -> None:
        self.problems: list[Problem] = []
        self._place = storage.place

    def add(self, where: str, message: str) -> None:
        self.problems.append(Problem(self._place, 0, 0, where, message, "restore a backup", "damaged"))
        if len(self.problems) >= _FAULTS_MAX:
            raise _TooManyError

    def extend(self, where: str, messages: list[str]) -> None:
        for message in messages:
            self.add(where, message)


def _check_journal(storage: Storage, faults: _Faults, progress: Progress) -> _Expected:
    expected, total, after = _Expected(), storage.last_sequence(), 0
    while after < total:
        page = storage._rows(after, _PAGE, ())
        entries = []
        for row in page:
            if row.entry.sequence > total:
                break
            if row.entry.sequence != after + 1:
                faults.add(f"journal entry {after + 1}", "it is missing")
            after = row.entry.sequence
            try:
                entries.append(decode_row(row))
            except (DamageError, msgspec.MsgspecError, ValueError) as error:
                faults.add(f"journal entry {after}", str(error).removeprefix(f"journal entry {after}: "))
        if not page:
            faults.add(f"journal entry {after + 1}", "it is missing")
            break
        _check_page(storage, entries, expected, faults)
        progress(after, total)
    return expected


def _check_page(storage: Storage, entries: list[Entry], expected: _Expected, faults: _Faults) -> None:
    """Fold a page of entries and compare people with their current state."""
    wanted = Wanted()
    for entry in entries:
        if entry.kind is Kind.OUTCOME and entry.decision is not None:
            wanted.decisions.append(entry.decision)
        if isinstance(entry.payload, ProfilePayload | EventPayload) and entry.payload.identifier is not None:
            wanted.identifiers.append((entry.payload.identifier_kind, entry.payload.identifier))
    found = storage._look_up(wanted)
    for entry in entries:
        decision = found.decisions.get(entry.decision or "")
        if entry.kind is Kind.OUTCOME and decision is None:
            faults.add(f"journal entry {entry.sequence}", "the decision that it answers is missing")
        expected.add(entry, decision.sequence if decision else None)
        payload = entry.payload
        if not isinstance(payload, ProfilePayload | EventPayload) or payload.identifier is None:
            continue
        person = found.persons.get((payload.identifier_kind, payload.identifier))
        if person != entry.person or person is None:
            faults.add(f"journal entry {entry.sequence}", "its identifier leads to another person or to nobody")
        elif isinstance(entry.body, ProfileBody):
            profile = found.profiles.get(person)
            if profile is None or profile.version < entry.body.version:
                faults.add(f"person {person}", "the stored profile is older than the journal")


def _check_tables(storage: Storage, faults: _Faults, expected: _Expected) -> None:
    for name, rows in expected.rows.items():
        stored = _Rows()
        for row in storage._table(name):
            stored.add(row)
        if not rows.agrees(stored):
            faults.add(
                f"table {name}",
                f"it does not agree with the journal: expected {rows.count} rows, found {stored.count}"
                + (" of other content" if rows.count == stored.count else ""),
            )
    counters = storage._counters()
    for name, count in expected.counters.items():
        if counters.get(name, 0) != count:
            faults.add(f"counter {name}", f"expected {count} by the journal, found {counters.get(name, 0)}")
    for person, version, sequence, attributes, digest in storage._table("profiles"):
        if profile_digest(person, version, sequence, attributes) != digest:
            faults.add(f"person {person}", "the stored profile does not fit its digest")
    _check_blobs(storage._table("bundles"), "bundle", faults)
    _check_blobs(storage._table("models"), "state of model", faults)


def _check_blobs(rows: Iterator[tuple[Any, ...]], what: str, faults: _Faults) -> None:
    """Rows of name, bytes, digest."""
    for name, content, digest in rows:
        if digest_of(content) != digest:
            faults.add(f"{what} {name}", "it does not fit its digest")
