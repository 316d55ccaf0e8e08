"""A store with four decisions and a fallback answer, given while no profile could be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opportune.errors import StoreBusyError
from opportune.storage import SqliteStorage, Storage
from tests.service.shop import serving

__all__ = ["MADE", "with_a_fallback"]

MADE = ["r-0", "r-1", "r-2", "r-3"]
"""Requests that were decided in full."""


class BusyStorage(SqliteStorage):
    """A store in which no profile can be read while it is busy."""

    busy = False

    def _profiles(self, identifier_kind: str, identifier: str) -> Any:
        if self.busy:
            raise StoreBusyError("busy")
        return super()._profiles(identifier_kind, identifier)


@contextmanager
def with_a_fallback(path: Path) -> Iterator[Storage]:
    """Decide five times, the last time by the fallback."""
    storage = BusyStorage(path)
    with serving(storage) as service:
        for number, name in enumerate(MADE):
            service.decide(name, customer=f"c-{number}")
        storage.busy = True
        assert service.decide("r-4", customer="c-4")["degraded"]
        service.until(lambda: storage.decision_of_request("r-4"))
        yield storage
