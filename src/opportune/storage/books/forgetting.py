"""Plan the erasure of persons."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from opportune.errors import UnknownError
from opportune.storage.books.ledger import Ledger
from opportune.storage.books.merging import Regrouped
from opportune.storage.changes import IdentifierFound, MemberFound, Tombstone
from opportune.storage.digests import identifier_digest
from opportune.storage.entries import to_microseconds
from opportune.storage.kinds import ForgetBody, Kind
from opportune.storage.naming import named_in
from opportune.storage.requests import Request
from opportune.storage.unions import Link, parts_of
from opportune.storage.writes import ErasePerson, Receipt, RepeatErasure

__all__ = ["erase_person", "repeat_erasure"]


def erase_person(ledger: Ledger, item: Request, write: ErasePerson) -> Receipt:
    """Forget a person with all identifiers that lead to it."""
    person = ledger.found.persons.get((write.identifier_kind, write.identifier))
    if person is None:
        raise UnknownError.of(
            "identifier",
            "nobody is known under it",
            "look whether it is spelled as it was written, and of the kind that it was written as",
            "unknown-customer",
        )
    union = ledger.union(ledger.root(person))
    return _forget(ledger, item, union, ledger.moment(None), (), write.author, write.reason)


def repeat_erasure(ledger: Ledger, item: Request, write: RepeatErasure) -> Receipt:
    """Forget once more what was forgotten before, and no more than that."""
    persons = [ledger.found.persons[one] for one in write.identifiers if one in ledger.found.persons]
    # Some are known only as what others named.
    return _forget(
        ledger, item, list(dict.fromkeys(persons)), to_microseconds(write.at), write.marks, names=write.identifiers
    )


def _forget(
    ledger: Ledger,
    item: Request,
    persons: Sequence[str],
    at: int,
    marks: Collection[bytes],
    author: str = "",
    reason: str = "",
    names: Collection[tuple[str, str]] = (),
) -> Receipt:
    found = ledger.found
    roots = list(dict.fromkeys(ledger.root(person) for person in persons))
    united = [person for root in roots for person in ledger.union(root)]
    links = [link for link in found.links.values() if link.one in persons or link.other in persons]
    # Those who are forgotten stand alone, and the others as the merges among them say.
    staying = parts_of(united, [link for link in found.links.values() if link not in links])
    changed = Regrouped(ledger, united, staying, persons)
    owned = [identifier for person in persons for identifier in _owned(ledger, person)]
    sequences = _payloads(ledger, persons, {*names, *((one.kind, one.value) for one in owned)}, links)
    gone = _gone(ledger, persons, owned, links)
    body = ForgetBody(
        at=at,
        marks=tuple(sorted({*marks, *(ledger.mark(one.kind, one.value) for one in owned)})),
        persons=tuple(sorted(persons)),
        sequences=sequences,
        gone={table: tuple(rows) for table, rows in gone.items() if rows},
        unmarked=sum(one.salt is None for one in owned),
        author=author,
        reason=reason,
        moves=changed.moves,
        rows=changed.rows,
        customers=changed.customers,
    )
    sequence = ledger.append(item, body, person=roots[0] if roots else None)
    changed.apply(sequence)
    _drop(ledger, persons, owned, links)
    found.payloads.difference_update(sequences)
    ledger.changes.erasures.extend((erased, sequence) for erased in sequences)
    for mark in body.marks:
        ledger.changes.tombstones.append(Tombstone(mark, at, sequence))
    for one in owned:
        found.buried[one.kind, one.value] = Tombstone(ledger.mark(one.kind, one.value), at, sequence)
    for root in roots:
        found.news.setdefault(root, {})[Kind.FORGET.value] = sequence
    ledger.changes.counters["erased"] += len(sequences)
    ledger.changes.counters["identifiers_unmarked"] -= body.unmarked
    ledger.changes.counters["forgotten"] += bool(persons)
    return ledger.receipt(Receipt(sequence=sequence, version=len(sequences)))


def _owned(ledger: Ledger, person: str) -> list[IdentifierFound]:
    """Identifiers of a person, those among them that this batch brought."""
    new = [IdentifierFound(*row) for row in ledger.changes.identifiers if row[2] == person]
    return [*ledger.found.owned.get(person, ()), *new]


def _payloads(
    ledger: Ledger, persons: Collection[str], names: Collection[tuple[str, str]], links: Iterable[Link]
) -> tuple[int, ...]:
    """Entries that have a payload and speak of the persons, or name them."""
    found, changes = ledger.found, ledger.changes
    named = {link.sequence for link in links}.union(*(found.naming.get(name, ()) for name in names))
    new = {row.sequence for row in changes.entries if row.person in persons} | named
    new |= {entry.sequence for entry in ledger.entries if any(name in names for name in named_in(entry))}
    brought = {sequence for sequence, _, _ in changes.payloads} & new
    erased = {sequence for sequence, _ in changes.erasures}
    stored = {sequence for person in persons for sequence in found.told.get(person, ())}
    return tuple(sorted((stored | brought | (found.payloads & named)) - erased))


def _gone(
    ledger: Ledger, persons: Collection[str], owned: Iterable[IdentifierFound], links: Iterable[Link]
) -> dict[str, list[tuple[Any, ...]]]:
    """Rows that go, as the journal proves them."""
    found = ledger.found
    return {
        "identifiers": [
            (one.sequence, one.person, identifier_digest(one.salt, one.kind, one.value))
            for one in owned
            if one.salt is not None
        ],
        "profiles": [(one, found.profiles[one].version) for one in persons if one in found.profiles],
        "links": [link.proved() for link in links],
        "units": [tuple(row) for own in found.units.values() for row in own.values() if _is_of(row, persons)],
        "consents": [row.proved() for one in persons for row in found.consents.get(one, {}).values()],
    }


def _is_of(row: MemberFound, persons: Collection[str]) -> bool:
    return row.person in persons or row.unit in persons


def _drop(ledger: Ledger, persons: Collection[str], owned: Iterable[IdentifierFound], links: Iterable[Link]) -> None:
    """Take the rows out of the store, out of what this batch would add, and out of what the plan knows."""
    found, changes = ledger.found, ledger.changes
    units = [row for own in found.units.values() for row in own.values() if _is_of(row, persons)]
    consents = [row[:3] for one in persons for row in found.consents.get(one, {}).values()]
    for table, keys in (
        ("identifiers", [one[:3] for one in owned]),
        ("profiles", [(one,) for one in persons]),
        ("links", [link[:3] for link in links]),
        ("units", [row[:2] for row in units]),
        ("consents", consents),
    ):
        changes.forgotten.setdefault(table, []).extend(keys)
    erased = {sequence for sequence, _ in changes.erasures}
    changes.identifiers = [row for row in changes.identifiers if row[2] not in persons]
    changes.payloads = [row for row in changes.payloads if row[0] not in erased]
    for one in owned:
        found.persons.pop((one.kind, one.value), None)
    for person in persons:
        for rows in (changes.profiles, found.profiles, found.owned, found.told, found.consents):
            rows.pop(person, None)
    for link in links:
        changes.links.pop(link[:3], None)
        found.links.pop(link[:3], None)
    for row in units:
        changes.units.pop(row[:2], None)
        found.units[row.person].pop(row.level, None)
    for key in consents:
        changes.consents.pop(key, None)
