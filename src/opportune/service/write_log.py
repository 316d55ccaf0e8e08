"""What the log says of a store that takes no writes: once when it begins, now and then, and when it is over."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import structlog

from opportune.errors import StoreError
from opportune.service.logs import place_of

__all__ = ["WriteLog"]

AGAIN_SECONDS = 30.0
"""Between two lines on one outage."""
NEW_SECONDS = 3.0
"""... and from one to the first line on the next outage: a store that comes and goes must not fill the log."""

log = structlog.get_logger()


class WriteLog:
    """Hears of every commit how it ended; lives in the writer's thread.

    Args:
        clock: seconds from any beginning.

    Attributes:
        failed: commits that failed since the start.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.failed = 0
        self._clock = clock
        self._since: float | None = None
        """When the first of the failures was, of which a line tells that is not followed by the good news yet."""
        self._told_at = -AGAIN_SECONDS

    def note(self, failure: StoreError | None) -> None:
        """Take in how a commit ended: None where it is on disk."""
        now = self._clock()
        if failure is None:
            if self._since is not None:
                log.info("the store takes writes again", seconds=round(now - self._since, 1), failed=self.failed)
                self._since = None
            return
        self.failed += 1
        if now - self._told_at < (NEW_SECONDS if self._since is None else AGAIN_SECONDS):
            return
        self._told_at = now
        self._since = now if self._since is None else self._since
        cause = failure.__cause__ or failure
        log.error("the store takes no writes", reason=str(failure), error=type(cause).__name__, where=place_of(cause))
