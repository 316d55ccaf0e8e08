"""Retention of the running service: once a day, what is older than the strategy says goes."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog

from opportune.service.settings import Settings
from opportune.storage import Storage, retire

__all__ = ["Retaining"]

ENTRIES_AT_ONCE = 2_000
"""A long backlog goes in several rounds, so that other chores come in between."""

log = structlog.get_logger()


class Retaining:
    """Drops what is too old; used by whoever does the chores of an installation."""

    def __init__(self, storage: Storage, settings: Settings) -> None:
        self._storage = storage
        self._settings = settings
        self._next: datetime | None = None

    async def apply(self, days: int | None) -> int:
        """Drop what is older than so many days, at most once a day.

        Args:
            days: `retention_days` of the current strategy; None keeps everything.

        Returns:
            how many journal entries went.

        Raises:
            StoreError: the store cannot be written now; it is due again.
        """
        now = self._settings.clock()
        if days is None or (self._next is not None and now < self._next):
            return 0
        before = now - timedelta(days=days)
        retired = await asyncio.to_thread(retire, self._storage, before, most=ENTRIES_AT_ONCE)
        if retired.entries < ENTRIES_AT_ONCE:
            self._next = now + timedelta(days=1)
        if retired.entries or retired.held:
            log.info("retention", entries=retired.entries, beginning=retired.beginning, held=retired.held)
        return retired.entries
