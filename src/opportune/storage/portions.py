"""What comes by the thousand and is written in small portions, behind whatever somebody waits for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from time import perf_counter
from typing import Any, NamedTuple

from opportune.storage.writes import Write

__all__ = ["PORTION", "YIELD_SECONDS", "Portions", "Waiting"]

PORTION = 16
"""Writes of a large number that share a commit: whoever comes meanwhile waits for no more than these."""
PILE = 6
"""Portions that wait for each further one in a commit."""
PORTIONS_MAX = 2
"""Portions in one commit."""
YIELD_SECONDS = 0.01
"""How long a portion lets others go first."""


class Waiting(NamedTuple):
    """Writes that are answered together; `alone` where it is one, whose refusal is raised."""

    writes: Sequence[Write]
    future: asyncio.Future[Any] | Future[Any]
    alone: bool


class Portions:
    """Portions that no commit has taken yet, in their order.

    Args:
        clock: seconds from any beginning.
    """

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._waiting: deque[Waiting] = deque()
        self._goes_at = 0.0
        """When the next one goes, whatever else there is to write."""

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Waiting]:
        return iter(tuple(self._waiting))

    def add(self, portions: Iterable[Waiting]) -> None:
        """Let portions wait."""
        if not self._waiting:
            self._goes_at = self._clock() + YIELD_SECONDS
        self._waiting.extend(portions)

    def take(self, *, is_free: bool) -> list[Waiting]:
        """Give what goes into the next commit.

        Args:
            is_free: nothing else is to be written, now or in a moment.
        """
        if not self._waiting or not (is_free or self.patience() <= 0):
            return []
        self._goes_at = self._clock() + YIELD_SECONDS
        # Where the disk is slow, portions pile up: then more of them share a flush.
        count = min(PORTIONS_MAX, 1 + len(self._waiting) // PILE)
        return [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]

    def patience(self) -> float:
        """Give the seconds until the next one goes, whatever else there is; infinite where there is none."""
        return max(0.0, self._goes_at - self._clock()) if self._waiting else float("inf")

    def clear(self) -> None:
        """Drop all."""
        self._waiting.clear()
