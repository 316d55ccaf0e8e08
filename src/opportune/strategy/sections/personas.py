"""Typed sections of persona tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainValidator, StrictBool, StrictInt, StrictStr
from pydantic_core import PydanticCustomError

from opportune.strategy.sections.base import EMPTY, Content, Name, Section, ShortText, Text
from opportune.strategy.sections.times import Duration, Moment

__all__ = ["Absence", "Expectation", "PastContact", "Persona", "PersonaConsent", "PersonaEvent", "Turn"]


class Absence(Section):
    """Why a persona test expects an action to be absent.

    Keys:
        stage: the stage that dropped it. Default any.
        because: text that its reason contains. Default any.
    """

    stage: (
        Literal[
            "inactive",
            "not_valid",
            "no_treatment",
            "eligibility",
            "applicability",
            "suitability",
            "exclusive",
            "already_shown",
            "outranked",
            "irrelevant",
            "limited",
            "linked",
        ]
        | None
    ) = None
    because: Text | None = None


def _absent(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        if len(set(value)) < len(value):
            raise PydanticCustomError("duplicate", "expected every action once")
        return {item: {} for item in value}
    return value


class Expectation(Section):
    """What a persona test expects of the answer.

    Keys:
        ranking: actions with which the answer begins, in this order; an empty list is an answer without actions.
        present: actions somewhere in the answer.
        absent: actions not in the answer; a list, or a map action -> why.
    """

    ranking: tuple[Name, ...] = ()
    present: tuple[Name, ...] = ()
    absent: Annotated[
        dict[Name, Absence],
        BeforeValidator(_absent, json_schema_input_type=list[str] | dict[str, Absence]),
    ] = EMPTY

    @property
    def is_nothing(self) -> bool:
        """Whether the answer must hold no action: an empty ranking was written down."""
        return "ranking" in self.model_fields_set and not self.ranking


def _facts(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise PydanticCustomError("dict_type", "expected a map")


class PastContact(Section):
    """One contact in the history of a persona test.

    Keys:
        action: what it was about. Required.
        what: "shown", or the outcome that came. Default shown.
        ago: how long before the test's moment. Required.
        channel: where. Default the test's own channel.
    """

    action: Name
    what: Name = "shown"
    ago: Duration
    channel: Name | None = None


class PersonaConsent(Section):
    """What the person of a persona test said of a purpose, written as true or false alone or as a map.

    Keys:
        given: whether the person agreed. Required.
        channel: where it holds. Default in all channels.
        ago: how long before the test's moment it was said. Default one day.
        source: how it was said. Default unknown.
        text: version of the text. Default unknown.
    """

    given: StrictBool
    channel: Name | None = None
    ago: Duration = Duration(days=1)
    source: ShortText = ""
    text: ShortText = ""


def _consents(value: Any) -> Any:
    """Read consents of a persona: one, or a list of them."""
    items = value if isinstance(value, list) else [value]
    return [{"given": item} if isinstance(item, bool) else item for item in items]


PersonaConsents = Annotated[
    tuple[PersonaConsent, ...],
    BeforeValidator(_consents, json_schema_input_type=bool | PersonaConsent | list[PersonaConsent]),
    Field(max_length=100),
]


class PersonaEvent(Section):
    """Something that happened, in a persona test; features count it.

    Keys:
        event: event type. Required.
        attributes: attribute of the event type -> value. Default none.
        ago: how long before the test's moment, or before that of its turn. Default just then.
    """

    event: Name
    attributes: Annotated[
        dict[str, Any], PlainValidator(_facts, json_schema_input_type=dict[str, bool | float | str | list[str]])
    ] = EMPTY
    ago: Duration | None = None


class Turn(Section):
    """One turn of a persona test with several: what is new, and the answer expected then.

    Keys:
        says: what happens, in words. Required.
        after: time since the turn before. Default one minute; the first turn is at the test's moment. Where it ends a
            response window, silence counts.
        context: context attribute -> value that is said in this turn. Default none.
        text: what is said or written, for texts.yaml to read. Default nothing.
        events: what just happened, for features. Default none.
        outcomes: action that an answer held before -> what came of it. Default none.
        expect: what the answer must hold. Required.
    """

    says: Annotated[Text, Field(min_length=1)]
    after: Duration = Duration(minutes=1)
    context: Annotated[
        dict[str, Any], PlainValidator(_facts, json_schema_input_type=dict[str, bool | float | str | list[str]])
    ] = EMPTY
    text: Content = ""
    events: Annotated[tuple[PersonaEvent, ...], Field(max_length=10_000)] = ()
    outcomes: dict[Name, Name] = EMPTY
    expect: Expectation


class Persona(Section):
    """One test in tests/<name>.yaml: a profile, a context and a moment, and the answer expected; or several turns.

    It runs without exploration and outside of control groups.

    Keys:
        name: what it shows, in words; unique in the project. Required.
        at: moment of the decision with its offset from UTC. Required.
        customer: attribute -> value of the profile. Default none.
        context: context attribute -> value; where there are turns, it is said in each of them. Default none.
        text: what is said or written, for texts.yaml to read; where there are turns, they have their own. Default
            nothing.
        language: of the contact and of its texts, such as pl. Default the project's first.
        history: contacts before, for contact policies. Default none.
        events: what happened before, for features. Default none.
        stocks: stock -> how much of it is taken, in its period at that moment. Default nothing.
        consents: purpose -> true, false, or what was said of it in full; a list of such. Default: nothing was said.
        units: level -> what is known of the unit that the person belongs to, such as household: { size: 4 }. The person
            is its only member. Default: the person belongs to none.
        channel: where the contact happens. Required.
        placement: slot to fill. Required.
        size: how many actions. Default the placement's own.
        propensities: action -> fixed probability of the channel's first positive outcome, for all treatments.
        expect: what the answer must hold. Required, unless there are turns.
        turns: one conversation, in place of `expect`: what is new in each turn, and the answer expected then.
    """

    name: Annotated[Text, Field(min_length=1)]
    at: Moment
    customer: Annotated[
        dict[str, Any], PlainValidator(_facts, json_schema_input_type=dict[str, bool | float | str | list[str]])
    ] = EMPTY
    context: Annotated[
        dict[str, Any], PlainValidator(_facts, json_schema_input_type=dict[str, bool | float | str | list[str]])
    ] = EMPTY
    text: Content = ""
    language: Annotated[StrictStr, Field(max_length=35)] | None = None
    history: Annotated[tuple[PastContact, ...], Field(max_length=10_000)] = ()
    events: Annotated[tuple[PersonaEvent, ...], Field(max_length=10_000)] = ()
    stocks: dict[Name, Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1e12)]] = EMPTY
    consents: dict[Name, PersonaConsents] = EMPTY
    units: dict[
        Name,
        Annotated[
            dict[str, Any], PlainValidator(_facts, json_schema_input_type=dict[str, bool | float | str | list[str]])
        ],
    ] = EMPTY
    channel: Name
    placement: Name
    size: Annotated[StrictInt, Field(ge=1, le=100)] | None = None
    propensities: dict[Name, Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, lt=1)]] = EMPTY
    expect: Expectation | None = None
    turns: Annotated[tuple[Turn, ...], Field(max_length=100)] = ()
