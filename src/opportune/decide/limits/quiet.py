"""Quiet hours in the customer's day."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from opportune.decide.limits.limits import Quiet
from opportune.decide.limits.windows import STEP, instant, micros

__all__ = ["quiet_until"]

STEPS = 16
"""Quarters of an hour by which the end may lie beside what the wall clock says, around changes of clocks."""


def quiet_until(policy: Quiet, now: datetime, zone: str) -> int | None:
    """Give when the quiet hours end that last now, by the wall clock of a zone; None where there are none."""
    local = now.astimezone(ZoneInfo(zone))
    days = _days_to_end(policy, local)
    if days is None:
        return None
    at = time(policy.end // 60 % 24, policy.end % 60)
    until = micros(datetime.combine(local.date() + timedelta(days), at, local.tzinfo).astimezone(UTC))
    steps = STEPS
    while steps and (until <= micros(now) or _is_quiet(policy, until, local)):
        until, steps = until + STEP, steps - 1
    while steps and until - STEP > micros(now) and not _is_quiet(policy, until - STEP, local):
        until, steps = until - STEP, steps - 1
    return until


def _is_quiet(policy: Quiet, moment: int, local: datetime) -> bool:
    return _days_to_end(policy, instant(moment).astimezone(local.tzinfo)) is not None


def _days_to_end(policy: Quiet, local: datetime) -> int | None:
    """Give in how many days the quiet hours end that a local time lies in; None where it lies in none."""
    minute, today = local.hour * 60 + local.minute, local.weekday()
    if policy.begin < policy.end:
        return 0 if policy.begin <= minute < policy.end and today in policy.days else None
    if minute >= policy.begin and today in policy.days:
        return 1
    return 0 if minute < policy.end and (today - 1) % 7 in policy.days else None
