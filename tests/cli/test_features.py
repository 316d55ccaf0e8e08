"""`opportune features`: tables for training and the features of one customer, from a store and from files."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from opportune.customers.features.batch import EventFile
from opportune.storage import JoinUnit, RecordEvent, SaveProfile, SqliteStorage
from tests.strategy.test_broken import edited

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
EVENTS = """
purchase:
  attributes:
    amount: { type: number, unit: EUR }
    category: { type: text }
    due: { type: timestamp }
"""
FEATURES = """
spend_7d: { sum: purchase.amount, within: { days: 7 } }
last: { last: purchase.category }
due: { max: purchase.due }
house: { count: purchase, per: household, within: { days: 30 } }
seen: { count: shown, over: contacts }
"""
HAPPENED = [
    # customer, days before noon, amount, category, days until it was recorded
    ("c-001", 20, 8.0, "fresh", 0),
    ("c-001", 3, 5.0, "bread", 0),
    ("c-001", 2, 2.5, "wine", 10),
    ("c-002", 1, 4.0, "fresh", 0),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = edited({"events.yaml": EVENTS, "features.yaml": FEATURES, "levels.yaml": "household: {}\n"})
    for path, text in files.items():
        file = tmp_path / "project" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return tmp_path / "project"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    moment = NOON
    with SqliteStorage(str(tmp_path / "shop.db"), clock=lambda: moment) as storage:
        profile = {"time_zone": "Europe/Warsaw"}
        storage.write([SaveProfile(id="p", identifier="c-001", attributes=profile, replace=False)])
        members = [JoinUnit(id=f"j{who}", identifier=who, level="household", unit="h1") for who in ("c-001", "c-002")]
        storage.write(members)
        for number, (customer, days, amount, category, later) in enumerate(HAPPENED):
            happened = NOON - timedelta(days=days)
            moment = happened + timedelta(days=later)
            attributes = {"amount": amount, "category": category, "due": happened}
            event = RecordEvent(
                id=f"e{number}", type="purchase", identifier=customer, attributes=attributes, occurred_at=happened
            )
            storage.write([event])
    return tmp_path / "shop.db"


def events_file(path: Path, **more: object) -> Path:
    table = pl.DataFrame(
        {
            "customer": [one[0] for one in HAPPENED],
            "type": "purchase",
            "occurred_at": [NOON - timedelta(days=one[1]) for one in HAPPENED],
            "recorded_at": [NOON - timedelta(days=one[1] - one[4]) for one in HAPPENED],
            "amount": [one[2] for one in HAPPENED],
            "category": [one[3] for one in HAPPENED],
            "due": [NOON - timedelta(days=one[1]) for one in HAPPENED],
        }
    )
    table.with_columns(**more).write_parquet(path)
    return path


def points_file(path: Path) -> Path:
    lines = [
        "customer,at",
        "c-002,2026-05-04T12:00:00Z",
        "c-001,2026-05-04T14:00:00+02:00",
        "c-001,2026-05-01T12:00:00Z",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_table_has_a_row_per_point_with_what_had_happened_by_then(run, tmp_path, project, store):
    ended = run(
        "features", "table", "--store", store, "--project", project, "--points", points_file(tmp_path / "p.csv"),
        "--out", tmp_path / "out.parquet",
    )  # fmt: skip

    table = pl.read_parquet(tmp_path / "out.parquet")
    assert ended.code == 0
    assert "3 rows with 5 features written" in ended.out
    assert table.columns[:3] == ["customer", "at", "feature.spend_7d"]
    assert table["customer"].to_list() == ["c-001", "c-001", "c-002"]
    assert table["feature.spend_7d"].to_list() == [5.0, 7.5, 4.0]
    assert table["feature.last"].to_list() == ["bread", "wine", "fresh"]
    assert table["feature.due"][0] == NOON - timedelta(days=3)
    assert table["feature.house"].to_list() == [2, 4, 4]
    assert table["feature.seen"].to_list() == [0, 0, 0]


def test_a_store_and_a_file_of_the_same_events_give_the_same(run, tmp_path, project, store):
    points = points_file(tmp_path / "p.csv")
    shared = ("--project", project, "--points", points, "--out")

    run("features", "table", "--store", store, *shared, tmp_path / "a.parquet")
    ended = run("features", "table", "--events", events_file(tmp_path / "e.parquet"), *shared, tmp_path / "b.parquet")

    told = ["customer", "at", "feature.spend_7d", "feature.last", "feature.due"]
    assert pl.read_parquet(tmp_path / "a.parquet")[told].equals(pl.read_parquet(tmp_path / "b.parquet")[told])
    assert "null, as a file of events does not tell: house, seen" in ended.err


@pytest.mark.parametrize("source", ["store", "file"])
def test_what_was_recorded_later_is_left_out_as_known(run, tmp_path, project, store, source):
    where = ("--store", store) if source == "store" else ("--events", events_file(tmp_path / "e.parquet"))

    run(
        "features", "table", *where, "--project", project, "--points", points_file(tmp_path / "p.csv"),
        "--out", tmp_path / "out.parquet", "--as-known",
    )  # fmt: skip

    assert pl.read_parquet(tmp_path / "out.parquet")["feature.spend_7d"].to_list() == [5.0, 5.0, 4.0]


def test_attributes_may_stand_in_one_column_and_ids_make_repeats_known(run, tmp_path, project):
    path = events_file(tmp_path / "e.parquet")
    rows = pl.read_parquet(path).with_row_index("id")
    texts = [json.dumps({"amount": row["amount"], "category": row["category"]}) for row in rows.to_dicts()]
    rows = rows.drop("amount", "category", "due").with_columns(attributes=pl.Series(texts))
    pl.concat([rows, rows]).write_parquet(path)

    run(
        "features", "table", "--events", path, "--project", project, "--points", points_file(tmp_path / "p.csv"),
        "--out", tmp_path / "out.parquet",
    )  # fmt: skip

    assert pl.read_parquet(tmp_path / "out.parquet")["feature.spend_7d"].to_list() == [5.0, 7.5, 4.0]


@pytest.mark.parametrize("text", ["12", "{", '{"category": ' + "[" * 100_000])
def test_attributes_in_one_column_that_are_no_objects_are_refused(run, tmp_path, project, text):
    path = events_file(tmp_path / "e.parquet")
    pl.read_parquet(path).drop("amount", "category", "due").with_columns(attributes=pl.lit(text)).write_parquet(path)

    ended = run(
        "features", "table", "--events", path, "--project", project, "--points", points_file(tmp_path / "p.csv"),
        "--out", tmp_path / "out.parquet",
    )  # fmt: skip

    assert ended.code == 1
    assert "expected a JSON object in every cell of attributes" in ended.err


def spent(run, tmp_path: Path, project: Path, events: Path) -> list[float]:
    """Give the feature spend_7d at the points, from a file of events."""
    run(
        "features", "table", "--events", events, "--project", project, "--points", points_file(tmp_path / "p.csv"),
        "--out", tmp_path / "out.parquet",
    )  # fmt: skip
    return pl.read_parquet(tmp_path / "out.parquet")["feature.spend_7d"].to_list()


def test_events_without_an_id_all_count(run, tmp_path, project):
    path = events_file(tmp_path / "e.parquet", id=pl.lit(None, pl.String))

    assert spent(run, tmp_path, project, path) == [5.0, 7.5, 4.0]


def test_the_first_of_repeated_events_counts_in_whatever_order_rows_are_read(run, tmp_path, project, monkeypatch):
    rows = pl.read_parquet(events_file(tmp_path / "first.parquet")).with_row_index("id")
    repeats = rows.with_columns(amount=pl.col("amount") + 100)
    path = tmp_path / "e.parquet"
    pl.concat([rows, repeats]).write_parquet(path)
    collect = EventFile._collect
    monkeypatch.setattr(EventFile, "_collect", lambda file, table: collect(file, table).reverse())

    assert spent(run, tmp_path, project, path) == [5.0, 7.5, 4.0]


def test_points_may_be_written_as_a_spreadsheet_writes_them(run, tmp_path, project):
    points = points_file(tmp_path / "p.csv")
    points.write_bytes(b"\xef\xbb\xbf" + points.read_bytes().replace(b",", b";").replace(b"\n", b"\r\n"))

    ended = run(
        "features", "table", "--events", events_file(tmp_path / "e.parquet"), "--project", project,
        "--points", points, "--out", tmp_path / "out.parquet",
    )  # fmt: skip

    assert ended.code == 0, ended.err
    assert pl.read_parquet(tmp_path / "out.parquet")["feature.spend_7d"].to_list() == [5.0, 7.5, 4.0]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("c-001,2026-05-04T12:00:00Z,Europe/Nowhere", "row 2: expected the IANA name of a time zone in 'zone'"),
        ("c-001,0001-01-01T00:00:00+14:00,", "row 2: expected a moment in the years 1 to 9999 in 'at'"),
    ],
)
def test_points_that_cannot_be_meant_are_refused(run, tmp_path, project, row, said):
    points = tmp_path / "p.csv"
    points.write_text(f"customer,at,zone\nc-001,2026-05-04T12:00:00Z,\n{row}\n", encoding="utf-8")

    ended = run(
        "features", "table", "--events", events_file(tmp_path / "e.parquet"), "--project", project,
        "--points", points, "--out", tmp_path / "out.parquet",
    )  # fmt: skip

    assert ended.code == 1
    assert said in ended.err
    assert "Nowhere" not in ended.err


@pytest.mark.parametrize(
    ("out", "said"), [(".", "found a folder"), ("gone/out.parquet", "out.parquet: its folder does not exist")]
)
def test_a_table_needs_a_place(run, tmp_path, project, store, out, said):
    ended = run(
        "features", "table", "--store", store, "--project", project, "--points", points_file(tmp_path / "p.csv"),
        "--out", tmp_path / out,
    )  # fmt: skip

    assert ended.code == 1
    assert said in ended.err


def test_one_customer_is_explained(run, project, store):
    ended = run(
        "features", "show", "--customer", "c-001", "--store", store, "--project", project, "--at", NOON.isoformat()
    )

    assert ended.code == 0
    assert "At 2026-05-04 14:00:00 in Europe/Warsaw:" in ended.out
    lines = {line.split()[0]: line.split()[1:] for line in ended.out.splitlines()[2:]}
    assert lines["spend_7d"] == ["7.5", "2", "2026-04-27", "14:00:00"]
    assert lines["last"] == ["wine", "3", "ever"]
    assert lines["house"][:2] == ["4", "4"]


def test_an_explanation_can_be_read_by_programs(run, project, store):
    ended = run(
        "features", "show", "--customer", "c-002", "--store", store, "--project", project,
        "--at", "2026-04-01", "--json",
    )  # fmt: skip

    found = {one["feature"]: one for one in ended.json["features"]}
    assert found["last"] == {
        "feature": "last", "action": None, "value": None, "since": None, "until": "2026-04-01T00:00:00Z", "counted": 0,
    }  # fmt: skip
    assert found["spend_7d"]["value"] == 0.0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("table", "--points", "p.csv", "--out", "o.parquet"), "expected --store or --events"),
        (("table", "--points", "p.csv", "--out", "o.parquet", "--events", "e.parquet"), "add --project"),
        (("show", "--customer", "c-9", "--store", "shop.db", "--project", "project"), "nobody in the store has this"),
        (("show", "--customer", "c-001", "--store", "shop.db"), "the store has no strategy yet"),
        (
            ("table", "--store", "shop.db", "--project", "project", "--points", "gone.csv", "--out", "o.parquet"),
            "gone.csv: No such file",
        ),
    ],
)
def test_wrong_use_is_told(run, project, store, arguments, said):
    ended = run("features", *arguments)

    assert ended.code in (1, 2)
    assert said in ended.err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"occurred_at": pl.lit(datetime(2026, 1, 1))}, "column 'occurred_at' holds Datetime"),  # noqa: DTZ001
        ({"amount": pl.lit("much")}, "column 'amount' holds String, and the attribute is of type number"),
        ({"customer": pl.lit(None, pl.String)}, "column 'customer' is empty in"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(run, tmp_path, project, change, said):
    path = events_file(tmp_path / "e.parquet", **change)

    ended = run(
        "features", "table", "--events", path, "--project", project, "--points", points_file(tmp_path / "p.csv"),
        "--out", tmp_path / "out.parquet",
    )  # fmt: skip

    assert ended.code == 1
    assert said in ended.err
    assert not (tmp_path / "out.parquet").exists()


def test_outcomes_cannot_be_told_as_they_were_known(run, tmp_path, project, store):
    (project / "features.yaml").write_text("sold: { count: accept, over: contacts }\n", encoding="utf-8")

    ended = run(
        "features", "table", "--store", store, "--project", project, "--points", points_file(tmp_path / "p.csv"),
        "--out", tmp_path / "out.parquet", "--as-known",
    )  # fmt: skip

    assert ended.code == 2
    assert "outcomes count as they stand now, so sold cannot be told as of then" in ended.err
