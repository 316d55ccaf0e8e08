"""What a caller sent: checked, and reduced to the bytes that a retry must repeat."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from typing import NamedTuple

import msgspec
from msgspec import structs
from msgspec.structs import replace

from opportune.errors import InputError
from opportune.records import Outcome
from opportune.storage.checks import check
from opportune.storage.digests import DIGEST_BYTES, digest_of, encode
from opportune.storage.entries import to_microseconds
from opportune.storage.kinds import Kind
from opportune.storage.writes import (
    AdoptModel,
    ChangeModels,
    DropValues,
    ErasePayloads,
    ErasePerson,
    JoinUnit,
    MergePersons,
    RecordConsent,
    RecordEvent,
    RecordOutcome,
    ReleaseLeases,
    RepeatErasure,
    SaveDecision,
    SaveProfile,
    SaveRevision,
    SplitPersons,
    SwitchAction,
    Write,
)

__all__ = ["UNSTORABLE", "Noted", "Request", "caller_id", "request_digest", "unstorable", "weight"]

_encode_sorted = msgspec.msgpack.Encoder(order="deterministic").encode

KIND_OF: dict[type, Kind] = {
    SaveProfile: Kind.PROFILE,
    DropValues: Kind.PROFILE,
    SaveDecision: Kind.DECISION,
    RecordOutcome: Kind.OUTCOME,
    RecordEvent: Kind.EVENT,
    SaveRevision: Kind.REVISION,
    AdoptModel: Kind.MODEL,
    ErasePayloads: Kind.ERASURE,
    MergePersons: Kind.MERGE,
    SplitPersons: Kind.SPLIT,
    JoinUnit: Kind.MEMBER,
    RecordConsent: Kind.CONSENT,
    ErasePerson: Kind.FORGET,
    RepeatErasure: Kind.FORGET,
    ChangeModels: Kind.CHANGE,
    ReleaseLeases: Kind.RELEASE,
    SwitchAction: Kind.SWITCH,
}

_NAMES = {write: kind.value for write, kind in KIND_OF.items()}

UNSTORABLE = (OverflowError, UnicodeEncodeError, TypeError, ValueError)
"""What encoding raises for values that have no bytes."""


def unstorable(kind: Kind, error: Exception) -> InputError:
    """The refusal of a write that cannot be encoded; the error's own text may repeat a private value."""
    return InputError.of(
        kind.value,
        f"expected valid Unicode and whole numbers of 64 bits, found a value beyond ({type(error).__name__})",
        code="invalid-value",
    )


def _request_of(write: Write, mark: Callable[[str, str], bytes]) -> bytes:
    """The part of a write that the caller sent, as bytes: what a retry must repeat."""
    if isinstance(write, RecordEvent):
        return _encode_sorted(write)
    if isinstance(write, SaveDecision):
        return _encode_sorted(write.decision.request)
    match write:
        case RecordOutcome():
            return _encode_sorted(_said(write.outcome))
        case SaveRevision():
            told = (write.author, write.reason, write.returns_to)
            return encode((write.hash, digest_of(write.bundle), *(told if any(told) else ())))
        case AdoptModel():
            return _encode_sorted((write.name, write.position, write.hash, digest_of(write.state), write.folds))
        case ChangeModels():
            return _encode_sorted(replace(write, hash=digest_of(write.state).hex(), state=b""))
        case MergePersons():
            return encode(_told(write))
        case ErasePerson():
            # No digest of the entry may tell who it was.
            return encode((mark(write.identifier_kind, write.identifier), write.author, write.reason))
        case RepeatErasure():
            return encode((to_microseconds(write.at), write.marks))
    return _encode_sorted(write)


def _said(outcome: Outcome) -> dict[str, object]:
    """What an outcome says; fields that outcomes had not from the beginning only where they say something."""
    said = structs.asdict(outcome)
    for name in ("amount", "replaces", "withdraws", "token"):
        if said[name] is None:
            del said[name]
    return said


def _told(write: MergePersons) -> dict[str, object]:
    """What a merge says; fields that merges had not from the beginning only where they say something."""
    told = {name: getattr(write, name) for name in write.__struct_fields__ if name != "common"}
    for name in ("occurred_at", "author", "reason"):
        if not told[name]:
            del told[name]
    return told


def caller_id(write: Write) -> str:
    """The caller's idempotency key of any write."""
    if isinstance(write, SaveDecision):
        return write.decision.request.id
    return write.outcome.id if isinstance(write, RecordOutcome) else write.id


class Request:
    """One write of the batch with what is known of it before the transaction.

    `content` has the bytes that a retry must repeat.

    Args:
        mark: keyed digest of an identifier.

    Raises:
        InputError: the write cannot be stored.
    """

    __slots__ = ("content", "id", "key", "kind", "write")

    def __init__(self, write: Write, mark: Callable[[str, str], bytes]) -> None:
        kind = type(write)
        self.write = write
        self.kind = KIND_OF[kind]
        self.id = caller_id(write)
        self.key = (_NAMES[kind], self.id)
        check(write, self.id)
        try:
            self.content = _request_of(write, mark)
        except UNSTORABLE as error:
            raise unstorable(self.kind, error) from None


class Noted(NamedTuple):
    """What the plan itself adds to the journal, in the place of a caller's request."""

    id: str
    kind: Kind
    content: bytes = b""
    write: None = None

    @property
    def key(self) -> tuple[str, str]:
        """Kind and id."""
        return self.kind.value, self.id


def weight(write: Write) -> int:
    """About how many bytes a write brings, of what may be large in it."""
    match write:
        case SaveDecision():
            return len(write.answer)
        case SaveRevision():
            return len(write.bundle)
        case AdoptModel() | ChangeModels():
            return len(write.state)
        case SaveProfile() | RecordEvent():
            with suppress(*UNSTORABLE):  # refused by the plan
                return len(encode(write.attributes))
    return 0


def request_digest(salt: bytes, content: bytes) -> bytes:
    """Digest that a retry's content is compared with."""
    return blake2b(content, digest_size=DIGEST_BYTES, salt=salt).digest()
