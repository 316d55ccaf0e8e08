"""Typed sections of project.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictInt, StrictStr

from opportune.strategy.sections.base import Name, Section, Text
from opportune.strategy.sections.exploration import Exploration

__all__ = ["Learning", "Minors", "Promotion", "Settings"]

Answer = Literal["refuse", "ignore"]


class Promotion(Section):
    """When a challenger takes over by itself.

    Keys:
        by: least share by which its log loss is lower than the champion's, 0..0.5. Default 0.01.
        after: least number of answers that both foresaw, 100..1000000000. Default 5000.
        confidence: of the difference being at least so large, 0.5..0.999. Default 0.95.
    """

    by: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=0.5)] = 0.01
    after: Annotated[StrictInt, Field(ge=100, le=1_000_000_000)] = 5_000
    confidence: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0.5, le=0.999)] = 0.95


class Learning(Section):
    """How much one person teaches about one action, so that nobody can teach for all.

    Keys:
        person_answers: how many "yes" are learned within a period; of all answers four times as many. 0..100; 0 is no
            bound. Default 5.
        person_chance: a person who says yes so often that it would be rarer than this among all others teaches no more
            within the period, 0..0.5; 0 is no bound. Default 0.08.
        period_days: length of a period, 1..366. Default 30.
    """

    person_answers: Annotated[StrictInt, Field(ge=0, le=100)] = 5
    person_chance: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=0.5)] = 0.08
    period_days: Annotated[StrictInt, Field(ge=1, le=366)] = 30


class Minors(Section):
    """Who is decided for without what is known of the person, being too young for it.

    Keys:
        attribute: customer attribute that holds the age in years, or the moment of birth. Required.
        below: age in years at which somebody is a minor no longer, 1..30. Default 18.
        unknown: whether somebody whose age is not known counts as a "minor" or as an "adult". Required.
        allowed_because: why minors may be decided for with what is known of them. Default: they are not.
    """

    attribute: Name
    below: Annotated[StrictInt, Field(ge=1, le=30)] = 18
    unknown: Literal["minor", "adult"]
    allowed_because: Text = ""


class Settings(Section):
    """project.yaml: what holds for the whole strategy.

    Keys:
        name: short name of the strategy. Required.
        title: for people.
        time_zone: IANA zone of days, and of customers whose own zone is unknown. Required.
        languages: of the content; the first is the default. Required.
        exploration: of every placement that does not say otherwise.
        score: what an outcome counts: "expected", as often as it happens where the action is shown, or "incremental",
            as much more often as where the action is withheld. Default expected.
        champion: name of the model in models.yaml that decides, until another one is promoted. Default: the only one.
        promotion: when a challenger takes over by itself. Default: never.
        learning: how much one person teaches.
        deadline_ms: time for one decision before the fallback answers, in milliseconds, 1..60000. Default 100.
        retention_days: what was recorded longer ago is dropped, 30..36500. Default: everything is kept.
        minors: who is decided for without what is known of the person. Default: nobody for being young.
        unknown_context: "refuse" or "ignore" a context attribute that a request brings undeclared. Default refuse.
        unknown_attributes: the same for attributes of customers. Default refuse.
    """

    name: Name
    title: Text = ""
    time_zone: StrictStr
    languages: Annotated[tuple[StrictStr, ...], Field(min_length=1, max_length=50)]
    exploration: Exploration = Exploration()
    score: Literal["expected", "incremental"] = "expected"
    champion: Name | None = None
    promotion: Promotion | None = None
    learning: Learning = Learning()
    deadline_ms: Annotated[StrictInt, Field(ge=1, le=60_000)] = 100
    retention_days: Annotated[StrictInt, Field(ge=30, le=36_500)] | None = None
    minors: Minors | None = None
    unknown_context: Answer = "refuse"
    unknown_attributes: Answer = "refuse"
