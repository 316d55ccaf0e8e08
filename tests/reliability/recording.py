"""A file system for SQLite that notes every write and flush: the traced run without a second process."""

from __future__ import annotations

from typing import Any

import apsw

from .disk import Operation, Removed, Synced, Truncated, Written

__all__ = ["RecordingFiles"]


class RecordingFiles(apsw.VFS):
    """Passes everything on to the real file system and notes it in `trace`.

    While it is open it is the default of new connections. While `failing` is set, every flush fails.
    """

    def __init__(self, name: str = "recording") -> None:
        self.trace: list[Operation] = []
        self.failing = False
        super().__init__(name, "unix", makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> _RecordingFile:
        return _RecordingFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self.trace.append(Removed(filename))
        if syncdir:
            self.trace.append(Synced(filename.rpartition("/")[0], len(self.trace)))

    def __enter__(self) -> RecordingFiles:
        return self

    def __exit__(self, *exception: object) -> None:
        self.unregister()


class _RecordingFile(apsw.VFSFile):
    def __init__(self, files: RecordingFiles, name: Any, flags: list[int]) -> None:
        self._files = files
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        # SQLite's own file system flushes the folder at the first flush of a new journal or WAL.
        journal = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL
        self._names_folder = bool(flags[0] & journal and flags[0] & apsw.SQLITE_OPEN_CREATE)
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self._files.trace.append(Written(self._path, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._files.trace.append(Truncated(self._path, newsize))

    def xSync(self, flags: int) -> None:
        begun = len(self._files.trace)
        if self._files.failing:
            raise apsw.IOError("the device failed")
        super().xSync(flags)
        self._files.trace.append(Synced(self._path, begun))
        if self._names_folder:
            self._names_folder = False
            self._files.trace.append(Synced(self._path.rpartition("/")[0], begun))
