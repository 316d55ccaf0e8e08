"""Stores of earlier versions, made of the SQL of their time and rows that were written then."""

from __future__ import annotations

from pathlib import Path

import apsw

from opportune.storage.migrating import migrations
from opportune.storage.sqlite.schema import APPLICATION_ID

__all__ = ["MERGED", "VERSIONS", "make_store"]

FOLDER = Path(__file__).with_name("versions")
VERSIONS = sorted(int(file.stem) for file in FOLDER.glob("*.sql"))
MERGED = Path(__file__).with_name("merged")
"""Rows of stores with merged persons."""


def make_store(path: Path, version: int, folder: Path = FOLDER) -> None:
    """Make a store of an earlier version.

    Args:
        folder: where its rows are.
    """
    connection = apsw.Connection(str(path))
    connection.execute("pragma page_size = 8192; pragma journal_mode = wal")
    with connection:
        connection.execute(
            "create table migrations (number integer primary key, name text not null, applied_at text not null) strict"
        )
        for number, name, sql in migrations("sqlite"):
            if number <= version:
                connection.execute(sql)
                connection.execute("insert into migrations values (?, ?, '')", (number, name))
        connection.execute((folder / f"{version:04}.sql").read_text())
        connection.execute(f"pragma application_id = {APPLICATION_ID}; pragma user_version = {version}")
    connection.close()
