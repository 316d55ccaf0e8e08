"""Make and renew the tables of a store: numbered files, all that are missing in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import apsw

from opportune.errors import StoreError
from opportune.storage.migrating import migrations

__all__ = ["APPLICATION_ID", "check_ours", "migrate"]

APPLICATION_ID = 0x4F505052
"""Marks our files among SQLite's: "OPPR"."""


def check_ours(connection: apsw.Connection, place: str, fresh: bool) -> None:
    """Refuse files of somebody else and of a newer program.

    Args:
        fresh: an empty file is welcome.
    """
    application = connection.pragma("application_id")
    tables = connection.execute("select count(*) from sqlite_schema").get
    if tables == 0 and application == 0 and fresh:
        return
    if application != APPLICATION_ID:
        raise StoreError(f"{place}: expected a store of Opportune, found another file; give the path of a store")
    newest = migrations("sqlite")[-1][0]
    schema = connection.pragma("user_version")
    if schema < newest and not fresh:
        raise StoreError(
            f"{place}: expected schema {newest}, found {schema} of an earlier version;"
            " run 'opportune migrate' on it, or open it for writing"
        )
    if schema > newest:
        raise StoreError(
            f"{place}: expected schema {newest} or earlier, found {schema} of a newer version; upgrade Opportune"
        )


def migrate(connection: apsw.Connection, clock: Callable[[], datetime]) -> tuple[str, ...]:
    """Apply what is not applied yet, all in one transaction; give the names."""
    known = migrations("sqlite")
    if connection.pragma("user_version") == known[-1][0]:
        return ()
    with connection:
        connection.execute(
            "create table if not exists migrations (number integer primary key, name text not null,"
            " applied_at text not null) strict"
        )
        applied = {number for (number,) in connection.execute("select number from migrations")}
        for number, name, sql in known:
            if number not in applied:
                connection.execute(sql)
                connection.execute("insert into migrations values (?, ?, ?)", (number, name, clock().isoformat()))
        connection.execute(f"pragma application_id = {APPLICATION_ID}")
        connection.execute(f"pragma user_version = {known[-1][0]}")
    return tuple(name for number, name, _ in known if number not in applied)
