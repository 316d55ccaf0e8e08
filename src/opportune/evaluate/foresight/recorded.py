"""Contacts that were really made, and customers who are really there, from a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opportune.evaluate.foresight.cases import Case
from opportune.evaluate.off_policy.recorded import Span
from opportune.storage import Entry, Kind, Storage, decision_of
from opportune.storage.kinds import DecisionPayload, ProfilePayload

__all__ = ["customers_of", "recorded_cases"]

PAGE = 1_000
_PREFIX = "customer."


def recorded_cases(storage: Storage, limit: int, span: Span | None = None) -> list[Case]:
    """Read the last recorded contacts, in the order of the journal; those whose facts were erased are passed over.

    Raises:
        StoreError: the store cannot be read.
    """
    wanted = span or Span()
    found: list[Case] = []
    for entry in _backwards(storage, Kind.DECISION):
        if len(found) == limit:
            break
        if wanted.holds(entry.occurred_at) and isinstance(entry.payload, DecisionPayload):
            found.append(_case(entry))
    return found[::-1]


def _case(entry: Entry) -> Case:
    decision = decision_of(entry)
    start = len(_PREFIX)
    known = {name[start:]: value for name, value in decision.facts.items() if name.startswith(_PREFIX)}
    return Case(decision.id, decision.person, decision.request, known, decision.at, decision.seed)


def customers_of(storage: Storage, limit: int) -> dict[str, Mapping[str, Any]]:
    """Give the customers whose attributes changed last, as they are now: identifier → attributes.

    Raises:
        StoreError: the store cannot be read.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for entry in _backwards(storage, Kind.PROFILE):
        if len(found) == limit:
            break
        payload = entry.payload
        if isinstance(payload, ProfilePayload) and payload.identifier_kind == "customer":
            profile = None if payload.identifier in found else storage.profile(payload.identifier)
            if profile is not None:
                found[payload.identifier] = profile.attributes
    return found


def _backwards(storage: Storage, kind: Kind) -> Iterator[Entry]:
    """Give entries of one kind, newest first."""
    high = storage.last_sequence()
    while high > 0:
        low = max(0, high - PAGE)
        page = storage.journal(low, PAGE, (kind,))
        yield from (entry for entry in reversed(page) if entry.sequence <= high)
        high = low
