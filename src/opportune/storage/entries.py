"""Journal entries: header, body without personal values, payload with them, and the digests that bind them.

digest = H(previous digest, header, body digest, payload digest, request digest)
H = BLAKE2b of 32 bytes over MessagePack

A payload's digest is salted, and the salt is deleted with the payload: what stays tells nothing about what went.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from opportune.errors import DamageError
from opportune.records import (
    Decision,
    DecisionRequest,
    Origin,
    PlacementAnswer,
    PlacementRequest,
    PlacementTrace,
    Renamed,
    Sign,
    Value,
)
from opportune.storage.writes import WindowOpened

__all__ = [
    "DIGEST_BYTES",
    "GENESIS",
    "INDEXED_KINDS",
    "SALT_BYTES",
    "SCHEMAS",
    "UPCASTS",
    "Body",
    "DecisionBody",
    "DecisionPayload",
    "Entry",
    "EntryRow",
    "ErasureBody",
    "EventBody",
    "EventPayload",
    "Kind",
    "MergeBody",
    "MergePayload",
    "ModelBody",
    "OutcomeBody",
    "Payload",
    "ProfileBody",
    "ProfilePayload",
    "RevisionBody",
    "StoredRow",
    "chain_digest",
    "decision_of",
    "decode_row",
    "digest_of",
    "encode",
    "fault_of",
    "from_microseconds",
    "identifier_digest",
    "lasting_row",
    "payload_digest",
    "split_decision",
    "to_microseconds",
]

DIGEST_BYTES = 32
SALT_BYTES = 16
GENESIS = bytes(DIGEST_BYTES)
"""Stands for the digest before the first entry."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

encode = msgspec.msgpack.Encoder().encode


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


INDEXED_KINDS = frozenset({Kind.ERASURE, Kind.MERGE, Kind.MODEL, Kind.OUTCOME, Kind.REVISION})
"""Kinds that may be rare among the others: stores find them by an index."""


class ProfileBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A profile changed.

    Args:
        version: grows with every change of one person's profile, from 1.
        introduces: `identifier_digest` of the identifier, where this entry was the first to name it.
    """

    version: int
    replace: bool
    introduces: bytes | None = None


class ProfilePayload(msgspec.Struct, frozen=True, kw_only=True):
    """What was set and removed, under which identifier."""

    identifier: str
    identifier_kind: str
    attributes: dict[str, Any]
    removed: tuple[str, ...]


class DecisionBody(msgspec.Struct, frozen=True, kw_only=True):
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


class DecisionPayload(msgspec.Struct, frozen=True, kw_only=True):
    """The personal part of a decision; `contents` has one dict per shown action, placement by placement."""

    customer: str | None
    context: dict[str, Any]
    facts: dict[str, Any]
    contents: tuple[dict[str, str], ...]
    answer: bytes


class OutcomeBody(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to an action.

    Args:
        closes: it closed a response window.
        expiry: it is the silence of an elapsed window.
        repeats: the same outcome stood before; this one only closes the window.
    """

    action: str
    treatment: str
    placement: str
    outcome: str
    sign: Sign
    closes: bool
    expiry: bool
    repeats: bool = False


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


class ErasureBody(msgspec.Struct, frozen=True, kw_only=True):
    """Payloads were deleted."""

    sequences: tuple[int, ...]


class MergeBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Two identifiers lead to one person from now on, the entry's.

    Args:
        absorbed: internal id of the person that is no longer one; None where one identifier was new or both led to the
            same person already.
        earlier: persons whom the absorbed one had absorbed before.
        version: of the united profile; 0 where neither had one.
        versions: of the two profiles before, 0 where there was none: the kept one's, the absorbed one's.
        introduces: as for a profile.
    """

    absorbed: str | None = None
    earlier: tuple[str, ...] = ()
    version: int = 0
    versions: tuple[int, int] = (0, 0)
    introduces: bytes | None = None


class MergePayload(msgspec.Struct, frozen=True, kw_only=True):
    """The two identifiers."""

    identifier: str
    identifier_kind: str
    other: str
    other_kind: str


Body = ProfileBody | DecisionBody | OutcomeBody | EventBody | RevisionBody | ModelBody | ErasureBody | MergeBody
Payload = ProfilePayload | DecisionPayload | EventPayload | MergePayload

_BODIES: dict[Kind, type[Body]] = {
    Kind.PROFILE: ProfileBody,
    Kind.DECISION: DecisionBody,
    Kind.OUTCOME: OutcomeBody,
    Kind.EVENT: EventBody,
    Kind.REVISION: RevisionBody,
    Kind.MODEL: ModelBody,
    Kind.ERASURE: ErasureBody,
    Kind.MERGE: MergeBody,
}
_PAYLOADS: dict[Kind, type[Payload]] = {
    Kind.PROFILE: ProfilePayload,
    Kind.DECISION: DecisionPayload,
    Kind.EVENT: EventPayload,
    Kind.MERGE: MergePayload,
}
_BODY_DECODERS = {kind: msgspec.msgpack.Decoder(body) for kind, body in _BODIES.items()}
_PAYLOAD_DECODERS = {kind: msgspec.msgpack.Decoder(payload) for kind, payload in _PAYLOADS.items()}

SCHEMAS: dict[Kind, int] = dict.fromkeys(Kind, 1)
"""Version in which bodies and payloads of a kind are written today."""

UPCASTS: dict[tuple[Kind, int], Callable[[dict[str, Any], dict[str, Any]], tuple[dict[str, Any], dict[str, Any]]]] = {}
"""(kind, version) → function that turns body and payload of that version into the next one's; pure, never edited."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One journal entry, as read or as just committed.

    Args:
        sequence: 1, 2, 3 ... without gaps.
        id: the caller's idempotency key.
        occurred_at: when it happened, by the caller's word.
        recorded_at: when the storage took it.
        zone: IANA time zone of the customer.
        person: internal id.
        decision: id of the decision that the entry is or answers.
        revision: content hash of the strategy concerned.
        payload: None where the kind has none, and after its erasure.
        erased: the payload was deleted.
        digest: of this entry and, through the chain, of all before it.
    """

    sequence: int
    kind: Kind
    schema: int
    id: str
    occurred_at: datetime
    recorded_at: datetime
    zone: str | None
    person: str | None
    session: str | None
    decision: str | None
    revision: str | None
    origin: Origin | None
    body: Body
    payload: Payload | None
    erased: bool
    digest: bytes


class EntryRow(NamedTuple):
    """One entry as backends store it; times in microseconds since 1970 UTC."""

    sequence: int
    kind: str
    schema: int
    id: str
    occurred_at: int
    recorded_at: int
    zone: str | None
    person: str | None
    session: str | None
    decision: str | None
    revision: str | None
    origin: str | None
    body: bytes
    body_digest: bytes
    payload_digest: bytes | None
    request_digest: bytes
    """Of what the caller sent, salted like the payload."""
    digest: bytes


class StoredRow(NamedTuple):
    """What backends read for one entry.

    Args:
        previous: digest of the entry before; GENESIS for the first; None where that entry is missing.
        payload: (salt, bytes), or None where there is none (any more).
        erased: the erasure is on record.
    """

    entry: EntryRow
    previous: bytes | None
    payload: tuple[bytes, bytes] | None
    erased: bool


def to_microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970 UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """The aware UTC datetime of `to_microseconds`."""
    return _EPOCH + timedelta(microseconds=microseconds)


def digest_of(content: bytes) -> bytes:
    """Digest of bytes without a secret in them."""
    return blake2b(content, digest_size=DIGEST_BYTES).digest()


def payload_digest(salt: bytes, content: bytes) -> bytes:
    """Digest of personal bytes."""
    return blake2b(content, digest_size=DIGEST_BYTES, salt=salt).digest()


def identifier_digest(salt: bytes, identifier_kind: str, identifier: str) -> bytes:
    """Digest by which the journal proves who an identifier leads to, without telling it.

    The salt is kept beside the identifier alone and goes with it.
    """
    return blake2b(encode((identifier_kind, identifier)), digest_size=16, salt=salt).digest()


def chain_digest(previous: bytes, header: tuple[Any, ...]) -> bytes:
    """Digest of an entry.

    Args:
        header: the row without `body` and `digest`, in the order of `EntryRow`.
    """
    return blake2b(previous + encode(header), digest_size=DIGEST_BYTES).digest()


def lasting_row(row: tuple[Any, ...]) -> StoredRow:
    """The journal row of a revision as it is kept beside the journal, its columns and the digest before it."""
    return StoredRow(EntryRow(*row[:-1]), row[-1], None, erased=False)


def fault_of(row: StoredRow) -> str:
    """Say what contradicts itself in a row; "" where nothing does."""
    entry = row.entry
    if row.previous is None:
        return f"entry {entry.sequence - 1} before it is missing"
    header = (*entry[:12], entry.body_digest, entry.payload_digest, entry.request_digest)
    if chain_digest(row.previous, header) != entry.digest:
        return "its chain digest does not fit it and the entry before"
    if digest_of(entry.body) != entry.body_digest:
        return "its body does not fit its digest"
    if row.payload is not None:
        salt, content = row.payload
        if len(salt) != SALT_BYTES or payload_digest(salt, content) != entry.payload_digest:
            return "its payload does not fit its digest"
    elif entry.payload_digest is not None and not row.erased:
        return "its payload is missing without an erasure"
    return ""


def decode_row(row: StoredRow) -> Entry:
    """Check a stored row against its digests and read it, in today's schema.

    Raises:
        DamageError: the row contradicts itself.
    """
    fault = fault_of(row)
    if fault:
        raise DamageError(f"journal entry {row.entry.sequence}: {fault}")
    head = row.entry
    kind = Kind(head.kind)
    body, payload = _decode_parts(kind, head.schema, head.body, row.payload[1] if row.payload else None)
    return Entry(
        sequence=head.sequence,
        kind=kind,
        schema=head.schema,
        id=head.id,
        occurred_at=from_microseconds(head.occurred_at),
        recorded_at=from_microseconds(head.recorded_at),
        zone=head.zone,
        person=head.person,
        session=head.session,
        decision=head.decision,
        revision=head.revision,
        origin=None if head.origin is None else Origin(head.origin),
        body=body,
        payload=payload,
        erased=row.erased,
        digest=head.digest,
    )


def _decode_parts(kind: Kind, schema: int, body: bytes, payload: bytes | None) -> tuple[Body, Payload | None]:
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


def split_decision(
    decision: Decision, answer: bytes, windows: tuple[WindowOpened, ...]
) -> tuple[DecisionBody, DecisionPayload]:
    """Part a decision into what may stay for ever and what is personal."""
    contents = tuple(shown.content for placement in decision.placements for shown in placement.actions)
    placements = decision.placements
    if any(contents):
        placements = _with_contents(placements, ({} for _ in contents))
    request = decision.request
    body = DecisionBody(
        channel=request.channel,
        asked=request.placements,
        language=request.language,
        zone=request.zone,
        model=decision.model,
        position=decision.position,
        kernel=decision.kernel,
        seed=decision.seed,
        control=decision.control,
        degraded=decision.degraded,
        ignored=decision.ignored,
        placements=placements,
        traces=decision.traces,
        windows=windows,
    )
    payload = DecisionPayload(
        customer=request.customer,
        context=request.context,
        facts=decision.facts,
        contents=contents if any(contents) else (),
        answer=answer,
    )
    return body, payload


def decision_of(entry: Entry) -> Decision:
    """Join the decision of an entry; without facts, context, customer and content where they were erased.

    Raises:
        TypeError: the entry is of another kind.
    """
    body, payload = entry.body, entry.payload
    if not isinstance(body, DecisionBody) or entry.decision is None or entry.revision is None:
        raise TypeError(f"journal entry {entry.sequence} is no decision but {entry.kind}")
    facts: dict[str, Value] = {}
    context: dict[str, Value] = {}
    customer, placements = None, body.placements
    if isinstance(payload, DecisionPayload):
        facts, context, customer = payload.facts, payload.context, payload.customer
        if payload.contents:
            placements = _with_contents(placements, iter(payload.contents))
    request = DecisionRequest(
        id=entry.id,
        customer=customer,
        session=entry.session,
        channel=body.channel,
        placements=body.asked,
        context=context,
        language=body.language,
        zone=body.zone,
    )
    return Decision(
        id=entry.decision,
        request=request,
        person=entry.person,
        at=entry.occurred_at,
        revision=entry.revision,
        model=body.model,
        position=body.position,
        kernel=body.kernel,
        seed=body.seed,
        facts=facts,
        control=body.control,
        degraded=body.degraded,
        ignored=body.ignored,
        placements=placements,
        traces=body.traces,
    )


def _with_contents(placements: tuple[PlacementAnswer, ...], contents: Any) -> tuple[PlacementAnswer, ...]:
    return tuple(
        msgspec.structs.replace(
            placement,
            actions=tuple(msgspec.structs.replace(shown, content=next(contents)) for shown in placement.actions),
        )
        for placement in placements
    )
