"""Which decisions of the journal inputs are compared over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from opportune.errors import StoreBusyError
from opportune.evaluate.compared import compared
from opportune.storage import SqliteStorage
from tests.service.shop import serving


class BusyStorage(SqliteStorage):
    """A store in which no profile can be read while it is busy."""

    busy = False

    def _profiles(self, identifier_kind: str, identifier: str) -> Any:
        if self.busy:
            raise StoreBusyError("busy")
        return super()._profiles(identifier_kind, identifier)


def test_what_a_fallback_did_not_gather_is_not_missing(tmp_path: Path) -> None:
    storage = BusyStorage(tmp_path / "shop.db")
    with serving(storage) as service:
        for number in range(4):
            service.decide(f"r-{number}", customer=f"c-{number}")
        storage.busy = True
        answer = service.decide("r-4", customer="c-4")
        service.until(lambda: storage.decision_of_request("r-4"))
        now, before = compared(storage, 10, 10)

    assert answer["degraded"]
    assert [entry.id for entry in (*before, *now)] == ["r-0", "r-1", "r-2", "r-3"]
