"""Moves pages of SQLite's WAL into the file beside the writer, so that no commit waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import apsw

__all__ = ["Checkpointer"]


class Checkpointer:
    """A thread with a connection of its own that checkpoints when told to.

    The first pass runs beside the writer and moves the bulk. The second one holds the writer up, for the few pages that
    came meanwhile: only when nothing is left does the WAL begin anew instead of growing.
    A failed pass loses nothing: the WAL keeps its pages, and the next pass writes them again.

    Args:
        connect: opens the connection.
        writing: lock that the writer holds during a transaction.
    """

    def __init__(self, connect: Callable[[], apsw.Connection], writing: threading.Lock) -> None:
        self._connection = connect()
        self._writing = writing
        self._due = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="opportune-checkpoints", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Checkpoint soon."""
        self._due.set()

    def close(self) -> None:
        """End the thread and close the connection."""
        self._closing = True
        self._due.set()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while True:
            self._due.wait()
            self._due.clear()
            if self._closing:
                return
            if self._pass():
                with self._writing:
                    self._pass()

    def _pass(self) -> bool:
        """Move what is there; false where nothing can be done now."""
        try:
            self._connection.execute("pragma wal_checkpoint(passive)").fetchall()
        except apsw.Error:
            return False
        return True
