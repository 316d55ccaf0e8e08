"""What happens to the person of a persona test, for features to count."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from opportune.customers.features import EventHistory
from opportune.decide.limits.windows import Length
from opportune.strategy.sections.personas import PersonaEvent

__all__ = ["let_happen"]


def let_happen(history: EventHistory, events: Iterable[PersonaEvent], now: datetime, zone: str, key: int) -> int:
    """Add events to a history.

    Args:
        zone: of the customer, in which days are counted.
        key: of the event before; none in the history is less, and theirs go down from it.

    Returns:
        the key of the last one.
    """
    for one in events:
        key -= 1
        ago = Length(0) if one.ago is None else Length(one.ago.calendar_days, one.ago.elapsed_seconds)
        history.add(key, ago.before(now, zone), one.event, one.attributes)
    return key
