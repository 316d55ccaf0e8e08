"""Plan merges of persons, and their undoing."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from opportune.errors import ConflictError, InputError, UnknownError
from opportune.storage.books.ledger import Ledger
from opportune.storage.books.people import NOBODY, Newcomer, keep_profile, newcomer, welcome
from opportune.storage.kinds import Kind, MergeBody, MergePayload, Moves, SplitBody, Versions
from opportune.storage.requests import Noted, Request
from opportune.storage.unions import Link, parts_of, read_marks
from opportune.storage.writes import MergePersons, Receipt, SplitPersons

__all__ = ["Regrouped", "merge_persons", "split_persons", "two_persons"]


class Regrouped:
    """What is different when persons stand together in another way than before.

    Args:
        roots: person → who stands for it now.
        leaving: those who are forgotten.

    Attributes:
        moves, rows, customers: as entries carry them.
        version: the highest of their profiles from now on; 0 where nobody has one.
    """

    def __init__(
        self, ledger: Ledger, persons: Iterable[str], roots: dict[str, str], leaving: Collection[str] = ()
    ) -> None:
        self.roots = roots
        self._ledger = ledger
        self._leaving = leaving
        ordered = sorted(persons)
        versions = {person: ledger.found.profiles.get(person, NOBODY).version for person in ordered}
        self.moves: Moves = tuple(
            (person, _pointed(person, ledger.root(person)), _pointed(person, roots[person]))
            for person in ordered
            if ledger.root(person) != roots[person]
        )
        self._groups: dict[str, list[str]] = {}
        for person in ordered:
            if person not in leaving:
                self._groups.setdefault(roots[person], []).append(person)
        known = {root: [one for one in group if versions[one]] for root, group in self._groups.items()}
        before: dict[str, list[str]] = {}
        for person in ordered:
            if versions[person]:
                before.setdefault(ledger.root(person), []).append(person)
        # Above all: whoever knew one of the profiles by its version sees that it changed.
        above = max(versions.values(), default=0) + 1
        self.rows: Versions = tuple(
            (one, versions[one], above)
            for root, group in known.items()
            if group and any(before[ledger.root(person)] != group for person in group)
            for one in (root if versions[root] else group[0],)
        )
        self.customers = sum(map(bool, known.values())) - len(before)
        self.version = above if self.rows else above - 1

    def apply(self, sequence: int) -> None:
        """Bring it into the plan, once its entry is appended."""
        found, changes = self._ledger.found, self._ledger.changes
        for person, before, after in self.moves:
            changes.merges[person] = after or None
            found.unions.pop(before or person, None)
        changes.touched.update(self.roots, self.roots.values(), map(self._ledger.root, self.roots))
        found.roots |= self.roots
        for root, group in self._groups.items():
            found.unions[root] = [root, *(person for person in group if person != root)]
        for person, _, version in self.rows:
            old = found.profiles[person]
            marks = read_marks(old.marks, old.sequence)
            keep_profile(self._ledger, person, version, sequence, old.attributes, marks)
        changes.counters["customers"] += self.customers


def _pointed(person: str, root: str) -> str:
    return "" if root == person else root


def merge_persons(ledger: Ledger, item: Request, write: MergePersons) -> Receipt:
    """Let two identifiers lead to one person."""
    first, second = (write.identifier_kind, write.identifier), (write.other_kind, write.other)
    for identifier in (first, second):
        buried = ledger.buried(identifier, write.occurred_at)
        if buried is not None:
            return buried
    one, other = ledger.found.persons.get(first), ledger.found.persons.get(second)
    if one is None and other is None:
        raise UnknownError.of(
            "other",
            "nobody is known under either of the two identifiers",
            "write a profile or an event of one of them first",
            "unknown-customer",
        )
    if write.common is not None:
        kinds = _kinds(ledger, one, first[0]) & _kinds(ledger, other, second[0])
        is_one = one is not None and other is not None and ledger.root(one) == ledger.root(other)
        if not is_one and kinds - {*write.common}:
            raise two_persons(min(kinds - {*write.common}))
    payload = MergePayload(
        identifier=write.identifier,
        identifier_kind=write.identifier_kind,
        other=write.other,
        other_kind=write.other_kind,
    )
    comer = None
    if one is None or other is None:
        # Whom nobody knew is absorbed, on whichever side it stands.
        comer = newcomer(ledger, *(first if one is None else second))
        one, other = one or other or "", ledger.new_id()
    return _link(ledger, item, write, payload, one, other, comer)


def _kinds(ledger: Ledger, person: str | None, kind: str) -> set[str]:
    """The kinds of all identifiers that lead to who is one with a person; of nobody known, that of its identifier."""
    if person is None:
        return {kind}
    found = ledger.found.kinds
    return {kind for one in ledger.union(ledger.root(person)) for kind in found.get(one, ())}


def two_persons(kind: str) -> InputError:
    """Refuse to make one person of two who both have an identifier of a kind that tells persons apart."""
    message = f"two of them are known as different persons, each with a {kind} of their own"
    remedy = "merge the two if they are one, or take the identifier from its person by undoing a merge"
    return ConflictError.of("identifiers", message, remedy, "identity-conflict")


def _link(
    ledger: Ledger,
    item: Request,
    write: MergePersons,
    payload: MergePayload,
    one: str,
    other: str,
    comer: Newcomer | None,
) -> Receipt:
    """Let the persons of two identifiers be one, the side of the first one kept."""
    kept, absorbed = ledger.root(one), ledger.root(other)
    persons = [*ledger.union(kept), *([] if kept == absorbed else ledger.union(absorbed))]
    changed = Regrouped(ledger, persons, dict.fromkeys(persons, kept))
    body = MergeBody(
        absorbed=None if kept == absorbed else absorbed,
        version=changed.version,
        introduces=None if comer is None else comer.digest,
        link=None if one == other else (one, other),
        moves=changed.moves,
        rows=changed.rows,
        customers=changed.customers,
        author=write.author,
        reason=write.reason,
    )
    sequence = ledger.append(item, body, payload, occurred_at=write.occurred_at, person=one)
    if comer is not None:
        welcome(ledger, comer, other, sequence)
    if one != other:
        link = Link(sequence, one, other, 0)
        ledger.found.links[link[:3]] = ledger.changes.links[link[:3]] = link
    if changed.moves:
        changed.apply(sequence)
        ledger.found.news.setdefault(kept, {})[Kind.MERGE.value] = sequence
    repeated = kept == absorbed
    ledger.changes.counters["repeats"] += repeated
    return ledger.receipt(Receipt(sequence=sequence, repeated=repeated, version=body.version))


def split_persons(ledger: Ledger, item: Request, write: SplitPersons) -> Receipt:
    """Undo a merge."""
    found = ledger.found
    link = _link_of(ledger, write.merge)
    undone = link._replace(undone=found.last + 1)
    persons = ledger.union(ledger.root(link.one))
    links = [one for one in found.links.values() if one != link]
    changed = Regrouped(ledger, persons, parts_of(persons, links))
    sides = [changed.roots[link.one], changed.roots[link.other]]
    parted = sides[0] != sides[1]
    body = SplitBody(
        merge=link.sequence,
        author=write.author,
        reason=write.reason,
        link=(link.one, link.other),
        parted=parted,
        version=changed.version,
        moves=changed.moves,
        rows=changed.rows,
        customers=changed.customers,
    )
    sequence = ledger.append(item, body, person=link.one)
    found.links[link[:3]] = ledger.changes.links[link[:3]] = undone
    changed.apply(sequence)
    if parted:
        # An entry of its own, so that the history of the other side tells of it too.
        noted = Noted(f"tells-{ledger.new_id()}", Kind.SPLIT)
        told = ledger.append(noted, SplitBody(merge=link.sequence, tells=sequence, parted=True), person=link.other)
        found.news.setdefault(sides[1], {})[Kind.SPLIT.value] = told
    found.news.setdefault(sides[0], {})[Kind.SPLIT.value] = sequence
    return ledger.receipt(Receipt(sequence=sequence, version=body.version))


def _link_of(ledger: Ledger, merge: str) -> Link:
    """The merge that a split names."""
    key = ledger.found.keys.get((Kind.MERGE.value, merge))
    sequence = ledger.found.merges.get(merge, 0) if key is None else key.sequence
    links = [link for link in ledger.found.links.values() if link.sequence == sequence and sequence]
    if not links:
        raise UnknownError.of(
            "merge",
            "no merge that can be undone has this id or entry",
            "give the id of the merge's write or the sequence of its entry; those of earlier versions stay merged",
            "unknown-merge",
        )
    if links[0].undone:
        raise ConflictError.of("merge", f"entry {links[0].undone} undid it already", code="merge-undone")
    return links[0]
