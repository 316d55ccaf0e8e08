"""What all sources of the context share: the contact as they see it, and what they may answer.

Notation of the package: a *fact key* is such as "customer.latitude" or "context.city"; *wanted* are the names of the
values that attributes take from a source, in the order in which the source has to give them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from opportune.records import DecisionRequest, Facts, Value

__all__ = [
    "NO_ANSWERS",
    "SESSION_START",
    "Answers",
    "Call",
    "Contact",
    "Doubt",
    "Given",
    "Service",
    "Source",
    "as_number",
    "contact_of",
    "number_at",
    "text_at",
]

SESSION_START = "session.start"
"""Fact key of the moment at which the conversation began, where the caller knows it."""


class Doubt(Enum):
    """Why a value is missing although a source should give it."""

    LATE = "late"
    NO_DATA = "no data"
    OUT_OF_RANGE = "out of range"
    UNREADABLE = "unreadable"


Given = Value | Doubt | None
"""A value; why there is none; or None where what it would be made of is not known."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service that answers over HTTP.

    Args:
        name: of the source.
        pointers: JSON pointers to the values, in the order in which they are answered.
        timeout_seconds: for one call, above 0.
        fresh_seconds: how old an answer may be.
        calls_at_once: how many calls may be under way.
    """

    name: str
    pointers: tuple[str, ...]
    timeout_seconds: float
    fresh_seconds: float
    calls_at_once: int


@dataclass(frozen=True, slots=True)
class Call:
    """One question to a service."""

    service: Service
    url: str


class Answers(Protocol):
    """Answers of services that are at hand; asking never waits."""

    def answer(self, call: Call) -> Sequence[Value | None] | None:
        """Give the service's values, fresh enough, in the order of its pointers; None where there are none yet."""


class _NoAnswers:
    def answer(self, call: Call) -> None:
        """Know nothing."""


NO_ANSWERS: Answers = _NoAnswers()
"""Where no service may be asked: in tests, imagined contacts and on the command line."""


@dataclass(slots=True)
class Contact:
    """One contact, as far as it is known when a source is asked.

    Args:
        facts: profile, what else was gathered, what the request says, and what sources gave so far.
        local: the moment on the customer's clock; None where the zone does not exist or the calendar ends.
    """

    facts: dict[str, Value]
    request: DecisionRequest
    now: datetime
    local: datetime | None
    answers: Answers


class Source(Protocol):
    """A source, made for what is wanted of it."""

    def values(self, contact: Contact) -> Sequence[Given]:
        """Give what is wanted, in its order. Never waits and never raises for what contacts may hold."""


def contact_of(
    known: dict[str, Value], request: DecisionRequest, now: datetime, zone: str, answers: Answers
) -> Contact:
    """Make a contact.

    Args:
        zone: IANA zone of the customer.
    """
    return Contact(known, request, now, _local(now, zone), answers)


def _local(now: datetime, zone: str) -> datetime | None:
    try:
        return now.astimezone(_zone(zone))
    except (KeyError, ValueError, OSError, OverflowError):
        return None


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def text_at(facts: Facts, key: str) -> str | None:
    """Give a fact that is a text; None where it is missing or something else."""
    value = facts.get(key)
    return value if isinstance(value, str) else None


def as_number(value: int) -> float | Doubt:
    """Give a whole number as one with a fraction; unreadable where it is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return Doubt.UNREADABLE


def number_at(facts: Mapping[str, Value], key: str) -> float | None:
    """Give a fact that is a number; None where it is missing or something else."""
    value = facts.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
