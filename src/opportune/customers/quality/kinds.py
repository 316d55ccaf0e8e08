"""What may be wrong with an input, and from when on that is said. Formulas: docs/concepts/data-quality.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

__all__ = ["DEFAULTS", "KINDS", "Kind", "Thresholds"]

Kind = Literal["missing", "stale", "late", "unfit", "unseen", "drift"]
KINDS: tuple[Kind, ...] = get_args(Kind)

DEFAULTS: Mapping[Kind, float] = {
    "missing": 0.5,
    "stale": 0.2,
    "late": 0.05,
    "unfit": 0.01,
    "unseen": 0.1,
    "drift": 0.25,
}
"""Above so much one is warned where a project says nothing: shares of decisions, and for drift the population stability
index, which by custom means a changed population above 0.25."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when on a project wants to be warned.

    Args:
        general: kind → threshold of all inputs.
        own: (kind, input) → threshold of one input, which goes before that.
    """

    general: Mapping[Kind, float] = field(default_factory=lambda: DEFAULTS)
    own: Mapping[tuple[Kind, str], float] = field(default_factory=dict)

    def of(self, kind: Kind, name: str) -> float:
        """Give the threshold of an input."""
        return self.own.get((kind, name), self.general[kind])
