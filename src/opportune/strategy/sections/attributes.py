"""Typed sections of attributes: of customers, of the context, and of events with their types."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt, StrictStr

from opportune.records import ValueType
from opportune.strategy.sections.base import EMPTY, Name, Number, Section, ShortText, Text
from opportune.strategy.sections.times import Duration

__all__ = ["Attribute", "ContextAttribute", "EventAttribute", "EventType", "MissingText", "Role"]

Role = Literal["agent", "strategist", "analyst", "compliance"]
KeepDays = Annotated[StrictInt, Field(ge=1, le=36_500)]
MissingText = ShortText | dict[StrictStr, ShortText] | None


class EventAttribute(Section):
    """One attribute of an event type in events.yaml; also the part that all kinds of attribute share.

    Keys:
        type: boolean, integer, number, text, timestamp or texts (a list of text). Required.
        title: for people.
        unit: of the number, such as EUR or min.
        range: smallest and largest value, for integer and number; ~ leaves a side open.
        values: the only texts allowed, for text and texts.
        max_length: longest text, in characters, 1..10000. Default 200.
        max_items: longest list of texts, 1..10000. Default 100.
        special: category that the law protects: origin, politics, belief, union, genetics, biometrics, health,
            sexuality or crime. Nothing may depend on the attribute then, unless `allowed_because` says why.
        allowed_because: why the law allows it to be used all the same.
    """

    type: ValueType
    title: Text = ""
    unit: Annotated[StrictStr, Field(max_length=40)] = ""
    range: tuple[Number | None, Number | None] | None = None
    values: Annotated[tuple[Annotated[StrictStr, Field(max_length=200)], ...] | None, Field(max_length=10_000)] = None
    max_length: Annotated[StrictInt, Field(ge=1, le=10_000)] = 200
    max_items: Annotated[StrictInt, Field(ge=1, le=10_000)] = 100
    special: (
        Literal["origin", "politics", "belief", "union", "genetics", "biometrics", "health", "sexuality", "crime"]
        | None
    ) = None
    allowed_because: Text = ""

    @property
    def is_barred(self) -> bool:
        """Whether it is of a special category, and nobody says why it may be used."""
        return self.special is not None and not self.allowed_because


class ContextAttribute(EventAttribute):
    """One context attribute in context.yaml.

    Keys, beside those of an event's attribute:
        predictor: whether models may see it. Default true.
        personal: whether it says something about the person. Default false.
        if_missing: what texts of treatments say where it is missing: a text, or language -> text. Default: no text may
            name it.
        source: what fills it where the request does not say it: NAME.WHAT of a source in sources.yaml, or time.WHAT or
            channel.WHAT. Default: nothing does.
        keeps: "session": what one request says of it holds for all later ones of its session, until one says it anew.
            Default: it holds for that request alone.
    """

    predictor: StrictBool = True
    personal: StrictBool = False
    if_missing: MissingText = None
    source: Annotated[StrictStr, Field(max_length=210)] | None = None
    keeps: Literal["session"] | None = None


class Attribute(EventAttribute):
    """One customer attribute in attributes.yaml.

    Keys, beside those of an event's attribute:
        keep_days: a value that was set longer ago is dropped, 1..36500. Default: it is kept.
        predictor: whether models may see it. Default true.
        personal: whether it says something about the person. Default true.
        visible_to: roles that may read it: agent, strategist, analyst, compliance. Default [agent].
        if_missing: what texts of treatments say where it is missing: a text, or language -> text. Default: no text may
            name it.
        fresh_for: how long a value can be relied on after it was set; an older one, or none, is named among the doubts
            of a decision. Default: for ever.
    """

    predictor: StrictBool = True
    personal: StrictBool = True
    visible_to: tuple[Role, ...] = ("agent",)
    keep_days: KeepDays | None = None
    if_missing: MissingText = None
    fresh_for: Duration | None = None


ForeignNames = Annotated[tuple[ShortText, ...], Field(max_length=100)]
"""What others call something."""


class EventType(Section):
    """One event type in events.yaml.

    Keys:
        title: for people.
        keep_days: what it says of a person is dropped when it happened longer ago, 1..36500. Default: as long as all.
        attributes: name -> what it holds.
        cloud_events: types of CloudEvents that are meant, beside one of this name.
        segment: names of Segment events that are meant, or page or screen; beside those of the same words.
    """

    title: Text = ""
    keep_days: KeepDays | None = None
    attributes: dict[Name, EventAttribute] = EMPTY
    cloud_events: ForeignNames = ()
    segment: ForeignNames = ()
