"""Move an installation: every table of a store into an empty one of any backend, row by row as it is.

Entries keep their sequences, bytes and digests, so the copy continues the same chain. Rows go in pages, each a
transaction of its own; a marker in the target says that it is not complete until all of it was verified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from opportune.errors import Problem, StoreError
from opportune.storage.base import Storage
from opportune.storage.tables import TABLES
from opportune.storage.verify import verify_storage

__all__ = ["copy_storage"]

PAGE = 500
PAGE_BYTES = 4 << 20
"""A page ends early where its rows are large: one transaction must not hold up others for seconds."""

Progress = Callable[[int, int], None]
"""Called with (steps done, steps in all): the source is verified, then copied, then the copy verified."""


def copy_storage(
    source: Storage,
    target: Storage,
    progress: Progress = lambda done, total: None,
    finish: Callable[[], None] = lambda: None,
) -> list[Problem]:
    """Copy a store into an empty one, and verify both.

    The source is read as it is at the beginning, whatever is written to it meanwhile. A copy that was interrupted
    may be begun again.

    Args:
        target: opened with `for_copy`.
        finish: what else the target needs before it counts as complete, once it was verified.

    Returns:
        what is wrong with the source, and nothing was copied, or with the copy, and it stays marked as not complete.

    Raises:
        StoreError: the target is not empty, or one of them cannot be read or written.
    """
    if not target.interrupted_copies() and (target.last_sequence() or target.anchor() is not None):
        raise StoreError(f"{target.place}: expected an empty store to copy into, found entries; give another one")
    leadership = target.cluster.lead("copy")
    if leadership is None:
        raise StoreError(f"{target.place}: another copy into it is under way")
    try:
        with source.snapshot() as frozen:
            steps = _Steps(progress, frozen.last_sequence())
            problems = verify_storage(frozen, steps.at(0))
            if problems:
                return problems
            target._begin_copy(source.place)
            for number, name in enumerate(TABLES):
                for page in _pages(frozen._everything(name)):
                    target._take(name, page)
                steps.at(1)(number + 1, len(TABLES))
            last = _last_digest(frozen)
        problems = verify_storage(target, steps.at(2))
        if not problems and _last_digest(target) != last:
            problems = [Problem(target.place, 0, 0, "journal", "it does not end like the source", "", "damaged")]
        if not problems:
            finish()
            target._end_copy()
        return problems
    finally:
        leadership.release()


class _Steps:
    """One progress over the three parts of a copy, which take about the same time."""

    def __init__(self, progress: Progress, entries: int) -> None:
        self._progress = progress
        self._entries = entries

    def at(self, part: int) -> Progress:
        """Give the progress of a part, 0 to 2."""

        def tell(done: int, total: int) -> None:
            self._progress(part * self._entries + done * self._entries // max(1, total), 3 * self._entries)

        return tell


def _last_digest(storage: Storage) -> bytes:
    entries = storage.journal(max(0, storage.last_sequence() - 1), 1)
    return entries[0].digest if entries else b""


def _pages(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    page: list[tuple[Any, ...]] = []
    size = 0
    for row in rows:
        page.append(row)
        size += sum(len(value) for value in row if isinstance(value, bytes))
        if len(page) >= PAGE or size >= PAGE_BYTES:
            yield page
            page, size = [], 0
    if page:
        yield page
