"""Bayesian logistic regression that knows which weights vary together, for few actions.

Formulas: docs/concepts/learning.md, "joint".

Notation:
    O   outcomes (heads)
    B   blocks: one shared by all actions, then one for what each action of the bound catalogue or of the past adds
    F   rows of the encoding (see encoding.py); R, those that have a weight here, at most ROWS_MAX, with room to grow
    means  float64 [O, B, R], covariances  float64 [O, B, R, R]: what is learned
    prior  float64 [2, R], variance of every weight before any answer, of the shared block and of the others
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.learning import joint_numpy
from opportune.learning.base import CandidateKey, Encoded, Floats, Prediction, Predictor, PropensityModel, Snapshot
from opportune.learning.bayes_numpy import LOG_ODDS_MAX
from opportune.learning.carrying import paired_rows, places, read_former, with_levels
from opportune.learning.encoding import LEVELS_MAX, Encoder, LinearForm
from opportune.learning.fading import NEVER, faded
from opportune.learning.kernels import resolve_kernel
from opportune.learning.moves import Moves, Path
from opportune.learning.snapshot import read_array, state_digest
from opportune.records import Facts

__all__ = ["JointModel"]

WEIGHT_VARIANCES = (0.04, 0.18)
"""Before any answer, of a weight that all actions share and of what an action adds to it."""
BIAS_VARIANCES = (1.0, 1.0)
CURVE_SHARE = 0.4
"""Of those variances, for the curve of a number: most numbers are nearly straight."""
FORGETTING = 1e-5
BASE_RATE = 0.2
ROWS_MAX = 256
"""Rows with a weight here, first come: a covariance costs the square."""
SPARE_ROWS = 16
WEIGHT_MAX = 1e6
FORMAT = 1

Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int64]
SHARED: Path = ()
BLOCK_DEPTH = 2
"""Names in the path of an action's block; candidates have more."""


@functools.cache
def _numba() -> ModuleType:
    from opportune.learning import joint_numba

    joint_numba.warm_up()
    return joint_numba


def _paths(key: CandidateKey) -> tuple[Path, Path, Path]:
    """Give the shared block, the block of the action, and the candidate."""
    return SHARED, (key.group, key.action), (key.group, key.action, key.channel, key.treatment)


class JointModel(PropensityModel):
    """Bayesian logistic regression with full covariances: a part shared by all actions and a part of each.

    Learning costs the square of the rows of the encoding, predicting that times the actions: for few of both.
    Candidates of one action are alike to it.

    Args:
        predictors: facts it may see; names are distinct.
        outcomes: names of its heads, distinct, at least one.
        kernel: "auto", "numpy" or "numba".
        base_rate: probability of an outcome that is assumed before any answer, in (0, 1).
        forgetting: part of the way back to its prior variance that a weight goes with every answer that touches it,
            while these are few.
        looseness: times the variance of a weight before any answer, > 0.
    """

    name = "joint"

    def __init__(
        self,
        predictors: Sequence[Predictor],
        outcomes: Sequence[str],
        kernel: str = "auto",
        base_rate: float = BASE_RATE,
        forgetting: float = FORGETTING,
        looseness: float = 1.0,
    ) -> None:
        if len({p.name for p in predictors}) != len(predictors):
            raise ValueError("predictors: names must be distinct")
        if not outcomes or len(set(outcomes)) != len(outcomes):
            raise ValueError("outcomes: expected at least one, with distinct names")
        if not (0.0 < base_rate < 1.0 and 0.0 <= forgetting < 1.0):
            raise ValueError("base_rate: expected a number in (0, 1); forgetting: expected a number in [0, 1)")
        if not 0.0 < looseness < 100.0:
            raise ValueError("looseness: expected a number in (0, 100)")
        self.kernel = resolve_kernel(kernel)
        self.outcomes = tuple(outcomes)
        self.base_rate = base_rate
        self.forgetting = forgetting
        self.looseness = looseness
        self.since = NEVER
        """Answers since the world last changed; set by who sees that it has, and no part of the state."""
        self._steps: Any = _numba() if self.kernel == "numba" else joint_numpy
        self.encoder = Encoder(predictors, self.kernel)
        self._keys: list[Path] = []
        self._means: Doubles = np.zeros((len(self.outcomes), 0, 0))
        self._covariances: Doubles = np.zeros((len(self.outcomes), 0, 0, 0))
        self._answers: dict[Path, Counts] = {}
        self._catalogue: tuple[CandidateKey, ...] = ()
        self.bind(())

    @staticmethod
    def rows_most(predictors: Sequence[Predictor]) -> int:
        """Give the most rows that these predictors will ever have here."""
        encoder = Encoder(predictors, "numpy")
        return min(ROWS_MAX, encoder.fixed + LEVELS_MAX * encoder.open)

    def bind(self, catalogue: Sequence[CandidateKey]) -> None:
        """Fix the candidate axis; actions that leave and come back find what was learned of them.

        Raises:
            ValueError: a key stands in the catalogue twice.
        """
        if len(set(catalogue)) != len(catalogue):
            raise ValueError("catalogue: every candidate key must stand there once")
        self._catalogue = tuple(catalogue)
        self._arrange(self._rows_needed())

    def encode(self, facts: Facts) -> LinearForm:
        """Encode one request's facts."""
        return self.encoder.encode(facts)

    def predict(self, encoded: Encoded) -> Prediction:
        """Score all candidates; the arrays are overwritten by the next call."""
        assert isinstance(encoded, LinearForm)
        for head in range(len(self.outcomes)):
            means, covariances, values, rows = self._means[head], self._covariances[head], encoded.dense, encoded.rows
            log_odds, spread = self._log_odds[head], self._spread[head]
            self._steps.predict(means, covariances, self._bound, self._places, values, rows, log_odds, spread)
        np.divide(1.0, 1.0 + np.exp(-self._log_odds), out=self._propensity)
        return self._prediction

    def learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Learn one answer."""
        self.score_and_learn(facts, candidate, outcome, happened)

    def score_and_learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> tuple[float, float]:
        """Learn one answer, and give log odds and spread from before it."""
        self._check_bound(candidate, outcome)
        return self.learn_form(self.encoder.observe(facts), candidate, outcome, happened)

    def read_with(self, encoder: Encoder) -> None:
        """Leave reading facts, and learning how, to a model that gives its forms to `learn_form`."""
        self.encoder = encoder

    def learn_form(self, form: LinearForm, candidate: int, outcome: int, happened: bool) -> tuple[float, float]:
        """As `score_and_learn`, of facts that were observed already."""
        if self._rows_needed() > self._means.shape[2]:
            self._arrange(min(ROWS_MAX, self._rows_needed() + SPARE_ROWS))
        for path in self._paths[candidate]:
            self._counts(path)[outcome] += 1
        forgetting = self._forgetting(candidate, outcome)
        log_odds, variance = self._steps.learn(*self._step(form, candidate, outcome, happened, forgetting))
        return min(max(log_odds, -LOG_ODDS_MAX), LOG_ODDS_MAX), math.sqrt(variance)

    def unlearn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Take back one answer, as it counts today; scales and levels stay, and blocks left without answers clear."""
        self._check_bound(candidate, outcome)
        paths = self._paths[candidate]
        if self._counts(paths[-1])[outcome] == 0:
            return
        forgetting = self._forgetting(candidate, outcome)
        for path in paths:
            # A block of several that became one may have learned fewer answers than its candidates.
            self._counts(path)[outcome] = max(0, self._counts(path)[outcome] - 1)
        self._steps.unlearn(*self._step(self.encoder.encode(facts), candidate, outcome, happened, forgetting))
        for path, block in zip(paths, self._blocks[candidate].tolist(), strict=False):
            if self._counts(path)[outcome] == 0:
                self._means[outcome, block], self._covariances[outcome, block] = self._fresh(path, self._means.shape[2])

    def evidence(self) -> Floats:
        """Number of answers learned and not taken back, float32 [O, C]."""
        none = np.zeros(len(self.outcomes), dtype=np.int64)
        found = [self._answers.get(path, none) for *_, path in self._paths]
        return np.array(found, dtype=np.float32).reshape(-1, len(self.outcomes)).T

    def snapshot(self) -> Snapshot:
        """Copy the learned state: what has answers, in the order of its keys."""
        if self._rows_needed() > self._means.shape[2]:
            self._arrange(self._rows_needed())
        learned = [path for path in sorted(self._answers) if self._answers[path].any()]
        blocks = [k for k, path in enumerate(self._keys) if path in learned]
        rows = min(ROWS_MAX, len(self.encoder.owners))
        counts = [self._answers[path] for path in learned]
        meta = self._description() | {
            "paths": [list(path) for path in learned],
            "levels": [[index, level] for index, level in self.encoder.levels],
        }
        arrays: dict[str, npt.NDArray[Any]] = {
            "means": self._means[:, blocks, :rows],
            "covariances": self._covariances[:, blocks, :rows, :rows],
            "answers": np.array(counts, dtype=np.int64).reshape(-1, len(self.outcomes)).T.copy(),
            "seen": self.encoder.seen.copy(),
            "mean": self.encoder.mean.copy(),
            "variance": self.encoder.variance.copy(),
        }
        return Snapshot(arrays, meta)

    def restore(self, snapshot: Snapshot) -> None:
        """Take over a state; the bound catalogue stays bound, and a refused state changes nothing."""
        encoder = self.encoder.restored(snapshot)
        paths = _read_paths(snapshot.meta.get("paths"))
        for name, expected in self._description().items():
            if snapshot.meta.get(name) != expected:
                raise ValueError(f"snapshot: {name} is not that of this model")
        means, covariances, answers = _read(snapshot, len(self.outcomes), paths, min(ROWS_MAX, len(encoder.owners)))
        self.encoder = encoder
        self._answers = {path: answers[:, k].copy() for k, path in enumerate(paths)}
        self._keys = [path for path in paths if len(path) <= BLOCK_DEPTH]
        self._means, self._covariances = means.copy(), covariances.copy()
        self._arrange(self._rows_needed())

    def adopt(self, snapshot: Snapshot, moves: Moves) -> None:
        """Take over what a model of other predictors, outcomes or names knew."""
        if (snapshot.meta.get("model"), snapshot.meta.get("base_rate")) != (self.name, self.base_rate):
            raise ValueError("snapshot: it is of another model")
        self.restore(self._carried(snapshot, moves))

    def digest(self) -> str:
        """Hex digest of the learned state."""
        return state_digest(self.snapshot())

    def weights(self, facts: Facts, candidate: int, outcome: int) -> list[tuple[str, float]]:
        """Contribution of each predictor to the log odds, largest first; the bias is left out."""
        form = self.encoder.encode(facts)
        mean = self._means[outcome][self._blocks[candidate]].sum(axis=0)
        rows = form.rows[form.rows < len(mean)]
        size = min(len(form.dense), len(mean))
        parts = [*(mean[:size] * form.dense[:size]).tolist(), *mean[rows].tolist()]
        totals = dict.fromkeys(range(len(self.encoder.predictors)), 0.0)
        for row, part in zip([*range(size), *rows.tolist()], parts, strict=True):
            owner = self.encoder.owners[row]
            if owner >= 0:
                totals[owner] += part
        named = [(self.encoder.predictors[owner].name, total) for owner, total in totals.items()]
        return sorted(named, key=lambda item: (-abs(item[1]), item[0]))

    def _check_bound(self, candidate: int, outcome: int) -> None:
        if not (0 <= candidate < len(self._catalogue) and 0 <= outcome < len(self.outcomes)):
            raise IndexError("candidate or outcome: not bound")

    def _counts(self, path: Path) -> Counts:
        return self._answers.setdefault(path, np.zeros(len(self.outcomes), dtype=np.int64))

    def _description(self) -> dict[str, Any]:
        return {
            "model": self.name,
            "format": FORMAT,
            "base_rate": self.base_rate,
            "forgetting": self.forgetting,
            "looseness": self.looseness,
            "predictors": [[p.name, str(p.type)] for p in self.encoder.predictors],
            "outcomes": list(self.outcomes),
        }

    def _rows_needed(self) -> int:
        return max(int(self._means.shape[2]), min(ROWS_MAX, len(self.encoder.owners)))

    def _forgetting(self, candidate: int, outcome: int) -> Doubles:
        """Give how much the block of all and that of the action forget with an answer."""
        shared, own, _ = self._paths[candidate]
        answers = np.array((self._counts(shared)[outcome], self._counts(own)[outcome]))
        return faded(self.forgetting, answers, self.since)

    def _step(
        self, form: LinearForm, candidate: int, outcome: int, happened: bool, forgetting: Doubles
    ) -> tuple[Any, ...]:
        """Arguments of the steps `learn` and `unlearn`."""
        means, covariances, blocks = self._means[outcome], self._covariances[outcome], self._blocks[candidate]
        answer = 1.0 if happened else 0.0
        return means, covariances, self._prior, blocks, form.dense, form.rows, answer, forgetting

    def _arrange(self, rows: int) -> None:
        """Lay out blocks and working arrays for the bound catalogue, with room for so many rows."""
        self._paths = [_paths(key) for key in self._catalogue]
        bound = [paths[1] for paths in self._paths]
        learned = {path for path in self._keys if path in self._answers and self._answers[path].any()}
        keys = sorted({SHARED} | learned | set(bound))
        heads, size = len(self.outcomes), self._means.shape[2]
        means, covariances = np.zeros((heads, len(keys), rows)), np.zeros((heads, len(keys), rows, rows))
        self._prior = _prior_variance(self.encoder, rows, self.looseness)
        former = {path: k for k, path in enumerate(self._keys)}
        for k, path in enumerate(keys):
            means[:, k], covariances[:, k] = self._fresh(path, rows)
            if path in former:
                means[:, k, :size] = self._means[:, former[path]]
                covariances[:, k, :size, :size] = self._covariances[:, former[path]]
        self._keys, self._means, self._covariances = keys, means, covariances
        actions = sorted(set(bound))
        self._bound = np.array([0, *(keys.index(path) for path in actions)], dtype=np.int64)
        self._places = np.array([1 + actions.index(path) for path in bound], dtype=np.int64)
        self._blocks = np.stack((np.zeros_like(self._places), self._bound[self._places]), axis=1)
        shape = (heads, len(self._catalogue))
        self._prediction = Prediction(*(np.zeros(shape, dtype=np.float32) for _ in range(3)))
        self._propensity, self._log_odds = self._prediction.propensity, self._prediction.log_odds
        self._spread = self._prediction.spread

    def _fresh(self, path: Path, rows: int) -> tuple[Doubles, Doubles]:
        """Means and covariances of a block before any answer."""
        return _fresh(self.encoder, path, rows, self.base_rate, self.looseness)

    def _carried(self, snapshot: Snapshot, moves: Moves) -> Snapshot:
        """Give the state of this model that knows what a snapshot of another one knows."""
        former, heads, paths = read_former(snapshot, "paths")
        means, covariances, answers = _read(snapshot, len(heads), paths, min(ROWS_MAX, len(former.owners)))
        targets, sources = places(paths, answers, moves)
        own = [self.outcomes.index(head) for head in heads if head in self.outcomes]
        theirs = [k for k, head in enumerate(heads) if head in self.outcomes]
        counts = np.zeros((len(self.outcomes), len(targets)), dtype=np.int64)
        counts[own] = answers[theirs][:, sources]
        kept = [k for k in range(len(targets)) if counts[:, k].any()]
        later = with_levels(self.encoder, former)
        pairs = [pair for pair in zip(*paired_rows(later, former), strict=True) if max(pair) < ROWS_MAX]
        rows, former_rows = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        blocks = [k for k in kept if len(targets[k]) <= BLOCK_DEPTH]
        size = min(ROWS_MAX, len(later.owners))
        fresh = [_fresh(later, targets[k], size, self.base_rate, self.looseness) for k in blocks]
        shape = (len(self.outcomes), len(blocks), size)
        new_means, new_covariances = np.zeros(shape), np.zeros((*shape, size))
        for place, k in enumerate(blocks):
            new_means[:, place], new_covariances[:, place] = fresh[place]
            block = [path for path in paths if len(path) <= BLOCK_DEPTH].index(paths[sources[k]])
            for head, their in zip(own, theirs, strict=True):
                if counts[head, k]:
                    new_means[head, place, rows] = means[their, block, former_rows]
                    new_covariances[head, place][np.ix_(rows, rows)] = covariances[their, block][
                        np.ix_(former_rows, former_rows)
                    ]
        arrays: dict[str, npt.NDArray[Any]] = {"means": new_means, "covariances": new_covariances}
        arrays |= {"answers": counts[:, kept], "seen": later.seen, "mean": later.mean, "variance": later.variance}
        return Snapshot(
            arrays,
            self._description()
            | {"paths": [list(targets[k]) for k in kept], "levels": [[index, level] for index, level in later.levels]},
        )


def _prior_variance(encoder: Encoder, rows: int, looseness: float) -> Doubles:
    prior = np.empty((2, rows))
    for part in range(2):
        prior[part] = WEIGHT_VARIANCES[part] * looseness
        prior[part, encoder.dense // 2 : encoder.dense] *= CURVE_SHARE
        prior[part, encoder.bias : encoder.bias + 1] = BIAS_VARIANCES[part]
    return prior


def _fresh(encoder: Encoder, path: Path, rows: int, base_rate: float, looseness: float) -> tuple[Doubles, Doubles]:
    means = np.zeros(rows)
    if path == SHARED and encoder.bias < rows:
        means[encoder.bias] = math.log(base_rate / (1.0 - base_rate))
    return means, np.diag(_prior_variance(encoder, rows, looseness)[min(len(path), 1)])


def _read_paths(value: object) -> list[Path]:
    if not isinstance(value, list):
        raise ValueError("snapshot: paths are missing")
    paths = []
    for names in value:
        if not (isinstance(names, list) and len(names) in (0, 2, 4) and all(isinstance(n, str) for n in names)):
            raise ValueError("snapshot: paths: expected lists of 0, 2 or 4 names")
        paths.append(tuple(names))
    if paths != sorted(set(paths)):
        raise ValueError("snapshot: paths: expected distinct paths in order")
    return paths


def _read(snapshot: Snapshot, heads: int, paths: Sequence[Path], rows: int) -> tuple[Doubles, Doubles, Counts]:
    """Means and covariances of the blocks among the paths, and the answers of all paths."""
    blocks = sum(len(path) <= BLOCK_DEPTH for path in paths)
    means = read_array(snapshot, "means", np.float64, (heads, blocks, rows))
    covariances = read_array(snapshot, "covariances", np.float64, (heads, blocks, rows, rows))
    answers = read_array(snapshot, "answers", np.int64, (heads, len(paths)))
    variances = np.diagonal(covariances, axis1=2, axis2=3)
    largest = max(np.abs(means).max(initial=0.0), np.abs(covariances).max(initial=0.0))
    if (answers < 0).any() or (variances <= 0.0).any() or largest > WEIGHT_MAX:
        raise ValueError("snapshot: answers are negative, or weights or variances are out of range")
    return means, covariances, answers
