"""Bayesian logistic regression in layers: all actions → group → action → treatment × channel.

Formulas: docs/concepts/learning.md.

Notation:
    O   outcomes (heads)
    C   candidates of the bound catalogue; Cp, C padded to a multiple of 8
    G   groups of the bound catalogue; Tp, 1 + G padded to a multiple of 8
    F   rows of the encoding (see encoding.py), with room to grow
    K   columns: one for all, one per group, per action and per candidate, of every key bound or learned
    state  float32 [O, K, 2, F], mean and variance of every weight: what is learned
    top    float32 [O, F, 2, Tp], columns of "all" and of the groups, copied from the state
    means, variances  [O, F, Cp], action + candidate columns added, copied from the state in the kernel's form of
           numbers with 11 and with 8 significant bits (see `halved` and `coarse`)
    prior  float32 [4, F], variance of every weight before any answer, by layer

`state` is laid out for learning (a column is contiguous), the others for predicting (a row is).
Predicting takes as long as reading its rows does, so that they are read in half the bytes.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.learning import bayes_numpy
from opportune.learning.base import CandidateKey, Encoded, Floats, Prediction, Predictor, PropensityModel, Snapshot
from opportune.learning.bayes_numpy import LOG_ODDS_MAX
from opportune.learning.carrying import carried
from opportune.learning.drift import Drift
from opportune.learning.encoding import Encoder, LinearForm
from opportune.learning.fading import faded, repeated
from opportune.learning.kernels import warm_up
from opportune.learning.moves import Moves
from opportune.learning.snapshot import read_array, state_digest
from opportune.records import Facts

__all__ = ["BayesModel"]

LAYERS = 4
ACTION = 2
"""Which layer is that of the action."""
LAYER_SHARES = (0.2, 0.2, 0.5, 0.1)
"""How the prior variance of a weight is shared by all, group, action, candidate."""
WEIGHT_VARIANCE = 0.45
"""Prior variance of a weight, all layers together, times the root of the number of predictors: between two extremes,
every predictor speaking as loudly as if it were alone and all of them together no louder than one."""
WEIGHT_VARIANCE_MAX = 0.3
BIAS_VARIANCES = (1.0, 0.5, 0.5, 0.25)
FORGETTING = 0.0001
"""Part of the way back to its prior variance that a weight goes with every answer that touches it, while few do."""
BASE_RATE = 0.2
WEIGHT_MAX = 1e6
"""No learned weight comes near; larger ones in a snapshot could overflow."""
SPARE_ROWS = 32
FORMAT = 1

Column = tuple[str, ...]


def _columns_of(key: CandidateKey) -> tuple[Column, Column, Column, Column]:
    leaf = (key.group, key.action, key.channel, key.treatment)
    return (), leaf[:1], leaf[:2], leaf


def _padded(size: int) -> int:
    return max(8, -(-size // 8) * 8)


@functools.cache
def _numba() -> ModuleType:
    from opportune.learning import bayes_numba

    return bayes_numba


class BayesModel(PropensityModel):
    """Bayesian logistic regression with a diagonal covariance, learned one answer at a time.

    Args:
        predictors: facts it may see; names are distinct.
        outcomes: names of its heads, distinct, at least one.
        kernel: "auto", "numpy" or "numba".
        base_rate: probability of an outcome that is assumed before any answer, in (0, 1).
    """

    name = "bayes"

    def __init__(
        self,
        predictors: Sequence[Predictor],
        outcomes: Sequence[str],
        kernel: str = "auto",
        base_rate: float = BASE_RATE,
    ) -> None:
        if len({p.name for p in predictors}) != len(predictors):
            raise ValueError("predictors: names must be distinct")
        if not outcomes or len(set(outcomes)) != len(outcomes):
            raise ValueError("outcomes: expected at least one, with distinct names")
        if not 0.0 < base_rate < 1.0:
            raise ValueError("base_rate: expected a number in (0, 1)")
        self.kernel = warm_up(kernel)
        self.outcomes = tuple(outcomes)
        self.base_rate = base_rate
        self.since: int | None = None
        """Answers since the world last changed, where somebody else watches it; no part of the state."""
        self.drift = Drift(len(self.outcomes))
        self._steps: Any = _numba() if self.kernel == "numba" else bayes_numpy
        self.encoder = Encoder(predictors, self.kernel)
        self._keys: list[Column] = []
        self._state = np.zeros((len(self.outcomes), 0, 2, self.encoder.fixed + SPARE_ROWS), dtype=np.float32)
        self._answers = np.zeros((len(self.outcomes), 0), dtype=np.int64)
        self._evidence: Floats | None = None
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
        self._arrange(self._state.shape[3])

    def encode(self, facts: Facts) -> LinearForm:
        """Encode one request's facts."""
        return self.encoder.encode(facts)

    def encode_known(self, facts: Facts, memory: dict[str, Any]) -> LinearForm:
        """Encode one request's facts, and remember what was read of a profile."""
        return self.encoder.encode_known(facts, memory)

    def predict(self, encoded: Encoded) -> Prediction:
        """Score all candidates; the arrays are overwritten by the next call."""
        assert isinstance(encoded, LinearForm)
        self._steps.predict(
            self._means,
            self._variances,
            self._top,
            encoded.dense,
            encoded.rows,
            self._group_of,
            self._log_odds,
            self._spread,
            self._propensity,
        )
        return self._prediction

    def foresee(self, facts: Facts, candidate: int, outcome: int) -> float:
        """Give one propensity from the columns of its candidate alone."""
        if not (0 <= candidate < len(self._catalogue) and 0 <= outcome < len(self.outcomes)):
            raise IndexError("candidate or outcome: not bound")
        return 1.0 / (1.0 + math.exp(-self._odds(self.encoder.encode(facts), candidate, outcome, 500.0)))

    def _odds(self, form: LinearForm, candidate: int, outcome: int, most: float) -> float:
        """Give the log odds of one candidate, within ±`most`."""
        mean = self._state[outcome, self._columns[candidate], 0].astype(np.float64).sum(axis=0)
        size = self.encoder.dense
        # Added exactly, so that no order of adding tells.
        odds = math.fsum((mean[:size] * form.dense).tolist()) + math.fsum(mean[form.rows].tolist())
        return max(-most, min(most, odds))

    def learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Learn one answer."""
        self.score_and_learn(facts, candidate, outcome, happened)

    def score_and_learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> tuple[float, float]:
        """Learn one answer, and give log odds and spread from before it."""
        if not (0 <= candidate < len(self._catalogue) and 0 <= outcome < len(self.outcomes)):
            raise IndexError("candidate or outcome: not bound")
        return self.learn_form(self.encoder.observe(facts), candidate, outcome, happened)

    def learn_form(self, form: LinearForm, candidate: int, outcome: int, happened: bool) -> tuple[float, float]:
        """As `score_and_learn`, of facts that were observed already."""
        columns = self._columns[candidate]
        self._make_room()
        self._answers[outcome, columns] += 1
        self._evidence = None
        answers, since = self._answers[outcome, columns], self._since(outcome)
        log_odds, variance = self._steps.learn(
            self._state[outcome],
            self._prior,
            columns,
            form.dense,
            form.rows,
            1.0 if happened else 0.0,
            faded(FORGETTING, answers, since),
            repeated(int(answers[ACTION]), since),
            self._top[outcome],
            self._means[outcome],
            self._variances[outcome],
            1 + self._group_place[candidate],
            self._siblings[candidate],
            self._sibling_columns[candidate],
        )
        log_odds = min(max(log_odds, -LOG_ODDS_MAX), LOG_ODDS_MAX)
        if self.since is None:
            self.drift.learn(outcome, log_odds, happened)
        return log_odds, math.sqrt(variance)

    def unlearn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Take back one answer, as it counts today; scales and levels stay, and columns left without answers clear."""
        if not (0 <= candidate < len(self._catalogue) and 0 <= outcome < len(self.outcomes)):
            raise IndexError("candidate or outcome: not bound")
        columns = self._columns[candidate]
        if self._answers[outcome, columns[-1]] == 0:
            return
        form = self.encoder.encode(facts)
        answers, since = self._answers[outcome, columns], self._since(outcome)
        # A group that an action moved to may have learned fewer answers than the action brought along.
        self._answers[outcome, columns] = np.maximum(answers - 1, 0)
        self._evidence = None
        self._steps.unlearn(
            self._state[outcome],
            self._prior,
            columns,
            form.dense,
            form.rows,
            1.0 if happened else 0.0,
            faded(FORGETTING, answers, since),
            repeated(int(answers[ACTION]), since),
            self._top[outcome],
            self._means[outcome],
            self._variances[outcome],
            1 + self._group_place[candidate],
            self._siblings[candidate],
            self._sibling_columns[candidate],
        )
        empty = [int(k) for k in columns if self._answers[outcome, k] == 0]
        if empty:
            capacity = self._state.shape[3]
            self._state[outcome, empty] = self._fresh([self._keys[k] for k in empty], capacity)[outcome]
            self._derive()
        if self.since is None:
            self.drift.unlearn(outcome, self._odds(form, candidate, outcome, LOG_ODDS_MAX), happened)

    def evidence(self) -> Floats:
        """Number of answers learned, float32 [O, C]; read-only, and the same array until something is learned."""
        if self._evidence is None:
            self._evidence = self._answers[:, self._columns[:, 3]].astype(np.float32)
            self._evidence.flags.writeable = False
        return self._evidence

    def snapshot(self) -> Snapshot:
        """Copy the learned state: the columns that learned anything, in the order of their keys."""
        learned = np.flatnonzero(self._answers.sum(axis=0))
        rows = len(self.encoder.owners)
        meta = self._description() | {
            "columns": [list(self._keys[k]) for k in learned],
            "levels": [[index, level] for index, level in self.encoder.levels],
        }
        arrays: dict[str, npt.NDArray[Any]] = {
            "weights": self._state[:, learned, :, :rows].copy(),
            "answers": self._answers[:, learned].copy(),
            "seen": self.encoder.seen.copy(),
            "mean": self.encoder.mean.copy(),
            "variance": self.encoder.variance.copy(),
            **self.drift.arrays(),
        }
        return Snapshot(arrays, meta)

    def restore(self, snapshot: Snapshot) -> None:
        """Take over a state; the bound catalogue stays bound, and a refused state changes nothing."""
        encoder = self.encoder.restored(snapshot)
        keys = _read_columns(snapshot.meta.get("columns"))
        description = self._description()
        for name, expected in description.items():
            if snapshot.meta.get(name) != expected:
                raise ValueError(f"snapshot: {name} is not that of this model")
        shape = (len(self.outcomes), len(keys), 2, len(encoder.owners))
        weights = read_array(snapshot, "weights", np.float32, shape)
        answers = read_array(snapshot, "answers", np.int64, shape[:2])
        if (answers < 0).any() or (weights[:, :, 1] <= 0.0).any() or (np.abs(weights) > WEIGHT_MAX).any():
            raise ValueError("snapshot: answers are negative, or weights or variances are out of range")
        drift = Drift(len(self.outcomes))
        drift.take(snapshot, {head: head for head in range(len(self.outcomes))}, len(self.outcomes))
        self.encoder, self.drift = encoder, drift
        self._keys = keys
        self._answers = answers.copy()
        capacity = len(encoder.owners) + SPARE_ROWS
        self._state = self._fresh(keys, capacity)
        self._state[:, :, :, : shape[3]] = weights
        self._arrange(capacity)

    def adopt(self, snapshot: Snapshot, moves: Moves) -> None:
        """Take over what a model of other predictors, outcomes or names knew."""
        if (snapshot.meta.get("model"), snapshot.meta.get("base_rate")) != (self.name, self.base_rate):
            raise ValueError("snapshot: it is of another model")
        self.restore(carried(snapshot, self.encoder, self.outcomes, moves, self._untaught))

    def digest(self) -> str:
        """Hex digest of the learned state."""
        return state_digest(self.snapshot())

    def weights(self, facts: Facts, candidate: int, outcome: int) -> list[tuple[str, float]]:
        """Contribution of each predictor to the log odds, largest first; the bias is left out."""
        form = self.encoder.encode(facts)
        mean = self._state[outcome, self._columns[candidate], 0].astype(np.float64).sum(axis=0)
        size = self.encoder.dense
        parts = [*(mean[:size] * form.dense).tolist(), *mean[form.rows].tolist()]
        totals = dict.fromkeys(range(len(self.encoder.predictors)), 0.0)
        for row, part in zip([*range(size), *form.rows.tolist()], parts, strict=True):
            owner = self.encoder.owners[row]
            if owner >= 0:
                totals[owner] += part
        named = [(self.encoder.predictors[owner].name, total) for owner, total in totals.items()]
        return sorted(named, key=lambda item: (-abs(item[1]), item[0]))

    def _since(self, outcome: int) -> int:
        return int(self.drift.since[outcome]) if self.since is None else self.since

    def _description(self) -> dict[str, Any]:
        return {
            "model": self.name,
            "format": FORMAT,
            "base_rate": self.base_rate,
            "predictors": [[p.name, str(p.type)] for p in self.encoder.predictors],
            "outcomes": list(self.outcomes),
        }

    def _arrange(self, capacity: int) -> None:
        """Lay out state and working arrays for the bound catalogue, with `capacity` rows."""
        learned = {self._keys[k] for k in np.flatnonzero(self._answers.sum(axis=0))}
        paths = [_columns_of(key) for key in self._catalogue]
        keys = sorted({()} | learned | {column for path in paths for column in path})
        place = {column: k for k, column in enumerate(keys)}
        state = self._fresh(keys, capacity)
        answers = np.zeros((len(self.outcomes), len(keys)), dtype=np.int64)
        rows = min(capacity, self._state.shape[3])
        for old, column in enumerate(self._keys):
            if column in place:
                state[:, place[column], :, :rows] = self._state[:, old, :, :rows]
                answers[:, place[column]] = self._answers[:, old]
        self._keys, self._state, self._answers = keys, state, answers
        self._evidence = None
        self._prior = self._prior_variance(capacity)
        self._columns = np.array([[place[c] for c in path] for path in paths], dtype=np.int64).reshape(-1, LAYERS)
        self._relate()
        self._derive()

    def _relate(self) -> None:
        """Note who belongs to which group and who shares an action with whom."""
        groups = {int(k): g for g, k in enumerate(sorted(set(self._columns[:, 1].tolist())))}
        self._groups = np.array(sorted(groups), dtype=np.int64)
        self._group_place = [groups[int(k)] for k in self._columns[:, 1]]
        size = _padded(len(self._catalogue))
        self._group_of = np.zeros(size, dtype=np.int64)
        self._group_of[: len(self._catalogue)] = np.array(self._group_place, dtype=np.int64) + 1
        children: dict[int, list[int]] = {}
        for candidate, k in enumerate(self._columns[:, 2].tolist()):
            children.setdefault(k, []).append(candidate)
        family = {k: np.array(members, dtype=np.int64) for k, members in children.items()}
        self._siblings = [family[k] for k in self._columns[:, 2].tolist()]
        self._sibling_columns = [np.ascontiguousarray(self._columns[s, 3]) for s in self._siblings]

    def _derive(self) -> None:
        """Copy the state into the arrays that predictions read."""
        heads, _, _, capacity = self._state.shape
        size = len(self._catalogue)
        self._top = np.zeros((heads, capacity, 2, _padded(1 + len(self._groups))), dtype=np.float32)
        self._top[..., 0] = self._state[:, 0].transpose(0, 2, 1)
        self._top[..., 1 : 1 + len(self._groups)] = self._state[:, self._groups].transpose(0, 3, 2, 1)
        both = self._state[:, self._columns[:, 2]] + self._state[:, self._columns[:, 3]]
        joint = np.zeros((2, heads, capacity, _padded(size)), dtype=np.float32)
        joint[..., :size] = both.transpose(2, 0, 3, 1)
        self._means = self._steps.halved(joint[0])
        self._variances = self._steps.coarse(joint[1])
        self._propensity = np.zeros((heads, _padded(size)), dtype=np.float32)
        self._log_odds = np.zeros_like(self._propensity)
        self._spread = np.zeros_like(self._propensity)
        self._prediction = Prediction(self._propensity[:, :size], self._log_odds[:, :size], self._spread[:, :size])

    def _make_room(self) -> None:
        needed = len(self.encoder.owners)
        if needed > self._state.shape[3]:
            self._arrange(needed + needed // 2)

    def _prior_variance(self, capacity: int) -> Floats:
        return _prior_variance(self.encoder, capacity)

    def _fresh(self, keys: Sequence[Column], capacity: int) -> Floats:
        """State of columns before any answer."""
        return _fresh(self.encoder, len(self.outcomes), keys, capacity, self.base_rate)

    def _untaught(self, encoder: Encoder, outcomes: Sequence[str], keys: Sequence[Column]) -> Floats:
        """The same for another encoding and other outcomes, without room to grow."""
        return _fresh(encoder, len(outcomes), keys, len(encoder.owners), self.base_rate)


def _prior_variance(encoder: Encoder, capacity: int) -> Floats:
    variance = min(WEIGHT_VARIANCE_MAX, WEIGHT_VARIANCE / math.sqrt(max(1, len(encoder.predictors))))
    prior = np.empty((LAYERS, capacity), dtype=np.float32)
    for layer in range(LAYERS):
        prior[layer] = variance * LAYER_SHARES[layer]
        prior[layer, encoder.bias] = BIAS_VARIANCES[layer]
    return prior


def _fresh(encoder: Encoder, heads: int, keys: Sequence[Column], capacity: int, base_rate: float) -> Floats:
    prior = _prior_variance(encoder, capacity)
    state = np.zeros((heads, len(keys), 2, capacity), dtype=np.float32)
    for k, column in enumerate(keys):
        state[:, k, 1] = prior[min(len(column), LAYERS - 1)]
        if not column:
            state[:, k, 0, encoder.bias] = math.log(base_rate / (1.0 - base_rate))
    return state


def _read_columns(value: object) -> list[Column]:
    if not isinstance(value, list):
        raise ValueError("snapshot: columns are missing")
    keys = []
    for names in value:
        if not (isinstance(names, list) and len(names) in (0, 1, 2, 4) and all(isinstance(n, str) for n in names)):
            raise ValueError("snapshot: columns: expected lists of 0, 1, 2 or 4 names")
        keys.append(tuple(names))
    if keys != sorted(set(keys)):
        raise ValueError("snapshot: columns: expected distinct keys in order")
    return keys
