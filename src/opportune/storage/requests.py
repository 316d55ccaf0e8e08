"""What a caller sent: checked, and reduced to the bytes that a retry must repeat."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

import msgspec
from msgspec import structs
from msgspec.structs import replace

from opportune.errors import InputError
from opportune.records import Outcome, Reserve
from opportune.storage.digests import DIGEST_BYTES, digest_of, encode
from opportune.storage.entries import to_microseconds
from opportune.storage.kinds import Kind
from opportune.storage.writes import (
    AdoptModel,
    ChangeModels,
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

__all__ = ["UNSTORABLE", "Noted", "Request", "caller_id", "id_fault", "request_digest", "unstorable", "weight"]

ID_CHARACTERS_MAX = 256
"""Longest id that a caller may give: a URL or a UUID with a prefix fits, a document does not."""

_encode_sorted = msgspec.msgpack.Encoder(order="deterministic").encode

KIND_OF: dict[type, Kind] = {
    SaveProfile: Kind.PROFILE,
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
    match write:
        case RecordEvent():
            return _encode_sorted(write)
        case SaveDecision():
            return _encode_sorted(write.decision.request)
        case RecordOutcome():
            return _encode_sorted(_said(write.outcome))
        case SaveRevision():
            told = (write.author, write.reason, write.returns_to)
            return encode((write.hash, digest_of(write.bundle), *(told if any(told) else ())))
        case AdoptModel():
            return _encode_sorted((write.name, write.position, write.hash, digest_of(write.state), write.folds))
        case ChangeModels():
            return _encode_sorted(replace(write, hash=digest_of(write.state).hex(), state=b""))
        case MergePersons(occurred_at=None):
            # As merges were before they had a moment.
            return encode({name: getattr(write, name) for name in write.__struct_fields__ if name != "occurred_at"})
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


def caller_id(write: Write) -> str:
    """The caller's idempotency key of any write."""
    match write:
        case SaveDecision():
            return write.decision.request.id
        case RecordOutcome():
            return write.outcome.id
    return write.id


def id_fault(text: str) -> str:
    """Say what is wrong with an id, an identifier or a name; "" where nothing is."""
    if not 0 < len(text) <= ID_CHARACTERS_MAX:
        return f"expected 1 to {ID_CHARACTERS_MAX} characters, found {len(text)}"
    if "\0" in text:
        return "expected text without NUL characters, found one"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "expected valid Unicode, found half of a surrogate pair"
    return ""


def _check_text(where: str, text: str | None) -> None:
    """Refuse what cannot be a name or key."""
    if text is None:
        return
    fault = id_fault(text)
    if fault:
        raise InputError.of(where, fault)


def _check_header(**texts: str | None) -> None:
    """Refuse in a text of the entry's header what not every store can keep."""
    for where, text in texts.items():
        if text is not None and "\0" in text:
            raise InputError.of(where, "expected text without NUL characters, found one")


def _check_moment(where: str, moment: datetime | None) -> None:
    if moment is not None and moment.tzinfo is None:
        raise InputError.of(where, "expected a time with its zone, found one without", "write it as ...Z or ...+02:00")


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
        _check(write)
        self.write = write
        self.kind = KIND_OF[type(write)]
        self.id = caller_id(write)
        self.key = (self.kind.value, self.id)
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


def _check(write: Write) -> None:
    _check_text("id", caller_id(write))
    match write:
        case SaveProfile():
            _check_text("identifier", write.identifier)
            _check_text("identifier_kind", write.identifier_kind)
            _check_moment("occurred_at", write.occurred_at)
            _check_header(zone=write.zone)
            if write.replace and write.removed:
                raise InputError.of("removed", "expected none where the profile is replaced")
        case MergePersons():
            for where in ("identifier", "identifier_kind", "other", "other_kind"):
                _check_text(where, getattr(write, where))
            _check_moment("occurred_at", write.occurred_at)
            _check_header(author=write.author, reason=write.reason)
        case SplitPersons():
            _check_text("merge", write.merge)
            _check_header(author=write.author, reason=write.reason)
        case JoinUnit():
            for where in ("identifier", "identifier_kind", "level", "unit"):
                _check_text(where, getattr(write, where))
            _check_moment("occurred_at", write.occurred_at)
        case RecordConsent():
            for where in ("identifier", "identifier_kind", "channel", "purpose"):
                _check_text(where, getattr(write, where))
            _check_header(source=write.source, text_version=write.text_version)
            _check_moment("occurred_at", write.occurred_at)
        case ErasePerson():
            _check_text("identifier", write.identifier)
            _check_text("identifier_kind", write.identifier_kind)
            _check_header(author=write.author, reason=write.reason)
        case RepeatErasure():
            _check_moment("at", write.at)
        case RecordEvent():
            _check_text("type", write.type)
            _check_text("identifier", write.identifier)
            _check_text("identifier_kind", write.identifier_kind)
            _check_moment("occurred_at", write.occurred_at)
            _check_header(session=write.session, zone=write.zone)
        case RecordOutcome():
            names = ("decision",) if write.outcome.withdraws else ("decision", "action", "outcome")
            for where in (*names, "replaces", "withdraws"):
                _check_text(where, getattr(write.outcome, where))
            if write.treatment or not (write.may_wait or write.outcome.withdraws):
                _check_text("treatment", write.treatment)
            _check_moment("occurred_at", write.outcome.occurred_at)
        case SaveRevision():
            _check_text("hash", write.hash)
        case AdoptModel():
            _check_text("name", write.name)
            _check_text("hash", write.hash)
        case ChangeModels():
            _check_change(write)
        case ErasePayloads():
            if any(not 0 < sequence < 1 << 63 for sequence in write.sequences):
                raise InputError.of("sequences", "expected sequences of journal entries, found a number out of range")
        case SaveDecision():
            _check_text("id", write.decision.id)
            _check_text("identifier", write.identifier)
            _check_moment("at", write.decision.at)
            zone = write.decision.facts.get("zone")
            _check_header(
                session=write.decision.request.session,
                zone=zone if isinstance(zone, str) else None,
                person=write.decision.person,
                revision=write.decision.revision,
            )
            for window in write.windows:
                _check_moment("windows", window.due_at)
                _check_header(windows=window.action + window.treatment + window.outcome)
            if len({(window.action, window.treatment) for window in write.windows}) < len(write.windows):
                raise InputError.of("windows", "expected one window per action and treatment, found several")
            if write.reserves:
                _check_reserves(write.reserves)
        case ReleaseLeases():
            _check_moment("until", write.until)
            for decision in write.decisions:
                _check_text("decisions", decision)
        case SwitchAction():
            what, _, name = write.target.partition(":")
            _check_text("target", name)
            if what not in ("action", "group"):
                raise InputError.of("target", 'expected "action:" or "group:" and a name, found another beginning')
            _check_header(author=write.author, reason=write.reason)


def _check_reserves(reserves: tuple[Reserve, ...]) -> None:
    for reserve in reserves:
        _check_text("reserves.stock", reserve.stock)
        _check_header(reserves=f"{reserve.period}{reserve.action}{reserve.treatment}")
        limit = reserve.most if reserve.limit is None else reserve.limit
        if not (0 < reserve.units < 1 << 62 and 0 <= reserve.most < 1 << 62 and 0 <= limit < 1 << 62):
            raise InputError.of("reserves", "expected whole units of 1 or more, and a limit of 0 or more")
    if len({(reserve.action, reserve.treatment, reserve.stock) for reserve in reserves}) < len(reserves):
        raise InputError.of("reserves", "expected one per action, treatment and stock, found several")


def _check_change(write: ChangeModels) -> None:
    if write.order != "replace":
        _check_text("model", write.model)
    if write.order == "part":
        _check_text("part", write.part)
    if write.again and write.order != "replace":
        raise InputError.of("again", f"expected it with the order replace alone, found it with {write.order}")
    if bool(write.state) != (write.order != "promote"):
        found = "found some" if write.state else "found none"
        raise InputError.of("state", f"expected bytes with the orders replace and part alone, {found}")
    if write.hash != (digest_of(write.state).hex() if write.state else ""):
        raise InputError.of("hash", "expected the digest of the state's bytes, found another; send both anew")


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
