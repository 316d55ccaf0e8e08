"""A process that decides and records outcomes without end, and says on its standard output what was acknowledged.

Usage: write_outcomes.py STORE COUNT MODE RUN

MODE is "full"; for the negative controls "normal" (synchronous=NORMAL) or "early" (acknowledges before it writes).
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys

from opportune.storage import GroupWriter, SqliteStorage, Write
from opportune.testing.storage import accept, save_decision

CLIENTS = 4
PAUSE_SECONDS = 0.004
"""How long an early acknowledgement runs ahead."""


async def main(path: str, count: int, mode: str, run: str) -> None:
    with SqliteStorage(path) as storage:
        if mode == "normal":
            assert storage._writer is not None
            storage._writer.execute("pragma synchronous = normal")
        writer = GroupWriter(storage)
        numbers = itertools.count() if count == 0 else iter(range(count))

        async def save(kind: str, key: str, write: Write) -> None:
            line = f"{kind} {key}\n".encode()
            if mode == "early":
                os.write(1, line)
                await asyncio.sleep(PAUSE_SECONDS)
                await writer.write(write)
            else:
                await writer.write(write)
                os.write(1, line)

        async def client() -> None:
            for number in numbers:
                key = f"{run}-{number}"
                await save("decision", key, save_decision(key))
                await save("outcome", key, accept(key, f"d-{key}"))

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        writer.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]))
