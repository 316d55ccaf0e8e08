"""What a journal entry may speak of, and its body and personal part by kind."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Literal

import msgspec

from opportune.records import (
    Attempt,
    Hold,
    PlacementAnswer,
    PlacementRequest,
    PlacementTrace,
    Renamed,
    Reserve,
    Sign,
    Tired,
)
from opportune.storage.reservations import Moved
from opportune.storage.writes import WindowOpened

__all__ = [
    "CONTACT_KINDS",
    "INDEXED_KINDS",
    "SCHEMAS",
    "UPCASTS",
    "WHO_KINDS",
    "Body",
    "ChangeBody",
    "ConsentBody",
    "ConsentPayload",
    "DecisionBody",
    "DecisionPayload",
    "ErasureBody",
    "EventBody",
    "EventPayload",
    "ForgetBody",
    "Kind",
    "MemberBody",
    "MemberPayload",
    "MergeBody",
    "MergePayload",
    "ModelBody",
    "OutcomeBody",
    "Payload",
    "ProfileBody",
    "ProfilePayload",
    "ReleaseBody",
    "RevisionBody",
    "SplitBody",
    "SwitchBody",
    "decode_parts",
]


class Kind(StrEnum):
    """What a journal entry speaks of."""

    PROFILE = "profile"
    DECISION = "decision"
    OUTCOME = "outcome"
    EVENT = "event"
    REVISION = "revision"
    MODEL = "model"
    ERASURE = "erasure"
    MERGE = "merge"
    CHANGE = "change"
    RELEASE = "release"
    SWITCH = "switch"
    SPLIT = "split"
    MEMBER = "member"
    CONSENT = "consent"
    FORGET = "forget"


INDEXED_KINDS = frozenset(
    {
        Kind.CHANGE,
        Kind.ERASURE,
        Kind.FORGET,
        Kind.MERGE,
        Kind.MODEL,
        Kind.OUTCOME,
        Kind.REVISION,
        Kind.SPLIT,
        Kind.SWITCH,
    }
)
"""Kinds that may be rare among the others: stores find them by an index."""


CONTACT_KINDS = frozenset({Kind.DECISION, Kind.OUTCOME, Kind.MERGE})
"""Kinds that change what limits count of a person."""

WHO_KINDS = frozenset({Kind.MERGE, Kind.SPLIT, Kind.FORGET})
"""Kinds that change who a person is."""

Moves = tuple[tuple[str, str, str], ...]
"""(person, who stood for it before, who stands for it now); "" is the person itself."""
Versions = tuple[tuple[str, int, int], ...]
"""(person, version of its own profile before, version now)."""


class ProfileBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A profile changed.

    Args:
        version: grows with every change of one person's profile, from 1.
        introduces: `identifier_digest` of the identifier, where this entry was the first to name it.
        before: version of the identifier's own profile before, where that is not the one below.
    """

    version: int
    replace: bool
    introduces: bytes | None = None
    before: int | None = None


class ProfilePayload(msgspec.Struct, frozen=True, kw_only=True):
    """What was set and removed, under which identifier."""

    identifier: str
    identifier_kind: str
    attributes: dict[str, Any]
    removed: tuple[str, ...]


class DecisionBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A decision without its facts, context, customer and content."""

    channel: str
    asked: tuple[PlacementRequest, ...]
    language: str | None
    zone: str | None
    """The zone that the request named."""
    model: str
    position: int
    kernel: str
    seed: str
    control: str | None
    degraded: str | None
    ignored: tuple[str, ...]
    placements: tuple[PlacementAnswer, ...]
    traces: tuple[PlacementTrace, ...]
    windows: tuple[WindowOpened, ...]
    withheld: tuple[PlacementAnswer, ...] = ()
    """What would have been shown to a person who is shown nothing."""
    holds: tuple[Hold, ...] = ()
    redrawn: tuple[Attempt, ...] = ()
    slate_gap: float | None = None
    reserves: tuple[Reserve, ...] = ()
    tired: tuple[Tired, ...] = ()
    doubts: tuple[str, ...] = ()
    person: str = ""
    """Who was decided for, where several identifiers are one person; the entry's person is that of the identifier."""


class DecisionPayload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The personal part of a decision; `contents` has one dict per shown action, placement by placement.

    Args:
        said: how refusals were said that held something back, in the order of such holds; () where none was.
        identifiers: others than `customer` that the request named, by kind.
    """

    customer: str | None
    context: dict[str, Any]
    facts: dict[str, Any]
    contents: tuple[dict[str, str], ...]
    answer: bytes
    said: tuple[str, ...] = ()
    identifiers: dict[str, str] = {}


class OutcomeBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened to an action.

    Args:
        closes: it closed response windows; `closed` are those, in entries since schema 2.
        expiry: it is the silence of an elapsed window.
        repeats: it is no new effect: the same was reported before, or it withdraws a report.
        reopened: response windows that are open again, since nothing stands any more that answered them.
        amount: how much, for outcome types that carry a value.
        replaces, withdraws: id of the report that it corrects, or that never was; "" for none.
        waits: its decision is not there yet.
        joins: so many outcomes waited for this decision and count from here on; the entry says nothing else.
        leads_on: another outcome may follow it, so that it closes no response window.
        moved: reservations of the decision that are in another state from here on.
    """

    action: str
    treatment: str
    placement: str
    outcome: str
    sign: Sign
    closes: bool
    expiry: bool
    repeats: bool = False
    closed: tuple[WindowOpened, ...] = ()
    reopened: tuple[WindowOpened, ...] = ()
    amount: int | float | None = None
    replaces: str = ""
    withdraws: str = ""
    waits: bool = False
    joins: int = 0
    leads_on: bool = False
    moved: tuple[Moved, ...] = ()


class EventBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event's type; `introduces` as for a profile."""

    type: str
    introduces: bytes | None = None


class EventPayload(msgspec.Struct, frozen=True, kw_only=True):
    """An event's attributes and the identifier it came under."""

    identifier: str | None
    identifier_kind: str
    attributes: dict[str, Any]


class RevisionBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A strategy became the current revision; the entry's `revision` is its hash, the fields are as for the write."""

    number: int
    author: str = ""
    reason: str = ""
    returns_to: int | None = None
    changes: tuple[str, ...] = ()
    renamed: tuple[Renamed, ...] = ()


class ModelBody(msgspec.Struct, frozen=True, kw_only=True):
    """A model state was adopted."""

    name: str
    position: int
    hash: str
    folds: dict[str, str]


class ChangeBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Models were changed; fields as for the write, whose bytes are kept apart. `size` is how many they are."""

    order: Literal["promote", "replace", "part"]
    model: str = ""
    part: str = ""
    position: int = 0
    hash: str = ""
    size: int = 0
    again: bool = False
    author: str = ""
    reason: str = ""


class ErasureBody(msgspec.Struct, frozen=True, kw_only=True):
    """Payloads were deleted."""

    sequences: tuple[int, ...]


class MergeBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Two identifiers lead to one person from now on.

    Args:
        absorbed: internal id of the person that is no longer one; None where both led to the same person already.
        earlier, versions: of entries before schema 2: persons whom the absorbed one had absorbed before, and the
            versions of the two profiles before.
        version: of the united profile; 0 where neither had one.
        introduces: as for a profile; the identifier is that of `absorbed`.
        link: persons of the two identifiers themselves, the kept side first; None where they are the same.
        moves, rows: who stands for whom, and versions of profiles, that changed.
        customers: by how many persons with a profile are more or fewer.
        author, reason: who ordered it, and why, in their words.
    """

    absorbed: str | None = None
    earlier: tuple[str, ...] = ()
    version: int = 0
    versions: tuple[int, int] = (0, 0)
    introduces: bytes | None = None
    link: tuple[str, str] | None = None
    moves: Moves = ()
    rows: Versions = ()
    customers: int = 0
    author: str = ""
    reason: str = ""


class SplitBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A merge was undone; the entry's person is of one side. Fields as for a merge.

    Args:
        merge: sequence of the merge's entry.
        tells: sequence of the split's entry that this one tells the other side of; 0 in that entry itself.
        parted: somebody is no longer one person with somebody else.
    """

    merge: int
    tells: int = 0
    author: str = ""
    reason: str = ""
    link: tuple[str, str] = ("", "")
    parted: bool = False
    version: int = 0
    moves: Moves = ()
    rows: Versions = ()
    customers: int = 0


class MemberBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person belongs to a unit of a level, or to none; `introduces` as for a profile.

    Args:
        unit: internal id of the unit.
        before: (unit, sequence) of the person's own row of the level before; None where there was none.
        introduces_unit: digest of the unit's identifier, where this entry was the first to name it.
    """

    level: str
    unit: str | None = None
    before: tuple[str | None, int] | None = None
    introduces: bytes | None = None
    introduces_unit: bytes | None = None


class MemberPayload(msgspec.Struct, frozen=True, kw_only=True):
    """The person's identifier and the unit's."""

    identifier: str
    identifier_kind: str
    unit: str | None


class ConsentBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person allows on a channel for a purpose; fields as for the write, `introduces` as for a profile.

    Args:
        late: what was said later was known already, so that this changes nothing.
        before: (sequence, given, moment) of the row that it replaced; None where there was none.
    """

    channel: str
    purpose: str
    given: bool
    late: bool = False
    before: tuple[int, int, int] | None = None
    introduces: bytes | None = None


class ConsentPayload(msgspec.Struct, frozen=True, kw_only=True):
    """The identifier that a consent came under, and how it was said: who writes that may name somebody."""

    identifier: str
    identifier_kind: str
    source: str = ""
    text_version: str = ""


class ForgetBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person was forgotten.

    Args:
        at: microseconds since 1970 of the erasure; what happened until then has no effect any more.
        marks: keyed digests of the identifiers.
        persons: internal ids.
        sequences: entries whose payload went.
        gone: table → its rows that went, in the form in which the journal proves them.
        unmarked: identifiers of the first schema that went.
        moves, rows, customers: as for a merge.
    """

    at: int
    marks: tuple[bytes, ...]
    persons: tuple[str, ...] = ()
    sequences: tuple[int, ...] = ()
    gone: dict[str, tuple[tuple[Any, ...], ...]] = {}
    unmarked: int = 0
    author: str = ""
    reason: str = ""
    moves: Moves = ()
    rows: Versions = ()
    customers: int = 0


class ReleaseBody(msgspec.Struct, frozen=True, kw_only=True):
    """Leases ended: `moved` are the reservations that are released."""

    moved: tuple[Moved, ...]


class SwitchBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An action or group was switched off or on; fields as for the write.

    Args:
        before: (sequence of the last switch of the target, whether it was off since then); None for the first one.
    """

    target: str
    off: bool
    author: str = ""
    reason: str = ""
    before: tuple[int, bool] | None = None


class MergePayload(msgspec.Struct, frozen=True, kw_only=True):
    """The two identifiers."""

    identifier: str
    identifier_kind: str
    other: str
    other_kind: str


Body = (
    ProfileBody
    | DecisionBody
    | OutcomeBody
    | EventBody
    | RevisionBody
    | ModelBody
    | ErasureBody
    | MergeBody
    | ChangeBody
    | ReleaseBody
    | SwitchBody
    | SplitBody
    | MemberBody
    | ConsentBody
    | ForgetBody
)

Payload = ProfilePayload | DecisionPayload | EventPayload | MergePayload | MemberPayload | ConsentPayload

_BODIES: dict[Kind, type[Body]] = {
    Kind.PROFILE: ProfileBody,
    Kind.DECISION: DecisionBody,
    Kind.OUTCOME: OutcomeBody,
    Kind.EVENT: EventBody,
    Kind.REVISION: RevisionBody,
    Kind.MODEL: ModelBody,
    Kind.ERASURE: ErasureBody,
    Kind.MERGE: MergeBody,
    Kind.CHANGE: ChangeBody,
    Kind.RELEASE: ReleaseBody,
    Kind.SWITCH: SwitchBody,
    Kind.SPLIT: SplitBody,
    Kind.MEMBER: MemberBody,
    Kind.CONSENT: ConsentBody,
    Kind.FORGET: ForgetBody,
}

_PAYLOADS: dict[Kind, type[Payload]] = {
    Kind.PROFILE: ProfilePayload,
    Kind.DECISION: DecisionPayload,
    Kind.EVENT: EventPayload,
    Kind.MERGE: MergePayload,
    Kind.MEMBER: MemberPayload,
    Kind.CONSENT: ConsentPayload,
}

_BODY_DECODERS = {kind: msgspec.msgpack.Decoder(body) for kind, body in _BODIES.items()}

_PAYLOAD_DECODERS = {kind: msgspec.msgpack.Decoder(payload) for kind, payload in _PAYLOADS.items()}

SCHEMAS: dict[Kind, int] = dict.fromkeys(Kind, 1) | {Kind.OUTCOME: 2, Kind.MERGE: 2}
"""Version in which bodies and payloads of a kind are written today."""

UPCASTS: dict[tuple[Kind, int], Callable[[dict[str, Any], dict[str, Any]], tuple[dict[str, Any], dict[str, Any]]]] = {
    # What is new in schema 2 has defaults that say what schema 1 meant.
    (Kind.OUTCOME, 1): lambda body, payload: (body, payload),
    # Merges of schema 1 cannot be undone: who was who before is not known of them.
    (Kind.MERGE, 1): lambda body, payload: (body, payload),
}
"""(kind, version) → function that turns body and payload of that version into the next one's; pure, never edited."""


def decode_parts(kind: Kind, schema: int, body: bytes, payload: bytes | None) -> tuple[Body, Payload | None]:
    if schema == SCHEMAS[kind]:
        return _BODY_DECODERS[kind].decode(body), None if payload is None else _PAYLOAD_DECODERS[kind].decode(payload)
    plain_body = msgspec.msgpack.decode(body)
    plain_payload = {} if payload is None else msgspec.msgpack.decode(payload)
    for version in range(schema, SCHEMAS[kind]):
        plain_body, plain_payload = UPCASTS[kind, version](plain_body, plain_payload)
    return (
        msgspec.convert(plain_body, _BODIES[kind]),
        None if payload is None else msgspec.convert(plain_payload, _PAYLOADS[kind]),
    )
