"""Limits that can never be reached, because another one always comes first."""

from __future__ import annotations

from collections.abc import Iterator

from opportune.decide import Plan
from opportune.decide.limits.history import SHOWN
from opportune.decide.limits.limits import AtMost, Scope
from opportune.decide.limits.windows import DAY, Length
from opportune.evaluate.foresight.funnel import Conflict

__all__ = ["unreachable_limits"]


def unreachable_limits(plan: Plan) -> Iterator[Conflict]:
    """Find bounds on what is shown that a bound over the same contacts, and more, keeps from ever being reached."""
    bounds = [one for one in plan.limits.policies if isinstance(one, AtMost) and one.counts == {SHOWN}]
    for one in bounds:
        above = [other for other in bounds if other is not one and _comes_first(other, one)]
        if above:
            detail = tuple(f"limit:{other.name}" for other in above)
            yield Conflict(code="limit-unreachable", subject=f"limit:{one.name}", detail=detail, certain=True)


def _comes_first(other: AtMost, one: AtMost) -> bool:
    """Say whether `other` holds back whenever one more contact would make `one` full."""
    is_longer = other.within == one.within or _seconds_least(other.within) >= one.within.seconds_most
    is_longer |= other.within.days > one.within.days and other.within.seconds >= one.within.seconds
    # A bound over a household counts each member's contacts too; that of a person says nothing of the others.
    is_wider = (other.per == "person" or other.per == one.per) and (other.over == one.over or not one.over)
    return other.most < one.most and is_longer and is_wider and _covers(other.scope, one.scope)


def _seconds_least(length: Length) -> int:
    """Give how many seconds a length may be, at least: as much less than its days as it may be more."""
    return 2 * (length.days * DAY + length.seconds) - length.seconds_most


def _covers(wide: Scope, narrow: Scope) -> bool:
    channels = wide.channels is None or (narrow.channels is not None and narrow.channels <= wide.channels)
    strangers = wide.strangers or not narrow.strangers
    return channels and strangers and narrow.actions <= wide.actions and not (narrow.mask & ~wide.mask).any()
