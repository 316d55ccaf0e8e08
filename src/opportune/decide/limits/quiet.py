"""Quiet hours in the customer's day."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from opportune.decide.limits.limits import Quiet
from opportune.decide.limits.windows import MICRO, STEP, instant, micros

__all__ = ["quiet_until"]

DAY, WEEK = 1_440, 10_080
"""Minutes."""


def quiet_until(policy: Quiet, now: datetime, zone: str) -> int | None:
    """Give when the quiet hours end that last now, by the wall clock of a zone; None where there are none."""
    local = now.astimezone(ZoneInfo(zone))
    left = _minutes_left(policy, local)
    if left is None:
        return None
    until = micros(now) + (60 * left - local.second) * MICRO - local.microsecond
    if instant(until).astimezone(local.tzinfo).utcoffset() == local.utcoffset():
        return until
    # The clocks change before that, and may pass the end over, or tell an hour that is not quiet.
    change = (micros(now) // STEP + 1) * STEP
    while instant(change).astimezone(local.tzinfo).utcoffset() == local.utcoffset():
        change += STEP
    later = quiet_until(policy, instant(change), zone)
    return change if later is None else later


def _minutes_left(policy: Quiet, local: datetime) -> int | None:
    """Give how long the quiet hours still last that a local time lies in, from its minute on; None for none."""
    minute, day = local.hour * 60 + local.minute, local.weekday()
    if policy.begin < policy.end:
        return policy.end - minute if policy.begin <= minute < policy.end and day in policy.days else None
    left = policy.end - minute + DAY
    if minute < policy.begin:
        # They began the day before.
        day, left = (day - 1) % 7, left - DAY
    if left <= 0 or day not in policy.days:
        return None
    while policy.begin == policy.end and (day := (day + 1) % 7) in policy.days and left < WEEK:
        # One whole day follows the other.
        left += DAY
    return left
