"""`opportune import`: rows of all formats, mappings, and what becomes of wrong rows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from opportune.records import Origin
from opportune.storage import Kind, SqliteStorage
from tests.cli.conftest import Run
from tests.service.shop import PROJECT, serving

CSV = """id,age,member,city,products,since,shoe
c-1,30,true,Gdynia,wine;water,2026-01-01T00:00:00Z,43
c-2,,no,,,,
c-3,old,true,,,,
,30,true,,,,
c-5,300,maybe,,,,
"""


def attributes(path: Path, customer: str) -> Any:
    with SqliteStorage(path, read_only=True) as storage:
        profile = storage.profile(customer)
        return None if profile is None else profile.attributes


def test_import_takes_good_rows_and_reports_the_others(run: Run, tmp_path: Path) -> None:
    Path("people.csv").write_text(CSV)

    ended = run("import", PROJECT, "people.csv", "--store", "shop.db")

    refused = [json.loads(line) for line in Path("people.csv.refused.jsonl").read_text().splitlines()]
    assert ended.code == 1
    assert "2 rows imported, 2 new customers among them; 3 rows refused." in ended.out
    assert "not imported: shoe" in ended.err
    assert [(line["row"], line["line"]) for line in refused] == [(3, 4), (4, 5), (5, 6)]
    assert [problem["where"] for problem in refused[2]["problems"]] == ["age", "member"]
    assert "300" not in Path("people.csv.refused.jsonl").read_text()
    first = attributes(tmp_path / "shop.db", "c-1")
    assert (first["age"], first["products"], first["member"]) == (30, ["wine", "water"], True)
    assert attributes(tmp_path / "shop.db", "c-2") == {"member": False}


@pytest.mark.parametrize("name", ["people.parquet", "people.jsonl"])
def test_import_reads_typed_files(run: Run, tmp_path: Path, name: str) -> None:
    table = pl.DataFrame({"id": ["c-1", "c-2"], "age": [30, None], "products": [["wine"], ["water", "tea"]]})
    table.write_parquet(name) if name.endswith("parquet") else table.write_ndjson(name)

    found = run("import", PROJECT, name, "--store", "shop.db", "--json")

    assert (found.code, found.json["imported"]) == (0, 2)
    assert attributes(tmp_path / "shop.db", "c-2") == {"products": ["water", "tea"]}


def test_import_maps_columns_and_merges_unless_told_to_replace(run: Run, tmp_path: Path) -> None:
    Path("people.csv").write_text("Customer No,Years\n17,30\n")
    Path("towns.csv").write_text("id,city\n17,Gdynia\n")
    Path("map.yaml").write_text("id: Customer No\nattributes: {age: Years}\n")

    run("import", PROJECT, "people.csv", "--mapping", "map.yaml", "--store", "shop.db")
    run("import", PROJECT, "towns.csv", "--store", "shop.db")
    merged = attributes(tmp_path / "shop.db", "17")
    run("import", PROJECT, "towns.csv", "--replace", "--store", "shop.db")

    assert merged == {"age": 30, "city": "Gdynia"}
    assert attributes(tmp_path / "shop.db", "17") == {"city": "Gdynia"}
    with SqliteStorage(tmp_path / "shop.db", read_only=True) as storage:
        assert {entry.origin for entry in storage.journal(kinds=(Kind.PROFILE,))} == {Origin.IMPORT}


def test_a_column_without_a_name_is_told_of(run: Run) -> None:
    Path("people.csv").write_text("id;age;\n17;30;\n")

    ended = run("import", PROJECT, "people.csv", "--store", "shop.db")

    assert (ended.code, ended.err) == (0, "columns not imported: one without a name\n")


def test_a_mapping_changes_only_what_it_names(run: Run, tmp_path: Path) -> None:
    Path("people.csv").write_text("id,Years,age,city,member\n17,30,99,Gdynia,yes\n")
    Path("map.yaml").write_text("attributes: {age: Years, member: ~}\n")

    ended = run("import", PROJECT, "people.csv", "--mapping", "map.yaml", "--store", "shop.db")

    assert attributes(tmp_path / "shop.db", "17") == {"age": 30, "city": "Gdynia"}
    assert "columns not imported: age, member" in ended.err


@pytest.mark.parametrize("separator", [";", "\t"])
def test_import_finds_out_what_stands_between_columns(run: Run, tmp_path: Path, separator: str) -> None:
    lines = (("id", "age", "products"), ("c-1", "30", '"wine;water"'), ("c-2", "31", "tea"))
    Path("people.csv").write_text("".join(separator.join(line) + "\n" for line in lines))

    ended = run("import", PROJECT, "people.csv", "--store", "shop.db")

    assert ended.code == 0
    assert attributes(tmp_path / "shop.db", "c-1") == {"age": 30, "products": ["wine", "water"]}


def test_import_counts_rows_and_customers(run: Run) -> None:
    Path("people.csv").write_text('id,age,city\nc-1,30,"Gdynia\nCentre"\nc-1,31,\nc-2,old,\n')

    ended = run("import", PROJECT, "people.csv", "--store", "shop.db")

    (refused,) = [json.loads(line) for line in Path("people.csv.refused.jsonl").read_text().splitlines()]
    assert "2 rows imported, 1 new customer among them; 1 row refused." in ended.out
    assert (refused["row"], refused["line"]) == (3, 5)


def test_an_identifier_that_is_written_in_two_ways_is_refused(run: Run) -> None:
    Path("people.jsonl").write_text('{"id": 12, "age": 30}\n{"id": 1.5, "age": 31}\n{"id": true, "age": 32}\n')

    ended = run("import", PROJECT, "people.jsonl", "--store", "shop.db")

    rows = [json.loads(line) for line in Path("people.jsonl.refused.jsonl").read_text().splitlines()]
    assert "1 row imported" in ended.out
    assert [row["row"] for row in rows] == [2, 3]
    assert all("text or whole number" in json.dumps(row) for row in rows)


@pytest.mark.parametrize(
    ("name", "text", "options", "said"),
    [
        ("people.txt", "id,age\n", (), "expected a file that ends in"),
        ("people.parquet", "id,age\n", (), "expected Parquet"),
        ("people.jsonl", "{", (), "expected JSON Lines"),
        ("people.csv", "key,age\n1,2\n", (), "its columns: key, age; --id names the column of identifiers"),
        ("people.csv", "id,shoe\n1,2\n", (), "no column has the name of an attribute"),
        ("people.csv", "", (), "the file has no such column; it has none: is it empty?"),
        ("missing.csv", None, (), "No such file"),
        ("people.csv", "id,age\n1,2\n", ("--mapping", "map.yaml"), "the project does not declare it"),
    ],
)
def test_import_says_what_is_wrong_with_a_file(
    run: Run, name: str, text: str | None, options: tuple[str, ...], said: str
) -> None:
    Path("map.yaml").write_text("id: id\nattributes: {height: age}\n")
    if text is not None:
        Path(name).write_text(text)

    ended = run("import", PROJECT, name, "--store", "shop.db", *options)

    assert ended.code in (1, 2)
    assert said in ended.err


def test_import_does_not_write_beside_a_service(run: Run, store: Path) -> None:
    Path("people.csv").write_text("id,age\nc-1,30\n")

    with serving(store):
        ended = run("import", PROJECT, "people.csv", "--store", store)

    assert ended.code == 2
    assert "another process writes to this store" in ended.err


def test_a_row_whose_time_zone_is_none_is_refused(run: Run, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PROJECT, "shop"))
    with (folder / "attributes.yaml").open("a") as file:
        file.write("time_zone: {type: text}\n")
    Path("people.csv").write_text("id,age,time_zone\nc-1,30,Asia/Tokyo\nc-2,31,Mordor\nc-3,32,\nc-4,33,Mordor\n")
    Path("map.yaml").write_text("attributes: {time_zone: {constant: Mordor}}\n")

    checked = run("import", folder, "people.csv", "--dry-run", "--json")
    done = run("import", folder, "people.csv", "--store", "shop.db", "--json")
    mapped = run("import", folder, "people.csv", "--mapping", "map.yaml", "--store", "shop.db")

    report = Path("people.csv.refused.jsonl").read_text()
    refused = [json.loads(line) for line in report.splitlines()]
    assert (checked.code, checked.json["refused"]) == (1, 2)
    assert (done.code, done.json["imported"], done.json["refused"]) == (1, 2, 2)
    assert [(line["row"], line["problems"][0]["where"]) for line in refused] == [(2, "time_zone"), (4, "time_zone")]
    assert refused[0]["problems"][0]["message"] == "expected the IANA name of a time zone, such as Europe/Warsaw"
    assert "leave the attribute out" in refused[0]["problems"][0]["remedy"]
    assert "Mordor" not in report
    assert attributes(tmp_path / "shop.db", "c-1") == {"age": 30, "time_zone": "Asia/Tokyo"}
    assert attributes(tmp_path / "shop.db", "c-2") is None
    assert mapped.code == 1
    assert "map.yaml:1:36: attributes.time_zone.constant: expected the IANA name of a time zone" in mapped.err
