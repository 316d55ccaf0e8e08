"""Where events go that a command reads: to the service that holds the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import httpx
import msgspec

from opportune.cli.output import Failure
from opportune.errors import Problem

__all__ = ["ServiceSink", "StoppedError"]

_SECONDS = 60.0
_PAUSE_MAX = 5.0
_AWAY = (429, 502, 503, 504)


class StoppedError(Exception):
    """Whoever handed items over was told to stop while no service answered."""


class _Item(msgspec.Struct):
    """What the service says of one item."""

    status: str
    problems: list[dict[str, Any]] = []


class _Answer(msgspec.Struct):
    """What it says of a request."""

    items: list[_Item]


class ServiceSink:
    """A running service; while it is away or has too much to do, what is handed over waits.

    Args:
        away: called each time the service begins to be away.
        pause: waits so many seconds between two tries; True where it is told to stop.
    """

    def __init__(self, url: str, away: Callable[[], None], pause: Callable[[float], bool]) -> None:
        self._url = url
        self._away = away
        self._pause = pause
        self._http = httpx.Client(base_url=url, timeout=_SECONDS)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def take(self, items: Sequence[Any]) -> list[tuple[str, tuple[Problem, ...]]]:
        """Hand items over, until all are durable or refused.

        Raises:
            StoppedError: told to stop before that.
        """
        response = self._send(msgspec.json.encode(list(items)))
        if response.status_code == 413:
            return self._halves(items)
        try:
            if response.status_code not in (200, 207):
                raise Failure(f"--url {self._url}: the service refused with status {response.status_code}", 2)
            answer = msgspec.json.decode(response.content, type=_Answer)
        except msgspec.MsgspecError:
            raise Failure(f"--url {self._url}: expected an Opportune service, found another", 2) from None
        return [(item.status, tuple(_problem(one) for one in item.problems)) for item in answer.items]

    def _halves(self, items: Sequence[Any]) -> list[tuple[str, tuple[Problem, ...]]]:
        if len(items) == 1:
            return [("refused", (Problem("", 0, 0, "value", "the message is larger than the service takes"),))]
        middle = len(items) // 2
        return self.take(items[:middle]) + self.take(items[middle:])

    def _send(self, body: bytes) -> httpx.Response:
        tries, headers = 0, {"Content-Type": "application/json"}
        while True:
            try:
                response = self._http.post("/v1/events", content=body, headers=headers)
                if response.status_code not in _AWAY:
                    return response
            except httpx.TransportError:
                pass
            if tries == 0:
                self._away()
            tries += 1
            if self._pause(min(0.1 * tries * tries, _PAUSE_MAX)):
                raise StoppedError


def _problem(told: dict[str, Any]) -> Problem:
    return Problem("", 0, 0, str(told.get("where", "")), str(told.get("message", "")), str(told.get("remedy", "")))
