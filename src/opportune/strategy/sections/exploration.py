"""Typed sections of how placements and actions try what is not known yet."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictInt

from opportune.strategy.sections.base import Section

__all__ = ["Exploration", "RampUp"]


class Exploration(Section):
    """How a placement tries what it is not sure of.

    Keys:
        method: "thompson" draws from what the model holds possible; "igw" the rarer, the further behind the best;
            "none" always takes the best. Default thompson.
        scale: of "thompson": how far the model's uncertainty is followed, 0..3. Default 0.2.
        gamma: of "igw": how fast the chance falls with the gap, 0..1000000. Default by evidence.
        floor: share of draws spread evenly over all candidates that passed, 0..0.5. Default 0.02.
        ceiling: share of draws that may go to others than the best, from floor to 1. Default 1.
    """

    method: Literal["thompson", "igw", "none"] = "thompson"
    scale: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=3)] = 0.2
    gamma: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1e6)] | None = None
    floor: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=0.5)] = 0.02
    ceiling: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1)] = 1.0


class RampUp(Section):
    """How the share of draws of a new action grows with its answers.

    Keys:
        start: largest share without any answer, above 0, at most 1. Default 0.02.
        full_after: answers after which it is held back no longer, 1..1000000. Required.
    """

    start: Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=1)] = 0.02
    full_after: Annotated[StrictInt, Field(ge=1, le=1_000_000)]
