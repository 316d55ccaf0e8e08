"""Long work in the event loop's thread, in slices: contacts that wait are answered in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from time import perf_counter
from typing import TypeVar

from opportune.errors import InputError

__all__ = ["SLICE_SECONDS", "in_slices"]

SLICE_SECONDS = 0.001
"""How long others wait at most, beside the time of one item."""

T = TypeVar("T")
R = TypeVar("R")


async def in_slices(
    items: Iterable[T | InputError], judge: Callable[[T], R], pause: Callable[[], Awaitable[None]] | None = None
) -> list[R | InputError]:
    """Judge one item after another; what was refused before stays so, and what is refused now stands as its error.

    Args:
        pause: waited for before each slice.
    """
    judged: list[R | InputError] = []
    if pause is not None:
        await pause()
    until = perf_counter() + SLICE_SECONDS
    for item in items:
        try:
            judged.append(item if isinstance(item, InputError) else judge(item))
        except InputError as error:
            judged.append(error)
        if perf_counter() > until:
            await asyncio.sleep(0)
            if pause is not None:
                await pause()
            until = perf_counter() + SLICE_SECONDS
    return judged
