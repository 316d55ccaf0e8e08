"""What passes between the plan of a batch and a backend: what to find, what was found, which rows change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from opportune.records import Reserve
from opportune.storage.digests import digest_of, encode
from opportune.storage.entries import EntryRow, from_microseconds
from opportune.storage.reservations import ReservationState, StockCount, StoredReservation
from opportune.storage.unions import Link

__all__ = [
    "Changes",
    "ConsentFound",
    "DecisionReference",
    "Found",
    "IdentifierFound",
    "KeyFound",
    "MemberFound",
    "ProfileFound",
    "ReportFound",
    "ReservationFound",
    "SwitchFound",
    "Tombstone",
    "Wanted",
    "consent_digest",
    "profile_digest",
    "switch_digest",
]


class KeyFound(NamedTuple):
    """An id that was used before; `salt` is what its request was digested with, None where that is erased."""

    sequence: int
    request_digest: bytes
    salt: bytes | None


class DecisionReference(NamedTuple):
    """What an outcome takes over from its decision."""

    sequence: int
    person: str | None
    session: str | None
    zone: str | None
    revision: str | None


class ReportFound(NamedTuple):
    """What was reported about a decision: columns of the journal."""

    sequence: int
    id: str
    schema: int
    occurred_at: int
    recorded_at: int
    body: bytes


class ProfileFound(NamedTuple):
    """The stored profile of a person itself; version 0 and no attributes where there is none yet."""

    version: int
    attributes: bytes
    sequence: int = 0
    marks: bytes = b""


class IdentifierFound(NamedTuple):
    """An identifier: the columns of its table."""

    kind: str
    value: str
    person: str
    sequence: int | None
    salt: bytes | None


class MemberFound(NamedTuple):
    """What unit of a level a person belongs to by its own identifier: the columns of its table."""

    person: str
    level: str
    unit: str | None
    sequence: int


class ConsentFound(NamedTuple):
    """What a person allows by its own identifier: the columns of its table."""

    person: str
    channel: str
    purpose: str
    given: int
    at: int
    sequence: int
    source: str
    text_version: str
    digest: bytes

    def proved(self) -> tuple[str, str, str, int, int, int]:
        """The row as the journal proves it; how it was said is not in what stays of the journal."""
        return self.person, self.channel, self.purpose, self.sequence, self.given, self.at


class Tombstone(NamedTuple):
    """An identifier that was forgotten: the columns of its table.

    Args:
        mark: keyed digest of the identifier.
        at: microseconds since 1970 of the erasure.
        sequence: of the erasure's entry.
    """

    mark: bytes
    at: int
    sequence: int


class ReservationFound(NamedTuple):
    """A reservation: the columns of its table. `terms` is the MessagePack of (limit of the period, outcomes that
    confirm it, outcomes that release it)."""

    decision: str
    action: str
    treatment: str
    stock: str
    period: str
    units: int
    lease_until: int
    terms: bytes
    state: str
    sequence: int

    @classmethod
    def of(cls, decision: str, sequence: int, reserve: Reserve) -> ReservationFound:
        """Make the one that a decision's entry begins."""
        limit = reserve.most if reserve.limit is None else reserve.limit
        terms = encode((limit, reserve.confirmed_by, reserve.released_by))
        names = (reserve.action, reserve.treatment, reserve.stock, reserve.period)
        state = ReservationState.RESERVED.value
        return cls(decision, *names, reserve.units, reserve.lease_until, terms, state, sequence)

    def read(self) -> StoredReservation:
        """Give it as readers see it."""
        return StoredReservation(
            decision=self.decision,
            action=self.action,
            treatment=self.treatment,
            stock=self.stock,
            period=self.period,
            units=self.units,
            lease_until=from_microseconds(self.lease_until),
            state=ReservationState(self.state),
            sequence=self.sequence,
        )

    def parts(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Part it into what never changes and its state, as the journal proves them."""
        return self[:-2], (self.sequence, self.action, self.treatment, self.stock, self.state)


class SwitchFound(NamedTuple):
    """The last switch of an action or group: the columns of its table."""

    target: str
    off: int
    author: str
    reason: str
    at: int
    sequence: int
    digest: bytes


@dataclass(slots=True)
class Wanted:
    """What the plan of a batch must look up; backends answer with `Found`."""

    keys: list[tuple[str, str]] = field(default_factory=list)
    """(kind, caller's id)"""
    decisions: list[str] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    """decisions whose outcomes so far matter"""
    windows: list[str] = field(default_factory=list)
    """decisions whose open windows matter"""
    identifiers: list[tuple[str, str]] = field(default_factory=list)
    """(identifier kind, identifier)"""
    profiles: list[tuple[str, str]] = field(default_factory=list)
    """those of the identifiers whose own profile and union matter"""
    kinds: bool = False
    """whether the kinds of the identifiers of all in these unions matter"""
    erasing: list[tuple[str, str]] = field(default_factory=list)
    """those of the identifiers of whose persons all rows matter"""
    consents: list[tuple[str, str]] = field(default_factory=list)
    """those of the identifiers whose own consents matter"""
    units: list[tuple[str, str]] = field(default_factory=list)
    """those of the identifiers whose own units matter"""
    splits: list[str] = field(default_factory=list)
    """merges to be undone: ids of their writes, or sequences of their entries"""
    dated: list[tuple[tuple[str, str], int]] = field(default_factory=list)
    """(identifier kind, identifier) and the moment of what is said of it: it matters whether it was forgotten since"""
    mark: Callable[[str, str], bytes] = lambda kind, value: b""
    """keyed digest of an identifier"""
    bundles: list[str] = field(default_factory=list)
    revision: bool = False
    """whether the current revision matters"""
    payloads: list[int] = field(default_factory=list)
    """sequences whose payload is to be erased"""
    stocks: list[tuple[str, str]] = field(default_factory=list)
    """(stock, period)"""
    reservations: list[str] = field(default_factory=list)
    """decisions whose reservations matter, with the counts of their stocks"""
    contacts: dict[str, int] = field(default_factory=dict)
    """internal id of a person → sequence: it matters what is newer"""
    switches: list[str] = field(default_factory=list)
    """targets"""

    def marks(self, last: int) -> dict[bytes, tuple[str, str]]:
        """Digests of the identifiers of which something is said that happened up to the last erasure."""
        return {self.mark(*identifier): identifier for identifier, at in self.dated if at <= last}


@dataclass(slots=True)
class Found:
    """State of the store that a batch depends on, read inside its transaction.

    Args:
        last: sequence of the last entry, 0 in an empty journal; `digest` is its digest.
        decisions: their persons are those of the identifiers that they were made for.
        reports: decision → what was reported about it, in journal order.
        windows: decision → open (action, treatment) → outcome of silence, due_at.
        persons: (identifier kind, identifier) → its own person.
        roots: person → who stands for it today; the person itself where it is missing.
        unions: who stands for others today → all who are one with it, itself among them; where these matter.
        links: all merges among them, and with those who were one with them before, by (sequence, one, other).
        profiles: of the wanted persons and all who are one with them.
        kinds: person → kinds of its own identifiers; of the wanted unions, where they matter.
        owned: person to be erased → its identifiers; `told`: → its entries that have a payload.
        units: person → level → row; those whose unit is to be erased too.
        consents: person → (channel, purpose) → row.
        naming: identifier to be forgotten → entries that name it, of whomever; see `Naming`.
        merges: id or sequence of a merge to be undone → sequence of its entry.
        buried: identifier → its last tombstone.
        revision: (number, hash, sequence) of the current one.
        payloads: those of the wanted sequences that have a payload; of merges and of entries that name somebody too.
        stocks: (stock, period) → count; missing where nothing was ever taken.
        reservations: decision → (action, treatment, stock) → reservation.
        news: who stands for a person whose news matter → kind → sequence of the newest entry of that kind, of all who
            are one with it.
        switches: target → its last switch.
    """

    last: int
    digest: bytes
    keys: dict[tuple[str, str], KeyFound] = field(default_factory=dict)
    decisions: dict[str, DecisionReference] = field(default_factory=dict)
    reports: dict[str, list[ReportFound]] = field(default_factory=dict)
    windows: dict[str, dict[tuple[str, str], tuple[str, int]]] = field(default_factory=dict)
    persons: dict[tuple[str, str], str] = field(default_factory=dict)
    profiles: dict[str, ProfileFound] = field(default_factory=dict)
    roots: dict[str, str] = field(default_factory=dict)
    unions: dict[str, list[str]] = field(default_factory=dict)
    links: dict[tuple[int, str, str], Link] = field(default_factory=dict)
    kinds: dict[str, set[str]] = field(default_factory=dict)
    owned: dict[str, list[IdentifierFound]] = field(default_factory=dict)
    units: dict[str, dict[str, MemberFound]] = field(default_factory=dict)
    consents: dict[str, dict[tuple[str, str], ConsentFound]] = field(default_factory=dict)
    merges: dict[str, int] = field(default_factory=dict)
    buried: dict[tuple[str, str], Tombstone] = field(default_factory=dict)
    told: dict[str, list[int]] = field(default_factory=dict)
    naming: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    bundles: set[str] = field(default_factory=set)
    revision: tuple[int, str, int] = (0, "", 0)
    payloads: set[int] = field(default_factory=set)
    stocks: dict[tuple[str, str], StockCount] = field(default_factory=dict)
    reservations: dict[str, dict[tuple[str, str, str], ReservationFound]] = field(default_factory=dict)
    news: dict[str, dict[str, int]] = field(default_factory=dict)
    switches: dict[str, SwitchFound] = field(default_factory=dict)


@dataclass(slots=True)
class Changes:
    """Rows to add and remove, in the columns of the tables of the same name; one transaction applies them all."""

    entries: list[EntryRow] = field(default_factory=list)
    payloads: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    """sequence, salt, body"""
    keys: list[tuple[str, str, int, bytes | None]] = field(default_factory=list)
    """kind, id, sequence, digest of the request where it is not that of the entry: a second id of the same effect"""
    decisions: list[tuple[str, int]] = field(default_factory=list)
    outcomes: list[tuple[str, str, str, str, int, int]] = field(default_factory=list)
    """decision, action, treatment, outcome, sequence, sequence of the decision; 0 where that is not there yet"""
    windows: list[tuple[str, str, str, str, int]] = field(default_factory=list)
    """decision, action, treatment, outcome, due_at: opened, also again"""
    closed: list[tuple[str, str, str]] = field(default_factory=list)
    """decision, action, treatment: closed, after the opening"""
    identifiers: list[tuple[str, str, str, int, bytes]] = field(default_factory=list)
    """kind, value, person, sequence of the entry that introduced it, salt of its digest there; never changed: where
    the person was absorbed, `merges` leads on"""
    merges: dict[str, str | None] = field(default_factory=dict)
    """absorbed person → who stands for it, added or replaced; None where it stands for itself again"""
    links: dict[tuple[int, str, str], Link] = field(default_factory=dict)
    """added or replaced"""
    profiles: dict[str, tuple[int, int, bytes, bytes, bytes]] = field(default_factory=dict)
    """person → version, sequence, attributes, digest, marks; added or replaced"""
    units: dict[tuple[str, str], MemberFound] = field(default_factory=dict)
    """added or replaced"""
    consents: dict[tuple[str, str, str], ConsentFound] = field(default_factory=dict)
    """added or replaced"""
    tombstones: list[Tombstone] = field(default_factory=list)
    forgotten: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    """table → keys of its rows that go, before any row is added"""
    touched: set[str] = field(default_factory=set)
    """persons of whom something is known otherwise now than before: those who stood and who stand for others"""
    bundles: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    revisions: list[tuple[int, str, int]] = field(default_factory=list)
    """number, hash, sequence"""
    revision_entries: list[tuple[Any, ...]] = field(default_factory=list)
    """the entry of a new revision once more, as an `EntryRow`, and the digest before it"""
    models: list[tuple[int, str, int, str, bytes, bytes]] = field(default_factory=list)
    """sequence, name, position, hash, state, digest; backends keep the last ten of a name"""
    change_states: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    """sequence of a change of models, its bytes, their digest"""
    erasures: list[tuple[int, int]] = field(default_factory=list)
    """sequence whose payload goes, sequence of the erasure's entry"""
    stocks: dict[tuple[str, str], StockCount] = field(default_factory=dict)
    """(stock, period) → its count; added or replaced"""
    reservations: list[ReservationFound] = field(default_factory=list)
    moves: list[tuple[str, str, str, str, str]] = field(default_factory=list)
    """state, decision, action, treatment, stock: reservations that moved, after they were added; the last one counts"""
    switches: dict[str, SwitchFound] = field(default_factory=dict)
    """target → its last switch; added or replaced"""
    counters: Counter[str] = field(default_factory=Counter)


def switch_digest(target: str, off: int, author: str, reason: str, at: int, sequence: int) -> bytes:
    """Digest that a switch's row carries against decay."""
    return digest_of(encode((target, off, author, reason, at, sequence)))


def profile_digest(person: str, version: int, sequence: int, attributes: bytes, marks: bytes = b"") -> bytes:
    """Digest that a profile row carries against decay."""
    return digest_of(encode((person, version, sequence)) + attributes + marks)


def consent_digest(*row: Any) -> bytes:
    """Digest that a consent's row carries against decay."""
    return digest_of(encode(row))
