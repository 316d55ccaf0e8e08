"""A process of the service whose clock stands still."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from opportune.service import process
from opportune.service.settings import Settings

__all__ = ["MOMENT", "StillSettings"]

MOMENT = datetime(2026, 6, 15, 10, 30, tzinfo=UTC)
StillSettings = partial(Settings, clock=lambda: MOMENT)

if __name__ == "__main__":
    process.Settings = StillSettings  # type: ignore[assignment, misc]
    process.main()
