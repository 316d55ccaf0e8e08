"""Balances and card payments of invented accounts: events for the bank pack; the same seed gives the same events.

They are rows as `opportune events import` reads them.

How they are made: every account has a salary (log-normal, median 6,000 PLN) that comes on a day of the month of its
own, rent of a third of it, and 0.3 to 3 card payments a day (exponential amounts) by the categories in CATEGORIES. One
account in five spends more than it earns. One payment in a hundred is declined, and so is any that the balance and an
overdraft of 2,000 PLN do not cover. One customer in eight is abroad for ten days. The balance is told at midnight.
Nothing in it was taken from real people.
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

CATEGORIES = {
    "grocery": 40,
    "restaurant": 15,
    "fuel": 10,
    "clothes": 8,
    "cash": 7,
    "pharmacy": 6,
    "travel": 4,
    "other": 10,
}
"""Category → its weight among payments."""
BEGIN = datetime(2026, 2, 1, tzinfo=UTC)
OVERDRAFT = 2_000.0

Made = tuple[datetime, str, dict[str, Any]]


def events(accounts: int, days: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Make the events of customers "account-1", "account-2" and so on, account by account, each in order of time."""
    for number in range(1, accounts + 1):
        chance = random.Random(seed * 1_000_003 + number)  # noqa: S311  It makes no secrets.
        found = sorted(_of_account(chance, days), key=lambda one: one[0])
        for place, (at, type_, attributes) in enumerate(found):
            yield {
                "event_id": f"account-{number}-{place}",
                "type": type_,
                "customer": f"account-{number}",
                "occurred_at": at.isoformat(),
                **attributes,
            }


def _of_account(chance: random.Random, days: int) -> Iterator[Made]:
    salary = round(chance.lognormvariate(8.7, 0.4), 2)
    payday, a_day = chance.randint(1, 28), chance.uniform(0.3, 3.0)
    part = chance.uniform(0.75, 0.95) if chance.random() < 0.2 else chance.uniform(0.3, 0.6)
    mean = salary * part / (30 * a_day)
    balance = salary * chance.uniform(0.0, 2.0)
    trip = chance.randrange(days) if chance.random() < 0.125 else None
    for day in range(days):
        begin = BEGIN + timedelta(days=day)
        if begin.day == payday:
            yield begin + timedelta(hours=6), "income", {"amount": salary, "kind": "salary"}
            balance += salary * 2 / 3
        country = "AT" if trip is not None and trip <= day < trip + 10 else "PL"
        for _ in range(chance.choices((int(a_day), int(a_day) + 1), (1 - a_day % 1, a_day % 1))[0]):
            amount = round(chance.expovariate(1 / mean), 2)
            is_declined = chance.random() < 0.01 or balance - amount < -OVERDRAFT
            balance -= 0.0 if is_declined else amount
            payment = {
                "amount": amount,
                "category": chance.choices(tuple(CATEGORIES), tuple(CATEGORIES.values()))[0],
                "country": country,
                "declined": is_declined,
            }
            yield begin + timedelta(seconds=chance.randrange(8 * 3600, 22 * 3600)), "card_payment", payment
        yield begin + timedelta(days=1), "balance", {"amount": round(balance, 2)}


if __name__ == "__main__":
    with Path(sys.argv[1]).open("w", encoding="utf-8") as file:
        for event in events(accounts=200, days=90):
            file.write(json.dumps(event) + "\n")
