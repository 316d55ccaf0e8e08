"""The log tells of a store that takes no writes, and that it takes them again."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from opportune.errors import StoreError
from opportune.service.write_log import AGAIN_SECONDS, NEW_SECONDS, WriteLog
from opportune.storage.sqlite import SqliteStorage

from .shop import serving


def test_an_outage_has_a_line_now_and_then_and_one_at_its_end() -> None:
    now = 100.0
    written = WriteLog(lambda: now)
    with capture_logs() as lines:
        written.note(None)
        for _ in range(7):
            written.note(StoreError("shop.db: no space left"))
            now += AGAIN_SECONDS / 4
        written.note(None)
        written.note(None)
        # Another outage is told; of short failures on and off only the first one is.
        for _ in range(9):
            written.note(StoreError("shop.db: no space left"))
            written.note(None)
            now += NEW_SECONDS / 10

    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("the store takes no writes", "error"),
        ("the store takes no writes", "error"),
        ("the store takes writes again", "info"),
        ("the store takes no writes", "error"),
        ("the store takes writes again", "info"),
    ]
    assert lines[0]["reason"] == "shop.db: no space left"
    assert (lines[2]["seconds"], lines[2]["failed"]) == (AGAIN_SECONDS / 4 * 7, 7)
    assert written.failed == 16


def test_a_service_tells_why_its_store_takes_no_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with serving(tmp_path / "shop.db") as service, capture_logs() as lines:
        with monkeypatch.context() as patch:
            patch.setattr(SqliteStorage, "_transact", fail)
            answer = service.call("PUT", "/v1/customers/c-1", {"attributes": {"age": 40}})
        service.call("PUT", "/v1/customers/c-1", {"attributes": {"age": 40}}).raise_for_status()
        metrics = service.call("GET", "/metrics").text

    (told, over) = (line for line in lines if line["event"].startswith("the store takes"))
    assert answer.status_code == 503
    assert (told["error"], told["where"].partition(":")[0]) == ("ZeroDivisionError", "test_write_log.py")
    assert over["failed"] == 1
    assert "opportune_commits_failed 1.0" in metrics
