"""Typed section of when the data of decisions deserve a warning."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictStr

from opportune.strategy.sections.base import Section

__all__ = ["QualityRule"]

Threshold = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1_000)]
Input = Annotated[StrictStr, Field(max_length=210)]


class QualityRule(Section):
    """One rule in quality.yaml, by what may be wrong: missing, stale, late, unfit, unseen or drift.

    Keys:
        warn_above: threshold of every input: a share of decisions, 0..1; of drift the population stability index.
            Default missing 0.5, stale 0.2, late 0.05, unfit 0.01, unseen 0.1, drift 0.25.
        inputs: input such as customer.age or feature.calls_7d -> its own threshold. Default none.
    """

    warn_above: Threshold | None = None
    inputs: dict[Input, Threshold] | None = None
