"""A process that writes under ids that others use at the same time, with the same bodies.

Usage: write_shared.py URL SEED SECONDS MODE

MODE is "full", or for the negative control "unlocked": it does not wait for its turn at the head.
Its last line says how many writes it sent, how many it was told were the first of their kind, and how many it gave up.
"""

from __future__ import annotations

import random
import sys
import time

from opportune.errors import StoreError
from opportune.storage import Receipt, RecordEvent, Write
from opportune.storage.postgres import PostgresStorage, finding, storage
from opportune.storage.postgres.link import Statement
from opportune.testing.storage import accept, save_decision, save_profile

IDS = 2_000


def _write(chance: random.Random) -> Write:
    number = chance.randrange(IDS)
    match chance.randrange(4):
        case 0:
            return save_profile(f"p{number}", f"c-{number % 50}", age=number)
        case 1:
            return save_decision(f"k{number}")
        case 2:
            return accept(f"o{number}", f"d-k{number % (IDS // 2)}")
        case _:
            return RecordEvent(id=f"e{number}", type="visit", identifier=f"c-{number % 70}", attributes={})


def main(url: str, seed: int, seconds: float, mode: str) -> None:
    if mode == "unlocked":
        unlocked = Statement("select room from head")
        storage.BEGIN = (finding.BEGIN[0], (unlocked, ()))
    chance = random.Random(seed)
    sent = first = failed = 0
    with PostgresStorage(url) as store:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            batch = [_write(chance) for _ in range(chance.randint(1, 8))]
            try:
                results = store.write(batch)
            except StoreError:
                failed += len(batch)
                continue
            sent += len(batch)
            first += sum(isinstance(result, Receipt) and not result.repeated for result in results)
    print(sent, first, failed)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4])
