"""A process that takes of many stocks, and confirms, gives back or forgets what it got.

Usage: grab_stock.py URL SEED LIMIT MODE

MODE is "full", or for the negative control "naive": it reads what is left and then takes, without a check at the store.
It writes a line per group of attempts, with their number, and ends when it is killed.
"""

from __future__ import annotations

import random
import sys
from datetime import UTC, datetime, timedelta

from opportune.records import Sign
from opportune.storage import Receipt, SaveDecision, Storage, Write
from opportune.storage.entries import to_microseconds
from opportune.storage.postgres import PostgresStorage
from opportune.testing.storage import accept, reservation, reserving

__all__ = ["LEASE", "PERIOD", "STOCKS", "attempt"]

STOCKS = [f"stock-{number:02}" for number in range(40)]
PERIOD = "2026"
LEASE = timedelta(seconds=2)
GROUP = 25
ENDLESS = 1 << 40


def attempt(key: str, stock: str, most: int) -> SaveDecision:
    """A decision that takes one unit."""
    now = datetime.now(UTC)
    lease = to_microseconds(now + LEASE)
    return reserving(key, reservation(1, most, stock=stock, period=PERIOD, lease_until=lease, limit=most), at=now)


def _settled(chance: random.Random, key: str) -> list[Write]:
    """What becomes of a unit: most are wanted, some are not, of some nobody hears again."""
    match chance.randrange(10):
        case 0:
            return [accept(f"o-{key}", f"d-{key}", "reject", Sign.NEGATIVE)]
        case 1:
            return []
        case _:
            return [accept(f"o-{key}", f"d-{key}")]


def _left(storage: Storage, limit: int) -> set[str]:
    counts = storage.stocks([(stock, PERIOD) for stock in STOCKS])
    return {count.stock for count in counts if count.taken < limit}


def main(url: str, seed: str, limit: int, mode: str) -> None:
    chance = random.Random(seed)
    answers: list[Write] = []
    with PostgresStorage(url) as storage:
        number = 0
        while True:
            wanted = [(f"{seed}-{number + n}", chance.choice(STOCKS)) for n in range(GROUP)]
            if mode == "naive":
                left = _left(storage, limit)
                attempts = [attempt(key, stock, ENDLESS) for key, stock in wanted if stock in left]
            else:
                attempts = [attempt(key, stock, limit) for key, stock in wanted]
            results = storage.write([*answers, *attempts])[len(answers) :]
            answers = []
            for write, result in zip(attempts, results, strict=True):
                if isinstance(result, Receipt):
                    answers += _settled(chance, write.decision.request.id)
            number += GROUP
            print(GROUP, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
