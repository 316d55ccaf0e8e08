"""Base of the typed sections of a strategy project, which hold what each file says, as plain frozen data.

A section knows nothing of other files; what must agree between files is examined by `opportune.strategy.check`.
Every class names the file that it stands for. Shares and propensities lie in [0, 1]; times are aware datetimes.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictStr

__all__ = ["EMPTY", "Content", "FormerNames", "Name", "Number", "Section", "ShortText", "Text"]

Name = Annotated[str, Field(strict=True, pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]
ShortText = Annotated[StrictStr, Field(max_length=200)]
Text = Annotated[StrictStr, Field(max_length=2_000)]
Content = Annotated[StrictStr, Field(max_length=20_000)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e12, le=1e12)]


def _names(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


FormerNames = Annotated[
    tuple[Name, ...], BeforeValidator(_names, json_schema_input_type=str | list[str]), Field(max_length=100)
]

EMPTY: dict[str, Any] = {}
"""Default of a map without entries; every section gets a copy of its own."""


class Section(BaseModel):
    """Base of all sections: frozen, and no key is accepted that is not described."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
