"""Opportune's own models, with the settings that they have when nobody sets any, on every set alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.learning.contenders.base import Chooser, Scorer
from opportune.decide.steps import steps_of
from opportune.learning import CandidateKey, Predictor, Race, make_model
from opportune.records import Facts
from opportune.strategy.sections import Exploration

__all__ = ["OurChooser", "OurScorer"]

OUTCOME = "accept"


class OurScorer(Scorer):
    """One model of the family.

    Args:
        kind: its name in `opportune.learning.MODELS`.
    """

    def __init__(self, kind: str, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey]) -> None:
        self._model = make_model(kind, predictors, [OUTCOME])
        self._model.bind(candidates)

    def predict(self, facts: Facts, candidate: int) -> float:
        """Probability of the one outcome."""
        return float(self._model.predict(self._model.encode(facts)).propensity[0, candidate])

    def learn(self, facts: Facts, candidate: int, happened: bool) -> None:
        """Learn one answer."""
        self._model.learn(facts, candidate, 0, happened)


class OurChooser(Chooser):
    """The same model behind the product's own exploration, as a placement with one place explores."""

    def __init__(self, kind: str, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey]) -> None:
        self._model = make_model(kind, predictors, [OUTCOME])
        self._model.bind(candidates)
        self._settings = Exploration()
        self._steps = steps_of(self._model.kernel)
        self._ones = np.ones(len(candidates), dtype=np.float32)
        self._alive = np.ones(len(candidates), dtype=np.bool_)

    def choose(self, facts: Facts, u: float) -> tuple[int, float]:
        """Draw from the exact selection probabilities."""
        said = self._model.predict(self._model.encode(facts))
        ones = self._ones
        priority, spread = self._steps.weigh(said.propensity, said.spread, ones[np.newaxis], np.zeros_like(ones), ones)
        race = Race(
            priority,
            spread,
            scale=self._settings.scale,
            floor=self._settings.floor,
            method="greedy" if self._settings.method == "none" else self._settings.method,
            kernel=self._model.kernel,
        )
        drawn = race.draw(self._alive, u)
        return int(drawn.chosen), float(drawn.probability)

    def learn(self, facts: Facts, candidate: int, chance: float, happened: bool) -> None:
        """Learn one answer."""
        self._model.learn(facts, candidate, 0, happened)
