"""`opportune import` of files as other programs write them: marks, encodings, bytes, numbers with gaps."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.cli.conftest import Run
from tests.cli.test_import import attributes
from tests.service.shop import PROJECT


def refused(name: str) -> list[Any]:
    return [json.loads(line) for line in Path(f"{name}.refused.jsonl").read_text().splitlines()]


def test_a_mark_before_the_first_line_of_json_lines_is_no_part_of_it(run: Run, tmp_path: Path) -> None:
    Path("people.jsonl").write_bytes(b'\xef\xbb\xbf{"id": "c-1", "age": 30}\r\n{"id": "c-2", "age": 31}\r\n')

    found = run("import", PROJECT, "people.jsonl", "--store", "shop.db", "--json")

    assert (found.code, found.json["imported"]) == (0, 2)
    assert attributes(tmp_path / "shop.db", "c-1") == {"age": 30}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_letters_may_take_several_bytes(run: Run, tmp_path: Path, encoding: str) -> None:
    Path("people.csv").write_bytes("id;city\r\nc-1;Łódź, Polesie\r\n".encode(encoding))
    Path("map.yaml").write_text(f"csv: {{encoding: {encoding}}}\n")

    found = run("import", PROJECT, "people.csv", "--mapping", "map.yaml", "--store", "shop.db")

    assert found.code == 0, found.err
    assert attributes(tmp_path / "shop.db", "c-1") == {"city": "Łódź, Polesie"}


def test_a_file_in_another_encoding_is_told_as_such(run: Run) -> None:
    Path("people.csv").write_bytes("id;city\r\nc-1;Sopot\r\n".encode("utf-16"))

    ended = run("import", PROJECT, "people.csv", "--store", "shop.db")

    assert "expected CSV in the encoding utf-8, found something else" in ended.err
    assert "name its encoding in the mapping" in ended.err


def test_bytes_of_another_encoding_are_told_as_such_and_a_trial_says_the_same(run: Run) -> None:
    Path("people.csv").write_bytes("id,city\nc-1,Łódź\nć-2,Sopot\na\0b,Sopot\nc-4,Sopot\n".encode("cp1250"))

    dry = run("import", PROJECT, "people.csv", "--dry-run", "--json")
    told = refused("people.csv")
    found = run("import", PROJECT, "people.csv", "--store", "shop.db", "--json")

    assert (dry.json["imported"], found.json["imported"]) == (1, 1)
    assert told == refused("people.csv")
    assert [row["problems"][0]["where"] for row in told] == ["city", "id", "id"]
    assert all("found other bytes" in row["problems"][0]["message"] for row in told[:2])
    assert "encoding: cp1250" in told[0]["problems"][0]["remedy"]


def test_all_that_is_wrong_with_a_row_is_told(run: Run) -> None:
    Path("people.csv").write_text("id,age\n,old\n")

    run("import", PROJECT, "people.csv", "--store", "shop.db")

    assert [one["where"] for one in refused("people.csv")[0]["problems"]] == ["id", "age"]


def test_an_identifier_is_a_text_or_a_whole_number(run: Run, tmp_path: Path) -> None:
    pl.DataFrame({"id": [b"c-1"], "age": [30]}).write_parquet("bytes.parquet")
    pl.DataFrame({"id": ["12"], "age": [30]}).with_columns(pl.col("id").cast(pl.Decimal(20, 2))).write_parquet(
        "d.parquet"
    )

    found = run("import", PROJECT, "bytes.parquet", "--store", "shop.db", "--json")
    other = run("import", PROJECT, "d.parquet", "--store", "shop.db", "--json")

    assert (found.json["imported"], found.json["refused"], other.json["imported"]) == (0, 1, 1)
    assert attributes(tmp_path / "shop.db", "12") == {"age": 30}


def test_whole_numbers_of_a_table_with_gaps_are_whole(run: Run, tmp_path: Path) -> None:
    Path("people.csv").write_text("id,age\nc-1,30.0\nc-2,\nc-3,30.5\nc-4,1.000\n")

    found = run("import", PROJECT, "people.csv", "--store", "shop.db", "--json")

    assert found.json["imported"] == 2
    assert [row["row"] for row in refused("people.csv")] == [3, 4]
    assert attributes(tmp_path / "shop.db", "c-1") == {"age": 30}


def test_a_number_beyond_all_in_a_query_is_refused_and_not_missing(run: Run) -> None:
    with closing(sqlite3.connect("crm.db")) as crm:
        crm.execute("create table people (id, age)")
        crm.execute("insert into people values (1, 1e999)")
        crm.commit()
    Path("people.sql").write_text("select id, age from people")

    found = run("import", PROJECT, "people.sql", "--from", "sqlite:///crm.db", "--store", "shop.db", "--json")

    assert (found.json["imported"], found.json["refused"]) == (0, 1)


@pytest.mark.parametrize("command", [("import",), ("events", "import")])
def test_a_folder_is_no_file_of_rows(run: Run, command: tuple[str, ...]) -> None:
    ended = run(*command, PROJECT, ".", "--dry-run")

    assert ended.code == 2
    assert "expected a file of rows, found a folder" in ended.err
