"""Time zones that can be told: a name that is none must not end a decision."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from opportune.records import Facts, Value

__all__ = ["OWN_ZONE", "is_zone", "zone_doubts", "zone_of"]

OWN_ZONE = "customer.time_zone"
"""Fact key of the customer's own zone."""


LENGTH_MAX = 100
"""Characters of a name that is looked at and remembered; the longest zone has 32."""


def is_zone(name: str) -> bool:
    """Say whether a name is that of an IANA time zone, which is the same on every machine."""
    return len(name) <= LENGTH_MAX and _is_known(name)


@lru_cache(maxsize=1024)
def _is_known(name: str) -> bool:
    if name in ("localtime", "posixrules") or name.startswith(("posix/", "right/")):
        # Every machine has its own of the first two; the others are folders that only some have, and the zones of the
        # last count leap seconds: decisions would differ.
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def zone_of(own: Value | None, project: str, asked: str | None = None) -> str:
    """Give the zone that counts for a customer.

    Args:
        own: what is known of the customer; where that is no zone, it does not count.
        project: zone of the project.
        asked: zone of the request, which goes before both.
    """
    return asked or (own if isinstance(own, str) and is_zone(own) else project)


def zone_doubts(facts: Facts, asked: str | None = None) -> tuple[str, ...]:
    """Name the customer's own zone where it would count and is none."""
    own = facts.get(OWN_ZONE)
    return () if asked or own is None or (isinstance(own, str) and is_zone(own)) else (f"{OWN_ZONE}: unreadable",)
