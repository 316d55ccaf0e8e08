"""Vowpal Wabbit with settings that suit it: numbers scaled online, interactions, its own exploration."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import numpy as np

from benchmarks.learning.contenders.base import Chooser, Scorer
from benchmarks.learning.contenders.features import Scaler, split
from opportune.learning import CandidateKey, Predictor
from opportune.records import Facts

__all__ = ["VowpalChooser", "VowpalScorer"]


class _Text:
    """Facts as a namespace of its language; spaces, bars and colons mean something there."""

    def __init__(self, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey]) -> None:
        self._predictors = predictors
        self._scaler = Scaler()
        self.actions = [f"|a {_word(key.action)} group={_word(key.group)}" for key in candidates]

    def learn(self, facts: Facts) -> None:
        """Take in the scales of one row."""
        self._scaler.learn(split(self._predictors, facts)[0])

    def of(self, facts: Facts) -> str:
        """Give the namespace of the customer."""
        numbers, words = split(self._predictors, facts)
        scaled = [f"{_word(name)}:{value:.5g}" for name, value in self._scaler.scaled(numbers).items()]
        return " ".join(["|c", *scaled, *(f"{_word(name)}={_word(level)}" for name, level in words.items())])


def _word(text: str) -> str:
    return text.replace(" ", "_").replace(":", "_").replace("|", "_")


class VowpalScorer(Scorer):
    """Logistic regression.

    Args:
        options: of its command line.
    """

    def __init__(
        self, options: str, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey], seed: int
    ) -> None:
        workspace = importlib.import_module("vowpalwabbit").Workspace
        self._vw = workspace(f"--loss_function logistic --link logistic --quiet --random_seed {seed} -b 22 {options}")
        self._text = _Text(predictors, candidates)

    def predict(self, facts: Facts, candidate: int) -> float:
        """Probability of acceptance."""
        return float(self._vw.predict(f"{self._text.of(facts)} {self._text.actions[candidate]}"))

    def learn(self, facts: Facts, candidate: int, happened: bool) -> None:
        """Learn one answer, then its scales."""
        label = "1" if happened else "-1"
        self._vw.learn(f"{label} {self._text.of(facts)} {self._text.actions[candidate]}")
        self._text.learn(facts)


class VowpalChooser(Chooser):
    """Its contextual bandit with listed actions; what it is taught is a cost, so that acceptance is -1.

    Args:
        options: of its command line, with the exploration.
    """

    def __init__(
        self, options: str, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey], seed: int
    ) -> None:
        workspace = importlib.import_module("vowpalwabbit").Workspace
        self._vw = workspace(f"--cb_explore_adf --quiet --random_seed {seed} -b 22 {options}")
        self._text = _Text(predictors, candidates)

    def choose(self, facts: Facts, u: float) -> tuple[int, float]:
        """Draw from the probabilities that it gives."""
        chances = np.array(self._vw.predict([f"shared {self._text.of(facts)}", *self._text.actions]))
        ends = np.cumsum(chances)
        chosen = min(int(np.searchsorted(ends, u * ends[-1], side="right")), len(chances) - 1)
        return chosen, float(chances[chosen] / ends[-1])

    def learn(self, facts: Facts, candidate: int, chance: float, happened: bool) -> None:
        """Learn one answer, then its scales."""
        lines = list(self._text.actions)
        lines[candidate] = f"0:{-1.0 * happened}:{chance:.6g} {lines[candidate]}"
        self._vw.learn([f"shared {self._text.of(facts)}", *lines])
        self._text.learn(facts)
