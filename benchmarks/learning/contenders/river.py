"""River: logistic regression on scaled numbers, and its adaptive random forest."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.learning.contenders.base import Chooser, Scorer
from benchmarks.learning.contenders.features import split
from opportune.learning import CandidateKey, Predictor
from opportune.records import Facts

__all__ = ["RiverChooser", "RiverForest", "RiverRegression"]

EXPLORED = 0.05
"""Share of choices that are made at random."""


class RiverRegression(Scorer):
    """One regression on the customer's facts and the action."""

    def __init__(self, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey], seed: int) -> None:
        linear_model = importlib.import_module("river.linear_model")
        self._predictors, self._candidates = predictors, candidates
        self._scaler = importlib.import_module("river.preprocessing").StandardScaler()
        self._model = linear_model.LogisticRegression()

    def _features(self, facts: Facts, candidate: int) -> tuple[dict[str, float], dict[str, float]]:
        numbers, words = split(self._predictors, facts)
        levels = {f"{name}={level}": 1.0 for name, level in words.items()}
        levels[f"action={self._candidates[candidate].action}"] = 1.0
        levels[f"group={self._candidates[candidate].group}"] = 1.0
        return numbers, levels

    def predict(self, facts: Facts, candidate: int) -> float:
        """Probability of acceptance."""
        numbers, levels = self._features(facts, candidate)
        chances = self._model.predict_proba_one({**self._scaler.transform_one(numbers), **levels})
        return float(chances.get(True, 0.5))

    def learn(self, facts: Facts, candidate: int, happened: bool) -> None:
        """Learn one answer and its scales."""
        numbers, levels = self._features(facts, candidate)
        self._scaler.learn_one(numbers)
        self._model.learn_one({**self._scaler.transform_one(numbers), **levels}, happened)


class RiverForest(Scorer):
    """Adaptive random forest, ten trees."""

    def __init__(self, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey], seed: int) -> None:
        forest = importlib.import_module("river.forest")
        self._predictors, self._candidates = predictors, candidates
        self._model = forest.ARFClassifier(n_models=10, seed=seed, nominal_attributes=self._words())

    def _words(self) -> list[str]:
        return ["action", "group", *(p.name.rpartition("customer.")[2] for p in self._predictors if p.type != "number")]

    def _features(self, facts: Facts, candidate: int) -> dict[str, Any]:
        numbers, words = split(self._predictors, facts)
        key = self._candidates[candidate]
        return {**numbers, **words, "action": key.action, "group": key.group}

    def predict(self, facts: Facts, candidate: int) -> float:
        """Probability of acceptance."""
        chances = self._model.predict_proba_one(self._features(facts, candidate))
        return float(chances.get(True, 0.5 if not chances else 0.0))

    def learn(self, facts: Facts, candidate: int, happened: bool) -> None:
        """Learn one answer."""
        self._model.learn_one(self._features(facts, candidate), happened)


class RiverChooser(Chooser):
    """One regression per action on scaled numbers, ε-greedy."""

    def __init__(self, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey], seed: int) -> None:
        linear_model = importlib.import_module("river.linear_model")
        self._predictors = predictors
        self._scaler = importlib.import_module("river.preprocessing").StandardScaler()
        self._models = [linear_model.LogisticRegression() for _ in candidates]

    def _features(self, facts: Facts) -> dict[str, float]:
        numbers, words = split(self._predictors, facts)
        levels = {f"{name}={level}": 1.0 for name, level in words.items()}
        return {**self._scaler.transform_one(numbers), **levels}

    def choose(self, facts: Facts, u: float) -> tuple[int, float]:
        """Take the best, or any one."""
        features, size = self._features(facts), len(self._models)
        best = int(np.argmax([model.predict_proba_one(features).get(True, 0.5) for model in self._models]))
        chosen = int(u / EXPLORED * size) if u < EXPLORED else best
        return chosen, EXPLORED / size + (1.0 - EXPLORED) * (chosen == best)

    def learn(self, facts: Facts, candidate: int, chance: float, happened: bool) -> None:
        """Learn one answer and its scales."""
        self._scaler.learn_one(split(self._predictors, facts)[0])
        self._models[candidate].learn_one(self._features(facts), happened)
