"""gittins: decides for one place and learns the reward of its own decisions; numbers scaled online."""

from __future__ import annotations

import importlib
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any

from benchmarks.learning.contenders.base import Chooser
from benchmarks.learning.contenders.features import Scaler, split
from opportune.learning import CandidateKey, Predictor
from opportune.records import Facts

__all__ = ["GittinsChooser"]

HORIZON = 1e6
"""Time within which an answer counts, in rounds: beyond any delay."""


class GittinsChooser(Chooser):
    """Open decisions are found again by their facts and candidate."""

    def __init__(self, predictors: Sequence[Predictor], candidates: Sequence[CandidateKey], seed: int) -> None:
        self._gittins = importlib.import_module("gittins")
        self._state = self._gittins.create(bits=18, horizon=HORIZON)
        self._predictors, self._scaler, self._clock, self._seed = predictors, Scaler(), 0.0, seed
        self._candidates: list[tuple[str, dict[str, float]]] = [(key.action, {}) for key in candidates]
        self._open: dict[tuple[int, int], deque[Any]] = defaultdict(deque)

    def choose(self, facts: Facts, u: float) -> tuple[int, float]:
        """Let it decide; its chance is not asked for."""
        numbers, words = split(self._predictors, facts)
        context = {**self._scaler.scaled(numbers), **words}
        self._clock += 1.0
        record = self._gittins.decide(self._state, context, self._candidates, self._clock, f"seed {self._seed}")
        chosen = int(record.chosen)
        self._open[id(facts), chosen].append(record.decision_id)
        return chosen, 1.0

    def learn(self, facts: Facts, candidate: int, chance: float, happened: bool) -> None:
        """Learn one answer, then its scales; a choice that was never made (replay) is no decision of it."""
        waiting = self._open.get((id(facts), candidate))
        if waiting:
            self._gittins.learn(self._state, waiting.popleft(), float(happened), self._clock)
        self._scaler.learn(split(self._predictors, facts)[0])
