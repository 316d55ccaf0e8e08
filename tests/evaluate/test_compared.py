"""Which decisions of the journal inputs are compared over."""

from __future__ import annotations

from pathlib import Path

from opportune.evaluate.compared import compared
from tests.evaluate.busy import MADE, with_a_fallback


def test_what_a_fallback_did_not_gather_is_not_missing(tmp_path: Path) -> None:
    with with_a_fallback(tmp_path / "shop.db") as storage:
        now, before = compared(storage, 10, 10)

    assert [entry.id for entry in (*before, *now)] == MADE
