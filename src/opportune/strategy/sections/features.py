"""Typed section of features."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainValidator, StrictBool, StrictStr
from pydantic_core import PydanticCustomError

from opportune.strategy.sections.attributes import MissingText
from opportune.strategy.sections.base import Name, Section, Text
from opportune.strategy.sections.limits import Names
from opportune.strategy.sections.rules import RuleSource
from opportune.strategy.sections.times import Duration

__all__ = ["FEATURE_KINDS", "Feature", "Sequence", "Step"]

FEATURE_KINDS = (
    "count",
    "sum",
    "mean",
    "min",
    "max",
    "last",
    "first",
    "time_since",
    "distinct",
    "decayed",
    "rate",
    "share",
    "sequence",
)
"""Keys of which every feature has one."""

_COUNTED = re.compile(r"[a-z][a-z0-9_]{0,99}(\.[a-z][a-z0-9_]{0,99})?")


def _counted(value: Any) -> str:
    if isinstance(value, str) and _COUNTED.fullmatch(value):
        return value
    raise PydanticCustomError("counted", "expected an event type, or EVENT.ATTRIBUTE")


Counted = Annotated[str, PlainValidator(_counted, json_schema_input_type=str)]
"""An event type, or EVENT.ATTRIBUTE."""


def _step(value: Any) -> Any:
    return {"event": value} if isinstance(value, str) else value


class Step(Section):
    """One step of a sequence, written as the name of an event type alone or as a map.

    Keys:
        event: event type; of contacts "shown" or an outcome. Required.
        where: CEL over event.*, true for those that count. Default all.
    """

    event: Name
    where: RuleSource | None = None


Steps = Annotated[Step, BeforeValidator(_step, json_schema_input_type=str | Step)]


class Sequence(Section):
    """What follows what, or does not.

    Keys:
        first: what happens first. Required.
        then: what follows.
        without: what must not have followed, in the place of `then`.
        within: how soon `then` has to follow. Default any time.
    """

    first: Steps
    then: Steps | None = None
    without: Steps | None = None
    within: Duration | None = None


class Feature(Section):
    """One feature in features.yaml: one key says its kind and what it counts, such as sum: purchase.amount.

    Keys:
        count: event type: how many there were.
        sum: EVENT.ATTRIBUTE: its total.
        mean: EVENT.ATTRIBUTE: its average.
        min: EVENT.ATTRIBUTE: the least.
        max: EVENT.ATTRIBUTE: the greatest.
        last: EVENT.ATTRIBUTE: the newest.
        first: EVENT.ATTRIBUTE: the oldest.
        time_since: event type: hours since the newest.
        distinct: EVENT.ATTRIBUTE: how many different ones.
        decayed: event type, or EVENT.ATTRIBUTE: a total in which each counts half after every half_life.
        rate: event type, or EVENT.ATTRIBUTE: by how much there is more than in the window before, as a part of that.
        share: EVENT.ATTRIBUTE: which part is one of `values`.
        sequence: one event followed by another, or not.
        within: how far back events count. Default ever; rate needs it.
        where: CEL over event.*, true for those that count; now is the event's own moment. Default all.
        over: what is counted: "events", or "contacts", where the event type is "shown" or an outcome, and attributes
            are action, group, channel, placement and treatment. Default events.
        per: whose events count: "person", a level such as "household", or "action", so that a rule of an action sees
            the value for that action. Default person.
        half_life: of decayed: after how long something counts half.
        values: of share: the values whose part it is.
        by: of share: attribute that says how much each weighs. Default all alike.
        action_in: of features per action over events: attribute that names the action.
        groups, actions, channels, placements: of contacts: those that count. Default all.
        title: for people.
        unit: of the number, such as EUR or min.
        predictor: whether models may see it. Default true; per action never.
        if_missing: what texts of treatments say where it is missing: a text, or language -> text. Default: no text may
            name it.
    """

    count: Counted | None = None
    sum: Counted | None = None
    mean: Counted | None = None
    min: Counted | None = None
    max: Counted | None = None
    last: Counted | None = None
    first: Counted | None = None
    time_since: Counted | None = None
    distinct: Counted | None = None
    decayed: Counted | None = None
    rate: Counted | None = None
    share: Counted | None = None
    sequence: Sequence | None = None
    within: Duration | None = None
    where: RuleSource | None = None
    over: Literal["events", "contacts"] = "events"
    per: Name = "person"
    half_life: Duration | None = None
    values: (
        Annotated[tuple[Annotated[StrictStr, Field(max_length=200)], ...], Field(min_length=1, max_length=1_000)] | None
    ) = None
    by: Name | None = None
    action_in: Name | None = None
    groups: Names | None = None
    actions: Names | None = None
    channels: Names | None = None
    placements: Names | None = None
    title: Text = ""
    unit: Annotated[StrictStr, Field(max_length=40)] = ""
    predictor: StrictBool = True
    if_missing: MissingText = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that are given: one, where it is sound."""
        return tuple(kind for kind in FEATURE_KINDS if getattr(self, kind) is not None)

    @property
    def kind(self) -> str:
        """Its kind."""
        return self.kinds[0]

    @property
    def counted(self) -> tuple[str, str | None]:
        """Event type and attribute that it counts; of a sequence what comes first."""
        if self.sequence is not None:
            return self.sequence.first.event, None
        event, _, attribute = str(getattr(self, self.kind)).partition(".")
        return event, attribute or None
