"""The list of erasures beside a store: whom an older backup must forget again before anybody reads it.

It is a file of JSON Lines that only grows, and no part of a backup. It holds keyed digests of the identifiers, which
only the store that made them, and its backups, can tell.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import msgspec

from opportune.errors import StoreError
from opportune.service.conversations import erase_unnamed
from opportune.storage import Erasure, SqliteStorage, Storage

__all__ = ["SUFFIX", "ErasureList", "list_of"]

SUFFIX = ".erasures"
"""Behind the name of a store's file, its list."""
VARIABLE = "OPPORTUNE_ERASURES"
"""Names the list of a store that is no file, for all processes of an installation."""


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sequence: int
    at: datetime
    marks: tuple[str, ...]
    key: str


class ErasureList:
    """The list in one file; a file that is missing is an empty list."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Erasure]:
        """Read all that stands in it.

        Raises:
            StoreError: it cannot be read, or a line is no erasure; nothing may be served then.
        """
        *lines, rest = self._content().split(b"\n")
        found = [self._read(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
        # Where a process ended while it wrote this line, nobody was told that it stands here, and the store that made
        # the erasure writes it again when it is opened.
        if rest.strip() and not self._is_torn(rest):
            found.append(self._read(len(lines) + 1, rest))
        return found

    def _content(self) -> bytes:
        try:
            return self.path.read_bytes() if self.path.exists() else b""
        except OSError as error:
            raise StoreError(f"{self.path}: the list of erasures cannot be read ({error.strerror})") from error

    def _read(self, number: int, line: bytes) -> Erasure:
        try:
            read = msgspec.json.decode(line, type=_Line)
            marks = tuple(bytes.fromhex(mark) for mark in read.marks)
        except (msgspec.MsgspecError, ValueError) as error:
            fault = f"{self.path}:{number}: expected an erasure, found something else"
            raise StoreError(f"{fault}; bring back the list as it was, since it says whom to forget") from error
        return Erasure(sequence=read.sequence, at=read.at, marks=marks, key=read.key)

    def add(self, records: Iterable[Erasure]) -> int:
        """Write down those that do not stand in it yet; durable when this returns.

        Returns:
            how many were new.

        Raises:
            StoreError: it cannot be read or written.
        """
        known = {(record.at, record.marks) for record in self.read()}
        new = [record for record in records if (record.at, record.marks) not in known]
        if not new:
            return 0
        lines = b"".join(msgspec.json.encode(_line(record)) + b"\n" for record in new)
        rest = self._content().rpartition(b"\n")[2]
        try:
            with self.path.open("ab") as file:
                if rest and self._is_torn(rest):
                    file.truncate(file.tell() - len(rest))
                elif rest:
                    lines = b"\n" + lines
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(f"{self.path}: the list of erasures cannot be written ({error.strerror})") from error
        return len(new)

    def _is_torn(self, line: bytes) -> bool:
        try:
            self._read(0, line)
        except StoreError:
            return True
        return False

    def apply(self, storage: Storage) -> int:
        """Let a store forget again whom it knows and should not, and write down whom it forgot and the list lacks.

        To be called before anything else is written to the store.

        Returns:
            how many erasures were made again.

        Raises:
            StoreError: list or store cannot be read or written, or the list is of another store.
        """
        last = storage.last_sequence()
        again = storage.erase_again(self.read())
        if again:
            erase_unnamed(storage, last)
            storage.compact()
        self.add(storage.erasures())
        return again


def _line(record: Erasure) -> _Line:
    return _Line(record.sequence, record.at, tuple(mark.hex() for mark in record.marks), record.key)


def list_of(storage: Storage, path: Path | None = None) -> ErasureList | None:
    """Give the list of a store: the one named, of a file the one beside it, else that of OPPORTUNE_ERASURES, if any."""
    if path is not None:
        return ErasureList(path)
    if isinstance(storage, SqliteStorage):
        return ErasureList(Path(storage.place + SUFFIX))
    named = os.environ.get(VARIABLE)
    return ErasureList(Path(named)) if named else None
