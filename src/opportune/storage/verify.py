"""Check a whole store against itself, in one pass over the journal and in bounded memory.

Every table that follows from the journal is summed up twice: as the journal says, see `Fold`, and as stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from opportune.errors import DamageError, Problem, StoreError
from opportune.storage.base import MODELS_KEPT, Storage
from opportune.storage.changes import (
    ConsentFound,
    ReservationFound,
    SwitchFound,
    Wanted,
    consent_digest,
    profile_digest,
    switch_digest,
)
from opportune.storage.digests import digest_of, identifier_digest
from opportune.storage.entries import Entry, decode_row, fault_of, lasting_row
from opportune.storage.fold import LASTING, PASSING, Fold, RowSum, summed
from opportune.storage.kinds import Kind, ProfileBody
from opportune.storage.naming import led_by
from opportune.storage.reservations import StockCount
from opportune.storage.unions import Link

__all__ = ["verify_storage"]

Progress = Callable[[int, int], None]

_PAGE = 500
_FAULTS_MAX = 100
"""Problems listed at most: a store with more is beyond repair by reading them."""


def verify_storage(storage: Storage, progress: Progress = lambda done, total: None) -> list[Problem]:
    """Check a whole store against itself; returns all problems, raises for none of them.

    Args:
        progress: called with (entries done, entries in all).
    """
    faults = _Faults(storage)
    try:
        faults.extend("database", storage._integrity())
        anchor = storage.anchor()
        beginning = 0 if anchor is None else anchor.sequence
        expected = Fold(MODELS_KEPT, beginning, b"" if anchor is None else anchor.summary)
        _check_journal(storage, faults, expected, beginning, progress)
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


def _check_journal(storage: Storage, faults: _Faults, expected: Fold, after: int, progress: Progress) -> None:
    total = storage.last_sequence()
    while after < total:
        page = storage._rows(after, _PAGE, ())
        entries, before = [], after
        for row in page:
            if row.entry.sequence > total:
                break
            if row.entry.sequence <= after:
                # A damaged tree may lead in circles.
                faults.add(f"journal entry {row.entry.sequence}", f"it stands behind entry {after}")
                return
            if row.entry.sequence != after + 1:
                faults.add(f"journal entry {after + 1}", "it is missing")
            after = row.entry.sequence
            try:
                entries.append(decode_row(row))
            except (DamageError, msgspec.MsgspecError, ValueError) as error:
                faults.add(f"journal entry {after}", str(error).removeprefix(f"journal entry {after}: "))
        if after == before:
            # Nothing more, or only what stands beyond the end: a damaged tree would give it again and again.
            faults.add(f"journal entry {after + 1}", "it is missing")
            break
        _check_page(storage, entries, expected, faults)
        progress(after, total)


def _check_page(storage: Storage, entries: list[Entry], expected: Fold, faults: _Faults) -> None:
    """Fold a page of entries and compare people with their current state."""
    wanted = Wanted()
    for entry in entries:
        if entry.kind is Kind.OUTCOME and entry.decision is not None:
            wanted.decisions.append(entry.decision)
        wanted.identifiers.extend(led_by(entry))
    wanted.profiles = wanted.identifiers
    found = storage._look_up(wanted)
    for entry in entries:
        decision = found.decisions.get(entry.decision or "")
        # A request that was decided again, long after its first decision went, has the id of that one.
        is_kept = decision is not None and decision.sequence < entry.sequence
        expected.add(entry, decision.sequence if decision is not None and is_kept else 0)
        named = led_by(entry)
        persons = [found.persons.get(identifier) for identifier in named]
        # Entries from before schema 2 of merges are of whoever stood for the person then.
        known = {one for own in persons if own for one in (own, *found.unions.get(found.roots.get(own, own), ()))}
        if named and (None in persons or entry.person not in known):
            faults.add(f"journal entry {entry.sequence}", "its identifier leads to another person or to nobody")
        elif named and isinstance(entry.body, ProfileBody):
            versions = [found.profiles[one].version for one in known if one in found.profiles]
            if max(versions, default=0) < entry.body.version:
                faults.add(f"person {entry.person}", "the stored profile is older than the journal")


def _check_tables(storage: Storage, faults: _Faults, expected: Fold) -> None:
    for name in (*PASSING, *LASTING):
        rows, stored = expected.sums[name], _stored_sum(storage, faults, name)
        if not rows.agrees(stored):
            faults.add(f"table {name}", _disagreement(name, rows, stored))
    counters = storage._counters()
    for name, count in expected.counters.items():
        if counters.get(name, 0) != count:
            faults.add(f"counter {name}", f"expected {count} by the journal, found {counters.get(name, 0)}")
    _check_models(storage, faults, expected)
    _check_blobs(storage._table("bundles"), "bundle", faults)
    _check_blobs(storage._table("models"), "state of model", faults)


def _stored_sum(storage: Storage, faults: _Faults, name: str) -> RowSum:
    if name != "stocks":
        return summed(_proved(storage, faults, name))
    found = RowSum()
    for row in storage._table(name):
        for part, count in StockCount(*row).parts():
            found.add(part, count)
    return found


def _disagreement(name: str, rows: RowSum, stored: RowSum) -> str:
    same = " of other content" if rows.count == stored.count else ""
    # Of stocks, what their rows count is summed.
    counted = "units in all states" if name == "stocks" else "rows"
    return f"it does not agree with the journal: expected {rows.count} {counted}, found {stored.count}{same}"


def _proved(storage: Storage, faults: _Faults, name: str) -> Iterator[tuple[Any, ...]]:
    """Give the rows of a table in the form in which the journal proves them."""
    rows = storage._table(name)
    match name:
        case "identifiers":
            yield from _marked(storage, faults, rows)
        case "profiles":
            for person, version, sequence, attributes, digest, marks in rows:
                if profile_digest(person, version, sequence, attributes, marks) != digest:
                    faults.add(f"person {person}", "the stored profile does not fit its digest")
                yield person, version
        case "links":
            yield from (Link(*row).proved() for row in rows)
        case "consents":
            for consent in map(ConsentFound._make, rows):
                if consent_digest(*consent[:-1]) != consent.digest:
                    faults.add(f"consent of person {consent.person}", "it does not fit its digest")
                yield consent.proved()
        case "reservations":
            for row in rows:
                yield from ReservationFound(*row).parts()
        case "switches":
            for switch in map(SwitchFound._make, rows):
                if switch_digest(*switch[:-1]) != switch.digest:
                    faults.add(f"switch of {switch.target}", "it does not fit its digest")
                yield switch.target, switch.sequence, bool(switch.off)
        case "change_states":
            for sequence, state, digest in rows:
                if digest_of(state) != digest:
                    faults.add(f"state of the change of models {sequence}", "it does not fit its digest")
                yield sequence, digest
        case "revision_entries":
            for row in map(lasting_row, rows):
                fault = fault_of(row)
                if fault:
                    faults.add(f"kept journal entry {row.entry.sequence} of a revision", fault)
                yield row.entry.sequence, row.entry.digest
        case _:
            yield from rows


def _marked(storage: Storage, faults: _Faults, rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Give identifiers by the digest that the journal has of them; those older than such digests are counted."""
    unmarked = storage._counters().get("identifiers_unmarked", 0)
    found = 0
    for kind, value, person, sequence, salt in rows:
        if salt is None:
            found += 1
        else:
            yield sequence, person, identifier_digest(salt, kind, value)
    if found != unmarked:
        faults.add("table identifiers", f"expected {unmarked} of the first schema, found {found}")


def _check_models(storage: Storage, faults: _Faults, expected: Fold) -> None:
    stored: dict[str, list[tuple[int, int, str]]] = {}
    for sequence, name, position, hash_ in storage._states():
        stored.setdefault(name, []).append((sequence, position, hash_))
    for name in sorted(stored.keys() | expected.models.keys()):
        if stored.get(name) != expected.models.get(name):
            faults.add(f"states of model {name}", "they do not agree with the journal")


def _check_blobs(rows: Iterator[tuple[Any, ...]], what: str, faults: _Faults) -> None:
    """Rows of name, bytes, digest."""
    for name, content, digest in rows:
        if digest_of(content) != digest:
            faults.add(f"{what} {name}", "it does not fit its digest")
