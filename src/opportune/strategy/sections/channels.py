"""Typed sections of channels and their placements."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from opportune.strategy.sections.base import Name, Section, Text
from opportune.strategy.sections.exploration import Exploration

__all__ = ["Channel", "Placement", "ResponseWindow"]


class ResponseWindow(Section):
    """How long silence waits in a channel before it counts.

    Keys:
        days, hours, minutes, seconds: length; their sum is at least one second and at most 400 days.
        default: outcome recorded when it ends without a positive or negative one. Required.
    """

    days: Annotated[StrictInt, Field(ge=0, le=400)] = 0
    hours: Annotated[StrictInt, Field(ge=0, le=10_000)] = 0
    minutes: Annotated[StrictInt, Field(ge=0, le=100_000)] = 0
    seconds: Annotated[StrictInt, Field(ge=0, le=100_000)] = 0
    default: Name

    @property
    def length(self) -> timedelta:
        """Length of the window."""
        return timedelta(days=self.days, hours=self.hours, minutes=self.minutes, seconds=self.seconds)


class Placement(Section):
    """One placement of a channel.

    Keys:
        title: for people.
        size: how many actions it takes, 1..100. Required.
        fallback: actions shown when no decision can be made in time, best first; [] shows nothing. Required.
        exploration: keys that differ from the project's.
        minimum_relevance: least propensity of the channel's first positive outcome that is shown, 0..1. Default 0.
    """

    title: Text = ""
    size: Annotated[StrictInt, Field(ge=1, le=100)]
    fallback: tuple[Name, ...]
    exploration: Exploration | None = None
    minimum_relevance: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, lt=1)] = 0.0


class Channel(Section):
    """One channel in channels.yaml.

    Keys:
        title: for people.
        direction: "inbound". Default inbound.
        outcomes: outcome types that it can report. Required.
        response_window: how long silence waits; without it silence stays silence.
        tokens: whether its answers carry a signed token, by which a page reports outcomes. Default false.
        placements: name -> placement. Required.
    """

    title: Text = ""
    direction: Literal["inbound", "outbound"] = "inbound"
    outcomes: Annotated[tuple[Name, ...], Field(min_length=1)]
    response_window: ResponseWindow | None = None
    tokens: StrictBool = False
    placements: Annotated[dict[Name, Placement], Field(min_length=1)]
