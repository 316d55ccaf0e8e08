"""The events of one person or unit, as features read them."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

__all__ = ["Event", "EventHistory", "Follower"]

_ENTRY_BYTES = 72 + 2 * 32
"""Of what stands beside the values of one event: a tuple, its key and its moment."""


class Event(NamedTuple):
    """One event.

    Args:
        key: what no other event of the history has, such as its place in the journal.
        at: when it happened, in microseconds since 1970, UTC.
        attributes: name → value as it was sent or stored; read by the project that counts it.
    """

    key: int
    at: int
    type: str
    attributes: Mapping[str, Any]


class Follower(Protocol):
    """What is kept up to date with a history."""

    def take(self, event: Event) -> None:
        """Take in one more event."""

    def drop(self, event: Event) -> None:
        """Forget an event that was taken in."""

    @property
    def bytes(self) -> int:
        """About how much memory it takes."""


class EventHistory:
    """Events in any order; one thread at a time.

    It does not know any project: what features make of it is laid out on first reading, kept up to date by `add` and
    `leave_out`, and laid out anew where the project or the customer's zone is another.
    """

    __slots__ = ("_bytes", "_entries", "_shapes", "follower")

    def __init__(self) -> None:
        self._entries: dict[int, tuple[Any, ...]] = {}
        self._shapes: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._bytes = 0
        self.follower: Follower | None = None

    def add(self, key: int, at: int, type: str, attributes: Mapping[str, Any]) -> bool:
        """Take in an event; False where there is one with this key."""
        if key in self._entries:
            return False
        # Events of one type have the same names: they are kept once.
        names = (type, *attributes)
        shape = self._shapes.setdefault(names, names)
        entry = (at, shape, *attributes.values())
        self._entries[key] = entry
        self._bytes += _ENTRY_BYTES + 8 * len(shape) + sum(map(sys.getsizeof, attributes.values()))
        if self.follower is not None:
            self.follower.take(Event(key, at, type, attributes))
        return True

    def leave_out(self, keys: Collection[int]) -> None:
        """Drop events; keys that are not there do not matter."""
        for key in keys:
            entry = self._entries.pop(key, None)
            if entry is not None:
                self._bytes -= _ENTRY_BYTES + 8 * len(entry[1]) + sum(map(sys.getsizeof, entry[2:]))
                if self.follower is not None:
                    self.follower.drop(_event(key, entry))

    def merge(self, other: EventHistory) -> None:
        """Take in all events of another history."""
        for event in other:
            self.add(*event)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: int) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[Event]:
        return (_event(key, entry) for key, entry in self._entries.items())

    @property
    def bytes(self) -> int:
        """About how much memory it takes, with what is laid out of it."""
        return 300 + self._bytes + (0 if self.follower is None else self.follower.bytes)


def _event(key: int, entry: tuple[Any, ...]) -> Event:
    at, shape, *values = entry
    return Event(key, at, shape[0], dict(zip(shape[1:], values, strict=True)))
