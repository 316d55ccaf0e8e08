"""A process that acknowledges outcomes before they are written: what the kill test must notice."""

from __future__ import annotations

import asyncio
from typing import Any

from opportune.service.process import main
from opportune.storage import GroupWriter, Receipt, RecordOutcome, Write

PAUSE_SECONDS = 0.05
"""How long an early acknowledgement runs ahead."""
_write = GroupWriter.write
_later: set[asyncio.Task[Any]] = set()


async def _write_early(self: GroupWriter, write: Write) -> Receipt:
    if not isinstance(write, RecordOutcome):
        return await _write(self, write)

    async def late() -> None:
        await asyncio.sleep(PAUSE_SECONDS)
        await _write(self, write)

    task = asyncio.get_running_loop().create_task(late())
    _later.add(task)
    task.add_done_callback(_later.discard)
    return Receipt(sequence=0, repeated=False)


GroupWriter.write = _write_early  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
