"""Which recorded decisions are contacts to foresee with."""

from __future__ import annotations

from pathlib import Path

from opportune.evaluate.foresight.recorded import recorded_cases
from tests.evaluate.busy import MADE, with_a_fallback


def test_a_contact_that_got_the_fallback_is_passed_over(tmp_path: Path) -> None:
    with with_a_fallback(tmp_path / "shop.db") as storage:
        cases = recorded_cases(storage, 10)

    assert [case.request.id for case in cases] == MADE
