"""What all typed sections of a strategy project are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr

__all__ = ["Name", "Section", "Text"]

Name = Annotated[str, Field(strict=True, pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]
Text = Annotated[StrictStr, Field(max_length=2_000)]


class Section(BaseModel):
    """Base of all sections: frozen, and no key is accepted that is not described."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
