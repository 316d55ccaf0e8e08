"""Typed sections of goals."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictStr

from opportune.strategy.sections.base import EMPTY, Name, Section, Text
from opportune.strategy.sections.limits import Kind, Names
from opportune.strategy.sections.times import Duration

__all__ = ["Fatigue", "Goal"]

Weight = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1e6)]


class Fatigue(Section):
    """What every contact costs that the person had already.

    Keys:
        each: cost of showing an action, per contact in the window, in the goal's unit, above 0. Required.
        within: the window; it slides. Required.
        counts: what counts, "shown" or outcomes. Default shown.
        per: whether contacts are counted per "person", "group" or "action". Default person.
        channels: where contacts count and cost. Default all.
        exempt: kinds of action that neither count nor cost. Default [service, transactional].
    """

    each: Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=1e6)]
    within: Duration
    counts: Names | None = None
    per: Literal["person", "group", "action"] = "person"
    channels: Names | None = None
    exempt: tuple[Kind, ...] = ("service", "transactional")


class Goal(Section):
    """One goal in goals.yaml.

    Keys:
        title: for people.
        unit: what it is counted in, such as EUR or points. Required.
        currency: ISO 4217 code that makes it money.
        direction: "more" of it is wanted, or "less", as of minutes of handling. Default more.
        weight: importance among the goals, >= 0. Default 1.
        normal: how much of the unit counts as 1, at least 0.000001. Default 1.
        segments: segment -> weight for its members; the first that fits, in the order written, is taken.
        channels: channel -> factor on the weight there, >= 0. Default 1 each.
        fatigue: what every contact costs that the person had already. Default none.
    """

    title: Text = ""
    unit: Annotated[StrictStr, Field(min_length=1, max_length=40)]
    currency: StrictStr | None = None
    direction: Literal["more", "less"] = "more"
    weight: Weight = 1.0
    normal: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=1e-6, le=1e12)] = 1.0
    segments: dict[Name, Weight] = EMPTY
    channels: dict[Name, Weight] = EMPTY
    fatigue: Fatigue | None = None
