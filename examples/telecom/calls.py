"""Calls and movement of invented customers: events for the telecom pack; the same seed gives the same events.

They are rows as `opportune events import` reads them.

How they are made: every customer has a number of calls a day of their own (gamma, mean 3), a circle of 3 to 15 other
numbers of which the first are called most, a home and a place of work. Calls begin by the hours in HOURS; they last
3 minutes on average (exponential); 55 % are made, not taken; 2 % of those that are made go to support; 1 % break off,
and then the same number is called again within some minutes in half of the cases. Between seven and nine, and between
sixteen and eighteen o'clock on weekdays the telephone moves between home and work. One customer in ten is abroad for a
week. Nothing in it was taken from real people.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

__all__ = ["events"]

HOURS = (1, 1, 1, 1, 1, 2, 6, 14, 24, 30, 34, 34, 32, 30, 30, 32, 36, 42, 44, 40, 30, 18, 8, 3)
"""Weight of every hour of the day."""
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


def events(customers: int, days: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Make the events of customers "line-1", "line-2" and so on, customer by customer, each in order of time."""
    for number in range(1, customers + 1):
        # A generator for each customer: more customers leave the first ones as they are.
        chance = random.Random(seed * 1_000_003 + number)  # noqa: S311  It makes no secrets.
        found = sorted(_of_customer(chance, number, days), key=lambda one: one[0])
        for place, (at, type_, attributes) in enumerate(found):
            yield {
                "event_id": f"line-{number}-{place}",
                "type": type_,
                "customer": f"line-{number}",
                "occurred_at": at.isoformat(),
                **attributes,
            }


Made = tuple[datetime, str, dict[str, Any]]


def _of_customer(chance: random.Random, number: int, days: int) -> Iterator[Made]:
    a_day = chance.gammavariate(2.0, 1.5)
    circle = [f"n-{number}-{place}" for place in range(chance.randint(3, 15))]
    home, work, km = f"cell-{chance.randrange(500)}", f"cell-{chance.randrange(500)}", round(chance.uniform(1, 40), 1)
    trip = chance.randrange(days) if chance.random() < 0.1 else None
    for day in range(days):
        begin = BEGIN + timedelta(days=day)
        is_abroad = trip is not None and trip <= day < trip + 7
        if begin.weekday() < 5 and not is_abroad:
            yield _later(begin, chance.uniform(7, 9)), "movement", {"cell": work, "km": km}
            yield _later(begin, chance.uniform(16, 18)), "movement", {"cell": home, "km": km}
        for _ in range(_poisson(chance, a_day)):
            hour = chance.choices(range(24), HOURS)[0]
            cell = "abroad" if is_abroad else work if begin.weekday() < 5 and 9 <= hour < 16 else home
            yield from _call(chance, _later(begin, hour + chance.random()), circle, cell, is_abroad)


def _call(chance: random.Random, at: datetime, circle: list[str], cell: str, is_abroad: bool) -> Iterator[Made]:
    is_made = chance.random() < 0.55
    other = "support" if is_made and chance.random() < 0.02 else circle[int(len(circle) * chance.random() ** 2)]
    minutes = round(0.1 + chance.expovariate(1 / 3.0), 2)
    is_dropped = chance.random() < 0.01
    call = {
        "number": other,
        "direction": "out" if is_made else "in",
        "minutes": minutes,
        "cell": cell,
        "dropped": is_dropped,
        "abroad": is_abroad,
    }
    yield at, "call", call
    if is_dropped and chance.random() < 0.5:
        again = at + timedelta(minutes=minutes + chance.uniform(0.2, 5))
        yield again, "call", call | {"direction": "out", "minutes": round(minutes / 2, 2), "dropped": False}


def _later(begin: datetime, hours: float) -> datetime:
    return begin + timedelta(seconds=round(hours * 3600))


def _poisson(chance: random.Random, mean: float) -> int:
    """Count arrivals of rate `mean` within 1."""
    count, time = 0, chance.expovariate(1.0)
    while time < mean:
        count, time = count + 1, time + chance.expovariate(1.0)
    return count


if __name__ == "__main__":
    with Path(sys.argv[1]).open("w", encoding="utf-8") as file:
        for event in events(customers=200, days=60):
            file.write(json.dumps(event) + "\n")
