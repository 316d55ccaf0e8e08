"""What no learner should fall below: rates without predictors, and choices at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.learning.contenders.base import Chooser, Scorer
from opportune.learning import CandidateKey, Predictor
from opportune.records import Facts

__all__ = ["ActionRate", "BaseRate", "RandomChoice", "RateThompson"]

PRIOR = (0.4, 1.6)
"""Two answers at a rate of 0.2, as our models begin."""


class BaseRate(Scorer):
    """The rate so far, of all actions together."""

    def __init__(self, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey], seed: int) -> None:
        self._counts = list(PRIOR)

    def predict(self, facts: Facts, candidate: int) -> float:
        """Rate of acceptance so far."""
        return self._counts[0] / sum(self._counts)

    def learn(self, facts: Facts, candidate: int, happened: bool) -> None:
        """Count one answer."""
        self._counts[not happened] += 1.0


class ActionRate(Scorer):
    """The rate so far of each action alone."""

    def __init__(self, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey], seed: int) -> None:
        self._counts = [list(PRIOR) for _ in candidates]

    def predict(self, facts: Facts, candidate: int) -> float:
        """Rate of acceptance so far."""
        return self._counts[candidate][0] / sum(self._counts[candidate])

    def learn(self, facts: Facts, candidate: int, happened: bool) -> None:
        """Count one answer."""
        self._counts[candidate][not happened] += 1.0


class RandomChoice(Chooser):
    """Every candidate with the same chance."""

    def __init__(self, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey], seed: int) -> None:
        self._size = len(candidates)

    def choose(self, facts: Facts, u: float) -> tuple[int, float]:
        """Take the candidate that `u` falls on."""
        return int(u * self._size), 1.0 / self._size

    def learn(self, facts: Facts, candidate: int, chance: float, happened: bool) -> None:
        """Nothing is learned."""


class RateThompson(Chooser):
    """Thompson sampling on the rate of each action, blind to the customer."""

    def __init__(self, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey], seed: int) -> None:
        self._counts = np.tile(np.array(PRIOR), (len(candidates), 1))
        self._draws = np.random.default_rng(seed)

    def choose(self, facts: Facts, u: float) -> tuple[int, float]:
        """Take the largest draw; its chance is not worked out."""
        return int(self._draws.beta(self._counts[:, 0], self._counts[:, 1]).argmax()), 1.0

    def learn(self, facts: Facts, candidate: int, chance: float, happened: bool) -> None:
        """Count one answer."""
        self._counts[candidate, int(not happened)] += 1.0
