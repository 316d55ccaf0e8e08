"""How far each expert of a mixture is trusted, and how what they say together is corrected: learned online.

Formulas: docs/concepts/learning.md, "mixture".

Notation:
    O   outcomes (heads)
    E   experts; the last of E + 1 weights is that of a constant
    N   knots: log odds at which a correction is learned
    weights      float64 [O, E + 1], trust  float64 [O, E + 1, E + 1], their covariances
    corrections  float64 [O, N], doubt  float64 [O, N, N], their covariances
    answers      int64 [O, E + 1], learned here while an expert had something to say; the last are all

Both are shared by all actions: what one action teaches of an expert holds for the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.learning import mixture_numpy
from opportune.learning.base import Snapshot
from opportune.learning.bayes_numpy import LOG_ODDS_MAX
from opportune.learning.fading import NEVER, counted, faded
from opportune.learning.mixture_numpy import KNOT_STEP, KNOTS
from opportune.learning.snapshot import read_array

__all__ = ["Blend"]

CONSTANT_VARIANCE = 0.05
"""Of the constant before any answer."""
CORRECTION_VARIANCE, CORRECTION_REACH = 0.01, 1.0
"""Before any answer, of a correction; log odds over which two corrections become a third as alike."""
FORGETTING = 1e-4
"""Part of the way back to its variance before any answer that a weight or correction goes with every answer."""
SETTLED = 5_000
"""Answers behind which they forget more slowly."""
NUMBER_MAX = 1e6

Doubles = npt.NDArray[np.float64]


class Blend:
    """Weights of a fixed set of experts, by head, and the correction on top.

    Args:
        start: weight of each expert before any answer.
        variance: of that weight.
        heads: number of outcomes.
        steps: mixture_numpy or mixture_numba.
    """

    def __init__(self, start: Sequence[float], variance: Sequence[float], heads: int, steps: Any) -> None:
        self._steps = steps
        self._prior = np.array([*variance, CONSTANT_VARIANCE])
        self._variance = np.full(KNOTS, CORRECTION_VARIANCE)
        self.weights: Doubles = np.tile([*start, 0.0], (heads, 1))
        self.trust: Doubles = np.tile(np.diag(self._prior), (heads, 1, 1))
        self.corrections: Doubles = np.zeros((heads, KNOTS))
        apart = np.abs(np.subtract.outer(np.arange(KNOTS), np.arange(KNOTS))) * (KNOT_STEP / CORRECTION_REACH)
        self.doubt: Doubles = np.tile(CORRECTION_VARIANCE * np.exp(-apart), (heads, 1, 1))
        self.answers = np.zeros((heads, len(self._prior)), dtype=np.int64)
        self._x = np.zeros(KNOTS)

    def begin(self, head: int, start: Sequence[float], variance: Sequence[float]) -> None:
        """Let the weights of one head begin otherwise than the others, before any answer."""
        self.weights[head] = [*start, 0.0]
        self.trust[head] = np.diag([*variance, CONSTANT_VARIANCE])

    def log_odds(self, head: int, said: Doubles) -> float:
        """Give the weighed log odds, not yet corrected, of what the experts said, moderated, and 1."""
        return float(np.add.accumulate(self.weights[head] * said)[-1])

    def learn(self, head: int, said: Doubles, happened: bool, since: int = NEVER) -> float:
        """Learn how well the experts foresaw one answer, and give the corrected log odds from before it.

        Args:
            said: float64 [E + 1], the last is 1.
            since: answers since the world last changed.
        """
        answer = 1.0 if happened else 0.0
        log_odds = self.log_odds(head, said)
        mixture_numpy.bend(log_odds, self._x)
        corrected = log_odds + float(np.add.accumulate(self.corrections[head] * self._x)[-1])
        is_heard = said != 0.0
        answers = int(self.answers[head, -1])
        forgetting, part = float(faded(FORGETTING, answers, since, SETTLED)), counted(answers, since)
        self._steps.regress(
            self.corrections[head], self.doubt[head], self._variance, self._x, log_odds, answer, forgetting, part
        )
        # An expert that comes late earns trust as the first ones did.
        part = counted(int(self.answers[head, is_heard].min()), since)
        self._steps.regress(self.weights[head], self.trust[head], self._prior, said, 0.0, answer, forgetting, part)
        self.answers[head] += is_heard
        return min(max(corrected, -LOG_ODDS_MAX), LOG_ODDS_MAX)

    def unlearn(self, head: int, said: Doubles, happened: bool, since: int = NEVER) -> float:
        """Take back how well the experts foresaw one answer, and give the corrected log odds without it.

        Args:
            said, since: as in `learn`, of today.
        """
        answer = 1.0 if happened else 0.0
        is_heard = said != 0.0
        self.answers[head] = np.maximum(self.answers[head] - is_heard, 0)
        part = counted(int(self.answers[head, is_heard].min()), since)
        mixture_numpy.take_back(self.weights[head], self.trust[head], self._prior, said, 0.0, answer, part)
        log_odds = self.log_odds(head, said)
        mixture_numpy.bend(log_odds, self._x)
        part = counted(int(self.answers[head, -1]), since)
        mixture_numpy.take_back(
            self.corrections[head], self.doubt[head], self._variance, self._x, log_odds, answer, part
        )
        corrected = log_odds + float(np.add.accumulate(self.corrections[head] * self._x)[-1])
        return min(max(corrected, -LOG_ODDS_MAX), LOG_ODDS_MAX)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Copy what was learned."""
        return {name: getattr(self, name).copy() for name in ("weights", "trust", "corrections", "doubt", "answers")}

    def take(self, arrays: Mapping[str, npt.NDArray[Any]], heads: Mapping[int, int]) -> None:
        """Take over own heads from those of other arrays.

        Raises:
            ValueError: the arrays are not those of such a blend.
        """
        snapshot = Snapshot(arrays, {})
        count = len(arrays["answers"]) if "answers" in arrays and arrays["answers"].ndim == 2 else 0
        size = self.weights.shape[1]
        found = {
            "weights": read_array(snapshot, "weights", np.float64, (count, size)),
            "trust": read_array(snapshot, "trust", np.float64, (count, size, size)),
            "corrections": read_array(snapshot, "corrections", np.float64, (count, KNOTS)),
            "doubt": read_array(snapshot, "doubt", np.float64, (count, KNOTS, KNOTS)),
            "answers": read_array(snapshot, "answers", np.int64, (count, size)),
        }
        if any(np.abs(values).max(initial=0) > NUMBER_MAX for name, values in found.items() if name != "answers"):
            raise ValueError("snapshot: weights of experts are out of range")
        if (found["answers"] < 0).any() or any(head >= count for head in heads.values()):
            raise ValueError("snapshot: answers are negative, or heads are missing")
        for name, values in found.items():
            own = getattr(self, name)
            for head, theirs in heads.items():
                own[head] = values[theirs]
