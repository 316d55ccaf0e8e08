"""Links for readers: kept open between reads, opened anew by themselves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from opportune.storage.postgres.address import ANSWER_SECONDS
from opportune.storage.postgres.link import Link, LinkError, Row, Statement

__all__ = ["Links"]

Result = TypeVar("Result")


class Links:
    """A few links shared by threads; each read has one for itself.

    Args:
        connect: opens one.
        most: open at the same time; more readers wait their turn.
        seconds: longest wait for a turn, so that behind a server that hangs nobody waits for all who came before.
    """

    def __init__(self, connect: Callable[[], Link], most: int = 4, seconds: float = ANSWER_SECONDS) -> None:
        self._connect = connect
        self._seconds = seconds
        self._turns = threading.BoundedSemaphore(most)
        self._idle: list[Link] = []
        self._closed = False

    def read(self, statement: Statement, *values: Any) -> list[Row]:
        """Rows of one statement that changes nothing."""
        return self.use(lambda link: link.one(statement, *values))

    def use(self, work: Callable[[Link], Result]) -> Result:
        """Do something that changes nothing, once more where the link broke while nobody used it.

        Raises:
            LinkError: the server refuses, or cannot be reached.
        """
        with self._turn():
            while True:
                link, used = self._take()
                try:
                    result = work(link)
                except LinkError as error:
                    again = used and link.lost and not error.hung
                    # What was refused may have left a transaction open.
                    link.close()
                    if not again:
                        raise
                except BaseException:
                    link.close()
                    raise
                else:
                    self._give_back(link)
                    return result

    def close(self) -> None:
        """End all of them."""
        self._closed = True
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=self._seconds):
            raise LinkError(f"no connection was free for {self._seconds:g} seconds", hung=True)
        try:
            yield
        finally:
            self._turns.release()

    def _take(self) -> tuple[Link, bool]:
        """Give a link and say whether it was used before: those may have broken meanwhile."""
        try:
            return self._idle.pop(), True
        except IndexError:
            return self._connect(), False

    def _give_back(self, link: Link) -> None:
        self._idle.append(link)
        if self._closed:
            self.close()
