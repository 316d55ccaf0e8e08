"""What is served right now: one pointer, read once per request, so that no answer mixes two revisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from opportune.customers.texts import TextReader
from opportune.learning import PropensityModel
from opportune.service.needs import Needs, needs_of
from opportune.service.profiles import Profiles
from opportune.service.revisions import Strategy

__all__ = ["Knowledge", "Live", "Serving"]


class Knowledge(Protocol):
    """A model and how far it has learned; both may move on while they are served."""

    @property
    def model(self) -> PropensityModel:
        """The model, bound to the candidates of the plan that is served with it."""

    @property
    def position(self) -> int:
        """Journal entry that the model has learned to."""


@dataclass(frozen=True)
class Serving:
    """One strategy with what belongs to it.

    Args:
        learned: the model bound to its plan; None where there are outcomes and nothing that has learned them.
        profiles: attributes of customers as it declares them.
        number: of its revision.
    """

    strategy: Strategy
    learned: Knowledge | None
    profiles: Profiles
    number: int = 0

    @cached_property
    def needs(self) -> Needs:
        """What of a person's past and of a conversation its decisions need."""
        return needs_of(self.strategy)

    @property
    def texts(self) -> TextReader | None:
        """What reads attributes of the context out of texts; None where the strategy has none."""
        return self.strategy.registries.texts

    @cached_property
    def treatments(self) -> Mapping[tuple[str, str], list[str]]:
        """(channel, action) → its treatments, in the order of the candidates."""
        found: dict[tuple[str, str], list[str]] = {}
        for key in self.strategy.plan.candidates:
            found.setdefault((key.channel, key.action), []).append(key.treatment)
        return found


class Live:
    """The pointer; whoever serves a request reads `current` once and keeps to it."""

    def __init__(self, serving: Serving) -> None:
        self.current = serving
