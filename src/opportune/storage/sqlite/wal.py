"""Whether all is there of a WAL that a process left behind.

SQLite ends a WAL at the first frame that does not fit its checksum, and says nothing of what stands behind. After a
loss of power that is right: the last transaction may be torn. A flipped bit or a file that was cut short look the same
to it, and what was acknowledged would be gone. Two witnesses tell them apart:

- A transaction is written only after the one before is on the disk. Where a frame continues the checksum of the last
  one of a transaction, that transaction was on the disk.
- The index beside the WAL counts frames only once they are on the disk.

Both are silent where a bit of the last transaction flipped: it looks torn. Layouts and checksums are those of
https://www.sqlite.org/walformat.html; frames are counted from 1.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import Struct, unpack
from typing import Any, NamedTuple

__all__ = ["PAGE_BYTES", "index_fault", "lost_frame"]

PAGE_BYTES = 8_192
"""Size of a page of a store."""

_HEADER = Struct(">4I8s2I")
_FRAME = Struct(">2I8s2I")
_INDEX = Struct("=3I2BH2I2I8s2I")
_MOVED = Struct("=I")
_FRAME_BYTES = _FRAME.size + PAGE_BYTES


class _Index(NamedTuple):
    """What the index says of the WAL with some salts: frames in it, of which the first `moved` are in the file."""

    salts: bytes
    frames: int
    moved: int


class _Wal:
    """A WAL that is read beside SQLite."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.frames = max(0, os.fstat(descriptor).st_size - _HEADER.size) // _FRAME_BYTES
        self.header = self._header()

    def _header(self) -> bytes:
        return os.pread(self._descriptor, _HEADER.size, 0)

    @property
    def salts(self) -> bytes:
        """What all frames carry that were written since it began anew."""
        return self.header[16:24]

    def is_same(self) -> bool:
        """Whether it has not begun anew since it was opened here."""
        return self._header() == self.header

    def written(self, first: int) -> int:
        """Give the end of a transaction from a frame on that another one follows; 0 where there is none."""
        if not self.frames or len(self.header) < _HEADER.size:
            return 0
        order, salts = ">" if self.header[3] & 1 else "<", self.salts
        if _checksum(order, self.header[:24], (0, 0)) != _HEADER.unpack(self.header)[5:]:
            order = "<" if sys.byteorder == "little" else ">"
            salts = self._frame(1)[2]
        for number in range(first, self.frames):
            _, is_end, own, *sums = self._frame(number)
            if is_end and own == salts and self._continues(number + 1, salts, order, (sums[0], sums[1])):
                return number
        return 0

    def _frame(self, number: int) -> tuple[Any, ...]:
        return _FRAME.unpack(self._read(number, _FRAME.size))

    def _continues(self, number: int, salts: bytes, order: str, before: tuple[int, int]) -> bool:
        content = self._read(number, _FRAME_BYTES)
        _, _, own, *sums = _FRAME.unpack(content[: _FRAME.size])
        return own == salts and _checksum(order, content[:8] + content[_FRAME.size :], before) == tuple(sums)

    def _read(self, number: int, length: int) -> bytes:
        # Filled up where it was cut short just now: what is empty carries no salts.
        return os.pread(self._descriptor, length, _HEADER.size + (number - 1) * _FRAME_BYTES).ljust(length, b"\0")


def index_fault(path: Path) -> str:
    """Say what the index of a WAL knows to be gone, "" where nothing is.

    To be asked before SQLite makes the index anew, by whoever keeps others from writing. Only before this process
    opens the store: closing the index releases all locks on it that the process holds.
    """
    index = _index(path)
    if index is None:
        return ""
    if not path.exists():
        return "lost, with what was acknowledged" if index.frames > index.moved else ""
    with _opened(path) as wal:
        is_short = wal is not None and wal.salts == index.salts and wal.frames < index.frames
    return "cut short, and more was acknowledged" if is_short else ""


def lost_frame(path: Path, taken: Callable[[], int], *, alone: bool) -> int:
    """Give the first frame that SQLite does not take though it was on the disk; 0 where there is none.

    Args:
        taken: how many frames SQLite takes.
        alone: nobody else writes; else a process may begin the WAL anew just now, where none is taken.
    """
    first = taken() + 1
    with _opened(path) as wal:
        if wal is None:
            return 0
        written, now = wal.written(first), taken()
        return first if now < written and (alone or (now and wal.is_same())) else 0


@contextmanager
def _opened(path: Path) -> Iterator[_Wal | None]:
    """Open a WAL; None where it went just now, or SQLite will say why it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        yield None
        return
    try:
        yield _Wal(descriptor)
    finally:
        os.close(descriptor)


def _index(path: Path) -> _Index | None:
    """Read the index of a WAL; None where there is none, or a change of it was cut off."""
    try:
        with path.with_name(path.name.removesuffix("wal") + "shm").open("rb") as file:
            first, second, moved = (file.read(part.size) for part in (_INDEX, _INDEX, _MOVED))
    except OSError:
        return None
    if first != second or len(moved) < _MOVED.size:
        return None
    fields = _INDEX.unpack(first)
    is_made = fields[3] and fields[5] == PAGE_BYTES
    return _Index(fields[10], fields[6], *_MOVED.unpack(moved)) if is_made else None


def _checksum(order: str, content: bytes, before: tuple[int, int]) -> tuple[int, int]:
    one, other = before
    words = unpack(f"{order}{len(content) // 4}I", content)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        one = (one + even + other) & 0xFFFFFFFF
        other = (other + odd + one) & 0xFFFFFFFF
    return one, other
