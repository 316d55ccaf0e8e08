"""Typed section of control groups."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from opportune.strategy.sections.base import Section, Text

__all__ = ["ControlGroup"]


class ControlGroup(Section):
    """One control group in control_groups.yaml.

    Keys:
        title: for people.
        share: of all customers, above 0, at most 1. Required.
        choose: how its decisions are made: "random" among what passed, by "propensity" alone, with "no_levers", or as
            for everybody and then "withhold", so that nothing is shown. Required.
        period: how long a person stays before being drawn anew: month, quarter, year or forever. Default quarter.
    """

    title: Text = ""
    share: Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=1)]
    choose: Literal["random", "propensity", "no_levers", "withhold"]
    period: Literal["month", "quarter", "year", "forever"] = "quarter"
