"""What every contender can do, in one of two roles."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from opportune.learning import CandidateKey, Predictor
from opportune.records import Facts

__all__ = ["Chooser", "Contender", "Role", "Scorer"]

Role = Literal["ours", "peer", "floor"]


class Scorer(ABC):
    """Says how probable acceptance is, and learns each answer after it has spoken."""

    @abstractmethod
    def predict(self, facts: Facts, candidate: int) -> float:
        """Probability that the candidate is accepted."""

    @abstractmethod
    def learn(self, facts: Facts, candidate: int, happened: bool) -> None:
        """Learn one answer."""


class Chooser(ABC):
    """Chooses one candidate a round, and learns what became of it, at once or later."""

    @abstractmethod
    def choose(self, facts: Facts, u: float) -> tuple[int, float]:
        """Give the chosen candidate and its selection probability, 1 where the contender cannot tell.

        Args:
            u: uniform draw in [0, 1), the same for all contenders of a seed.
        """

    @abstractmethod
    def learn(self, facts: Facts, candidate: int, chance: float, happened: bool) -> None:
        """Learn one answer to a choice that had the probability `chance`."""


@dataclass(frozen=True)
class Contender:
    """One row of the tables.

    Args:
        name: shown, and used on the command line in its first word.
        role: "ours"; "peer", what people would otherwise use; "floor", what no learner should fall below.
        make: from predictors, candidates and a seed.
        packages: distributions whose versions its figures depend on.
        is_slow: it meets predictions of short streams alone, in one order.
    """

    name: str
    role: Role
    make: Callable[[Sequence[Predictor], Sequence[CandidateKey], int], Any]
    packages: tuple[str, ...] = ()
    is_slow: bool = False
