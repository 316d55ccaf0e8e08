"""Typed sections of contact policies and stocks."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainValidator, StrictInt, StrictStr
from pydantic_core import PydanticCustomError

from opportune.strategy.sections.base import Name, Section, Text
from opportune.strategy.sections.times import Duration

__all__ = ["ContactPolicy", "Kind", "Names", "QuietHours", "Stock", "Trigger"]

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Kind = Literal["offer", "service", "transactional"]
Direction = Literal["inbound", "outbound"]
Units = Annotated[StrictInt, Field(ge=1, le=1_000_000_000)]
Money = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=1e12)]


def _names(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[
    tuple[Name, ...],
    BeforeValidator(_names, json_schema_input_type=str | list[str]),
    Field(min_length=1, max_length=1_000),
]


class Trigger(Section):
    """What begins a rest.

    Keys:
        outcome: that came, or "shown". Required.
        times: how often, 1..1000. Default 1.
        within: of what time; needed where it is more than once.
        without: outcome that ends the rest, and begins the count anew. Default none.
    """

    outcome: Name
    times: Annotated[StrictInt, Field(ge=1, le=1_000)] = 1
    within: Duration | None = None
    without: Name | None = None


_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def _clock(value: Any) -> int:
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise PydanticCustomError("clock", 'expected a time of day such as "21:00"')
    return 60 * int(match[1]) + int(match[2])


Clock = Annotated[int, PlainValidator(_clock, json_schema_input_type=str)]
"""A time of day, in minutes."""


class QuietHours(Section):
    """When nobody is contacted, in the customer's time zone.

    Keys:
        from: time of day at which they begin, such as "21:00". Required.
        until: time of day at which they end; where it is not later, on the next day, so that the same time is a whole
            day. Required.
        days: on which they begin: mon, tue, wed, thu, fri, sat, sun. Default all.
    """

    begin: Annotated[Clock, Field(alias="from")]
    until: Clock
    days: Annotated[tuple[Day, ...], Field(min_length=1)] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class ContactPolicy(Section):
    """One contact policy in contact_policies.yaml, of one of four forms: at_most, after, quiet or apart.

    Keys:
        at_most: how many contacts within a window, 1..1000.
        within: the window of at_most; it slides.
        over: level, such as household, whose members' contacts count together, of at_most, after and apart; a person
            who belongs to none counts alone. Default: the person.
        counts: of at_most: what counts, "shown" or outcomes. Default shown.
        per: of at_most: whether contacts are counted per "person", "group" or "action". Default person.
        after: what begins a rest.
        rest: how long the rest that follows on after lasts.
        rests: of after: what rests: the "action", its "group", or "all". Default action.
        quiet: hours in which nobody is contacted.
        apart: least time between two contacts.
        groups, actions: what it covers, what either names. Default all.
        channels: where it counts and holds. Default all.
        directions: of these channels, inbound or outbound. Default both.
        exempt: kinds of action that it neither counts nor holds. Default [service, transactional].
        because: what to tell people when the policy keeps an action out.
    """

    at_most: Annotated[StrictInt, Field(ge=1, le=1_000)] | None = None
    within: Duration | None = None
    over: Name | None = None
    counts: Names | None = None
    per: Literal["person", "group", "action"] | None = None
    after: Trigger | None = None
    rest: Duration | None = None
    rests: Literal["action", "group", "all"] | None = None
    quiet: QuietHours | None = None
    apart: Duration | None = None
    groups: Names | None = None
    actions: Names | None = None
    channels: Names | None = None
    directions: Annotated[tuple[Direction, ...], Field(min_length=1)] | None = None
    exempt: tuple[Kind, ...] = ("service", "transactional")
    because: Text = ""


class Stock(Section):
    """One stock, budget or capacity in stocks.yaml.

    Keys:
        title: for people.
        units: how many pieces there are, 1..1000000000.
        money: how much money there is, in `currency`.
        currency: ISO 4217 code of the money.
        minutes: how many minutes a team has, 1..1000000000.
        per: period after which it is full again: hour, day, week, month or year, in the project's time zone. Default
            never.
        pacing: "even" lets it out as its period goes by; "none" as it is asked for. Default none.
        lease: how long a decision keeps what it took when no outcome comes. Default 24 hours.
        confirmed_by: outcomes that use up what was taken. Default all positive ones.
        released_by: outcomes that give it back. Default all negative ones.
    """

    title: Text = ""
    units: Units | None = None
    money: Money | None = None
    currency: StrictStr | None = None
    minutes: Units | None = None
    per: Literal["hour", "day", "week", "month", "year"] | None = None
    pacing: Literal["even", "none"] = "none"
    lease: Duration = Duration(hours=24)
    confirmed_by: Names | None = None
    released_by: Names | None = None
