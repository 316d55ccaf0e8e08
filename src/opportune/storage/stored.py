"""What a storage gives back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from opportune.errors import InputError
from opportune.records import Consent, Decision
from opportune.storage.entries import Entry
from opportune.storage.kinds import OutcomeBody
from opportune.storage.writes import Receipt

__all__ = [
    "Committed",
    "Consent",
    "Counts",
    "DueWindow",
    "Erasure",
    "KnownMerge",
    "KnownPerson",
    "ModelState",
    "OwnValues",
    "Profile",
    "Revision",
    "RevisionNote",
    "StoredDecision",
    "StoredOutcome",
    "Switch",
    "Unit",
    "orders_of",
]


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes of a person; `version` grows with every change of them from 1.

    Args:
        times: attribute → microseconds since 1970 of when its value came to be known; those that were set by earlier
            versions are missing.
    """

    person: str
    attributes: dict[str, Any]
    version: int
    times: dict[str, int] = {}


class OwnValues(NamedTuple):
    """What one identifier's own profile holds, other identifiers of the same person aside.

    Args:
        set_by: attribute → journal entry that set it.
    """

    identifier_kind: str
    identifier: str
    set_by: dict[str, int]


class KnownMerge(NamedTuple):
    """One merge of a person.

    Args:
        sequence: of its entry in the journal.
        sides: identifier of the kept side and the other one, as (kind, value); None where it is not known.
        entry: None where retention has dropped it.
        undone: the entry that undid it.
    """

    sequence: int
    sides: tuple[tuple[str, str] | None, tuple[str, str] | None]
    entry: Entry | None
    undone: Entry | None


class KnownPerson(NamedTuple):
    """Somebody who is known.

    Args:
        person: internal id.
        identifiers: all that lead to the person, as (kind, value).
        attributes: those of the profile; none where there is none.
    """

    person: str
    identifiers: tuple[tuple[str, str], ...]
    attributes: dict[str, Any]


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """What a person belongs to, such as a household; fields as for a profile, of which it may have none yet.

    Args:
        unit: its identifier.
    """

    level: str
    unit: str
    attributes: dict[str, Any] = {}
    version: int = 0
    times: dict[str, int] = {}


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """A person that was forgotten, without anything personal: what a list beside the store keeps.

    Args:
        sequence: of the erasure's entry in the store that the record was read from.
        at: moment of the erasure.
        marks: keyed digests of the identifiers that were forgotten.
        key: tells which secret the digests were made with.
    """

    sequence: int
    at: datetime
    marks: tuple[bytes, ...]
    key: str


class StoredDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as kept.

    Args:
        answer: bytes that a retry gets; None after erasure.
        sequence: its journal entry.
        recomputable: its personal part and all that its model had learned since a kept state are still there.
    """

    decision: Decision
    answer: bytes | None
    sequence: int
    recomputable: bool


class StoredOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """An outcome as kept."""

    sequence: int
    id: str
    occurred_at: datetime
    recorded_at: datetime
    body: OutcomeBody


class DueWindow(msgspec.Struct, frozen=True, kw_only=True):
    """An open response window; silence until `due_at` counts as `outcome`."""

    decision: str
    action: str
    treatment: str
    outcome: str
    due_at: datetime


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """A published strategy; numbers count from 1 and a return to an older one gets a new number."""

    number: int
    hash: str
    bundle: bytes
    sequence: int


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an action or a group is switched off; fields as for `SwitchAction`."""

    target: str
    off: bool
    author: str
    reason: str
    at: datetime
    sequence: int


def orders_of(switches: Iterable[Switch]) -> tuple[tuple[str, bool], ...]:
    """Give targets and whether they were switched off, the latest order last."""
    return tuple((switch.target, switch.off) for switch in sorted(switches, key=lambda one: one.sequence))


class RevisionNote(NamedTuple):
    """A revision without its bundle; `entry` tells of it, None where that is lost."""

    number: int
    hash: str
    sequence: int
    entry: Entry | None


class ModelState(msgspec.Struct, frozen=True, kw_only=True):
    """An adopted state of a model; `position` is the last journal entry that it has learned."""

    name: str
    position: int
    hash: str
    state: bytes
    sequence: int


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is, and how much was refused, since the store was made."""

    customers: int = 0
    decisions: int = 0
    outcomes: int = 0
    outcomes_refused: int = 0
    """Outcomes of decisions that do not exist."""
    outcomes_waiting: int = 0
    """Outcomes whose decision has not come yet; most of those that wait long never get one."""
    events: int = 0
    conflicts: int = 0
    """Ids used again with another body."""
    repeats: int = 0
    erased: int = 0
    """Payloads deleted."""
    forgotten: int = 0
    """Persons erased."""
    late_of_forgotten: int = 0
    """Writes about somebody forgotten since, which had no effect."""


class Committed(NamedTuple):
    """What one transaction did: a receipt or refusal per write, and the new journal entries in order."""

    results: list[Receipt | InputError]
    entries: list[Entry]
