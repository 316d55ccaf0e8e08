"""A process that decides and records outcomes without end, sends again what failed, and says what was acknowledged.

Usage: write_to_postgres.py URL MODE RUN

MODE is "full"; for the negative controls "careless" (commits are not flushed) or "early" (acknowledges before it
writes).
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys

from opportune.errors import StoreError
from opportune.storage import GroupWriter, Write
from opportune.storage.postgres import PostgresStorage, address, storage
from opportune.testing.storage import accept, save_decision

CLIENTS = 4
PAUSE_SECONDS = 0.02
"""How long an early acknowledgement runs ahead, and how long to wait after a failure."""


async def _until_taken(writer: GroupWriter, write: Write) -> None:
    while True:
        try:
            await writer.write(write)
        except StoreError:
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return


async def main(url: str, mode: str, run: str) -> None:
    if mode == "careless":
        address._SETTINGS["synchronous_commit"] = "off"
        storage.check_server = lambda *_: []
    with PostgresStorage(url) as store:
        writer = GroupWriter(store)
        numbers = itertools.count()

        async def save(kind: str, key: str, write: Write) -> None:
            line = f"{kind} {key}\n".encode()
            if mode == "early":
                os.write(1, line)
                await asyncio.sleep(PAUSE_SECONDS)
                await _until_taken(writer, write)
            else:
                await _until_taken(writer, write)
                os.write(1, line)

        async def client() -> None:
            for number in numbers:
                key = f"{run}-{number}"
                await save("decision", key, save_decision(key))
                await save("outcome", key, accept(key, f"d-{key}"))

        await asyncio.gather(*(client() for _ in range(CLIENTS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3]))
