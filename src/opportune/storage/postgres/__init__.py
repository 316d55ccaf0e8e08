"""Storage in PostgreSQL."""

from __future__ import annotations

from opportune.storage.postgres.storage import PostgresStorage

__all__ = ["PostgresStorage"]
