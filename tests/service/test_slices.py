"""Long work lets others have the event loop."""

from __future__ import annotations

import asyncio
import time

from opportune.errors import InputError
from opportune.service.slices import SLICE_SECONDS, in_slices


def test_others_run_between_slices_and_refusals_stand_in_their_places() -> None:
    refused = InputError.of("first", "wrong")
    seen: list[int] = []

    def judge(item: int) -> int:
        time.sleep(2 * SLICE_SECONDS)
        seen.append(item)
        if item == 2:
            raise InputError.of("second", "wrong")
        return 10 * item

    async def other() -> list[int]:
        return list(seen)

    async def both() -> None:
        work = asyncio.create_task(in_slices([refused, 1, 2, 3], judge))
        await asyncio.sleep(0)
        assert await asyncio.create_task(other()) != [1, 2, 3]
        judged = await work
        assert judged[0] is refused
        assert judged[1::2] == [10, 30]
        assert isinstance(judged[2], InputError)

    asyncio.run(both())
