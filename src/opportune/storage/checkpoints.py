"""Moves pages of SQLite's WAL into the file beside the writer, so that no commit waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import apsw

__all__ = ["Checkpointer"]

_ROUNDS_MAX = 4
"""Passes in a row: each moves what came during the one before, and only a pass that catches up lets the WAL restart."""


class Checkpointer:
    """A thread with a connection of its own that checkpoints when told to.

    A failed pass loses nothing: the WAL keeps its pages, and the next pass writes them again.

    Args:
        connect: opens the connection.
    """

    def __init__(self, connect: Callable[[], apsw.Connection]) -> None:
        self._connection = connect()
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
            for _ in range(_ROUNDS_MAX):
                if self._closing or self._pass():
                    break

    def _pass(self) -> bool:
        """Move what is there; true where nothing was left or nothing can be done now."""
        try:
            _, pages, moved = self._connection.execute("pragma wal_checkpoint(passive)").fetchall()[0]
        except apsw.Error:
            return True
        return bool(pages == moved)
