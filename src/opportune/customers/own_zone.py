"""The customer's own time zone, where it is written down: a name that is none would only be a doubt of decisions."""

from __future__ import annotations

from opportune.decide.zones import OWN_ZONE, is_zone
from opportune.records import Value

__all__ = ["own_zone_fault"]


def own_zone_fault(key: str, value: Value) -> tuple[str, str] | None:
    """Say what is wrong with a value, and what to do, where it is the customer's own zone and is none.

    Args:
        key: of the fact that it becomes, such as "customer.time_zone".
    """
    if key != OWN_ZONE or (isinstance(value, str) and is_zone(value)):
        return None
    message = "expected the IANA name of a time zone, such as Europe/Warsaw"
    return message, "write such a name, or leave the attribute out: the project's zone counts then"
