"""Typed section of propensity models."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StrictBool, StrictInt, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from opportune.strategy.sections.base import EMPTY, FormerNames, Name, Number, Section, Text

__all__ = ["Model"]

PlainSetting = StrictBool | StrictInt | Number | Text | tuple[Text, ...]


def _setting(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(value)
    except ValidationError:
        message = "expected a number, a text, true, false, a list of texts, or a map of these"
        raise PydanticCustomError("setting", message) from None


SettingValue = Annotated[PlainSetting | dict[Text, PlainSetting], WrapValidator(_setting)]


class Model(Section):
    """One propensity model in models.yaml.

    Keys:
        kind: member of the family of models. Default mixture.
        settings: what the kind lets one choose, by name. Default: its own defaults.
        sees: the only attributes that it may see, such as customer.age or context.page. Default: all.
        hides: attributes that it may not see. Default none.
        renamed_from: the model's former name, or a list of them; what it learned goes on. Default none.
    """

    kind: Name = "mixture"
    settings: Annotated[dict[Name, SettingValue], Field(max_length=100)] = EMPTY
    sees: Annotated[tuple[Text, ...], Field(max_length=10_000)] | None = None
    hides: Annotated[tuple[Text, ...], Field(max_length=10_000)] = ()
    renamed_from: FormerNames = ()
