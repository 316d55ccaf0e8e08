"""In-vehicle coupons: would the driver accept this coupon now? Bundled with the example of the same data.

T. Wang et al. (2017), JMLR 18; UCI "in-vehicle coupon recommendation", CC BY 4.0.
Action = coupon × expiration, in groups by coupon; all other columns are predictors as they stand.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.learning.sets.folder import facts_of, predictors_of, table
from benchmarks.learning.stream import Answer, Stream, key
from opportune.records import ValueType

__all__ = ["read"]

SURVEY = Path(__file__).parents[3] / "examples" / "coupons" / "data" / "in-vehicle-coupon-recommendation.csv.gz"
WORDS = [
    "destination",
    "passanger",
    "weather",
    "time",
    "gender",
    "age",
    "maritalStatus",
    "education",
    "occupation",
    "income",
    "car",
    "Bar",
    "CoffeeHouse",
    "CarryAway",
    "RestaurantLessThan20",
    "Restaurant20To50",
]
FLAGS = [
    "has_children",
    "toCoupon_GEQ5min",
    "toCoupon_GEQ15min",
    "toCoupon_GEQ25min",
    "direction_same",
    "direction_opp",
]
TYPES = (
    dict.fromkeys(WORDS, ValueType.TEXT) | dict.fromkeys(FLAGS, ValueType.BOOLEAN) | {"temperature": ValueType.NUMBER}
)


def read() -> Stream:
    """Read all answers of drivers."""
    rows = list(table(SURVEY))
    names = sorted({(row["coupon"], row["expiration"]) for row in rows})
    place = {name: number for number, name in enumerate(names)}
    answers = [
        Answer(facts_of(row, TYPES, {}), place[row["coupon"], row["expiration"]], row["Y"] == "1") for row in rows
    ]
    candidates = tuple(key(coupon, f"{coupon} {expiration}") for coupon, expiration in names)
    return Stream(predictors_of(TYPES), candidates, answers)
