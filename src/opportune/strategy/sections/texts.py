"""Typed section of what is read out of free texts."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictStr

from opportune.strategy.sections.base import Section

__all__ = ["TextReading"]

Label = Annotated[StrictStr, Field(min_length=1, max_length=200)]


def _models(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class TextReading(Section):
    """What of a free text fills the context attribute of the same name, in texts.yaml.

    Keys:
        models: trained models, at most one for each language: files models/NAME.texts, or names of those that come
            along, banking_topics and film_moods. Required.
        labels: label of a model -> value of the attribute; other labels give no value. Of one label a text, the
            chances of labels with the same value add up. Default: every label is a value.
        at_least: chance from which on a value counts, 0.01..1. Default what the model says.
        otherwise: value where none is likely enough. Default: the attribute is missing.
    """

    models: Annotated[
        tuple[Annotated[StrictStr, Field(min_length=1, max_length=120)], ...],
        BeforeValidator(_models, json_schema_input_type=str | list[str]),
        Field(min_length=1, max_length=200),
    ]
    labels: Annotated[dict[Label, Label], Field(min_length=1, max_length=1_000)] | None = None
    at_least: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0.01, le=1)] | None = None
    otherwise: Label | None = None
