"""How a row of the in-vehicle coupon survey becomes a contact.

The survey has neither ids nor dates. Rows whose driver columns are equal share one derived id, numbered in order of
first appearance, so two people who described themselves alike count as one. Contacts are one minute apart from a fixed
start, which keeps their order and claims nothing more; the hour of the drive is a context value of its own.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from opportune.records import Value

__all__ = ["SURVEY", "Contact", "attributes", "contacts", "context", "rows"]

SURVEY = Path(__file__).parent / "data" / "in-vehicle-coupon-recommendation.csv.gz"
START = datetime(2026, 1, 5, tzinfo=UTC)
INTERVAL = timedelta(minutes=1)
CHANNEL, PLACEMENT, TREATMENT = "in_car_screen", "main", "card"

DRIVER_COLUMNS = (
    "gender",
    "age",
    "maritalStatus",
    "has_children",
    "education",
    "occupation",
    "income",
    "car",
    "Bar",
    "CoffeeHouse",
    "CarryAway",
    "RestaurantLessThan20",
    "Restaurant20To50",
)
TEXT_ATTRIBUTES = {
    "gender": "gender",
    "marital_status": "maritalStatus",
    "education": "education",
    "occupation": "occupation",
    "car": "car",
    "bar_visits": "Bar",
    "coffee_house_visits": "CoffeeHouse",
    "takeaway_visits": "CarryAway",
    "diner_visits": "RestaurantLessThan20",
    "restaurant_visits": "Restaurant20To50",
}
AGE_AT_LEAST = {"below21": 18, "21": 21, "26": 26, "31": 31, "36": 36, "41": 41, "46": 46, "50plus": 50}
INCOME_AT_LEAST = {
    "Less than $12500": 0,
    "$12500 - $24999": 12_500,
    "$25000 - $37499": 25_000,
    "$37500 - $49999": 37_500,
    "$50000 - $62499": 50_000,
    "$62500 - $74999": 62_500,
    "$75000 - $87499": 75_000,
    "$87500 - $99999": 87_500,
    "$100000 or More": 100_000,
}
HOURS = {"7AM": 7, "10AM": 10, "2PM": 14, "6PM": 18, "10PM": 22}
ACTIONS = {
    "Bar": "bar",
    "Coffee House": "coffee",
    "Carry out & Take away": "takeaway",
    "Restaurant(<20)": "diner",
    "Restaurant(20-50)": "restaurant",
}


@dataclass(frozen=True, slots=True)
class Contact:
    """One recorded contact: who, in which situation, what was shown and what was answered.

    Args:
        customer: derived identifier, such as "driver-001".
        at: synthetic moment that keeps the order of the survey.
    """

    customer: str
    attributes: dict[str, Value]
    context: dict[str, Value]
    channel: str
    placement: str
    action: str
    treatment: str
    outcome: str
    at: datetime


def attributes(row: Mapping[str, str]) -> dict[str, Value]:
    """Give the driver's attributes; an empty cell is a missing value and has no key."""
    known: dict[str, Value] = {name: row[column] for name, column in TEXT_ATTRIBUTES.items() if row[column]}
    known["age_at_least"] = AGE_AT_LEAST[row["age"]]
    known["income_at_least"] = INCOME_AT_LEAST[row["income"]]
    known["has_children"] = row["has_children"] == "1"
    return known


def context(row: Mapping[str, str]) -> dict[str, Value]:
    """Give the situation of the drive."""
    return {
        "destination": row["destination"],
        "passenger": row["passanger"],
        "weather": row["weather"],
        "temperature": int(row["temperature"]),
        "hour": HOURS[row["time"]],
        "minutes_to_shop": _minutes_to_shop(row),
        "same_direction": row["direction_same"] == "1",
    }


def _minutes_to_shop(row: Mapping[str, str]) -> int:
    """Give the lower end of the band of driving time: 5, 15 or 25 minutes; every shop is at least 5 away."""
    if row["toCoupon_GEQ25min"] == "1":
        return 25
    return 15 if row["toCoupon_GEQ15min"] == "1" else 5


def contacts(survey: Iterable[Mapping[str, str]]) -> Iterator[Contact]:
    """Turn survey rows into contacts, in their order."""
    drivers: dict[tuple[str, ...], str] = {}
    for number, row in enumerate(survey):
        driver = tuple(row[column] for column in DRIVER_COLUMNS)
        yield Contact(
            customer=drivers.setdefault(driver, f"driver-{len(drivers) + 1:03}"),
            attributes=attributes(row),
            context=context(row),
            channel=CHANNEL,
            placement=PLACEMENT,
            action=f"{ACTIONS[row['coupon']]}_{row['expiration']}",
            treatment=TREATMENT,
            outcome="accept" if row["Y"] == "1" else "reject",
            at=START + number * INTERVAL,
        )


def rows(path: Path = SURVEY) -> Iterator[Contact]:
    """Read all contacts of the survey."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from contacts(csv.DictReader(file))
