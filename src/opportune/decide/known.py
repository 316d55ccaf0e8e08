"""A profile in memory, with what was looked up for it once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from opportune.learning.base import Encoded
from opportune.records import Facts, Value
from opportune.rules.index import Index, Words

__all__ = ["KnownFacts", "encoded_by", "prior_of"]


class KnownFacts(dict[str, Value]):
    """Facts "customer.<name>" that stay as they are while decisions are made with them.

    They remember what the gate looked up for them, a pure result of these facts and the rules, and in `memory` what
    models read of them.

    Attributes:
        plain: the same as a dict that the garbage collector does not look at, and its copies neither: thousands of
            decisions that may still be answered hold one of a hundred values each.
    """

    __slots__ = ("_index", "_prior", "memory", "plain")

    def __init__(self, facts: Mapping[str, Value]) -> None:
        super().__init__(facts)
        # Not a copy, which would be looked at where its original is; filled with plain values, a new one is not.
        self.plain: dict[str, Value] = dict(zip(facts, facts.values(), strict=True))
        self._index: Index | None = None
        self._prior: Words | None = None
        self.memory: dict[str, Any] = {}

    def prior(self, index: Index) -> Words:
        """Give `Index.prior` of these facts."""
        prior = self._prior
        if prior is None or self._index is not index:
            prior = index.prior(self)
            self._prior, self._index = prior, index
        return prior


def prior_of(index: Index, profile: Facts) -> Words:
    """Give `Index.prior` of a profile, remembered where it is kept."""
    return profile.prior(index) if isinstance(profile, KnownFacts) else index.prior(profile)


class Reader(Protocol):
    """What reads facts; every `PropensityModel` does."""

    def encode(self, facts: Facts) -> Encoded:
        """Encode one request's facts."""

    def encode_known(self, facts: Facts, memory: dict[str, Any]) -> Encoded:
        """Encode facts of which some are remembered."""


def encoded_by(model: Reader, facts: Facts, profile: Facts) -> Encoded:
    """Encode facts, those of a profile among them, by what is remembered of the profile."""
    return model.encode_known(facts, profile.memory) if isinstance(profile, KnownFacts) else model.encode(facts)
