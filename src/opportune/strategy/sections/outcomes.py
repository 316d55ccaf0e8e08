"""Typed sections of outcomes, and of what they are worth."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictStr
from pydantic_core import PydanticCustomError

from opportune.records import Sign
from opportune.strategy.sections.base import Name, Number, Section, Text

__all__ = ["AMOUNT_MAX", "SHOWN", "Amount", "OutcomeType", "OutcomeValue", "ValueAmount"]

SHOWN = "shown"
"""Stands beside outcomes in the values of an action: what showing it is worth, whatever the answer."""

AMOUNT_MAX = 1e12
"""Largest amount of an outcome, where its type names no range."""


class OutcomeValue(Section):
    """How much an outcome may be: money, or a number.

    Keys:
        currency: ISO 4217 code that makes it money; amounts are whole numbers of its smallest unit, such as cents.
        unit: what a number is counted in, such as GB or min.
        range: smallest and largest amount; ~ leaves a side open. Default -1000000000000 to 1000000000000.
    """

    currency: StrictStr | None = None
    unit: Annotated[StrictStr, Field(max_length=40)] = ""
    range: tuple[Number | None, Number | None] | None = None


class OutcomeType(Section):
    """One outcome type in outcomes.yaml.

    Keys:
        sign: positive, negative or neutral: what it says of the shown action. Required.
        title: for people.
        after: the outcome that happens before it, such as click before a purchase. Default none.
        value: how much it may be; without it, reports carry no amount.
    """

    sign: Sign
    title: Text = ""
    after: Name | None = None
    value: OutcomeValue | None = None


class Amount(Section):
    """What an outcome is worth: a number in the goal's unit, an amount of money such as "25.00 EUR", or what it was."""

    number: Number
    currency: str | None = None
    decimals: int = 0
    """Digits written after the point of an amount of money."""
    reported: bool = False
    """What it is worth is what reports of the outcome say; `number` is then 0."""


_MONEY = re.compile(r"([-+]?\d{1,12}(?:\.(\d{1,12}))?) +([A-Z]{3})")


def _amount(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"number": value}
    if value == "amount":
        return {"number": 0.0, "reported": True}
    if isinstance(value, str):
        match = _MONEY.fullmatch(value)
        if match:
            return {"number": float(match[1]), "currency": match[3], "decimals": len(match[2] or "")}
    if isinstance(value, Amount):
        return value
    raise PydanticCustomError("amount", 'expected a number, an amount of money such as "25.00 EUR", or the word amount')


ValueAmount = Annotated[Amount, BeforeValidator(_amount, json_schema_input_type=float | str)]
