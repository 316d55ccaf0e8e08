"""Contacts that were really made, and customers who are really there, from a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from opportune.customers.identity import CUSTOMER, Identifier
from opportune.decide import Plan, Standing
from opportune.decide.limits.consents import EVERYWHERE, IDENTITY
from opportune.decide.limits.windows import instant, micros
from opportune.decide.pipeline import gathered_in
from opportune.evaluate.foresight.cases import Case
from opportune.evaluate.off_policy.recorded import Span
from opportune.records import Consent, Contact, Decision, Hold
from opportune.storage import Entry, Kind, Storage, decision_of
from opportune.storage.kinds import DecisionPayload, ProfilePayload

__all__ = ["customers_of", "recorded_cases", "with_history", "with_present"]

PAGE = 1_000
_PREFIX = "customer."


def recorded_cases(storage: Storage, limit: int, span: Span | None = None) -> list[Case]:
    """Read the last recorded contacts, in the order of the journal; those whose facts are not known are passed over.

    Facts may be erased, and a fallback answer gathered none, or only some of them.

    Raises:
        StoreError: the store cannot be read.
    """
    wanted = span or Span()
    found: list[Case] = []
    for entry in _backwards(storage, Kind.DECISION):
        if len(found) == limit:
            break
        if wanted.holds(entry.occurred_at) and isinstance(entry.payload, DecisionPayload):
            decision = decision_of(entry)
            if decision.degraded is None:
                found.append(_case(decision))
    return found[::-1]


def _case(decision: Decision) -> Case:
    start = len(_PREFIX)
    known = {name[start:]: value for name, value in decision.facts.items() if name.startswith(_PREFIX)}
    standing = _as_seen(decision.holds)
    return Case(
        decision.id,
        decision.person,
        decision.request,
        known,
        decision.at,
        decision.seed,
        standing,
        gathered_in(decision),
    )


def _as_seen(holds: Sequence[Hold]) -> Standing:
    """Give what a decision saw of stocks, switches and refusals: of what did not bind, nothing is known or needed."""
    switches = frozenset(hold.part for hold in holds if hold.kind == "switch")
    return Standing(
        stocks={(hold.limit, ""): hold.count for hold in holds if hold.kind == "stock"},
        switched_off=switches,
        consents=[
            Consent(EVERYWHERE, hold.limit, False, instant(hold.since))
            for hold in holds
            if hold.kind == "consent" and hold.since is not None
        ],
        unproven=any(hold.kind == IDENTITY for hold in holds),
    )


def with_history(storage: Storage, cases: Sequence[Case], plans: Sequence[Plan]) -> list[Case]:
    """Add what the history of each customer, and of their units, held at the moment of the contact.

    It is read as far back as the plans look. Who belongs to which unit is known as of today only.

    Raises:
        StoreError: the store cannot be read.
    """
    horizon = timedelta(seconds=max(plan.limits.horizon_seconds for plan in plans))
    levels = frozenset(level for plan in plans for level in plan.limits.levels)
    asks = any(plan.limits.purposes for plan in plans)
    if not horizon and not asks:
        return list(cases)
    found = []
    for case in cases:
        who, since = _who(storage, case), case.at - horizon
        history = storage.contacts(who.value, since, who.kind).contacts if who and horizon else ()
        units = _of_units(storage, who, since, levels) if who and levels else {}
        known = storage.consents(who.value, who.kind) if who and asks else ()
        standing = replace(
            case.standing,
            contacts=_before(case, history),
            units={level: _before(case, contacts) for level, contacts in units.items()},
            consents=_said_then(known, case.standing.consents or (), case.at),
        )
        found.append(replace(case, standing=standing))
    return found


def _before(case: Case, contacts: Sequence[Contact]) -> list[Contact]:
    at = micros(case.at)
    return [one for one in contacts if one.at <= at and one.decision != case.name]


def _who(storage: Storage, case: Case) -> Identifier | None:
    """Name the person of a contact: as the customer, or by what else the person is known by; None for nobody."""
    if case.request.customer:
        return Identifier(CUSTOMER, case.request.customer)
    named = storage.identifiers_of(case.person) if case.person else []
    return Identifier(*named[0]) if named else None


def _of_units(storage: Storage, who: Identifier, since: datetime, levels: Set[str]) -> dict[str, tuple[Contact, ...]]:
    """Give level → contacts of all members of the person's unit, for those levels where there is one."""
    own = levels & storage.units(who.value, who.kind).keys()
    return {level: storage.happened(who.value, who.kind, since, level).contacts for level in sorted(own)}


def _said_then(now: Sequence[Consent], held: Sequence[Consent], at: datetime) -> list[Consent]:
    """Give what a customer allowed at a moment.

    The store knows what was said last. Where that came later, the decision tells: it held back what was not allowed.

    Args:
        held: the purposes that it held back, as refusals.
    """
    refused = {one.purpose for one in held}
    then = [
        one if one.at <= at else msgspec.structs.replace(one, given=one.purpose not in refused, at=at) for one in now
    ]
    return [*then, *held]


def with_present(storage: Storage, cases: Sequence[Case]) -> list[Case]:
    """Add who the customers are, and what is taken of stocks and switched off now.

    Raises:
        StoreError: the store cannot be read.
    """
    taken = {(one.stock, one.period): one.taken for one in storage.stocks()}
    off = frozenset(one.target for one in storage.switches() if one.off)
    found = []
    for case in cases:
        person = storage.person_of(case.request.customer) if case.request.customer else None
        standing = replace(case.standing, stocks=taken, switched_off=off)
        found.append(replace(case, person=person or case.person, standing=standing))
    return found


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
        if isinstance(payload, ProfilePayload) and payload.identifier_kind == CUSTOMER:
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
