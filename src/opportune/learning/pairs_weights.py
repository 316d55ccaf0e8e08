"""Weights of a `pairs` model, and how one answer moves them. Notation: pairs.py.

Formulas: docs/concepts/learning-experts.md, "pairs".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opportune.learning.base import Encoded
from opportune.learning.cells import text_key
from opportune.learning.fading import faded, repeated
from opportune.learning.pairs_coding import COARSE, FIRST, Recoded
from opportune.learning.screening import CELLS, Note, Screening

__all__ = ["PairWeights", "PairsForm", "Path"]

Whole = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Path = tuple[str, ...]
Step = Callable[[float, float, float], tuple[float, float]]
Pull = Callable[[float, float], tuple[float, float]]

BASE_RATE = 0.2
BIAS_VARIANCES = (1.0, 1.0, 0.25)
"""Before any answer: of the bias of all, of an action, of a candidate."""
BIAS_DEPTHS = (0, 2, 4)
WEIGHT_VARIANCE = 0.45
"""Of a predictor's weight, all layers together, times the root of the number of predictors."""
WEIGHT_VARIANCE_MAX = 0.3
SHARES = (0.4, 0.6)
"""Of that, for all actions and for each."""
PAIR_VARIANCE = 0.05
CAUTION = 4.0
"""How much faster a pair's weight settles than one of its own would: pairs say many things twice."""
FORGETTING = 1e-4
SHARED_PLACES, OWN_PLACES = 30, 12
OWN_CELLS_MAX = 1 << 19
"""Weights of pairs with actions, per outcome: with many actions fewer pairs have some."""
SCORE_MIN = 3.0
"""Standard deviations beyond chance from which a pair is chosen."""
SCORE_KEPT = 0.8
"""Part of the score of others that a pair needs to stay."""
CHOICE = 100
"""Answers from one choice of pairs to the next."""


class PairsForm(Encoded):
    """Rows of fine codes and of lines, int64 [P + N], their values, float32, and the coarse codes, int64 [P]."""

    __slots__ = ("coarse", "rows", "values")

    def __init__(self, rows: Whole, values: Floats, coarse: Whole) -> None:
        self.rows = rows
        self.values = values
        self.coarse = coarse


class PairWeights:
    """Weights of one model, for all its outcomes.

    Args:
        predictors: P; outcomes: O; rows: R.
        note: step of the kernel, see pairs_numpy.py.
    """

    def __init__(self, predictors: int, outcomes: int, rows: int, note: Note) -> None:
        self.predictors = predictors
        variance = min(WEIGHT_VARIANCE_MAX, WEIGHT_VARIANCE / math.sqrt(max(1, predictors)))
        self.priors = tuple(variance * share for share in SHARES)
        self.actions: list[Path] = []
        self.column_of: dict[Path, int] = {}
        self.nodes: list[Path] = [()]
        self.node_of: dict[Path, int] = {(): 0}
        self.answers: Whole = np.zeros((outcomes, 8), dtype=np.int64)
        self.bias: Floats = np.zeros((outcomes, 2, 8), dtype=np.float32)
        self.bias[:, 0, 0] = math.log(BASE_RATE / (1.0 - BASE_RATE))
        self.bias[:, 1, 0] = BIAS_VARIANCES[0]
        self.shared: Floats = _fresh((outcomes, 2, rows), self.priors[0])
        self.own: Floats = _fresh((outcomes, 2, rows, 8), self.priors[1])
        self.chosen: Whole = np.full((outcomes, SHARED_PLACES), -1, dtype=np.int64)
        self.chosen_own: Whole = np.full((outcomes, OWN_PLACES), -1, dtype=np.int64)
        self.scores: Doubles = np.zeros((outcomes, SHARED_PLACES + OWN_PLACES))
        """Scores of the pairs in their places when they were last looked at."""
        self.pairs: Floats = _fresh((outcomes, 2, SHARED_PLACES, CELLS), PAIR_VARIANCE)
        self.own_pairs: Floats = _fresh((outcomes, 2, OWN_PLACES, CELLS, 8), PAIR_VARIANCE)
        self.screenings = [Screening(predictors, note) for _ in range(outcomes)]

    def admit(self, path: Path) -> bool:
        """Make room for a candidate and its action; return whether they were new."""
        if path in self.node_of:
            return False
        action = path[:2]
        if action not in self.column_of:
            self.actions.append(action)
            self.column_of[action] = len(self.actions)
            if len(self.actions) >= self.own.shape[3]:
                self.own = _wider(self.own, self.priors[1])
                self.own_pairs = _wider(self.own_pairs, PAIR_VARIANCE)
                self._narrow()
        for layer, depth in enumerate(BIAS_DEPTHS[1:], start=1):
            if path[:depth] not in self.node_of:
                node = self.node_of[path[:depth]] = len(self.nodes)
                self.nodes.append(path[:depth])
                if node >= self.bias.shape[2]:
                    self.bias = np.concatenate((self.bias, np.zeros_like(self.bias)), axis=2)
                    self.answers = np.concatenate((self.answers, np.zeros_like(self.answers)), axis=1)
                self.bias[:, 1, node] = BIAS_VARIANCES[layer]
        return True

    def _narrow(self) -> None:
        """Keep as many places for pairs with actions as there is room for."""
        places = max(0, min(OWN_PLACES, OWN_CELLS_MAX // (CELLS * self.own_pairs.shape[4])))
        if places < self.own_pairs.shape[2]:
            self.own_pairs = np.ascontiguousarray(self.own_pairs[:, :, :places])
            self.chosen_own = self.chosen_own[:, :places].copy()
            self.scores = self.scores[:, : SHARED_PLACES + places].copy()

    def answers_of(self, head: int, path: Path) -> int:
        """Answers of a candidate."""
        node = self.node_of.get(path)
        return 0 if node is None else int(self.answers[head, node])

    def bias_nodes(self, paths: Sequence[Path]) -> Whole:
        """Nodes whose biases make up that of each candidate, [layers, C]; -1 for one that learned nothing."""
        found = [[self.node_of.get(path[:depth], -1) for path in paths] for depth in BIAS_DEPTHS]
        return np.array(found, dtype=np.int64).reshape(len(BIAS_DEPTHS), len(paths))

    def biases(self, head: int, nodes: Whole) -> Floats:
        """Mean and variance of the bias of candidates, [2, C]."""
        found = np.zeros((2, nodes.shape[1]), dtype=np.float32)
        for layer, own in enumerate(nodes):
            found[0] += np.where(own < 0, np.float32(0.0), self.bias[head, 0, own])
            found[1] += np.where(own < 0, np.float32(BIAS_VARIANCES[layer]), self.bias[head, 1, own])
        return found

    def places(self, head: int, coarse: Whole) -> tuple[Whole, Whole]:
        """Flat places of the weights that chosen pairs touch: in pairs [K × CELLS] and own_pairs [Ko × CELLS]."""
        return self._touched(self.chosen[head], head, coarse), self._touched(self.chosen_own[head], head, coarse)

    def _touched(self, chosen: Whole, head: int, coarse: Whole) -> Whole:
        used = np.flatnonzero(chosen >= 0)
        later, earlier = self.screenings[head].pairs[:, chosen[used]]
        found: Whole = used * CELLS + coarse[later] * COARSE + coarse[earlier]
        return found

    def recode(self, recoded: Recoded, start: int) -> None:
        """Take weights along where bins of a number moved; `start` is the row of its code 0."""
        rows = start + FIRST + np.arange(len(recoded.fine))
        formers = start + np.array(recoded.fine, dtype=np.int64)
        self.shared[:, :, rows] = self.shared[:, :, formers]
        self.own[:, :, rows] = self.own[:, :, formers]
        codes = FIRST + np.arange(len(recoded.coarse))
        for head, screening in enumerate(self.screenings):
            for chosen, weights in (
                (self.chosen[head], self.pairs[head]),
                (self.chosen_own[head], self.own_pairs[head]),
            ):
                for place in np.flatnonzero(chosen >= 0).tolist():
                    grid = weights[:, place].reshape(2, COARSE, COARSE, -1)
                    later, earlier = screening.pairs[:, chosen[place]].tolist()
                    if later == recoded.predictor:
                        grid[:, codes] = grid[:, recoded.coarse]
                    elif earlier == recoded.predictor:
                        grid[:, :, codes] = grid[:, :, recoded.coarse]

    def learn(
        self, head: int, path: Path, form: PairsForm, happened: float, settle: Step, since: int
    ) -> tuple[float, float]:
        """Move the weights by one answer, now and then choose pairs anew; give log odds and variance from before it."""
        touched = self._touch(head, path, form)
        answers, x = self.answers[head, touched.nodes], touched.values
        # What all actions share is as settled as all of them made it: a new action must not loosen it.
        forgetting = faded(FORGETTING, answers, since)[touched.layers] * (x != 0.0)
        variance = touched.variance + forgetting * (touched.prior - touched.variance)
        log_odds, whole = _total(touched.mean * x), _total(variance * x * x)
        error, curvature = settle(log_odds, whole, happened)
        told = self._told(touched, variance, len(form.rows), repeated(int(answers[1]), since))
        mean = touched.mean + variance * x * error
        variance /= 1.0 + curvature * told
        self._scatter(head, touched, form.rows, mean, variance)
        self.answers[head, touched.nodes] += 1
        p = 1.0 / (1.0 + math.exp(-min(max(log_odds, -15.0), 15.0)))
        screening = self.screenings[head]
        screening.learn(form.coarse, text_key(repr(path[:2])), happened - p, p * (1.0 - p))
        if screening.size and screening.answers % CHOICE == 0:
            self._choose(head)
        return log_odds, whole

    def unlearn(self, head: int, path: Path, form: PairsForm, happened: float, pull: Pull, since: int) -> None:
        """Move the weights back by one answer."""
        touched = self._touch(head, path, form)
        variance, prior, x = touched.variance, touched.prior, touched.values
        error, curvature = pull(_total(touched.mean * x), happened)
        answers = int(self.answers[head, touched.nodes[1]])
        told = 1.0 - curvature * self._told(touched, variance, len(form.rows), repeated(answers, since))
        variance = np.where(told * prior > variance, variance / np.where(told > 0.0, told, 1.0), prior)
        self._scatter(head, touched, form.rows, touched.mean - variance * x * error, variance)
        self.answers[head, touched.nodes] -= 1

    def _nodes(self, path: Path) -> Whole:
        return np.array([self.node_of[path[:depth]] for depth in BIAS_DEPTHS], dtype=np.int64)

    def _told(self, touched: _Touched, variance: Doubles, rows: int, repeated: float) -> Doubles:
        """What a weight's variance shrinks by: that of all layers of a predictor; more than its own for a pair.

        Args:
            repeated: how far the others are taken to say the same, 0 to 1.
        """
        squares = touched.values * touched.values
        own = squares * self._together(variance, rows)
        rest = np.maximum(_total(variance * squares) - own, 0.0)
        return own + np.minimum(1.0, squares) * rest * repeated

    def _together(self, variance: Doubles, rows: int) -> Doubles:
        found = variance * CAUTION
        layers = len(BIAS_DEPTHS)
        found[:layers] = np.add.accumulate(variance[:layers])[-1]
        both = variance[layers : layers + rows] + variance[layers + rows : layers + 2 * rows]
        found[layers : layers + rows] = both
        found[layers + rows : layers + 2 * rows] = both
        return found

    def _touch(self, head: int, path: Path, form: PairsForm) -> _Touched:
        """Give the weights that one answer is about."""
        column = self.column_of[path[:2]]
        nodes = self._nodes(path)
        places, own_places = self.places(head, form.coarse)
        parts = []
        for part in range(2):
            own_pairs = self.own_pairs[head, part].reshape(-1, self.own_pairs.shape[4])
            rows = self.shared[head, part, form.rows], self.own[head, part, form.rows, column]
            pairs = self.pairs[head, part].reshape(-1)[places], own_pairs[own_places, column]
            parts.append(np.concatenate((self.bias[head, part, nodes], *rows, *pairs)).astype(np.float64))
        layers, size = len(nodes), len(form.rows)
        prior = np.full(len(parts[0]), PAIR_VARIANCE)
        prior[:layers] = BIAS_VARIANCES
        prior[layers : layers + size] = self.priors[0]
        prior[layers + size : layers + 2 * size] = self.priors[1]
        values = np.ones(len(prior))
        values[layers : layers + size] = form.values
        values[layers + size : layers + 2 * size] = form.values
        sizes = (1, 1, 1, size, size, len(places), len(own_places))
        own_layers = np.repeat((0, 1, 2, 0, 1, 0, 1), sizes)
        return _Touched(column, nodes, places, own_places, own_layers, parts[0], parts[1], prior, values)

    def _scatter(self, head: int, touched: _Touched, rows: Whole, mean: Doubles, variance: Doubles) -> None:
        a = len(touched.nodes)
        b, c = a + len(rows), a + 2 * len(rows)
        d = c + len(touched.places)
        for part, values in enumerate((mean, variance)):
            self.bias[head, part, touched.nodes] = values[:a]
            self.shared[head, part, rows] = values[a:b]
            self.own[head, part, rows, touched.column] = values[b:c]
            if d > c:
                self.pairs[head, part].reshape(-1)[touched.places] = values[c:d]
            if len(values) > d:
                flat = self.own_pairs[head, part].reshape(-1, self.own_pairs.shape[4])
                flat[touched.own_places, touched.column] = values[d:]

    def _choose(self, head: int) -> None:
        screening = self.screenings[head]
        window, scores = screening.window(), screening.scores()
        split = self.chosen.shape[1]
        for part, chosen, held, weights in (
            (0, self.chosen[head], self.scores[head, :split], self.pairs[head]),
            (1, self.chosen_own[head], self.scores[head, split:], self.own_pairs[head]),
        ):
            _exchange(chosen, held, window, scores[part], weights)

    def contributions(self, head: int, column: int, form: PairsForm, numbers: Sequence[int]) -> Doubles:
        """What each predictor adds to the log odds, [P].

        Args:
            numbers: predictors that the lines belong to.
        """
        both = self.shared[head, 0, form.rows].astype(np.float64) + self.own[head, 0, form.rows, column]
        said = both * form.values
        found: Doubles = said[: len(form.coarse)].copy()
        found[list(numbers)] += said[len(form.coarse) :]
        places = self.places(head, form.coarse)
        weights = (
            self.pairs[head, 0].reshape(-1)[places[0]],
            self.own_pairs[head, 0].reshape(-1, self.own_pairs.shape[4])[places[1], column],
        )
        for chosen, values in zip((self.chosen[head], self.chosen_own[head]), weights, strict=True):
            for pair, value in zip(chosen[chosen >= 0].tolist(), values.tolist(), strict=True):
                found[self.screenings[head].pairs[:, pair]] += 0.5 * value
        return found

    def chosen_pairs(self, head: int) -> list[tuple[int, int, bool, float]]:
        """Predictors of each chosen pair, whether it has weights of each action, and its score."""
        found = []
        split = self.chosen.shape[1]
        for start, chosen, is_own in ((0, self.chosen[head], False), (split, self.chosen_own[head], True)):
            for place in np.flatnonzero(chosen >= 0).tolist():
                later, earlier = self.screenings[head].pairs[:, chosen[place]].tolist()
                found.append((earlier, later, is_own, float(self.scores[head, start + place])))
        return found


class _Touched(NamedTuple):
    """Weights that one answer is about: biases, shared and own rows, shared and own pairs, one after the other.

    Args:
        layers: place among `nodes` of the one whose weight each is.
    """

    column: int
    nodes: Whole
    places: Whole
    own_places: Whole
    layers: Whole
    mean: Doubles
    variance: Doubles
    prior: Doubles
    values: Doubles


def _exchange(chosen: Whole, held: Doubles, window: Whole, scores: Doubles, weights: Floats) -> None:
    """Fill places with the pairs of the best scores; one that stays keeps its weights, a new one begins anew."""
    if not len(chosen):
        return
    seen = dict(zip(window.tolist(), scores.tolist(), strict=True))
    for place, pair in enumerate(chosen.tolist()):
        if pair in seen:
            held[place] = seen[pair]
    present = {pair: place for place, pair in enumerate(chosen.tolist()) if pair >= 0}
    bids = {pair: score for pair, score in seen.items() if pair not in present and score >= SCORE_MIN}
    bids |= {pair: float(held[place]) / SCORE_KEPT for pair, place in present.items()}
    best = sorted(bids, key=lambda pair: (-bids[pair], pair))[: len(chosen)]
    for pair, place in present.items():
        if pair not in best or bids[pair] < SCORE_MIN:
            chosen[place] = -1
            held[place] = 0.0
    free = [place for place, pair in enumerate(chosen.tolist()) if pair < 0]
    for pair, place in zip([pair for pair in best if pair not in present], free, strict=False):
        chosen[place], held[place] = pair, seen[pair]
        weights[0, place] = 0.0
        weights[1, place] = PAIR_VARIANCE


def _fresh(shape: tuple[int, ...], variance: float) -> Floats:
    found = np.zeros(shape, dtype=np.float32)
    found[:, 1] = variance
    return found


def _wider(values: Floats, variance: float) -> Floats:
    more = _fresh(values.shape, variance)
    return np.concatenate((values, more), axis=-1)


def _total(terms: Doubles) -> float:
    """Sum one after the other."""
    return float(np.add.accumulate(terms)[-1])
