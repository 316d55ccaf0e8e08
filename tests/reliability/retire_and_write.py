"""A process that drops the oldest entries of a store without end, while it writes new ones.

Usage: retire_and_write.py STORE MODE RUN

MODE is "whole"; for the negative control "careless", which commits in the middle of a drop.
"""

from __future__ import annotations

import itertools
import os
import sys
from datetime import timedelta

from opportune.storage import SqliteStorage, retention, retire
from opportune.storage.sqlite import retention as backend
from opportune.testing.storage import LATER, NOON, accept, checkpoint, merge, save_decision, save_profile


def main(path: str, mode: str, run: str) -> None:
    retention.BATCH = 7
    if mode == "careless":
        backend._DROP = "commit; begin immediate;".join(part + ";" for part in backend._DROP.split(";")[:-1])
    with SqliteStorage(path, clock=lambda: NOON + timedelta(days=1)) as storage:
        for number in itertools.count():
            key = f"{run}-{number}"
            batch = [save_profile(f"{key}-{n}", f"c-{key}-{n % 2}", age=n) for n in range(4)]
            storage.write([*batch, merge(key, f"c-{key}-0", f"c-{key}-1")])
            storage.write([save_decision(f"{key}-{n}") for n in range(4)])
            storage.write([accept(f"{key}-{n}", f"d-{key}-{n}") for n in range(4)])
            storage.write([checkpoint(key, storage.last_sequence())])
            retire(storage, LATER)
            os.write(1, f"model {key}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
