"""What can be written to a storage, and what the writer gets back.

Every write carries the caller's `id`: the same id with the same body again has no second effect and gets the first
receipt; with another body it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from opportune.records import Decision, Origin, Outcome, Renamed, Reserve, Sign, Value

__all__ = [
    "AdoptModel",
    "ChangeModels",
    "DropValues",
    "ErasePayloads",
    "ErasePerson",
    "JoinUnit",
    "MergePersons",
    "Receipt",
    "RecordConsent",
    "RecordEvent",
    "RecordOutcome",
    "ReleaseLeases",
    "RepeatErasure",
    "SaveDecision",
    "SaveProfile",
    "SaveRevision",
    "Searched",
    "SplitPersons",
    "SwitchAction",
    "WindowOpened",
    "Write",
]


class WindowOpened(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A response window that a decision opens: silence until `due_at` counts as `outcome`."""

    action: str
    treatment: str
    outcome: str
    due_at: datetime


class SaveProfile(msgspec.Struct, frozen=True, kw_only=True):
    """Set attributes of the person behind an identifier; a new identifier makes a new person.

    Args:
        id: the caller's idempotency key.
        identifier: how the caller names the person.
        identifier_kind: family of identifiers that it belongs to.
        attributes: values to set.
        removed: attributes to remove; only without `replace`.
        replace: whether attributes not named here are dropped (PUT) or kept (PATCH).
        occurred_at: when the values came to be known; None takes the time of arrival.
        zone: IANA time zone of the person.
        newcomer: whether it is only to make a person: where the identifier leads to one, nothing changes.
    """

    id: str
    identifier: str
    identifier_kind: str = "customer"
    attributes: dict[str, Value]
    removed: tuple[str, ...] = ()
    replace: bool
    origin: Origin | None = None
    occurred_at: datetime | None = None
    zone: str | None = None
    # Unset is left out of the bytes that a retry must repeat, so that those of earlier versions stay the same.
    newcomer: bool | msgspec.UnsetType = msgspec.UNSET


class DropValues(msgspec.Struct, frozen=True, kw_only=True):
    """Drop attributes of an identifier's own profile whose time is over; nobody is made by it.

    What other identifiers of the same person have of these names stays, and is told from then on.

    Args:
        names: of the attributes; those that an entry behind `until` set anew stay.
    """

    id: str
    identifier: str
    identifier_kind: str = "customer"
    names: tuple[str, ...]
    until: int


class SaveDecision(msgspec.Struct, frozen=True, kw_only=True):
    """Keep a decision; its idempotency key is the request's id and its body the request alone.

    Args:
        answer: bytes that a retry of the request gets.
        windows: response windows of the shown actions.
        reserves: what it takes of stocks; refused with `SoldOutError` where less is left of any of them.
        contacts_seen: `last` of the history that it was decided by; refused with `StaleError` where the person has a
            newer entry of the kinds that matter. None was decided without.
        seen_kinds: names of kinds that it depends on, such as "event" and "consent"; empty are those that limits count.
            Merges, splits and erasures matter always.
        seen_with: internal id of others whose history it was decided by too, such as those of the same household → its
            `last`; what is newer of one of them refuses it alike.
        identifier: whom it was decided for, where that is not the request's customer.
    """

    decision: Decision
    answer: bytes
    origin: Origin
    windows: tuple[WindowOpened, ...] = ()
    reserves: tuple[Reserve, ...] = ()
    contacts_seen: int | None = None
    seen_kinds: tuple[str, ...] = ()
    seen_with: dict[str, int] = {}
    identifier: str | None = None
    identifier_kind: str = "customer"


class RecordOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """Keep what happened to an action, or that an earlier report was wrong; every id is a report of its own.

    Args:
        treatment: resolved treatment; the outcome itself may leave it open.
        placement: resolved placement.
        sign: positive and negative outcomes close the response windows of the action.
        leads_on: another outcome may follow this one, so that it leaves them open.
        expiry: this is the silence of an elapsed window; it is refused when the window is closed already.
        may_wait: where the decision is not there yet, the outcome is kept and counts once it has come.
    """

    outcome: Outcome
    origin: Origin
    treatment: str
    placement: str
    sign: Sign
    expiry: bool = False
    may_wait: bool = False
    leads_on: bool = False


class RecordEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Keep something that happened; `identifier` None is an event of nobody known."""

    id: str
    type: str
    identifier: str | None = None
    identifier_kind: str = "customer"
    attributes: dict[str, Value]
    session: str | None = None
    origin: Origin | None = None
    occurred_at: datetime | None = None
    zone: str | None = None


class SaveRevision(msgspec.Struct, frozen=True, kw_only=True):
    """Make a strategy the current revision; saving the current one again changes nothing.

    Args:
        hash: content hash of the strategy.
        bundle: the strategy as bytes; kept once per hash.
        after: number of the revision that it was made to follow, 0 for none; refused where another one is current by
            now. None follows any.
        author, reason: who publishes it, and why, in their words.
        returns_to: number of the earlier revision that this one repeats; None where it is new.
        changes: what is different from the revision before, in words.
        renamed: names that became others since the revision before.
    """

    id: str
    hash: str
    bundle: bytes
    after: int | None = None
    author: str = ""
    reason: str = ""
    returns_to: int | None = None
    changes: tuple[str, ...] = ()
    renamed: tuple[Renamed, ...] = ()


class AdoptModel(msgspec.Struct, frozen=True, kw_only=True):
    """Make a model state the one in use, and a checkpoint to rebuild from.

    Args:
        name: model of the mixture or of the project.
        position: sequence of the last journal entry that the state has learned.
        hash: hash of the state, in the maker's notation.
        state: the state as bytes; the last ten of every name are kept.
        folds: digests of what the journal up to that position leads to, by name, for whoever folds it again.
    """

    id: str
    name: str
    position: int
    hash: str
    state: bytes
    folds: dict[str, str] = {}


class ChangeModels(msgspec.Struct, frozen=True, kw_only=True):
    """Change the models from outside of what they learn; a step of every fold of the journal, as a revision is.

    Args:
        order: "promote" makes `model` the champion; "replace" takes `state` for what all models know; "part" gives
            `model` the artefact `state` of its part `part`.
        model: name of the model; "" where the order is for all of them.
        part: name of the part; "" where the order is not of a part.
        position: last journal entry that `state` has learned.
        hash: hexadecimal `digest_of` the state; "" where there is none.
        state: the state or artefact as bytes; kept as long as the journal's entry.
        again: whether a replaced state learns anew what stands between its position and this entry; else what was
            learned since is gone.
        author, reason: who orders it, and why, in their words.
    """

    id: str
    order: Literal["promote", "replace", "part"]
    model: str = ""
    part: str = ""
    position: int = 0
    hash: str = ""
    state: bytes = b""
    again: bool = False
    author: str = ""
    reason: str = ""


class ErasePayloads(msgspec.Struct, frozen=True, kw_only=True):
    """Delete the personal part of journal entries; the entries and their digests stay."""

    id: str
    sequences: tuple[int, ...]


class MergePersons(msgspec.Struct, frozen=True, kw_only=True):
    """Let two identifiers lead to one person: the one of `identifier` is kept, the one of `other` absorbed.

    Attributes are united; where both have a value, that of the kept person stays. An identifier that is not known yet
    becomes one more of the other's person; where neither is known, the write is refused.

    Args:
        id: the caller's idempotency key.
        occurred_at: when it came to be known; None takes the time of arrival.
        author, reason: who orders it, and why, in their words.
        common: kinds of identifiers of which two persons may both have one; refused where they both have one of another
            kind. None are all kinds. It is no part of what a retry must repeat.
    """

    id: str
    identifier: str
    identifier_kind: str = "customer"
    other: str
    other_kind: str = "customer"
    origin: Origin | None = None
    occurred_at: datetime | None = None
    author: str = ""
    reason: str = ""
    common: tuple[str, ...] | None = None


class SplitPersons(msgspec.Struct, frozen=True, kw_only=True):
    """Undo a merge: all is as if it had never been, and what came since belongs to the identifier it came under.

    Where another merge that stands holds the two together, they stay one person.

    Args:
        id: the caller's idempotency key.
        merge: id of the merge's write, or the sequence of its journal entry; refused where there is no such merge, or
            it is undone already.
        author, reason: who orders it, and why, in their words.
    """

    id: str
    merge: str
    author: str = ""
    reason: str = ""


class JoinUnit(msgspec.Struct, frozen=True, kw_only=True):
    """Let the person behind an identifier belong to a unit, such as one household, and to no other of its level.

    Args:
        level: such as "household"; a unit is an identifier of that kind, and new where it is not known yet.
        unit: None leaves the one before.
        occurred_at: when it came to be known; None takes the time of arrival.
    """

    id: str
    identifier: str
    identifier_kind: str = "customer"
    level: str
    unit: str | None
    origin: Origin | None = None
    occurred_at: datetime | None = None


class RecordConsent(msgspec.Struct, frozen=True, kw_only=True):
    """Keep that a person allows contacts on a channel for a purpose, or does so no more.

    Args:
        source: where it was said.
        text_version: version of the text that was agreed to.
        occurred_at: when it was said; None takes the time of arrival. One that is dated ahead counts as of arrival.
    """

    id: str
    identifier: str
    identifier_kind: str = "customer"
    channel: str
    purpose: str
    given: bool
    source: str = ""
    text_version: str = ""
    origin: Origin | None = None
    occurred_at: datetime | None = None


class Searched(NamedTuple):
    """Which entries name somebody who is to be forgotten, as far as the journal was read.

    Args:
        wanted: identifiers that were looked for, as (kind, identifier); `found` are the entries of each.
        until: the last entry that was read.
    """

    wanted: frozenset[tuple[str, str]]
    found: Mapping[tuple[str, str], frozenset[int]]
    until: int


class ErasePerson(msgspec.Struct, frozen=True, kw_only=True):
    """Forget the person behind an identifier, with all identifiers that lead to it.

    What happened before may be written later without effect; what happens after it makes a new person.

    Args:
        author, reason: who orders it, and why, in their words; they stay.
        searched: what `Storage.search` found just before; without it all that waits to be written waits for that.
    """

    id: str
    identifier: str
    identifier_kind: str = "customer"
    author: str = ""
    reason: str = ""
    searched: Searched | None = None


class RepeatErasure(msgspec.Struct, frozen=True, kw_only=True):
    """Forget once more, in a store of before, what was forgotten: see `Storage.erase_again`.

    Args:
        at: moment of the erasure.
        marks: of the identifiers that were forgotten.
        identifiers: those of them that the store knows or that others named, as (kind, identifier).
    """

    id: str
    at: datetime
    marks: tuple[bytes, ...]
    identifiers: tuple[tuple[str, str], ...]


class ReleaseLeases(msgspec.Struct, frozen=True, kw_only=True):
    """Release what decisions reserved and nobody confirmed in time; refused where no lease of theirs has ended.

    Args:
        decisions: as `due_leases` named them.
        until: leases that ended by then.
    """

    id: str
    decisions: tuple[str, ...]
    until: datetime


class SwitchAction(msgspec.Struct, frozen=True, kw_only=True):
    """Switch an action or a group off, or on again, for every process and without a revision.

    Args:
        target: "action:<name>" or "group:<name>".
        off: whether it is off from now on.
        author, reason: who orders it, and why, in their words.
    """

    id: str
    target: str
    off: bool
    author: str = ""
    reason: str = ""


Write = (
    SaveProfile
    | DropValues
    | SaveDecision
    | RecordOutcome
    | RecordEvent
    | SaveRevision
    | AdoptModel
    | ChangeModels
    | ErasePayloads
    | MergePersons
    | SplitPersons
    | JoinUnit
    | RecordConsent
    | ErasePerson
    | RepeatErasure
    | ReleaseLeases
    | SwitchAction
)
"""Any write."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a committed write came to; a retry gets the first one with `repeated` set.

    Args:
        sequence: journal entry that holds the effect.
        repeated: the effect was there already.
        answer: stored answer of a decision; None for other kinds, and after its erasure.
        version: version of the profile after the write, merge or split, number of the revision, or how many payloads
            an erasure of a person took; 0 for other kinds.
    """

    sequence: int
    repeated: bool = False
    answer: bytes | None = None
    version: int = 0
