"""Holds in words: which limit, what was counted, and when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from opportune.decide.limits.consents import IDENTITY, MINORS, PROFILE_PART, UNREAD
from opportune.decide.limits.limits import Apart, AtMost, Limits, Policy, Purpose, Quiet, Stock
from opportune.decide.limits.windows import Length, instant
from opportune.records import Hold

__all__ = ["LimitFinding", "finding", "length_in_words", "moment_in_words", "profiling_in_words"]


class LimitFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One limit that kept an action out.

    Args:
        limit: name of the contact policy, stock or purpose; "" for a switch.
        kind: "at_most", "rest", "quiet", "distance", "stock", "switch" or "consent".
        count, of: the counter and its bound.
        since, until: what was counted from when, and when it ends; None where that is not known.
        because: its author's words for people, "" where there are none.
        reason: all of it in words.
    """

    limit: str
    kind: str
    count: int
    of: int
    since: datetime | None
    until: datetime | None
    because: str
    reason: str


def finding(limits: Limits, hold: Hold, action: str, zone: str) -> LimitFinding:
    """Say why a hold keeps an action out.

    Args:
        zone: of the customer, in which moments are told; those of stocks are told in the project's.
    """
    policy, stock = limits.policy(hold.limit), limits.stocks.get(hold.limit)
    because = "" if policy is None else policy.because
    if hold.kind == "consent":
        purpose = limits.purpose(hold.limit)
        because = "" if purpose is None else purpose.because
        words = _consent(purpose, hold, zone)
    elif stock is not None:
        words = _stock(limits, stock, hold, action)
    elif policy is not None:
        words = _policy(policy, hold, zone)
    else:
        words = f"{hold.part.replace(':', ' ')} was switched off for all"
    return LimitFinding(
        limit=hold.limit,
        kind=hold.kind,
        count=hold.count,
        of=hold.of,
        since=None if hold.since is None else instant(hold.since),
        until=None if hold.until is None else instant(hold.until),
        because=because,
        reason=f"{because} ({words})" if because else words,
    )


def _policy(policy: Policy, hold: Hold, zone: str) -> str:
    ends = "" if hold.until is None else moment_in_words(hold.until, zone)
    begins = "" if hold.since is None else moment_in_words(hold.since, zone)
    whom = hold.part.replace(":", " ")
    for_whom = f" for {whom}" if whom else ""
    over = "" if isinstance(policy, Quiet) or not policy.over else f" over the {policy.over}"
    match hold.kind:
        case "rest":
            after = (
                f"{hold.detail} {_times(hold.count)} since {begins}" if hold.count > 1 else f"{hold.detail} {begins}"
            )
            return f"{policy.name}: {whom or 'everything'} rested{over} until {ends} after {after}"
        case "quiet":
            return f"{policy.name}: quiet hours until {ends}"
        case "distance" if isinstance(policy, Apart):
            least = length_in_words(policy.length)
            return f"{policy.name}: last contact{over} {begins}, at least {least} apart; again from {ends}"
        case "at_most" if isinstance(policy, AtMost):
            counted = f"{policy.name}: {hold.count} of {hold.of}{for_whom}{over} in {length_in_words(policy.within)}"
            return f"{counted}; again from {ends}" if ends else f"{counted}; this answer took the last"
    # A record of another revision, whose policy of this name had another form.
    return f"{hold.limit}: {hold.kind}, {hold.count} of {hold.of}"


def profiling_in_words(limits: Limits, holds: Sequence[Hold], zone: str) -> str:
    """Say why a decision was made without what is known of the person; "" where it was made with it.

    Args:
        zone: of the customer, in which moments are told.
    """
    reasons = ["named by an identifier that is not proven" for hold in holds if hold.kind == IDENTITY]
    reasons += [
        f"younger than {hold.of}" if hold.count else f"age not known, which counts as younger than {hold.of}"
        for hold in holds
        if hold.limit == MINORS and hold.part == PROFILE_PART
    ]
    reasons += [
        _consent(limits.purpose(hold.limit), hold, zone)
        for hold in holds
        if hold.kind == "consent" and hold.part == PROFILE_PART
    ]
    return "; ".join(reasons)


def _consent(purpose: Purpose | None, hold: Hold, zone: str) -> str:
    """Say what is not allowed and since when, such as "no consent to marketing by phone: ..."."""
    is_objection = purpose is not None and purpose.basis == "objection"
    where = f" by {hold.part.partition(':')[2]}" if hold.part != PROFILE_PART else ""
    what = f"{'objection' if is_objection else 'no consent'} to {hold.limit}{where}"
    if hold.detail == UNREAD:
        return f"consent to {hold.limit}{where} could not be asked"
    if hold.since is None:
        return f"{what}: nothing was said"
    said = "objected" if is_objection else "refused or withdrawn"
    return ", ".join(filter(None, (f"{what}: {said} {moment_in_words(hold.since, zone)}", hold.detail)))


def _stock(limits: Limits, stock: Stock, hold: Hold, action: str) -> str:
    uses = limits.uses.get(action, {}).get(stock.name, 0)
    unit = {"units": "", "minutes": " minutes", "money": f" {stock.currency}"}[stock.unit]
    by_now = " let out by now" if stock.paced and hold.of < stock.units else ""
    per = {"": "", "day": " today"}.get(stock.period, f" this {stock.period}")
    words = f"{stock.name}: {_amount(stock, hold.count)} of {_amount(stock, hold.of)}{unit}{by_now} taken{per}"
    if hold.left:
        words += ", and this answer takes the rest"
    elif hold.count < hold.of:
        words += f", too little left for {_amount(stock, uses)}"
    return words if hold.until is None else f"{words}; again from {moment_in_words(hold.until, limits.zone)}"


def _amount(stock: Stock, units: int) -> str:
    return f"{units / 10**stock.decimals:,.{stock.decimals}f}"


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"


def moment_in_words(moment: int, zone: str) -> str:
    """Write a moment as "3 December 2026, 14:05" in a zone; seconds are rounded up, so that it has come by then."""
    local = instant(moment + 59_999_999).astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%B %Y, %H:%M}"


def length_in_words(length: Length) -> str:
    """Write a length such as "7 days" or "1 day 12 hours"."""
    parts = [(length.days, "day")]
    hours, rest = divmod(length.seconds, 3_600)
    parts += [(hours, "hour"), (rest // 60, "minute")]
    return " ".join(f"{size} {noun}{'s' if size != 1 else ''}" for size, noun in parts if size)
