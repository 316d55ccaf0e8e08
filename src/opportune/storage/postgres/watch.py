"""Hears what other processes commit, on a connection of its own that is opened again whenever it is lost."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

from opportune.storage.cluster import Notice, Watch
from opportune.storage.postgres.address import Address
from opportune.storage.postgres.link import Link, LinkError, Statement
from opportune.storage.postgres.notices import channel_of, decode

__all__ = ["PostgresWatch"]

_BEAT_SECONDS = 2.0
"""A server that hangs says nothing, like one that has nothing to say: so it is asked."""
_PAUSE_SECONDS = 0.25
"""Between two attempts to connect."""

_BEAT = Statement("select 1")


class PostgresWatch(Watch):
    """Delivers notices in a thread of its own."""

    def __init__(self, address: Address, on_notice: Callable[[Notice], None]) -> None:
        self._address = address
        self._on_notice = on_notice
        self._listen = Statement(f"listen {channel_of(address.schema)}")
        self._closed = False
        self._woken, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._run, name="opportune-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        os.close(self._waker)
        # A watcher may close itself from inside its own notice.
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._closed:
                try:
                    self._follow()
                except LinkError:
                    _wait(_PAUSE_SECONDS, self._woken)
        finally:
            os.close(self._woken)

    def _follow(self) -> None:
        """Deliver until the watch is closed.

        Raises:
            LinkError: the connection is lost.
        """
        link = Link(self._address.session(), _BEAT_SECONDS)
        try:
            link.one(self._listen)
            self._tell(Notice(missed=True))
            while not self._closed:
                if not _wait(_BEAT_SECONDS, link.socket, self._woken):
                    link.one(_BEAT)
                for text in link.notices():
                    self._tell(decode(text))
        finally:
            link.close()

    def _tell(self, notice: Notice) -> None:
        if not self._closed:
            self._on_notice(notice)


def _wait(seconds: float, *descriptors: int) -> bool:
    """Wait until one of them has something to read; false where none has in time."""
    # Not `select`, which refuses descriptors above 1,023: a service has one for every connection.
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1_000))
