"""What may be reported: something that happened, what a customer said of themselves, and two names for one person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

__all__ = ["Event", "Item", "Names", "ProfileNews", "SamePerson", "Told"]


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that happened.

    Args:
        id: the caller's idempotency key.
        type: an event type that the strategy declares.
        customer: the caller's identifier of the person concerned; None where nobody is known, or by others only.
        identifiers: kind → identifier, of other kinds; the most trusted one says who it is.
        session: the conversation that it belongs to.
        attributes: values of the type's attributes.
        occurred_at: when it happened; None takes the time of arrival.
    """

    id: str
    type: str
    customer: str | None = None
    identifiers: dict[str, str] = {}
    session: str | None = None
    attributes: dict[str, Any] = {}
    occurred_at: datetime | None = None


class ProfileNews(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes of a customer, as a Segment "identify" call brings them; as for `Event` otherwise."""

    id: str
    customer: str
    kind: str
    attributes: dict[str, Any]


class SamePerson(msgspec.Struct, frozen=True, kw_only=True):
    """Two identifiers of one person, as a Segment "alias" call says: the visitor `other` is `customer`."""

    id: str
    customer: str
    kind: str
    other: str
    other_kind: str


Item = Event | ProfileNews | SamePerson
"""One thing that was reported."""


class Told(msgspec.Struct, frozen=True):
    """An item as it was read.

    Args:
        ignored: names of what it says that the strategy does not declare.
    """

    item: Item
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """What the strategy calls things that others name in their own way.

    Args:
        events: event type → names of its attributes.
        customer: names of customers' attributes.
        cloud_events: type of a CloudEvent → event type.
        segment: name of a Segment event, or "page" or "screen" → event type.
        anonymous: kind of the identifier of a visitor whom nobody knows yet; "" where the strategy has none.
    """

    events: Mapping[str, frozenset[str]]
    customer: frozenset[str] = frozenset()
    cloud_events: Mapping[str, str] = field(default_factory=dict)
    segment: Mapping[str, str] = field(default_factory=dict)
    anonymous: str = ""
