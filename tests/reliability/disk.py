"""What a disk holds after the power went: a model of files whose writes were not all flushed.

A trace is the list of operations of a real run, in the order in which the system saw them. At a cut, what a completed
flush covers is on the disk; of later writes a random half is, some of them torn at 512 bytes.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "SECTOR",
    "Acked",
    "Operation",
    "Removed",
    "Renamed",
    "Synced",
    "Truncated",
    "Written",
    "acked_before",
    "rebuild",
]

SECTOR = 512


@dataclass(frozen=True, slots=True)
class Written:
    """Bytes written to a file."""

    path: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncated:
    """A file cut or extended to a size."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Synced:
    """A completed flush; it covers operations on its path with an index below `begun`."""

    path: str
    begun: int


@dataclass(frozen=True, slots=True)
class Removed:
    """A file deleted."""

    path: str


@dataclass(frozen=True, slots=True)
class Renamed:
    """A file renamed."""

    path: str
    target: str


@dataclass(frozen=True, slots=True)
class Acked:
    """Ids that the process acknowledged."""

    ids: tuple[str, ...]


Operation = Written | Truncated | Synced | Removed | Renamed | Acked


def acked_before(trace: Sequence[Operation], cut: int) -> set[str]:
    """Ids acknowledged by the first `cut` operations."""
    return {key for operation in trace[:cut] if isinstance(operation, Acked) for key in operation.ids}


def rebuild(trace: Sequence[Operation], cut: int, chance: random.Random, source: str, target: Path) -> None:
    """Write the files of folder `source` into `target` as the disk may hold them after `cut` operations.

    The entry of a file in its folder is on the disk once the file or the folder was flushed; without that, a new file
    may be missing and a deleted one may be there. Shared memory and locks do not outlive a crash and are left out.
    """
    flushed = _flushed(trace, cut)
    files: dict[str, bytearray] = {}
    lasting: dict[str, bool] = {}
    for index, operation in enumerate(trace[:cut]):
        match operation:
            case Written(path, offset, data):
                sure = index < flushed.get(path, -1)
                lasting[path] = lasting.get(path, False) or sure
                for begin, piece in [(0, data)] if sure else _survivors(data, chance):
                    _put(files.setdefault(path, bytearray()), offset + begin, piece)
            case Truncated(path, size):
                if index < flushed.get(path, -1) or chance.random() < 0.5:
                    content = files.setdefault(path, bytearray())
                    del content[size:]
                    content.extend(bytes(size - len(content)))
            case Removed(path):
                folder = path.rpartition("/")[0]
                if path in files and (index < flushed.get(folder, -1) or chance.random() < 0.5):
                    del files[path]
            case Renamed(path, new_path):
                if path in files:
                    files[new_path] = files.pop(path)
                    flushed[new_path] = max(flushed.get(path, -1), flushed.get(new_path, -1))
    for path, content in files.items():
        name = path.removeprefix(source).lstrip("/")
        if path.startswith(source) and not name.endswith(("-shm", ".lock")) and (content or lasting.get(path)):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes(content)


def _flushed(trace: Sequence[Operation], cut: int) -> dict[str, int]:
    """Path → index below which all of its operations are on the disk."""
    flushed: dict[str, int] = {}
    for operation in trace[:cut]:
        if isinstance(operation, Synced):
            flushed[operation.path] = max(operation.begun, flushed.get(operation.path, -1))
    return flushed


def _survivors(data: bytes, chance: random.Random) -> Iterable[tuple[int, bytes]]:
    """Parts of an unflushed write that reached the disk: all, none, or some of its sectors."""
    draw = chance.random()
    if draw < 0.4:
        return [(0, data)]
    if draw < 0.8:
        return []
    return [(begin, data[begin : begin + SECTOR]) for begin in range(0, len(data), SECTOR) if chance.random() < 0.5]


def _put(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data
