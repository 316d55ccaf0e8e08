"""Logistic regression on predictors and on the pairs of them that matter, found while learning.

Formulas: docs/concepts/learning-experts.md, "pairs".

Notation:
    O   outcomes (heads); P predictors; C candidates of the bound catalogue
    N   numbers among them
    R   rows: fine codes of all predictors (see pairs_coding.py), then the line of each number
    A   columns: one for an action that learned nothing, then one per action that did, padded to 8, 16, 32 ...
    K   places for pairs whose weights all actions share; Ko, for pairs with weights of each action
    arrays end in: mean and variance of a weight. All are float32:
    shared  [O, 2, R]           own       [O, 2, R, A]
    pairs   [O, 2, K, CELLS]    own_pairs [O, 2, Ko, CELLS, A]
    bias    [O, 2, N]           of nodes: all, each action, each candidate, in the order of their first answer
    chosen  int64 [O, K], chosen_own [O, Ko], number of the pair (see screening.py) in each place, -1 for none
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.learning import pairs_numpy
from opportune.learning.base import CandidateKey, Encoded, Floats, Prediction, Predictor, PropensityModel, Snapshot
from opportune.learning.bayes_numpy import answer_pull, answer_step
from opportune.learning.fading import NEVER
from opportune.learning.kernels import resolve_kernel
from opportune.learning.moves import Moves
from opportune.learning.pairs_coding import Coding
from opportune.learning.pairs_state import adopted, read_state, write_state
from opportune.learning.pairs_weights import PairsForm, PairWeights, Path
from opportune.learning.screening import Interaction
from opportune.learning.snapshot import state_digest
from opportune.records import Facts

__all__ = ["PairsForm", "PairsModel"]

Whole = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

LOG_ODDS_MAX = 15.0


@functools.cache
def _numba() -> ModuleType:
    from opportune.learning import pairs_numba

    pairs_numba.warm_up()
    return pairs_numba


class PairsModel(PropensityModel):
    """Logistic regression on predictors and chosen pairs of them.

    Args:
        predictors: facts it may see; names are distinct.
        outcomes: names of its heads, distinct, at least one.
        kernel: "auto", "numpy" or "numba".
    """

    name = "pairs"

    def __init__(self, predictors: Sequence[Predictor], outcomes: Sequence[str], kernel: str = "auto") -> None:
        if len({p.name for p in predictors}) != len(predictors):
            raise ValueError("predictors: names must be distinct")
        if not outcomes or len(set(outcomes)) != len(outcomes):
            raise ValueError("outcomes: expected at least one, with distinct names")
        self.kernel = resolve_kernel(kernel)
        self.outcomes = tuple(outcomes)
        self.since = NEVER
        """Answers since the world last changed; set by who sees that it has, and no part of the state."""
        self.predictors = tuple(predictors)
        self._steps: Any = _numba() if self.kernel == "numba" else pairs_numpy
        self._coding = Coding(predictors)
        self._weights = PairWeights(len(self.predictors), len(self.outcomes), self._coding.rows, self._steps.note)
        self._catalogue: tuple[CandidateKey, ...] = ()
        self.bind(())

    def bind(self, catalogue: Sequence[CandidateKey]) -> None:
        """Fix the candidate axis; keys that leave and come back find what was learned of them.

        Raises:
            ValueError: a key stands in the catalogue twice.
        """
        if len(set(catalogue)) != len(catalogue):
            raise ValueError("catalogue: every candidate key must stand there once")
        self._catalogue = tuple(catalogue)
        self._paths: list[Path] = [(key.group, key.action, key.channel, key.treatment) for key in catalogue]
        shape = (len(self.outcomes), len(catalogue))
        self._prediction = Prediction(*(np.zeros(shape, dtype=np.float32) for _ in range(3)))
        self._arrange()

    def encode(self, facts: Facts) -> PairsForm:
        """Give the codes of one request's facts."""
        return self._form(self._coding.codes(facts))

    def predict(self, encoded: Encoded) -> Prediction:
        """Score all candidates; the arrays are overwritten by the next call."""
        assert isinstance(encoded, PairsForm)
        for head in range(len(self.outcomes)):
            if not self._is_shown[head]:
                self._bias[head] = self._weights.biases(head, self._nodes)
                self._is_shown[head] = True
            mean, variance = self._sums(head, encoded)
            log_odds = mean + self._bias[head, 0]
            np.minimum(log_odds, LOG_ODDS_MAX, out=log_odds)
            np.maximum(log_odds, -LOG_ODDS_MAX, out=log_odds)
            self._prediction.log_odds[head] = log_odds
            self._prediction.propensity[head] = 1.0 / (1.0 + np.exp(-log_odds))
            self._prediction.spread[head] = np.sqrt(variance + self._bias[head, 1])
        return self._prediction

    def _sums(self, head: int, form: PairsForm) -> tuple[Floats, Floats]:
        """Mean and variance of every candidate's log odds, without the bias."""
        weights = self._weights
        shared_places, own_places = weights.places(head, form.coarse)
        ones = np.ones(len(own_places), dtype=np.float32)
        found = []
        for part, values in enumerate((form.values, form.values * form.values)):
            own = np.zeros(weights.own.shape[3], dtype=np.float32)
            self._steps.add_rows(weights.own[head, part], form.rows, values, own)
            if len(own_places):
                self._steps.add_rows(weights.own_pairs[head, part].reshape(-1, len(own)), own_places, ones, own)
            # Float64 sums of few numbers, in order.
            said = weights.shared[head, part, form.rows] * values
            shared = float(np.add.accumulate(np.append(said, 0.0))[-1])
            shared += float(np.add.accumulate(np.append(weights.pairs[head, part].reshape(-1)[shared_places], 0.0))[-1])
            found.append(own[self._column] + np.float32(shared))
        return found[0], found[1]

    def learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Learn one answer."""
        self.score_and_learn(facts, candidate, outcome, happened)

    def score_and_learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> tuple[float, float]:
        """Learn one answer, and give log odds and spread from before it; codes know the facts already."""
        self._check(candidate, outcome)
        moved, codes = self._coding.observe(facts)
        for recoded in moved:
            self._weights.recode(recoded, int(self._coding.starts[recoded.predictor]))
        form = self._form(codes)
        if self._weights.admit(self._paths[candidate]):
            self._arrange()
        log_odds, variance = self._weights.learn(
            outcome, self._paths[candidate], form, float(happened), answer_step, self.since
        )
        self._is_shown[outcome] = False
        return min(max(log_odds, -LOG_ODDS_MAX), LOG_ODDS_MAX), math.sqrt(variance)

    def unlearn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Take back one answer, as it counts today; codes, and which pairs were chosen, stay."""
        self._check(candidate, outcome)
        if self._weights.answers_of(outcome, self._paths[candidate]) == 0:
            return
        form = self.encode(facts)
        self._weights.unlearn(outcome, self._paths[candidate], form, float(happened), answer_pull, self.since)
        self._is_shown[outcome] = False

    def evidence(self) -> Floats:
        """Number of answers learned and not taken back, float32 [O, C]."""
        heads = range(len(self.outcomes))
        found = [[self._weights.answers_of(head, path) for path in self._paths] for head in heads]
        return np.array(found, dtype=np.float32).reshape(len(self.outcomes), len(self._paths))

    def snapshot(self) -> Snapshot:
        """Copy the learned state."""
        return write_state(self._description(), self._coding, self._weights)

    def restore(self, snapshot: Snapshot) -> None:
        """Take over a state; the bound catalogue stays bound, and a refused state changes nothing."""
        heads, note = len(self.outcomes), self._steps.note
        self._coding, self._weights = read_state(snapshot, self._description(), self.predictors, heads, note)
        self._arrange()

    def adopt(self, snapshot: Snapshot, moves: Moves) -> None:
        """Take over what a model of other predictors, outcomes or names knew."""
        self.restore(adopted(snapshot, self._description(), self.predictors, self.outcomes, moves))

    def digest(self) -> str:
        """Hex digest of the learned state."""
        return state_digest(self.snapshot())

    def weights(self, facts: Facts, candidate: int, outcome: int) -> list[tuple[str, float]]:
        """Contribution of each predictor to the log odds, largest first; a pair's is shared by its two."""
        self._check(candidate, outcome)
        form = self.encode(facts)
        column = int(self._column[candidate])
        own = self._weights.contributions(outcome, column, form, self._coding.reader.numbers)
        named = [(p.name, float(value)) for p, value in zip(self.predictors, own.tolist(), strict=True)]
        return sorted(named, key=lambda item: (-abs(item[1]), item[0]))

    def interactions(self, outcome: int) -> list[Interaction]:
        """Pairs of predictors that were chosen for head `outcome`, those first that say most together."""
        found = [
            Interaction(self.predictors[a].name, self.predictors[b].name, is_own, score)
            for a, b, is_own, score in self._weights.chosen_pairs(outcome)
        ]
        return sorted(found, key=lambda one: (-one.score, one))

    def examined(self, outcome: int) -> tuple[int, int]:
        """Pairs that were looked at so far for head `outcome`, and how many there are."""
        screening = self._weights.screenings[outcome]
        return screening.examined, screening.pairs.shape[1]

    def _check(self, candidate: int, outcome: int) -> None:
        if not (0 <= candidate < len(self._catalogue) and 0 <= outcome < len(self.outcomes)):
            raise IndexError("candidate or outcome: not bound")

    def _description(self) -> dict[str, Any]:
        return {
            "model": self.name,
            "format": 1,
            "predictors": [[p.name, str(p.type)] for p in self.predictors],
            "outcomes": list(self.outcomes),
        }

    def _form(self, codes: Whole) -> PairsForm:
        coding = self._coding
        rows = np.concatenate((coding.starts[:-1] + codes[0], np.arange(int(coding.starts[-1]), coding.rows)))
        values = np.ones(len(rows), dtype=np.float32)
        values[len(codes[0]) :] = coding.lines(codes)
        return PairsForm(rows, values, codes[1])

    def _arrange(self) -> None:
        """Find the columns of the bound catalogue."""
        columns = [self._weights.column_of.get(path[:2], 0) for path in self._paths]
        self._column: Whole = np.array(columns, dtype=np.int64)
        self._nodes = self._weights.bias_nodes(self._paths)
        self._bias: Floats = np.zeros((len(self.outcomes), 2, len(self._paths)), dtype=np.float32)
        self._is_shown = [False] * len(self.outcomes)
