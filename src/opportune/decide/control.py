"""Control groups: who is decided for otherwise, so that effects can be told from luck.

Membership is a hash of person and period: stable within the period, drawn anew in the next, nobody in two groups.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from opportune.decide.draws import share_of
from opportune.decide.plan import ControlGroup, Plan, ZoneNames

__all__ = ["control_group"]


def control_group(plan: Plan, unit: str | None, now: datetime) -> ControlGroup | None:
    """Give the control group of a person (or of an anonymous session), or None.

    Groups are asked in file order. A later group's share is of all persons, so its chance among those whom the earlier
    ones left is share / (1 - earlier shares).
    """
    if unit is None or not plan.control_groups:
        return None
    names = ZoneNames.of(now.astimezone(ZoneInfo(plan.zone)))
    earlier = 0.0
    for group in plan.control_groups:
        period = "forever" if group.period == "forever" else str(getattr(names, group.period))
        left = 1.0 - earlier
        if left > 0 and share_of(f"{plan.name}\x00{group.name}\x00{period}\x00{unit}") < group.share / left:
            return group
        earlier += group.share
    return None
