"""Typed sections of actions, their groups and their treatments."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, StrictBool, StrictStr

from opportune.strategy.sections.base import EMPTY, Content, FormerNames, Name, Section, Text
from opportune.strategy.sections.channels import ResponseWindow
from opportune.strategy.sections.exploration import RampUp
from opportune.strategy.sections.outcomes import ValueAmount
from opportune.strategy.sections.rules import MandatoryRule, Rules, RuleSource
from opportune.strategy.sections.times import DayOrMoment

__all__ = ["Action", "ContextWeight", "Group", "Treatment", "Validity"]

Lever = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=100)]


class Group(Section):
    """actions/<group>/group.yaml: what holds for all actions of the folder.

    Keys:
        title: for people.
        renamed_from: the group's former name, or a list of them; what was learned of it goes on. Default none.
        description: for people.
        active: false switches all its actions off. Default true.
        lever: manual factor on the priority of its actions, 0..100. Default 1.
        ramp_up: how the share of draws of each of its actions grows with its answers. Default: not held back.
        eligibility, applicability, suitability: a rule or a list of rules, all of which must be true.
    """

    title: Text = ""
    renamed_from: FormerNames = ()
    description: Text = ""
    active: StrictBool = True
    lever: Lever = 1.0
    ramp_up: RampUp | None = None
    eligibility: Rules = ()
    applicability: Rules = ()
    suitability: Rules = ()


class Validity(Section):
    """When an action may be shown.

    Keys:
        from: first day (in the project's time zone) or first moment.
        until: last day, included, or the moment at which it ends.
    """

    begin: Annotated[DayOrMoment | None, Field(alias="from")] = None
    until: DayOrMoment | None = None

    def instants(self, zone: str) -> tuple[datetime | None, datetime | None]:
        """Give first instant and the instant after the last, in UTC; None where that side is open.

        Args:
            zone: IANA zone in which days begin.
        """
        return _instant(self.begin, zone, 0), _instant(self.until, zone, 1)


def _instant(moment: date | datetime | None, zone: str, days_more: int) -> datetime | None:
    if moment is None or isinstance(moment, datetime):
        return moment
    return datetime.combine(moment + timedelta(days=days_more), time(), ZoneInfo(zone)).astimezone(UTC)


class ContextWeight(Section):
    """One context weight of an action.

    Keys:
        when: CEL that gives true or false. Required.
        percent: added to the action's context weight when true, -100..1000. Required.
    """

    when: RuleSource
    percent: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-100, le=1000)]


class Treatment(Section):
    """How an action appears in one channel.

    Keys:
        renamed_from: the treatment's former name in this channel, or a list of them; what was learned of it goes on.
            Default none.
        placements: of the channel in which it fits. Default all.
        content: language -> part (such as title) -> text, for every language of the project.
    """

    renamed_from: FormerNames = ()
    placements: Annotated[tuple[Name, ...] | None, Field(min_length=1)] = None
    content: dict[StrictStr, dict[Name, Content]] = EMPTY


class Action(Section):
    """actions/<group>/<action>.yaml: one action.

    Keys:
        kind: "offer", "service", or "transactional": what somebody waits for, such as a delivery note. Required.
        title: for people. Required.
        renamed_from: the action's former name, or a list of them; what was learned of it goes on. Default none.
        description: for people.
        active: false switches it off. Default true.
        valid: when it may be shown. Default always.
        mandatory: true, or a rule; when true it is shown before all that are not mandatory. Default false.
        lever: manual factor on its priority, 0..100. Default 1.
        ramp_up: how its share of draws grows with its answers. Default that of the group.
        eligibility, applicability, suitability: a rule or a list of rules, all of which must be true.
        values: goal -> outcome (or "shown") -> what it is worth; "amount" is what its reports say.
        response_windows: channel -> how long silence waits there, in the place of the channel's own.
        exclusive: exclusivity groups; one answer holds at most one action of each.
        uses: stock -> how much of it showing the action takes; pieces, minutes, or money such as 12.50.
        context_weights: list of weights that add up; context weight = max(0, 1 + sum / 100).
        treatments: channel -> name -> treatment. Required.
    """

    kind: Literal["offer", "service", "transactional"]
    title: Annotated[Text, Field(min_length=1)]
    renamed_from: FormerNames = ()
    description: Text = ""
    active: StrictBool = True
    valid: Validity = Validity()
    mandatory: MandatoryRule = None
    lever: Lever = 1.0
    ramp_up: RampUp | None = None
    eligibility: Rules = ()
    applicability: Rules = ()
    suitability: Rules = ()
    values: dict[Name, dict[Name, ValueAmount]] = EMPTY
    response_windows: dict[Name, ResponseWindow] = EMPTY
    exclusive: tuple[Name, ...] = ()
    uses: dict[Name, ValueAmount] = EMPTY
    context_weights: tuple[ContextWeight, ...] = ()
    treatments: Annotated[dict[Name, Annotated[dict[Name, Treatment], Field(min_length=1)]], Field(min_length=1)]
