"""What links identifiers, persons and units: proofs, merges, their undoing, and belonging together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from opportune.customers.identity import CUSTOMER, Identifier, Identifiers
from opportune.customers.identity.proof import claimed_in, proof_id
from opportune.errors import InputError, StoreError, UnknownError
from opportune.service.live import Live
from opportune.service.naming import id_problem
from opportune.service.settings import Settings
from opportune.storage import (
    GroupWriter,
    JoinUnit,
    KnownMerge,
    MergeBody,
    MergePayload,
    MergePersons,
    Receipt,
    SaveProfile,
    SplitBody,
    SplitPersons,
    Storage,
)
from opportune.storage.books.merging import two_persons
from opportune.storage.cluster import identifier_mark

__all__ = ["SECRET", "Links", "MergeLine", "UnitAnswer", "UnitLine", "check_level", "check_words", "merges_of"]

SECRET = "identity"  # noqa: S105  The name of the key, under which the store keeps it.
"""Name of the key that proofs are signed with."""
WORDS_MAX = 2_000
"""Characters of an author's name or a reason."""

T = TypeVar("T")


class MergeLine(msgspec.Struct, frozen=True, kw_only=True):
    """One merge of a person.

    Args:
        entry: of the journal; names the merge where it is to be undone.
        at: null where retention has dropped the entry, and with it author and reason; the merge stands.
        one, other: the identifiers, the kind before each that is not a customer's; null after an erasure.
        undone: entry that undid it; null where it stands.
        undone_at, undone_by, undone_because: when, by whom and why.
    """

    entry: int
    at: datetime | None
    one: str | None
    other: str | None
    author: str
    reason: str
    undone: int | None = None
    undone_at: datetime | None = None
    undone_by: str = ""
    undone_because: str = ""


class UnitLine(msgspec.Struct, frozen=True, kw_only=True):
    """One unit that a person belongs to, such as a household, and what is known of it."""

    level: str
    unit: str
    attributes: dict[str, Any]


class UnitAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a unit.

    Args:
        version: counts the changes of its attributes from 1; 0 where it has none.
        members: of each member all identifiers.
    """

    level: str
    unit: str
    version: int
    attributes: dict[str, Any]
    members: tuple[tuple[str, ...], ...]


class Links:
    """Links and parts; lives in the event loop's thread, but for what it has the reader do.

    Args:
        reader: where the store is read.
    """

    def __init__(self, live: Live, storage: Storage, writer: GroupWriter, reader: Executor, settings: Settings) -> None:
        self._live = live
        self._storage = storage
        self._writer = writer
        self._reader = reader
        self._settings = settings

    def named(self, text: str, where: str = CUSTOMER) -> Identifier:
        """Read an identifier as paths have it.

        Raises:
            InputError: it is wrong.
        """
        found = self._identifiers.in_path(text)
        _check_ids(**{where: found.value})
        return found

    async def identify(self, identifiers: Mapping[str, str], proof: str) -> tuple[Receipt | None, int]:
        """Let identifiers be one person's, as a proof says.

        Returns:
            receipt of the last write, None where they were one already, and how many merges it took.

        Raises:
            InputError: the proof is none of these identifiers, or two of them are known as different persons who both
                have a proven identifier of one kind.
            StoreError: not all was acknowledged; the same call may be repeated.
        """
        named = self._identifiers.read(None, identifiers)
        _check_ids(**{one.kind: one.value for one in named})
        key = await self._read(lambda: self._storage.secret(SECRET))
        said = claimed_in(key, proof, self._settings.clock())
        if len(named) < 2 or {*self._identifiers.read(None, said)} != {*named}:
            message = "the token is of other identifiers"
            raise InputError.of("proof", message, "send those that it was signed for", "invalid-proof")
        persons, kinds = await self._read(lambda: self._known(named))
        self._refuse_contradictions(named, persons, kinds)
        first, *others = named
        receipt: Receipt | None = None
        if not any(persons):
            kind, value = first
            write = SaveProfile(
                id=f"{proof_id(proof)}/0", identifier=value, identifier_kind=kind, attributes={}, replace=False
            )
            await self._writer.write(write)
            persons[0] = ""
        merges = 0
        for number, (other, person) in enumerate(zip(others, persons[1:], strict=True), start=1):
            if person is None or person != persons[0]:
                write_id = f"{proof_id(proof)}/{number}"
                # Another proof may have come between: the store looks again where nothing can.
                receipt = await self._merge(first, other, write_id, "proof", "", self._identifiers.common)
                merges += not receipt.repeated
        return receipt, merges

    def _known(self, named: Sequence[Identifier]) -> tuple[list[str | None], list[frozenset[str]]]:
        """Give who stands behind identifiers, and of which kinds each has one."""
        persons = [self._storage.person_of(one.value, one.kind) for one in named]
        kinds = [
            frozenset() if person is None else frozenset(kind for kind, _ in self._storage.identifiers(*one[::-1]))
            for one, person in zip(named, persons, strict=True)
        ]
        return persons, kinds

    def _refuse_contradictions(
        self, named: Sequence[Identifier], persons: Sequence[str | None], kinds: Sequence[frozenset[str]]
    ) -> None:
        """Refuse to make one person of two who are proven to be two: a browser that two people use proves nothing."""
        proven: dict[str, object] = {}
        for one, person, own in zip(named, persons, kinds, strict=True):
            for kind in own | ({one.kind} if person is None else frozenset()):
                if kind in self._identifiers.common:
                    continue
                if proven.setdefault(kind, person or one) != (person or one):
                    raise two_persons(kind)

    async def merge(self, customer: str, other: str, write_id: str, author: str, reason: str) -> Receipt:
        """Let two identifiers lead to one person, that of the first.

        Raises:
            InputError: an identifier is wrong, both are the same, or nobody is known under either.
            StoreError: nothing was acknowledged.
        """
        one, second = self.named(customer), self.named(other, "other")
        _check_ids(id=write_id)
        check_words(author, reason)
        if one == second:
            raise InputError.of("other", "expected another customer, found the same one")
        return await self._merge(one, second, write_id, author, reason)

    async def _merge(
        self,
        one: Identifier,
        other: Identifier,
        write_id: str,
        author: str,
        reason: str,
        common: tuple[str, ...] | None = None,
    ) -> Receipt:
        write = MergePersons(
            id=write_id,
            identifier=one.value,
            identifier_kind=one.kind,
            other=other.value,
            other_kind=other.kind,
            author=author,
            reason=reason,
            common=common,
        )
        try:
            return await self._writer.write(write)
        finally:
            await self._forget(one, other)

    async def merges(self, customer: str) -> tuple[MergeLine, ...] | None:
        """List the merges of a person, the newest first; None where nobody is known."""
        one = self.named(customer)
        return await self._read(lambda: merges_of(self._storage, one))

    async def split(self, customer: str, merge: int, write_id: str, author: str, reason: str) -> Receipt:
        """Undo a merge of a person.

        Raises:
            InputError: the person has no such merge, or it is undone already.
            StoreError: nothing was acknowledged.
        """
        one = self.named(customer)
        _check_ids(id=write_id)
        check_words(author, reason)
        lines = await self._read(lambda: merges_of(self._storage, one))
        if all(line.entry != merge for line in lines or ()):
            remedy = "take the entry from the list of the customer's merges"
            raise UnknownError.of("merge", "the customer has no such merge", remedy, "unknown-merge")
        before = await self._read(lambda: self._storage.persons_of(*one[::-1]))
        try:
            write = SplitPersons(id=write_id, merge=str(merge), author=author, reason=reason)
            return await self._writer.write(write)
        finally:
            self._live.current.profiles.forget_changed(before, ())
            await self._forget(one)

    async def join(self, customer: str, level: str, unit: str | None, write_id: str) -> Receipt:
        """Let a person belong to a unit, or to none of the level.

        Raises:
            InputError: there is no such level, or an identifier is wrong.
            StoreError: nothing was acknowledged.
        """
        one = self.named(customer)
        self._check_level(level)
        _check_ids(id=write_id, unit=unit)
        write = JoinUnit(id=write_id, identifier=one.value, identifier_kind=one.kind, level=level, unit=unit)
        try:
            return await self._writer.write(write)
        finally:
            await self._forget(one)

    async def units(self, customer: str) -> tuple[UnitLine, ...] | None:
        """Say what units a person belongs to; None where nobody is known."""
        one = self.named(customer)

        def read() -> tuple[UnitLine, ...] | None:
            if self._storage.person_of(*one[::-1]) is None:
                return None
            found = self._storage.units(*one[::-1]).items()
            return tuple(UnitLine(level=level, unit=unit.unit, attributes=unit.attributes) for level, unit in found)

        return await self._read(read)

    async def unit(self, level: str, unit: str) -> UnitAnswer | None:
        """Say what is known of a unit; None where it is not known.

        Raises:
            InputError: there is no such level.
        """
        self._check_level(level)

        def read() -> UnitAnswer | None:
            if self._storage.person_of(unit, level) is None:
                return None
            profile = self._storage.profile(unit, level)
            members = self._storage.member_identifiers(level, unit)
            return UnitAnswer(
                level=level,
                unit=unit,
                version=0 if profile is None else profile.version,
                attributes={} if profile is None else profile.attributes,
                members=tuple(tuple(str(Identifier(*name)) for name in names) for names in members),
            )

        return await self._read(read)

    async def save_unit(
        self, level: str, unit: str, attributes: Mapping[str, Any], *, replace: bool, write_id: str | None
    ) -> Receipt:
        """Set attributes of a unit; null removes one.

        Raises:
            InputError: with all that is wrong.
            StoreError: nothing was acknowledged.
        """
        self._check_level(level)
        _check_ids(unit=unit)
        registry = self._live.current.strategy.registries.levels[level]
        typed, _ = registry.typed(attributes)
        removed = tuple(name for name, value in attributes.items() if value is None)
        write = SaveProfile(
            id=write_id or self._settings.new_id(),
            identifier=unit,
            identifier_kind=level,
            attributes=dict(typed),
            removed=() if replace else removed,
            replace=replace,
        )
        return await self._writer.write(write)

    @property
    def _identifiers(self) -> Identifiers:
        return self._live.current.strategy.registries.identifiers

    def _check_level(self, level: str) -> None:
        check_level(self._live.current.strategy.registries.levels, level)

    async def _read(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reader, work)

    async def _forget(self, *named: Identifier) -> None:
        """Forget what is in memory of all who are one person with these now."""
        profiles = self._live.current.profiles
        try:
            persons = await self._read(lambda: [one for name in named for one in self._storage.persons_of(*name[::-1])])
        except StoreError:
            profiles.forget_all()
            return
        profiles.forget_changed(persons, [identifier_mark(*name) for name in named])


def merges_of(storage: Storage, identifier: Identifier) -> tuple[MergeLine, ...] | None:
    """List the merges of a person, the newest first, those that were undone too; None where nobody is known.

    Raises:
        StoreError: the store cannot be read.
    """
    kind, value = identifier
    if storage.person_of(value, kind) is None:
        return None
    return tuple(map(_line, storage.merges(value, kind)))


def check_level(levels: Collection[str], level: str) -> None:
    """Refuse what is no level of the strategy.

    Raises:
        UnknownError: it is none.
    """
    if level not in levels:
        message = "the strategy has no such level"
        raise UnknownError.of("level", message, f"known: {', '.join(sorted(levels)) or 'none'}", "unknown-level")


def _line(merge: KnownMerge) -> MergeLine:
    entry = merge.entry
    if entry is None:
        one, other = (None if side is None else str(Identifier(*side)) for side in merge.sides)
        return MergeLine(entry=merge.sequence, at=None, one=one, other=other, author="", reason="")
    body, payload, split = entry.body, entry.payload, merge.undone
    assert isinstance(body, MergeBody)
    one = other = None
    if isinstance(payload, MergePayload):
        one = str(Identifier(payload.identifier_kind, payload.identifier))
        other = str(Identifier(payload.other_kind, payload.other))
    undoing = split.body if split is not None and isinstance(split.body, SplitBody) else None
    return MergeLine(
        entry=merge.sequence,
        at=entry.occurred_at,
        one=one,
        other=other,
        author=body.author,
        reason=body.reason,
        undone=None if split is None else split.sequence,
        undone_at=None if split is None else split.occurred_at,
        undone_by="" if undoing is None else undoing.author,
        undone_because="" if undoing is None else undoing.reason,
    )


def _check_ids(**ids: str | None) -> None:
    found = (id_problem(where, text) for where, text in ids.items() if text is not None)
    problems = [problem for problem in found if problem is not None]
    if problems:
        raise InputError(problems)


def check_words(author: str, reason: str) -> None:
    """Refuse words of whoever orders something that are too long to be kept.

    Raises:
        InputError: they are.
    """
    for where, text in (("author", author), ("reason", reason)):
        if len(text) > WORDS_MAX:
            raise InputError.of(where, f"expected at most {WORDS_MAX} characters, found {len(text)}")
