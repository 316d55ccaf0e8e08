"""What a data report says. Formulas: docs/concepts/data-quality.md."""

from __future__ import annotations

from datetime import datetime

import msgspec

from opportune.customers.quality import Kind

__all__ = ["Concern", "DataReport", "InputQuality"]


class InputQuality(msgspec.Struct, frozen=True, kw_only=True):
    """One input of decisions; shares are None where nothing was counted, or where the input cannot have the fault.

    Args:
        input: such as "customer.age", "context.topic" or "feature.calls_7d".
        decisions: that could have had it: of persons who are known, or all for the context.
        missing: share of them that lacked it.
        stale: share that had a value older than the project wants.
        late: share for which it could not be had in time.
        unfit: share of values that the project does not take: stored ones, and those that were refused.
        refused: values that were refused, as a number.
        unseen: share of values now that were not among those before; of numbers, outside their range.
        drift: population stability index of now against before; None with fewer than 100 values on one side.
        groups: (label, share before, share now) of the bins that drift was computed from.
    """

    input: str
    type: str
    decisions: int
    missing: float | None
    stale: float | None
    late: float | None
    unfit: float | None
    refused: int
    unseen: float | None
    drift: float | None
    groups: tuple[tuple[str, float, float], ...] = ()

    def value(self, kind: Kind) -> float | None:
        """Give the figure of a kind of fault."""
        found: float | None = getattr(self, kind)
        return found


class Concern(msgspec.Struct, frozen=True, kw_only=True):
    """An input that passed a threshold of the project."""

    input: str
    kind: Kind
    value: float
    threshold: float


class DataReport(msgspec.Struct, frozen=True, kw_only=True):
    """How good the inputs of a project's decisions are.

    Args:
        since: when counting began; None where nothing was counted.
        processes: whose counts were added up; 0 where they were taken from the journal instead.
        decisions: counted; `known` of them of persons who are known.
        decisions_before, decisions_now: of the journal, that drift was judged by.
        inputs: those with a concern first, then by name.
        concerns: gravest first; empty where all is well.
    """

    project: str
    revision: str
    at: datetime
    since: datetime | None
    processes: int
    decisions: int
    known: int
    decisions_before: int
    decisions_now: int
    inputs: tuple[InputQuality, ...]
    concerns: tuple[Concern, ...]
