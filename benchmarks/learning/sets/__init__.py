"""Open data sets as streams of answers: one file per set, one line here; optdigits gives rounds of choices."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.learning.sets import (
    bank_marketing,
    complete_journey,
    in_vehicle_coupon,
    optdigits,
    starbucks_offers,
    telco_churn,
)
from benchmarks.learning.stream import Stream

__all__ = ["STREAMS", "optdigits", "starbucks_offers"]

STREAMS: dict[str, Callable[[], Stream]] = {
    "bank": bank_marketing.read,
    "coupon": in_vehicle_coupon.read,
    "telco": telco_churn.read,
    "starbucks": starbucks_offers.read,
    "journey": complete_journey.read,
}
"""Reads a set whole, in the order of its file; FileNotFoundError where the folder of data is not there."""
