"""Features of one person at many moments, each with what was known then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from opportune.customers.features.feature_set import FeatureSet, Past
from opportune.customers.features.history import EventHistory
from opportune.decide.limits.windows import micros
from opportune.records import Contact, Value

__all__ = ["Known", "Point", "values_at"]


class Known(NamedTuple):
    """One event.

    Args:
        at, recorded_at: when it happened and when it became known, in microseconds since 1970.
    """

    key: int
    at: int
    recorded_at: int
    type: str
    attributes: Mapping[str, Any]


class Point(NamedTuple):
    """A moment, and the customer's zone."""

    at: datetime
    zone: str


def values_at(
    features: FeatureSet,
    events: Iterable[Known],
    contacts: Sequence[Contact],
    points: Sequence[Point],
    units: Mapping[str, Past] | None = None,
    as_known: bool = False,
) -> Iterator[dict[str, Value]]:
    """Give the values at every point, in the order of the points.

    No window reaches beyond its moment: what happened later is not seen.

    Args:
        points: in the order of time.
        as_known: leaves out, at every point, what was recorded after it.
    """
    history = EventHistory()
    waiting = sorted(events, key=_recorded) if as_known else list(events)
    place = 0
    for point in points:
        at = micros(point.at)
        while place < len(waiting) and (not as_known or waiting[place].recorded_at <= at):
            event = waiting[place]
            history.add(event.key, event.at, event.type, event.attributes)
            place += 1
        yield features.read(history, contacts, point.at, point.zone, units)


def _recorded(event: Known) -> int:
    return event.recorded_at
