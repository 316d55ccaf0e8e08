"""Opportune's own models, with the settings that they have when nobody sets any, on every set alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.learning.contenders.base import Chooser, Scorer
from opportune.decide.steps import steps_of
from opportune.learning import CandidateKey, MixtureModel, Predictor, PropensityModel, Race, make_model
from opportune.learning.tree_training import Truth, has_lightgbm, is_due, train
from opportune.learning.trees import PART, TreesModel
from opportune.records import Facts
from opportune.strategy.sections.exploration import Exploration

__all__ = ["OurChooser", "OurScorer"]

OUTCOME = "accept"


class _Pupil:
    """One model of the family, and beside it the training of trees where it has some and LightGBM is installed.

    The schedule is that of the service, where the training takes place in the background, some seconds later.
    """

    def __init__(self, kind: str, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey]) -> None:
        self.model = make_model(kind, predictors, [OUTCOME])
        self.model.bind(candidates)
        self._predictors, self._candidates = predictors, candidates
        self._keeps = has_lightgbm() and _has_trees(self.model)
        self._truths: list[Truth] = []
        self._trained = 0

    def learn(self, facts: Facts, candidate: int, happened: bool) -> None:
        """Learn one answer; train when it is time."""
        self.model.learn(facts, candidate, 0, happened)
        if not self._keeps:
            return
        self._truths.append(Truth(facts, self._candidates[candidate], OUTCOME, happened))
        if is_due(len(self._truths), self._trained):
            self._trained = len(self._truths)
            artefact = train(self._predictors, [OUTCOME], self._truths)
            if artefact is not None:
                self.model.take_part(PART, artefact)


def _has_trees(model: PropensityModel) -> bool:
    return isinstance(model, TreesModel) or (isinstance(model, MixtureModel) and model.trees is not None)


class OurScorer(Scorer):
    """One model of the family.

    Args:
        kind: its name in `opportune.learning.MODELS`.
    """

    def __init__(
        self, kind: str, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey], seed: int
    ) -> None:
        self._pupil = _Pupil(kind, predictors, candidates)

    def predict(self, facts: Facts, candidate: int) -> float:
        """Probability of the one outcome."""
        model = self._pupil.model
        return float(model.predict(model.encode(facts)).propensity[0, candidate])

    def learn(self, facts: Facts, candidate: int, happened: bool) -> None:
        """Learn one answer."""
        self._pupil.learn(facts, candidate, happened)


class OurChooser(Chooser):
    """The same model behind the product's own exploration, as a placement with one place explores."""

    def __init__(
        self, kind: str, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey], seed: int
    ) -> None:
        self._pupil = _Pupil(kind, predictors, candidates)
        self._model = self._pupil.model
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
        self._pupil.learn(facts, candidate, happened)
