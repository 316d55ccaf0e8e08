"""Features of one person at many moments, each with what was known then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from opportune.customers.features.feature import PERSON
from opportune.customers.features.feature_set import FeatureSet
from opportune.customers.features.history import EventHistory
from opportune.decide.limits.windows import micros
from opportune.records import Contact, Value

__all__ = ["Known", "Past", "Point", "values_at"]


class Known(NamedTuple):
    """One event.

    Args:
        at, recorded_at: when it happened and when it became known, in microseconds since 1970; one that is dated ahead
            happened when it became known.
    """

    key: int
    at: int
    recorded_at: int
    type: str
    attributes: Mapping[str, Any]


class Point(NamedTuple):
    """A moment, and the customer's zone; "" where nothing says which."""

    at: datetime
    zone: str


Past = tuple[Sequence[Known], Sequence[Contact]]
"""Events and contacts of a person, or of all members of a unit."""


def values_at(
    features: FeatureSet, pasts: Mapping[str, Past], points: Sequence[Point], as_known: bool = False
) -> Iterator[dict[str, Value]]:
    """Give the values at every point, in the order of the points.

    No window reaches beyond its moment: what happened later is not seen.

    Args:
        pasts: level → past; "person" is there always.
        points: in the order of time.
        as_known: leaves out, at every point, the events that were recorded after it.
    """
    growing = {level: _Growing(events, as_known) for level, (events, _) in pasts.items()}
    contacts = {level: touches for level, (_, touches) in pasts.items()}
    for point in points:
        at = micros(point.at)
        grown = {level: (one.until(at), contacts[level]) for level, one in growing.items()}
        yield features.read(*grown.pop(PERSON), point.at, point.zone, grown)


class _Growing:
    """A history that gets its events as they happened, or as they became known."""

    def __init__(self, events: Sequence[Known], as_known: bool) -> None:
        self._history = EventHistory()
        moment = attrgetter("recorded_at" if as_known else "at")
        self._waiting = sorted(events, key=moment, reverse=True)
        self._moment: Callable[[Known], int] = moment

    def until(self, at: int) -> EventHistory:
        """Give it with all events up to a moment, which is not before that of the last call."""
        waiting = self._waiting
        while waiting and self._moment(waiting[-1]) <= at:
            event = waiting.pop()
            self._history.add(event.key, event.at, event.type, event.attributes)
        return self._history
