"""`opportune decide` and `opportune preview` with sources of the context."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.strategy.test_gathering import strategy


def written(folder: Path) -> Path:
    for path, text in strategy().project.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(("day", "is_weekend"), [("2026-05-09", True), ("2026-05-11", False)])
def test_a_decision_is_made_with_what_sources_give(run: Run, tmp_path: Path, day: str, is_weekend: bool) -> None:
    customer = {"since": "2020-01-15T00:00:00Z", "age": 34}
    contact = {"channel": "till", "placement": "receipt", "size": 3, "customer": customer}

    decision = run("decide", written(tmp_path), json.dumps(contact), "--at", f"{day}T10:00:00Z", "--json").json[
        "decision"
    ]

    assert decision["facts"]["context.weekend"] is is_weekend
    assert ("coffee" in [shown["action"] for shown in decision["placements"][0]["actions"]]) is is_weekend
