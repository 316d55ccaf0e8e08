"""Rows of an SQL query, copied into a file of JSON Lines first.

A query that is asked again may answer otherwise. The copy is what makes an import exact: whatever happens meanwhile,
it goes on with the rows that it began with, and the database is needed for the time of the copy alone.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from math import isfinite
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from opportune.errors import InputError

__all__ = ["copy_query"]

_ROWS = 5_000
_SECONDS = 30
_DATA_FAULTS = "22"
"""Class of SQLSTATE whose messages may repeat values."""


Write = Callable[[list[str], Sequence[Sequence[Any]]], None]
"""Takes names of columns and rows."""


def copy_query(url: str, query: str, target: Path) -> int:
    """Write what a query answers to a file, for its owner alone, and give the number of rows.

    Args:
        url: "postgresql://USER@HOST/DATABASE" as libpq takes it, or "sqlite:///" and the path of a file; nothing is
            written there.
        query: one statement that gives rows.
        target: is there only when it is complete.

    Raises:
        InputError: the database cannot be reached, or refuses the query.
    """
    scheme, separator, rest = url.partition("://")
    query = query.strip().rstrip(";")
    if not query:
        raise InputError.of("query", "expected one select statement, found nothing")
    part = target.with_name(target.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            write = _writer(file.write)
            if separator and scheme in ("postgresql", "postgres"):
                rows = _from_postgres(url, query, write)
            elif separator and scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
                rows = _from_sqlite(Path(rest[1:]), query, write)
            else:
                message = "expected postgresql://USER@HOST/DATABASE or sqlite:/// and a path, found another address"
                raise InputError.of("database", message)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return rows


def _writer(write: Callable[[bytes], Any]) -> Write:
    encode = msgspec.json.Encoder(enc_hook=_plain).encode

    def write_rows(names: list[str], rows: Sequence[Sequence[Any]]) -> None:
        write(b"".join(encode(dict(zip(names, map(_told, row), strict=True))) + b"\n" for row in rows))

    return write_rows


def _told(value: Any) -> Any:
    """Give a number that is none, or beyond all, as a text: JSON would make it a missing value."""
    return str(value) if type(value) is float and not isfinite(value) else value


def _plain(value: Any) -> Any:
    """Give what JSON has no sign for as text; the mapping says how to read it."""
    return str(value)


def _names(described: Any) -> list[str]:
    names = [column[0] for column in described or ()]
    if not names:
        raise InputError.of("query", "expected one select statement, found one that gives no rows")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        message = f"expected columns of different names, found several named {', '.join(twice)}"
        raise InputError.of("query", message, "name them with 'as'")
    return names


def _copy(cursor: Any, names: list[str], write: Write) -> int:
    count = 0
    while rows := cursor.fetchmany(_ROWS):
        write(names, rows)
        count += len(rows)
    return count


def _from_sqlite(path: Path, query: str, write: Write) -> int:
    if not path.is_file():
        raise InputError.of("database", f"{path}: No such file", "check the name")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=_SECONDS)) as connection:
            connection.execute("pragma query_only = on")
            cursor = connection.execute(query)
            return _copy(cursor, _names(cursor.description), write)
    except sqlite3.Error as error:
        raise InputError.of("query", f"SQLite: {error}", "correct the query or the file") from None


def _from_postgres(url: str, query: str, write: Write) -> int:
    import psycopg

    try:
        with closing(psycopg.connect(url, connect_timeout=_SECONDS)) as connection:
            connection.read_only = True
            # Named, so that the server keeps the rows and hands them out in pieces.
            with connection.cursor(name="opportune_import") as cursor:
                cursor.execute(query.encode())
                return _copy(cursor, _names(cursor.description), write)
    except psycopg.Error as error:
        raise InputError.of("query", f"PostgreSQL: {_reason(error)}", "correct the query or the address") from None


def _reason(error: Any) -> str:
    if error.sqlstate is None:
        return f"the database cannot be reached ({type(error).__name__})"
    if error.sqlstate.startswith(_DATA_FAULTS):
        return f"a value does not fit the query ({type(error).__name__})"
    return f"{error.diag.message_primary or type(error).__name__} (SQLSTATE {error.sqlstate})"
