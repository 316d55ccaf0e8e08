"""Time on the customer's clock: parts of the day, the week and the year."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from opportune.customers.context.base import SESSION_START, Contact, Doubt, Given
from opportune.customers.context.hemispheres import is_southern

__all__ = ["CLOCK", "PARTS_OF_DAY", "SEASONS", "Clock"]

PARTS_OF_DAY = ("night", "morning", "afternoon", "evening")
"""Six hours each, from midnight."""
SEASONS = ("winter", "spring", "summer", "autumn")
"""Of the northern half of the Earth, three months each, from December."""


def _season(local: datetime) -> str:
    zone = getattr(local.tzinfo, "key", "")
    return SEASONS[(local.month // 3 + (2 if is_southern(zone) else 0)) % 4]


CLOCK: Mapping[str, Callable[[datetime], Given]] = {
    "hour": lambda local: local.hour,
    "weekday": lambda local: local.isoweekday(),
    "weekend": lambda local: local.isoweekday() > 5,
    "day": lambda local: local.day,
    "month": lambda local: local.month,
    "season": _season,
    "part_of_day": lambda local: PARTS_OF_DAY[local.hour // 6],
}
"""What a clock gives → from the moment on the customer's clock. Beside it "session_minutes"."""


class Clock:
    """The source `time`.

    Args:
        wanted: names of `CLOCK`, or "session_minutes".
    """

    def __init__(self, wanted: Sequence[str]) -> None:
        self._parts = [CLOCK.get(name) for name in wanted]

    def values(self, contact: Contact) -> Sequence[Given]:
        """Read the clock; where the zone does not exist all parts are unreadable."""
        local = contact.local
        if local is None:
            return [_session_minutes(contact) if part is None else Doubt.UNREADABLE for part in self._parts]
        return [_session_minutes(contact) if part is None else part(local) for part in self._parts]


def _session_minutes(contact: Contact) -> Given:
    """Count the minutes since the conversation began; a start that is to come counts as now."""
    start = contact.facts.get(SESSION_START)
    if not isinstance(start, datetime):
        return None
    return max(timedelta(), contact.now - start) / timedelta(minutes=1)
