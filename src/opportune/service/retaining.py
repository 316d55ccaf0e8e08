"""Retention of the running service: once a day, what is older than the strategy says goes."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog

from opportune.service.class_retention import drop_old
from opportune.service.settings import Settings
from opportune.storage import Storage, retire
from opportune.strategy.project import Project

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
        self._next_classes: datetime | None = None
        self._classes = ("", 0)
        """What was kept how long when classes were looked at last, and up to which entry they are done for good."""
        self._place = 0
        """Entry behind which the run of classes that is under way goes on; 0 where none is."""

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

    async def apply_classes(self, project: Project) -> int:
        """Drop events and values of attributes that are kept for a time of their own, at most once a day.

        Returns:
            how many values customers have no longer; what remembers profiles has to forget them then.

        Raises:
            StoreError: the store cannot be written now; it is due again.
        """
        now = self._settings.clock()
        if self._next_classes is not None and now < self._next_classes:
            return 0
        kept = repr((project.events, project.attributes))
        if self._classes[0] != kept:
            self._classes, self._place = (kept, 0), 0
        after = self._place or self._classes[1]
        dropped = await asyncio.to_thread(drop_old, self._storage, project, now, after, ENTRIES_AT_ONCE)
        self._classes, self._place = (kept, max(self._classes[1], dropped.until)), dropped.place
        if not dropped.place:
            self._next_classes = now + timedelta(days=1)
        if dropped.events or dropped.changes:
            log.info("retention per class", events=dropped.events, changes=dropped.changes, values=dropped.values)
        return dropped.values
