"""Refuse what cannot be stored before anything is looked up for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from opportune.errors import InputError
from opportune.records import Reserve
from opportune.storage.digests import digest_of
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

__all__ = ["check", "id_fault", "moment_fault"]

ID_CHARACTERS_MAX = 256
"""Longest id that a caller may give: a URL or a UUID with a prefix fits, a document does not."""


def check(write: Write, name: str) -> None:
    """Refuse what cannot be stored.

    Args:
        name: the caller's id.

    Raises:
        InputError: with the first thing that is wrong.
    """
    _check_text("id", name)
    _CHECKS[type(write)](write)


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


def moment_fault(moment: datetime) -> tuple[str, str] | None:
    """Say what is wrong with a moment, and what to do; None where nothing is."""
    if moment.tzinfo is None:
        return "expected a time with its offset, found one without", "write it as ...Z or ...+02:00"
    try:
        # Elsewhere no offset leads out of the calendar.
        if not 1 < moment.year < 9999:
            moment.astimezone(UTC)
    except OverflowError:
        return "expected a time in the years 1 to 9999 of UTC, found another", "correct it"
    return None


def _check_moment(where: str, moment: datetime | None) -> None:
    fault = None if moment is None else moment_fault(moment)
    if fault is not None:
        raise InputError.of(where, *fault)


def _check_profile(write: SaveProfile) -> None:
    _check_text("identifier", write.identifier)
    _check_text("identifier_kind", write.identifier_kind)
    _check_moment("occurred_at", write.occurred_at)
    _check_header(zone=write.zone)
    if write.replace and write.removed:
        raise InputError.of("removed", "expected none where the profile is replaced")


def _check_drop(write: DropValues) -> None:
    _check_text("identifier", write.identifier)
    _check_text("identifier_kind", write.identifier_kind)


def _check_event(write: RecordEvent) -> None:
    _check_text("type", write.type)
    _check_text("identifier", write.identifier)
    _check_text("identifier_kind", write.identifier_kind)
    _check_moment("occurred_at", write.occurred_at)
    _check_header(session=write.session, zone=write.zone)


def _check_merge(write: MergePersons) -> None:
    for where in ("identifier", "identifier_kind", "other", "other_kind"):
        _check_text(where, getattr(write, where))
    _check_moment("occurred_at", write.occurred_at)
    _check_header(author=write.author, reason=write.reason)


def _check_split(write: SplitPersons) -> None:
    _check_text("merge", write.merge)
    _check_header(author=write.author, reason=write.reason)


def _check_unit(write: JoinUnit) -> None:
    for where in ("identifier", "identifier_kind", "level", "unit"):
        _check_text(where, getattr(write, where))
    _check_moment("occurred_at", write.occurred_at)


def _check_consent(write: RecordConsent) -> None:
    for where in ("identifier", "identifier_kind", "channel", "purpose"):
        _check_text(where, getattr(write, where))
    _check_header(source=write.source, text_version=write.text_version)
    _check_moment("occurred_at", write.occurred_at)


def _check_erasure(write: ErasePerson) -> None:
    _check_text("identifier", write.identifier)
    _check_text("identifier_kind", write.identifier_kind)
    _check_header(author=write.author, reason=write.reason)


def _check_outcome(write: RecordOutcome) -> None:
    names = ("decision",) if write.outcome.withdraws else ("decision", "action", "outcome")
    for where in (*names, "replaces", "withdraws"):
        _check_text(where, getattr(write.outcome, where))
    if write.treatment or not (write.may_wait or write.outcome.withdraws):
        _check_text("treatment", write.treatment)
    _check_moment("occurred_at", write.outcome.occurred_at)


def _check_model(write: AdoptModel) -> None:
    _check_text("name", write.name)
    _check_text("hash", write.hash)


def _check_payloads(write: ErasePayloads) -> None:
    if any(not 0 < sequence < 1 << 63 for sequence in write.sequences):
        raise InputError.of("sequences", "expected sequences of journal entries, found a number out of range")


def _check_decision(write: SaveDecision) -> None:
    decision = write.decision
    _check_text("id", decision.id)
    _check_text("identifier", write.identifier)
    _check_moment("at", decision.at)
    zone = decision.facts.get("zone")
    _check_header(
        session=decision.request.session,
        zone=zone if isinstance(zone, str) else None,
        person=decision.person,
        revision=decision.revision,
    )
    for window in write.windows:
        _check_moment("windows", window.due_at)
        _check_header(windows=window.action + window.treatment + window.outcome)
    if len({(window.action, window.treatment) for window in write.windows}) < len(write.windows):
        raise InputError.of("windows", "expected one window per action and treatment, found several")
    if write.reserves:
        _check_reserves(write.reserves)


def _check_leases(write: ReleaseLeases) -> None:
    _check_moment("until", write.until)
    for decision in write.decisions:
        _check_text("decisions", decision)


def _check_switch(write: SwitchAction) -> None:
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


_CHECKS: dict[type[Write], Callable[[Any], None]] = {
    SaveProfile: _check_profile,
    DropValues: _check_drop,
    SaveDecision: _check_decision,
    RecordOutcome: _check_outcome,
    RecordEvent: _check_event,
    SaveRevision: lambda write: _check_text("hash", write.hash),
    AdoptModel: _check_model,
    ChangeModels: _check_change,
    ErasePayloads: _check_payloads,
    MergePersons: _check_merge,
    SplitPersons: _check_split,
    JoinUnit: _check_unit,
    RecordConsent: _check_consent,
    ErasePerson: _check_erasure,
    RepeatErasure: lambda write: _check_moment("at", write.at),
    ReleaseLeases: _check_leases,
    SwitchAction: _check_switch,
}
