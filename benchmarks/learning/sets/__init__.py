"""Open data sets as streams of answers or as rounds of choices: one file per set, one line here."""

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
from benchmarks.learning.stream import Rounds, Stream

__all__ = ["ROUNDS", "STREAMS"]

STREAMS: dict[str, Callable[[], Stream]] = {
    "bank": bank_marketing.read,
    "coupon": in_vehicle_coupon.read,
    "telco": telco_churn.read,
    "starbucks": starbucks_offers.read,
    "journey": complete_journey.read,
}
"""Reads a set whole, in the order of its file; FileNotFoundError where the folder of data is not there."""

ROUNDS: dict[str, Callable[[], Rounds]] = {
    "optdigits": optdigits.read,
    "starbucks": starbucks_offers.read_replay,
}
