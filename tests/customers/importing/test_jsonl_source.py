"""JSON Lines as they may come from anywhere."""

from __future__ import annotations

from pathlib import Path

from opportune.customers.importing.jsonl_source import JsonLinesSource


def test_a_line_that_nests_too_deep_is_refused_alone(tmp_path: Path) -> None:
    file = tmp_path / "people.jsonl"
    file.write_text('{"id": "c-1"}\n{"id": ' + "[" * 100_000 + '\n{"id": "c-3"}\n')

    (batch,) = JsonLinesSource(file).batches(["id"])

    assert batch.columns == {"id": ["c-1", None, "c-3"]}
    assert batch.faults == {1: "expected a JSON object in UTF-8"}
