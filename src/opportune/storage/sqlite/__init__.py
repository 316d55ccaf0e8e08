"""Storage in one SQLite file."""

from __future__ import annotations

from opportune.storage.sqlite.storage import SqliteStorage

__all__ = ["SqliteStorage"]
