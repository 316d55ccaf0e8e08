"""Where a contact is, by the attributes that say so."""

from __future__ import annotations

from collections.abc import Sequence

from opportune.customers.context.base import Contact, Doubt, number_at

__all__ = ["LATITUDE_MAX", "LONGITUDE_MAX", "Pairs", "position_of"]

LATITUDE_MAX = 90.0
LONGITUDE_MAX = 180.0

Pairs = Sequence[tuple[str, str]]
"""Fact keys of latitude and longitude in degrees, the first pair that is known counts."""


def position_of(contact: Contact, pairs: Pairs) -> tuple[float, float] | Doubt | None:
    """Give latitude and longitude; out of range where there is no such place; None where no pair is known."""
    for one, other in pairs:
        latitude, longitude = number_at(contact.facts, one), number_at(contact.facts, other)
        if latitude is None or longitude is None:
            continue
        if not (-LATITUDE_MAX <= latitude <= LATITUDE_MAX and -LONGITUDE_MAX <= longitude <= LONGITUDE_MAX):
            return Doubt.OUT_OF_RANGE
        return latitude, longitude
    return None
