"""Which limits bind now, for one person at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from opportune.decide.limits.consents import (
    IDENTITY,
    PROFILE_PART,
    consent_holds,
    impersonal,
    is_unprofiled,
    minor_holds,
)
from opportune.decide.limits.counting import policy_holds
from opportune.decide.limits.history import History
from opportune.decide.limits.limits import Limits
from opportune.decide.limits.stocks import stock_holds
from opportune.decide.plan import Plan
from opportune.records import Consent, Contact, DecisionRequest, Facts, Hold

__all__ = ["PLACES", "Standing", "holds_of", "off_today", "places_of", "visible"]

PLACES = 1_000
"""Places that an answer is taken to have at most where that is not said."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What limits are judged by.

    Args:
        contacts: history of the person by all identifiers, at least as old as `Limits.horizon_seconds`.
        stocks: (stock, period) → what is taken of it.
        switched_off: "action:<name>" and "group:<name>" that nobody may be shown.
        consents: what the person said last of every purpose; empty for somebody who said nothing, None where it was
            not read, which holds back all that anybody may object to.
        units: level → contacts of all members of the person's unit, the person's own among them.
        unproven: the person is named only by what anybody may say: all that protects holds, and nothing of the person
            is used.
    """

    contacts: Sequence[Contact] = ()
    stocks: Mapping[tuple[str, str], int] = field(default_factory=dict)
    switched_off: frozenset[str] = frozenset()
    consents: Sequence[Consent] | None = None
    units: Mapping[str, Sequence[Contact]] = field(default_factory=dict)
    unproven: bool = False


def off_today(limits: Limits, switches: Iterable[tuple[str, bool]]) -> frozenset[str]:
    """Give what is switched off by its names of today.

    Args:
        switches: "action:<name>" or "group:<name>", by whatever name it had then, and whether it was switched off; the
            latest order comes last, and holds.
    """
    latest = {limits.today(target): off for target, off in switches}
    return frozenset(target for target, off in latest.items() if off)


def places_of(plan: Plan, request: DecisionRequest) -> int:
    """Count the places that an answer has at most."""
    placements = plan.channels[request.channel].placements
    return sum(placements[asked.name].size if asked.size is None else asked.size for asked in request.placements)


def holds_of(
    plan: Plan,
    standing: Standing,
    facts: Facts,
    now: datetime,
    places: int = PLACES,
    request: DecisionRequest | None = None,
) -> tuple[Hold, ...]:
    """List the limits that bind, in a fixed order: switches, identity, consents, minors, contact policies, stocks.

    Args:
        facts: as `gather` gives them; of these, "zone" is the customer's time zone.
        now: aware UTC time of the decision.
        places: how many places the answer has at most; a limit that leaves room for so many does not bind.
        request: the contact; None judges the consents of all channels.
    """
    limits = plan.limits
    if limits.is_empty and not standing.switched_off and not standing.unproven:
        return ()
    holds = list(_switches(limits, standing.switched_off))
    if standing.unproven:
        holds.append(Hold("", IDENTITY, PROFILE_PART, 0, 0, 0))
    if limits.purposes:
        holds += consent_holds(
            limits, standing.consents, tuple(plan.channels) if request is None else (request.channel,)
        )
    holds += minor_holds(limits, facts, now)
    if limits.policies:
        zone = visible(plan, holds, facts, request).get("zone")
        own = History(standing.contacts, limits.former)
        units = {level: History(contacts, limits.former) for level, contacts in standing.units.items()}
        holds += policy_holds(limits, own, units, now, zone if isinstance(zone, str) else plan.zone, places)
    if limits.stocks:
        holds += stock_holds(limits, standing.stocks, now, places)
    return tuple(holds)


def visible(plan: Plan, holds: Sequence[Hold], facts: Facts, request: DecisionRequest | None = None) -> Facts:
    """Give the facts that a decision may use: none of the person where a hold says so."""
    if not is_unprofiled(holds):
        return facts
    return impersonal(plan.limits, facts, (request.zone if request else None) or plan.zone)


def _switches(limits: Limits, targets: frozenset[str]) -> Iterator[Hold]:
    for target in sorted({limits.today(target) for target in targets}):
        yield Hold("", "switch", target, 0, 0, 0)
