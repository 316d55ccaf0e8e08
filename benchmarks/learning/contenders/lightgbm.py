"""LightGBM, trained anew on all answers so far, as nightly jobs do; action and group are columns."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.learning.contenders.base import Chooser, Scorer
from benchmarks.learning.contenders.features import Levels
from opportune.learning import CandidateKey, Predictor
from opportune.records import Facts

__all__ = ["LightgbmChooser", "LightgbmScorer"]

SETTINGS = {
    "objective": "binary",
    "num_leaves": 15,
    "learning_rate": 0.05,
    "min_data_in_leaf": 20,
    "verbosity": -1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
}
TREES = 100
EVERY_PREDICTED, EVERY_CHOSEN = 1_000, 500
EXPLORED = 0.05
"""Share of choices that are made at random."""


class _Trees:
    """The table so far and the trees trained on it."""

    def __init__(self, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey], every: int) -> None:
        self._lightgbm = importlib.import_module("lightgbm")
        groups = sorted({key.group for key in candidates})
        self._action = [[float(i), float(groups.index(key.group))] for i, key in enumerate(candidates)]
        self._levels = Levels(predictors)
        self._every = every
        self._rows: list[Any] = []
        self._truths: list[bool] = []
        self._trees: Any = None
        self._words = [*self._levels.words, len(predictors), len(predictors) + 1]

    def predict(self, facts: Facts, candidates: Sequence[int]) -> list[float]:
        """Probability of acceptance of each; the rate so far while there are no trees."""
        if self._trees is None:
            rate = (sum(self._truths) + 0.4) / (len(self._truths) + 2.0)
            return [rate] * len(candidates)
        row = self._levels.row(facts, learn=False)
        found: list[float] = self._trees.predict(np.array([[*row, *self._action[i]] for i in candidates])).tolist()
        return found

    def learn(self, facts: Facts, candidate: int, happened: bool) -> None:
        """Keep one answer; train anew where it is time."""
        self._rows.append([*self._levels.row(facts, learn=True), *self._action[candidate]])
        self._truths.append(happened)
        if len(self._rows) % self._every == 0 and 0 < sum(self._truths) < len(self._truths):
            data = self._lightgbm.Dataset(
                np.array(self._rows), np.array(self._truths, dtype=float), categorical_feature=self._words
            )
            self._trees = self._lightgbm.train(SETTINGS, data, num_boost_round=TREES)


class LightgbmScorer(Scorer):
    """Trained anew every 1,000 answers."""

    def __init__(self, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey], seed: int) -> None:
        self._trees = _Trees(predictors, candidates, EVERY_PREDICTED)

    def predict(self, facts: Facts, candidate: int) -> float:
        """Probability of acceptance."""
        return self._trees.predict(facts, [candidate])[0]

    def learn(self, facts: Facts, candidate: int, happened: bool) -> None:
        """Keep one answer."""
        self._trees.learn(facts, candidate, happened)


class LightgbmChooser(Chooser):
    """Trained anew every 500 answers, ε-greedy, at random before the first trees."""

    def __init__(self, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey], seed: int) -> None:
        self._trees = _Trees(predictors, candidates, EVERY_CHOSEN)
        self._all = list(range(len(candidates)))

    def choose(self, facts: Facts, u: float) -> tuple[int, float]:
        """Take the best, or any one."""
        chances, size = self._trees.predict(facts, self._all), len(self._all)
        if max(chances) == min(chances):
            return int(u * size), 1.0 / size
        best = int(np.argmax(chances))
        chosen = int(u / EXPLORED * size) if u < EXPLORED else best
        return chosen, EXPLORED / size + (1.0 - EXPLORED) * (chosen == best)

    def learn(self, facts: Facts, candidate: int, chance: float, happened: bool) -> None:
        """Keep one answer."""
        self._trees.learn(facts, candidate, happened)
