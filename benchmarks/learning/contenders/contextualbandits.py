"""contextualbandits: LinUCB, taught one answer at a time, on columns scaled and encoded online."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import numpy as np

from benchmarks.learning.contenders.base import Chooser
from benchmarks.learning.contenders.features import Columns
from opportune.learning import CandidateKey, Predictor
from opportune.records import Facts

__all__ = ["LinUcbChooser"]

ALPHA = 0.1
LEVEL_ROOM = 60


class LinUcbChooser(Chooser):
    """Ridge regression per action, the best upper bound wins."""

    def __init__(self, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey], seed: int) -> None:
        online = importlib.import_module("contextualbandits.online")
        self._columns = Columns(predictors, LEVEL_ROOM)
        self._policy = online.LinUCB(len(candidates), alpha=ALPHA, random_state=1 + seed)
        self._size = len(candidates)
        self._taught = False

    def choose(self, facts: Facts, u: float) -> tuple[int, float]:
        """Let it choose; before any answer, at random."""
        if not self._taught:
            return int(u * self._size), 1.0 / self._size
        return int(self._policy.predict(self._columns.row(facts)[np.newaxis])[0]), 1.0

    def learn(self, facts: Facts, candidate: int, chance: float, happened: bool) -> None:
        """Learn scales and levels, then one answer."""
        self._columns.learn(facts)
        row = self._columns.row(facts)[np.newaxis]
        self._policy.partial_fit(row, np.array([candidate]), np.array([float(happened)]))
        self._taught = True
