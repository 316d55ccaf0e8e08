"""A profile in memory, with what was looked up for it once."""

from __future__ import annotations

from collections.abc import Mapping

from opportune.records import Facts, Value
from opportune.rules.index import Index, Words

__all__ = ["KnownFacts", "prior_of"]


class KnownFacts(dict[str, Value]):
    """Facts "customer.<name>" that stay as they are while decisions are made with them.

    They remember what the gate looked up for them: a pure result of these facts and the rules.
    """

    __slots__ = ("_index", "_prior")

    def __init__(self, facts: Mapping[str, Value]) -> None:
        super().__init__(facts)
        self._index: Index | None = None
        self._prior: Words | None = None

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
