"""Moves pages of SQLite's WAL into the file beside the writer, so that no commit waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import apsw

__all__ = ["Checkpointer"]

PASS_COMMITS = 12
"""Commits before their pages are moved into the file: of single decisions, which wait for the device behind a pass."""
PASS_PAGES = 500
"""... or so many pages, where commits are large: each pass has a flush of its own, which costs those more."""
WAL_PAGES = 4_000
"""Pages in the WAL at which it is to begin anew.

Pages that are written again and again are cheapest there, and looking pages up in a long one is not.
"""
OWED_SECONDS = 1.0
"""Between tries to leave nothing in the WAL where something in it was erased: readers end unnoticed."""


class Checkpointer:
    """A thread with a connection of its own that checkpoints when told to.

    A pass runs beside the writer, whose flushes wait while the device is busy with its pages: often and little keeps
    that short. When the WAL has grown long a second pass holds the writer up, for the few pages that came meanwhile:
    only when nothing is left does the WAL begin anew instead of growing.
    A failed pass loses nothing: the WAL keeps its pages, and the next pass writes them again.

    Args:
        connect: opens the connection.
        writing: lock that the writer holds during a transaction.
        passing: lock of whoever moves pages, taken after `writing`. SQLite refuses a second one without waiting.
    """

    def __init__(
        self, connect: Callable[[], apsw.Connection], writing: threading.Lock, passing: threading.Lock
    ) -> None:
        self._connection = connect()
        # The writer waits for some passes: they must not wait for a reader.
        self._connection.set_busy_timeout(0)
        self._writing = writing
        self._passing = passing
        self._due = threading.Event()
        self._moved = 0
        """Pages that were in the WAL when the last pass was asked for."""
        self._commits = 0
        """... and commits since then."""
        self._held = 0
        """... and when the writer was last held up: in vain, where somebody read an old state."""
        self._owes = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="opportune-checkpoints", daemon=True)
        self._thread.start()

    def note(self, pages: int) -> None:
        """Take in a commit; checkpoint soon, where that is due.

        Args:
            pages: in the WAL.
        """
        self._commits += 1
        if pages < self._moved:
            self._moved = self._held = 0
        if self._commits >= PASS_COMMITS or pages - self._moved >= PASS_PAGES:
            self._moved, self._commits = pages, 0
            self._due.set()

    def owe(self) -> None:
        """Leave nothing in the WAL, as soon as no reader holds it up: something in it was or may have been erased.

        Called by the writer, which holds its lock.
        """
        self._owes = True
        self._due.set()

    def close(self) -> None:
        """End the thread and close the connection."""
        self._closing = True
        self._due.set()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while True:
            self._due.wait(OWED_SECONDS if self._owes else None)
            self._due.clear()
            if self._closing:
                return
            is_long = self._moved - self._held >= WAL_PAGES
            if self._pass("passive") and (is_long or self._owes):
                with self._writing:
                    self._held = self._moved
                    if self._owes:
                        self._owes = not self._pass("truncate")
                    else:
                        self._pass("passive")

    def _pass(self, mode: str) -> bool:
        """Move what is there, with "truncate" so that nothing stays in the WAL; false where that cannot be done now."""
        try:
            with self._passing:
                busy = self._connection.execute(f"pragma wal_checkpoint({mode})").get[0]
        except apsw.Error:
            return False
        return not busy
