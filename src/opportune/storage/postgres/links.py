"""Links for readers: kept open between reads, opened anew by themselves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from opportune.storage.postgres.link import Link, LinkError, Row, Statement

__all__ = ["Links"]

Result = TypeVar("Result")


class Links:
    """A few links shared by threads; each read has one for itself.

    Args:
        connect: opens one.
        most: open at the same time; more readers wait their turn.
    """

    def __init__(self, connect: Callable[[], Link], most: int = 4) -> None:
        self._connect = connect
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
        with self._turns:
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
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> tuple[Link, bool]:
        """Give a link and say whether it was used before: those may have broken meanwhile."""
        try:
            return self._idle.pop(), True
        except IndexError:
            return self._connect(), False

    def _give_back(self, link: Link) -> None:
        if self._closed:
            link.close()
        else:
            self._idle.append(link)
