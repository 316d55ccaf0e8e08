"""Waiting for something to happen, but not for ever."""

from __future__ import annotations

import asyncio
import contextlib

__all__ = ["happened"]


async def happened(event: asyncio.Event, seconds: float) -> bool:
    """Wait until an event is set, for so long at most; say whether it is.

    Not with `asyncio.wait_for`: before Python 3.12 it swallows a cancellation that comes together with the event, and
    whoever cancelled would wait for ever.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
