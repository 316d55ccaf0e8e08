"""Which contact policies bind now, by what a person's history holds.

A contact counts where its moment lies after the begin of the window. One that a clock running ahead dated after `now`
counts as well: another process wrote it, and it happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from opportune.decide.limits.history import SHOWN, History
from opportune.decide.limits.limits import Apart, AtMost, Limits, Quiet, Rest
from opportune.decide.limits.quiet import quiet_until
from opportune.decide.limits.windows import DAY, MICRO, instant, micros
from opportune.records import Hold

__all__ = ["part_of", "policy_holds"]


def policy_holds(
    limits: Limits, own: History, units: Mapping[str, History], now: datetime, zone: str, places: int
) -> Iterator[Hold]:
    """Give the holds of all contact policies, in the order in which the project names them.

    Args:
        own: history of the person.
        units: level → history of all members of the person's unit.
        zone: of the customer.
        places: how many places the answer has at most; what leaves room for so many does not bind.
    """
    for policy in limits.policies:
        if isinstance(policy, Quiet):
            until = quiet_until(policy, now, zone)
            if until is not None:
                yield Hold(policy.name, "quiet", "", 0, 0, 0, None, until)
            continue
        history = units.get(policy.over, own) if policy.over else own
        match policy:
            case AtMost():
                yield from _at_most(limits, policy, history, now, zone, places)
            case Rest():
                yield from _rest(limits, policy, history, now, zone)
            case Apart():
                yield from _apart(limits, policy, history, now, zone)


def part_of(limits: Limits, per: str, action: str) -> str | None:
    """Name the counter that a contact belongs to; None where its action is gone and only that could tell."""
    parts = limits.parts.get(per)
    return "" if parts is None else parts.get(action)


def _at_most(limits: Limits, policy: AtMost, history: History, now: datetime, zone: str, places: int) -> Iterator[Hold]:
    since = policy.within.before(now, zone)
    counted: dict[str, list[int]] = {}
    for what in policy.counts:
        for contact in history.newest(what, policy.scope, limits.actions, since):
            part = part_of(limits, policy.per, contact.action)
            if part is not None:
                counted.setdefault(part, []).append(contact.at)
    yield from _full(policy, counted, since, now, zone)
    if SHOWN in policy.counts:
        yield from _nearly_full(limits, policy, counted, since, places)


def _full(policy: AtMost, counted: dict[str, list[int]], since: int, now: datetime, zone: str) -> Iterator[Hold]:
    for part, moments in sorted(counted.items()):
        if len(moments) >= policy.most:
            # Those that leave the window before there is room again: all but the newest most - 1.
            leaves = sorted(moments)[len(moments) - policy.most]
            until = policy.within.after(leaves, zone, micros(now))
            yield Hold(policy.name, "at_most", part, 0, len(moments), policy.most, since, until)


def _nearly_full(
    limits: Limits, policy: AtMost, counted: dict[str, list[int]], since: int, places: int
) -> Iterator[Hold]:
    """Give the counters that one answer could exceed; an action stands in it once."""
    if policy.per == "action":
        return
    sizes = policy.scope.sizes(policy.per)
    # Where the policy allows as many as there are places, only what was counted can leave less room than that.
    for part in sizes if policy.most < places else [part for part in sizes if part in counted]:
        count = len(counted.get(part, ()))
        if 0 < policy.most - count < min(sizes[part], places):
            yield Hold(policy.name, "at_most", part, policy.most - count, count, policy.most, since)


def _rest(limits: Limits, policy: Rest, history: History, now: datetime, zone: str) -> Iterator[Hold]:
    present = micros(now)
    within = 0 if policy.within is None else policy.within.seconds_most
    oldest = present - (policy.rest.seconds_most + within) * MICRO
    freed: dict[str, int] = {}
    if policy.without is not None:
        for contact in history.newest(policy.without, policy.scope, limits.actions, oldest):
            part = part_of(limits, policy.rests, contact.action)
            if part is not None:
                freed.setdefault(part, contact.at)
    heard: dict[str, list[int]] = {}
    for contact in history.newest(policy.outcome, policy.scope, limits.actions, oldest):
        part = part_of(limits, policy.rests, contact.action)
        if part is not None and contact.at > freed.get(part, oldest):
            heard.setdefault(part, []).append(contact.at)
    for part, moments in sorted(heard.items()):
        rest = _resting(policy, moments, zone)
        if rest is not None and rest[1] > present:
            yield Hold(policy.name, "rest", part, 0, policy.times, policy.times, *rest, policy.outcome)


def _resting(policy: Rest, moments: list[int], zone: str) -> tuple[int, int] | None:
    """Give from when was counted and until when it rests, by the latest rest that began; None where none did.

    Args:
        moments: newest first.
    """
    found: tuple[int, int] | None = None
    newest = 0
    for place in range(len(moments) - policy.times + 1):
        last, first = moments[place], moments[place + policy.times - 1]
        if found is not None and last < newest - 2 * DAY * MICRO:
            # Rests end in the order in which they began, except for hours of the clock that come twice.
            break
        if policy.within is not None and first <= policy.within.before(instant(last), zone):
            continue
        until = policy.rest.on(last, zone)
        newest = newest or last
        if found is None or until > found[1]:
            found = first, until
    return found


def _apart(limits: Limits, policy: Apart, history: History, now: datetime, zone: str) -> Iterator[Hold]:
    since = policy.length.before(now, zone)
    last = next(history.newest(SHOWN, policy.scope, limits.actions, since), None)
    if last is not None:
        until = policy.length.after(last.at, zone, micros(now))
        yield Hold(policy.name, "distance", "", 0, 1, 1, last.at, until)
