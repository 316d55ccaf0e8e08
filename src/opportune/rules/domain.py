"""The functions that Opportune adds to CEL.

Rules write them short; before CEL's engine sees a rule, `prepare` writes out what they depend on:
days_since(t) → days_since(t, now), local_hour() → local_hour(now, zone), owns(x) → owns(x, customer.products),
known(a.b) → known("a.b"). So each is a plain function of its arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from opportune.records import ValueType

__all__ = ["FUNCTIONS", "HIDDEN", "KNOWN", "PRODUCTS", "SIGNATURES", "Function", "great_circle_km"]

KNOWN = "known"
PRODUCTS = "customer.products"
EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the Earth (IUGG)."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function as CEL's engine sees it; `call` takes and gives plain Python values, ValueError fails."""

    name: str
    parameters: tuple[ValueType, ...]
    result: ValueType
    call: Callable[..., Any]


def days_since(moment: datetime, now: datetime) -> int:
    """Count the whole days from `moment` to `now`, rounded down; negative where the moment is to come."""
    return (now - moment) // timedelta(days=1)


def local_hour(now: datetime, zone: str) -> int:
    """Give the hour on the customer's clock, 0 to 23."""
    return now.astimezone(_zone(zone)).hour


def local_weekday(now: datetime, zone: str) -> int:
    """Give the weekday in the customer's zone, 1 is Monday, 7 is Sunday."""
    return now.astimezone(_zone(zone)).isoweekday()


def within_km(lat_a: float, lon_a: float, lat_b: float, lon_b: float, km: float) -> bool:
    """Say whether two places (degrees) lie at most `km` kilometres apart on the great circle."""
    if not all(math.isfinite(degrees) for degrees in (lat_a, lon_a, lat_b, lon_b)):
        return False
    return great_circle_km(lat_a, lon_a, lat_b, lon_b) <= km


def great_circle_km(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    """Give the distance of two places (finite degrees) on the great circle, in kilometres.

    Source: haversine formula, R. W. Sinnott, Sky and Telescope 68, 1984.
    """
    phi_a, phi_b = math.radians(lat_a), math.radians(lat_b)
    half = math.sin((phi_b - phi_a) / 2) ** 2
    half += math.cos(phi_a) * math.cos(phi_b) * math.sin(math.radians(lon_b - lon_a) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, half)))


def owns(product: str, products: list[str]) -> bool:
    """Say whether the customer has the product."""
    return product in products


def _known(name: str) -> bool:
    raise ValueError("known() is answered by our own evaluation")


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("zone is no IANA time zone") from error


_TIMESTAMP, _NUMBER, _TEXT = ValueType.TIMESTAMP, ValueType.NUMBER, ValueType.TEXT
FUNCTIONS = (
    Function("days_since", (_TIMESTAMP, _TIMESTAMP), ValueType.INTEGER, days_since),
    Function("local_hour", (_TIMESTAMP, _TEXT), ValueType.INTEGER, local_hour),
    Function("local_weekday", (_TIMESTAMP, _TEXT), ValueType.INTEGER, local_weekday),
    Function("within_km", (_NUMBER,) * 5, ValueType.BOOLEAN, within_km),
    Function("owns", (_TEXT, ValueType.TEXTS), ValueType.BOOLEAN, owns),
    Function(KNOWN, (_TEXT,), ValueType.BOOLEAN, _known),
)
HIDDEN = {"days_since": ("now",), "local_hour": ("now", "zone"), "local_weekday": ("now", "zone"), "owns": (PRODUCTS,)}
"""Arguments that a rule does not write."""
SIGNATURES = {
    "days_since": "days_since(timestamp)",
    "local_hour": "local_hour()",
    "local_weekday": "local_weekday()",
    "within_km": "within_km(number, number, number, number, number)",
    "owns": "owns(text)",
    KNOWN: "known(variable)",
}
