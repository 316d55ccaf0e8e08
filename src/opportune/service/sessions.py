"""Conversations: what agents and pages add between decisions, and what a decision knows of those before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import takewhile
from typing import Any

from opportune.customers.identity import Identifier
from opportune.customers.intake.session import Session
from opportune.records import Sign, Value
from opportune.service.speakers import Speaker, names_in, note_id, owners
from opportune.storage import Entry, Kind, Storage
from opportune.storage.entries import to_microseconds
from opportune.storage.kinds import DecisionBody, DecisionPayload, EventBody, EventPayload, OutcomeBody
from opportune.storage.standing import report_of, standing

__all__ = ["SAID", "TURNS_MAX", "last_named", "read_session", "said_attributes"]

SAID = "session.said"
"""Type of the event that keeps what was added; no project can declare one of this name."""
TURNS_MAX = 500
"""The newest decisions and notes of a conversation that are read."""
CLEARED = "cleared"
"""Attribute of such an event: names of attributes of the context that are not known any more."""
PREFIX = "context."
_NO_NAMES: Mapping[str, str] = {}


def said_attributes(context: Mapping[str, Value], cleared: Iterable[str]) -> dict[str, Value]:
    """Write what was added as attributes of an event."""
    added: dict[str, Value] = {f"{PREFIX}{name}": value for name, value in context.items()}
    names = sorted(cleared)
    return {**added, CLEARED: names} if names else added


def read_session(
    storage: Storage, session: str, kept: Set[str], speaker: Speaker, former: Mapping[str, str] = _NO_NAMES
) -> Session:
    """Read a conversation, from when somebody else was last in it; blocks.

    Args:
        kept: names of the attributes of the context that it keeps.
        speaker: whose it is.
        former: former name of an action → its name of today.

    Raises:
        StoreError: the store cannot be read.
    """
    told = owners(speaker, storage.turns(session, SAID, TURNS_MAX))
    entries = [entry for entry, _ in takewhile(lambda one: one[1] is not False, told)]
    said: dict[str, Value] = {}
    decisions: list[str] = []
    shown: dict[str, None] = {}
    for entry in reversed(entries):
        body, payload = entry.body, entry.payload
        if isinstance(body, DecisionBody):
            if isinstance(payload, DecisionPayload):
                said.update({name: value for name, value in payload.context.items() if name in kept})
            decisions.append(entry.decision or "")
            shown.update((one.action, None) for placement in body.placements for one in placement.actions)
        elif isinstance(body, EventBody) and body.type == SAID and isinstance(payload, EventPayload):
            _add(said, payload.attributes, kept)
    accepted, rejected = _answered(storage.about(decisions)) if shown else ((), ())
    began = min((entry.occurred_at for entry in entries), default=None)
    return Session(
        turns=len(decisions),
        began=began,
        said=said,
        shown=_today(former, shown),
        accepted=_today(former, accepted),
        rejected=_today(former, rejected),
    )


def _today(former: Mapping[str, str], actions: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(former.get(action, action) for action in actions))


def last_named(storage: Storage, session: str) -> tuple[Identifier, ...]:
    """Give the identifiers that its last decision or note named; none where that was of nobody.

    Raises:
        StoreError: the store cannot be read.
    """
    last = storage.turns(session, SAID, 2)
    if len(last) == 2 and last[0].id == note_id(last[1].decision or ""):
        # What was noted with a decision.
        del last[0]
    return tuple(names_in(last[0])) if last else ()


def _add(said: dict[str, Value], attributes: Mapping[str, Any], kept: Set[str]) -> None:
    for name in attributes.get(CLEARED, ()):
        said.pop(name, None)
    for key, value in attributes.items():
        name = key.removeprefix(PREFIX)
        if name != key and name in kept:
            said[name] = value


def _answered(entries: Sequence[Entry]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Say which actions had a positive and which a negative outcome, in the order of the reports that stand."""
    by_decision: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.kind is Kind.OUTCOME and entry.decision is not None:
            by_decision.setdefault(entry.decision, []).append(entry)
    found: dict[Sign, dict[str, None]] = {Sign.POSITIVE: {}, Sign.NEGATIVE: {}}
    for reports in by_decision.values():
        said = [
            report_of(entry.id, to_microseconds(entry.occurred_at), entry.body)
            for entry in reports
            if isinstance(entry.body, OutcomeBody) and not entry.body.joins
        ]
        for report in standing(said):
            if report.sign in found:
                found[report.sign][report.action] = None
    return tuple(found[Sign.POSITIVE]), tuple(found[Sign.NEGATIVE])
