"""`opportune events import`: what happened before, from files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from opportune.cli.events_targets import EventStore
from opportune.customers.importing import Row
from opportune.storage import Kind, SqliteStorage
from tests.cli.conftest import Run
from tests.service.process import running
from tests.service.shop import PROJECT

CSV = """customer,type,occurred_at,minutes,event_id
c-1,call_ended,2026-01-01T10:00:00Z,3.5,e-1
c-2,call_ended,2026-01-02T10:00:00Z,,e-2
c-1,fax_sent,2026-01-03T10:00:00Z,1,e-3
,call_ended,2026-01-04T10:00:00Z,1,e-4
c-3,call_ended,yesterday,long,e-5
c-1,call_ended,2026-01-05T10:00:00Z,2,e-6
"""


def recorded(path: Path) -> list[Any]:
    with SqliteStorage(path, read_only=True) as storage:
        return storage.journal(limit=10_000, kinds=(Kind.EVENT,))


def test_events_come_with_their_moment_and_the_others_are_refused(run: Run, tmp_path: Path) -> None:
    Path("calls.csv").write_text(CSV)

    dry = run("events", "import", PROJECT, "calls.csv", "--dry-run", "--json")
    ended = run("events", "import", PROJECT, "calls.csv", "--store", "shop.db")

    refused = [json.loads(line) for line in Path("calls.csv.refused.jsonl").read_text().splitlines()]
    entries = recorded(tmp_path / "shop.db")
    assert dry.json["imported"] == 3
    assert ended.code == 1
    assert "3 events imported; 3 rows refused." in ended.out
    assert [(one["row"], one["line"]) for one in refused] == [(3, 4), (4, 5), (5, 6)]
    assert [problem["where"] for problem in refused[2]["problems"]] == ["minutes", "occurred_at"]
    assert [one.id for one in entries] == ["e-1", "e-2", "e-6"]
    assert entries[0].occurred_at == datetime(2026, 1, 1, 10, tzinfo=UTC)
    assert entries[0].payload.attributes == {"minutes": 3.5}


def test_a_mapping_says_what_stands_where(run: Run, tmp_path: Path) -> None:
    moments = [datetime(2026, 1, 1, hour) for hour in (10, 11)]  # noqa: DTZ001  The mapping tells the zone.
    table = pl.DataFrame({"who": ["a", "b"], "when": moments, "length": [1.0, 2.0], "type": ["x", "y"]})
    table.write_parquet("calls.parquet")
    Path("map.yaml").write_text(
        "id: who\noccurred_at: {column: when, zone: Europe/Warsaw}\nattributes: {minutes: length}\n"
    )

    found = run("events", "import", PROJECT, "calls.parquet", "--type", "call_ended", "--mapping", "map.yaml", "--json")

    entries = recorded(tmp_path / "opportune.db")
    assert found.json == {"imported": 2, "refused": 0, "report": None}
    assert [one.occurred_at.hour for one in entries] == [9, 10]
    assert [one.payload.attributes["minutes"] for one in entries] == [1.0, 2.0]


def test_a_wrong_mapping_is_told_at_its_place(run: Run) -> None:
    Path("calls.csv").write_text("customer,when\nc,1\n")
    Path("map.yaml").write_text("id: customer\noccurred_at: {column: when, zone: Mars}\nodd: 1\n")

    found = run("events", "import", PROJECT, "calls.csv", "--mapping", "map.yaml")

    assert found.code == 1
    assert "map.yaml:2:35: occurred_at.zone" in found.err
    assert "map.yaml:3:6: odd" in found.err
    assert "nothing says the event type" in found.err


def test_events_are_not_taken_for_new_where_nothing_says_when_they_happened(run: Run, tmp_path: Path) -> None:
    Path("calls.csv").write_text("customer,when\nc,2026-01-01T10:00:00Z\n")
    Path("now.yaml").write_text("occurred_at: ~\n")
    arguments = ("events", "import", PROJECT, "calls.csv", "--type", "call_ended")

    found = run(*arguments)
    meant = run(*arguments, "--mapping", "now.yaml", "--json")

    assert found.code == 1
    assert "nothing says when events happened; add 'occurred_at: COLUMN'" in found.err
    assert meant.json["imported"] == 1
    assert recorded(tmp_path / "opportune.db")[0].occurred_at.year > 2025


def test_a_row_without_its_moment_is_refused(run: Run) -> None:
    Path("calls.csv").write_text("customer,occurred_at\nc,2026-01-01T10:00:00Z\nc,\n")

    found = run("events", "import", PROJECT, "calls.csv", "--type", "call_ended", "--json")

    refused = json.loads(Path("calls.csv.refused.jsonl").read_text())
    assert found.json["imported"] == 1
    assert refused["row"] == 2
    assert refused["problems"][0]["where"] == "occurred_at"
    assert refused["problems"][0]["message"] == "expected the moment at which it happened, found nothing"


def test_what_stands_beside_attributes_may_come_late_in_json_lines(run: Run, tmp_path: Path) -> None:
    line = '{"customer": "c", "occurred_at": "2026-01-01T10:00:00Z"%s}\n'
    Path("calls.jsonl").write_text(line % "" * 1_000 + line % ', "event_id": "last", "session": "s"')

    run("events", "import", PROJECT, "calls.jsonl", "--type", "call_ended")

    last = recorded(tmp_path / "opportune.db")[-1]
    assert (last.id, last.session) == ("last", "s")


def test_an_interrupted_import_goes_on_without_a_second_effect(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"c-{n % 7},{n},2026-01-01T10:00:00Z\n" for n in range(100))
    Path("calls.csv").write_text("customer,minutes,occurred_at\n" + rows)
    whole = EventStore.write
    calls: list[int] = []

    def dying(self: EventStore, run: str, first: int, rows: list[Row], replace: bool) -> Any:
        written = whole(self, run, first, [row._replace(attributes=dict(row.attributes)) for row in rows], replace)
        calls.append(first)
        if len(calls) in (2, 4):
            raise OSError(5, "gone")
        return written

    monkeypatch.setattr(EventStore, "write", dying)
    monkeypatch.setattr("opportune.cli.events_targets.STORE_ROWS", 30)
    arguments = ("events", "import", PROJECT, "calls.csv", "--type", "call_ended", "--store", "shop.db")
    codes = [run(*arguments).code for _ in range(3)]

    minutes = [one.payload.attributes["minutes"] for one in recorded(tmp_path / "shop.db")]
    assert codes == [2, 2, 0]
    assert sorted(minutes) == list(range(100))


def test_events_may_go_to_a_running_service(run: Run, tmp_path: Path) -> None:
    Path("calls.csv").write_text(CSV)
    with running(tmp_path / "shop.db") as service:
        found = run("events", "import", PROJECT, "calls.csv", "--url", service.url, "--json")
        assert found.json["imported"] == 3
    assert [one.id for one in recorded(tmp_path / "shop.db")] == ["e-1", "e-2", "e-6"]
