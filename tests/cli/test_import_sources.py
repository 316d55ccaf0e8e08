"""Where rows of `opportune import` come from and go to: queries, a running service; trying and going on."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from opportune.cli.import_targets import StoreTarget
from opportune.errors import StoreError
from opportune.storage import Kind, SqliteStorage
from tests.cli.conftest import Run
from tests.cli.test_import import attributes
from tests.postgres import need_postgres
from tests.service.process import running
from tests.service.shop import PROJECT

ROWS = "id,age\n" + "".join(f"c-{number},{number}\n" for number in range(1, 101))


def test_a_query_of_sqlite_is_imported(run: Run, tmp_path: Path) -> None:
    with closing(sqlite3.connect("crm.db")) as crm:
        crm.execute("create table people (number, years, town)")
        crm.executemany("insert into people values (?, ?, ?)", [(1, 30, "Gdynia"), (2, None, "Sopot"), (3, 999, None)])
        crm.commit()
    Path("people.sql").write_text("select number as id, years as age, town as city from people order by 1;\n")

    ended = run("import", PROJECT, "people.sql", "--from", "sqlite:///crm.db", "--store", "shop.db")

    assert "2 rows imported, 2 new customers among them; 1 row refused." in ended.out
    assert attributes(tmp_path / "shop.db", "2") == {"city": "Sopot"}
    assert sorted(path.name for path in tmp_path.glob("people.sql*")) == ["people.sql", "people.sql.refused.jsonl"]


@pytest.mark.parametrize(
    ("query", "database", "said"),
    [
        ("delete from people", "sqlite:///crm.db", "attempt to write a readonly database"),
        ("select 1 as id, 2 as id", "sqlite:///crm.db", "several named id"),
        ("select shoe", "sqlite:///crm.db", "no such column: shoe"),
        ("select 1", "sqlite:///other.db", "No such file"),
        ("select 1", "mysql://crm", "expected postgresql://"),
        ("select 1", "", "add --from"),
        (" ;", "sqlite:///crm.db", "expected one select statement"),
        ("select 1", "postgresql://127.0.0.1:1/crm", "cannot be reached"),
    ],
)
def test_what_is_wrong_with_a_query_is_told(run: Run, query: str, database: str, said: str) -> None:
    with closing(sqlite3.connect("crm.db")) as crm:
        crm.execute("create table people (id)")
    Path("people.sql").write_text(query)

    ended = run("import", PROJECT, "people.sql", "--store", "shop.db", *(("--from", database) if database else ()))

    assert ended.code in (1, 2)
    assert said in ended.err
    assert not list(Path().glob("people.sql.*"))


def test_a_query_of_postgresql_is_imported(run: Run, tmp_path: Path) -> None:
    url = need_postgres().url()
    Path("people.sql").write_text(
        "select 'c-' || n as id, n::numeric as age, n % 2 = 0 as member, timestamptz '2026-05-04 18:00Z' as since"
        " from generate_series(1, 6000) n where n < 50 or n > 5990"
    )

    ended = run("import", PROJECT, "people.sql", "--from", url, "--store", "shop.db", "--json")
    Path("people.sql").write_text("select 'x'::text as id; drop table people")
    refused = run("import", PROJECT, "people.sql", "--from", url, "--store", "shop.db")

    assert (ended.json["imported"], ended.json["refused"]) == (49, 10)
    assert attributes(tmp_path / "shop.db", "c-2")["member"] is True
    assert "SQLSTATE 42601" in refused.err


def test_rows_go_to_a_running_service(run: Run, tmp_path: Path) -> None:
    Path("people.csv").write_text(ROWS + "c-101,200\n")
    with running(tmp_path / "shop.db") as service:
        ended = run("import", PROJECT, "people.csv", "--url", service.url, "--json")

    assert ended.json == {"imported": 100, "new": None, "refused": 1, "report": "people.csv.refused.jsonl"}
    assert attributes(tmp_path / "shop.db", "c-100") == {"age": 100}


def test_a_dry_run_writes_no_customer(run: Run) -> None:
    Path("people.csv").write_text(ROWS + "c-101,200\n")

    ended = run("import", PROJECT, "people.csv", "--store", "shop.db", "--dry-run")

    assert "100 rows can be imported; 1 row refused." in ended.out
    assert not Path("shop.db").exists()
    assert json.loads(Path("people.csv.refused.jsonl").read_text())["line"] == 102


def test_an_interrupted_import_goes_on_only_with_the_same(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("people.csv").write_text(ROWS)
    write, calls = StoreTarget.write, []
    monkeypatch.setattr(StoreTarget, "rows", 30)

    def fail_at_third(target: StoreTarget, *arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 3:
            raise StoreError("the disk is full")
        return write(target, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(StoreTarget, "write", fail_at_third)
    broken = run("import", PROJECT, "people.csv", "--store", "shop.db")
    replaced = run("import", PROJECT, "people.csv", "--store", "shop.db", "--replace")
    elsewhere = run("import", PROJECT, "people.csv", "--store", "other.db")
    tried = run("import", PROJECT, "people.csv", "--dry-run")
    Path("people.csv").write_text(ROWS.replace("c-1,", "c-x,"))
    other = run("import", PROJECT, "people.csv", "--store", "shop.db")
    Path("people.csv").write_text(ROWS)
    ended = run("import", PROJECT, "people.csv", "--store", "shop.db", "--json")

    assert "the disk is full" in broken.err
    assert "changed since: --replace" in replaced.err
    assert "the store does not have them" in elsewhere.err
    assert "an import was interrupted" in tried.err
    assert "interrupted after 60 rows, and changed since: the rows" in other.err
    assert ended.json == {"imported": 100, "new": 100, "refused": 0, "report": None}
    with SqliteStorage(tmp_path / "shop.db", read_only=True) as storage:
        assert len(storage.journal(kinds=(Kind.PROFILE,))) == 100


def test_typed_columns_with_dates(run: Run, tmp_path: Path) -> None:
    table = pl.DataFrame({"id": [1, 2], "Joined": ["2026-05-04", None], "age": [30.0, 30.5]})
    table.with_columns(pl.col("Joined").str.to_date()).write_parquet("people.parquet")
    Path("map.yaml").write_text("attributes: {since: {column: Joined, zone: UTC}}\n")

    ended = run("import", PROJECT, "people.parquet", "--mapping", "map.yaml", "--store", "shop.db", "--json")

    assert (ended.json["imported"], ended.json["refused"]) == (1, 1)
    assert attributes(tmp_path / "shop.db", "1")["age"] == 30
