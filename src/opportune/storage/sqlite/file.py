"""The file of a store, before and beside SQLite."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO
from urllib.parse import quote

import apsw

from opportune.errors import DamageError, StoreBusyError, StoreError

__all__ = ["SQLITE_LEAST", "cannot_open", "check_file", "check_library", "connect", "flush_folder", "lock", "look"]

_MAGIC = b"SQLite format 3\0"
"""How every file of SQLite begins."""

SQLITE_LEAST = "3.51.3"
"""Earlier releases may lose a reset of the WAL when several connections write."""

_BUSY_SECONDS = 5
"""Only a backup tool or a shell can hold the file against us; longer than this is an error worth showing."""

_CACHE_KIB = 8_192
"""Page cache of a connection: holds the inner pages of the indexes of some ten million entries.

A larger one costs time: where a commit splits a page of an index, SQLite looks through the whole of it.
"""


def connect(path: Path | str, flags: int) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=flags)
    connection.set_busy_timeout(_BUSY_SECONDS * 1_000)
    # Stable plans: without this, SQLite prepares a query anew for every set of values, at five times its cost.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.execute(f"pragma cache_size = -{_CACHE_KIB}")
    return connection


def look(path: Path) -> apsw.Connection:
    """Connect for reading only; also where nothing can be written, if no writer left something beside the file."""
    if _is_on_read_only_device(path) and not path.with_name(path.name + "-wal").exists():
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        return connect(f"file:{quote(str(path))}?immutable=1", flags)
    return connect(path, apsw.SQLITE_OPEN_READONLY)


def cannot_open(path: Path) -> str:
    """Say why SQLite could not open a file, or not write beside it or to it."""
    if not os.access(path, os.R_OK):
        return "expected a file that this user may read"
    if not os.access(path.parent, os.W_OK):
        return (
            "expected a folder that can be written, as SQLite keeps companions of the file in it also to read;"
            " copy the file with its -wal, if there is one, to another folder"
        )
    if not os.access(path, os.W_OK):
        return "expected a file that this user may write"
    return "it cannot be opened"


def _is_on_read_only_device(path: Path) -> bool:
    try:
        return bool(os.statvfs(path.parent).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def flush_folder(folder: Path) -> None:
    """Put the names of new files on the disk; SQLite does so for its WAL only."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_library(version: str) -> None:
    if tuple(map(int, version.split("."))) < tuple(map(int, SQLITE_LEAST.split("."))):
        raise StoreError(f"SQLite: expected {SQLITE_LEAST} or later, found {version}; upgrade the package apsw")


def lock(path: Path) -> IO[bytes]:
    """Take the right to write; it ends with the process, however that ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock_file = path.with_name(path.name + ".lock").open("ab")
    except OSError as error:
        raise StoreError(f"{path}: expected a place to write to, found: {error.strerror}") from error
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock_file.close()
        raise StoreBusyError(
            f"{path}: another process writes to this store; stop it, or send it the request over HTTP"
        ) from error
    return lock_file


def check_file(path: Path, read_only: bool) -> None:
    """Refuse what cannot be a store before SQLite is asked, whose words for it say little."""
    expected = f"{path}: expected a store of Opportune, found"
    if path.is_dir():
        raise StoreError(f"{expected} a folder; give the path of a file in it")
    if not path.exists():
        if read_only:
            raise StoreError(f"{expected} nothing; serve a strategy or import customers first, or give another path")
        return
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except OSError:
        return  # SQLite says why
    if start and start != _MAGIC:
        raise DamageError(
            f"{expected} another file, or a store whose beginning is damaged; give the path of a store, or of a backup"
        )
