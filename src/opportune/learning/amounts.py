"""How much an outcome is expected to be: Bayesian linear regression in layers, online.

Formulas: docs/concepts/learning.md, "amounts". NumPy alone serves both kernels, so that they agree bit by bit; no
matrix product is used, because the order of its sums depends on threads and addresses.

Notation:
    H  outcomes with an amount
    N  nodes: all, groups, actions, candidates that learned something, one row each; the first one is empty
    F  rows of the encoding, see encoding.py
    k  unit of an outcome: the power of two near its usual amount; weights count in it
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.learning.base import CandidateKey, Predictor, Snapshot
from opportune.learning.carrying import paired_rows, read_former, with_levels
from opportune.learning.encoding import Encoder, LinearForm
from opportune.learning.moves import Moves, Path
from opportune.learning.snapshot import read_array
from opportune.records import Facts

__all__ = ["AmountModel"]

Doubles = npt.NDArray[np.float64]

LAYERS = 4
LAYER_SHARES = (0.2, 0.2, 0.5, 0.1)
"""Shares of all, group, action and candidate in the variance of a weight before any amount."""
BASE_SHARES = (0.02, 0.2, 0.6, 0.18)
"""The same of the base amount: the mean of all is known already."""
BASE_VARIANCE = 4.0
"""Variance of the base amount around the mean of all, over all layers, in squares of the unit."""
WEIGHT_VARIANCE = 0.3
"""Variance of another weight, at most; it falls with the root of the number of predictors."""
USUAL_TIMES = 100.0
"""An amount counts as so many times the usual one, at most."""
STEP, STEP_LEAST = 2.0, 0.02
"""Step of the usual amount in powers of two: STEP / root of the amounts learned, at least STEP_LEAST."""
SURPRISE_MOST = 8.0
"""Standard deviations by which an amount surprises, at most."""
CENTRE_ANSWERS = 1_000
"""Amounts that the mean of all goes back, at most."""
DRIFT = 2
"""Powers of two by which the usual amount leaves its unit before that follows."""
NOISE_ANSWERS, NOISE_MOST, NOISE_LEAST = 5.0, 1_000.0, 1e-4
MODEL, FORMAT = "amounts", 1


@dataclass(slots=True)
class _Head:
    """What is known of the amounts of one outcome.

    Args:
        learned: amounts learned; `usual` the logarithm of the usual one to base 2, of those that are not 0.
        power: exponent of the unit k; `noise` the variance of an amount around what was expected, in squares of k.
        centre: mean of all amounts, in k; weights count from there.
        nodes: path → row of the other arrays; `at` the row of every candidate and layer, None where not known yet.
        means, variances: float64 [N, F].
        answers: int64 [N].
    """

    low: float
    high: float
    means: Doubles
    variances: Doubles
    answers: npt.NDArray[np.int64]
    nodes: dict[Path, int] = field(default_factory=dict)
    learned: int = 0
    usual: float = 0.0
    power: float = 0.0
    noise: float = 1.0
    centre: float = 0.0
    at: npt.NDArray[np.intp] | None = None

    @property
    def most(self) -> float:
        """Size of an amount that counts, at most."""
        return float(USUAL_TIMES * 2.0**self.usual)


class AmountModel:
    """Expected amount of outcomes for every candidate, learned from the amounts that were reported.

    Args:
        predictors: what it may see.
        heads: outcome → smallest and largest amount.
    """

    def __init__(self, predictors: Sequence[Predictor], heads: Mapping[str, tuple[float, float]]) -> None:
        self.bounds = dict(heads)
        self._encoder = Encoder(predictors, "numpy")
        self._weight = WEIGHT_VARIANCE / math.sqrt(max(1, len(self._encoder.predictors)))
        self._heads = {name: self._empty(name) for name in self.bounds}
        self._paths: list[tuple[Path, ...]] = []

    def bind(self, catalogue: Sequence[CandidateKey]) -> None:
        """Fix the candidate axis; what is known of keys stays."""
        self._paths = [_paths(key) for key in catalogue]
        for head in self._heads.values():
            head.at = None

    def expect(self, facts: Facts, outcome: str) -> tuple[Doubles, Doubles]:
        """Give the expected amount of every candidate and its standard deviation, float64 [C], finite."""
        head = self._heads[outcome]
        form = self._encoder.encode(facts)
        size = len(form.dense)
        dense = form.dense.astype(np.float64)
        mean = head.means[:, form.rows].sum(axis=1) + np.einsum("nf,f->n", head.means[:, :size], dense)
        variance = head.variances[:, form.rows].sum(axis=1)
        variance += np.einsum("nf,f->n", head.variances[:, :size], dense * dense)
        if head.at is None:
            nodes = [head.nodes.get(path, 0) for paths in self._paths for path in paths]
            head.at = np.array(nodes, dtype=np.intp).reshape(len(self._paths), LAYERS)
        at = head.at
        # Of a node whose amounts were all taken back, a state that was read knows nothing: both say the same bits.
        spread = np.where(head.answers[at] > 0, variance[at], self._untaught(form)).sum(axis=1)
        unit = 2.0**head.power
        reach = max(head.most, unit)
        expected = np.clip((head.centre + mean[at].sum(axis=1)) * unit, -reach, reach)
        return np.clip(expected, head.low, head.high), np.minimum(np.sqrt(spread) * unit, head.high - head.low)

    def learn(self, facts: Facts, candidate: int, outcome: str, amount: float) -> None:
        """Learn one amount that was reported; what is no number teaches nothing."""
        head = self._heads[outcome]
        if not math.isfinite(amount):
            return
        form = self._encoder.observe(facts)
        self._widen()
        value = _bounded(amount, head)
        self._see(head, value)
        at, x, rows = self._place(head, form, candidate)
        squares = x * x
        per_row = head.variances[np.ix_(at, rows)].sum(axis=0)
        spread = float((per_row * squares).sum())
        own = float((head.means[np.ix_(at, rows)] * x).sum())
        surprise = self._surprise(head, value, own, spread)
        move = (own + surprise) / min(head.learned, CENTRE_ANSWERS)
        head.centre += move
        surprise -= move
        head.means[np.ix_(at, rows)] += head.variances[np.ix_(at, rows)] * x * (surprise / (head.noise + spread))
        head.variances[np.ix_(at, rows)] /= 1.0 + squares * per_row / head.noise
        head.answers[at] += 1
        weight = min(head.learned + NOISE_ANSWERS, NOISE_MOST)
        explained = head.noise / (head.noise + spread)
        head.noise = max(NOISE_LEAST, head.noise + (surprise * surprise * explained - head.noise) / weight)

    def unlearn(self, facts: Facts, candidate: int, outcome: str, amount: float) -> None:
        """Take back one amount, as it counts today; where none is left of a node, it begins anew."""
        head = self._heads[outcome]
        if not math.isfinite(amount) or not head.answers[head.nodes.get(self._paths[candidate][-1], 0)]:
            return
        form = self._encoder.encode(facts)
        at, x, rows = self._place(head, form, candidate)
        per_row = head.variances[np.ix_(at, rows)].sum(axis=0)
        rest = np.maximum(1.0 - x * x * per_row / head.noise, 0.1)
        size = len(self._encoder.owners)
        before = np.array([self._prior(layer, size)[rows] for layer in range(LAYERS)])
        head.variances[np.ix_(at, rows)] = np.minimum(before, head.variances[np.ix_(at, rows)] / rest)
        spread = float((head.variances[np.ix_(at, rows)].sum(axis=0) * x * x).sum())
        # What is left of the surprise after it was learned, as large as it was before.
        own = float((head.means[np.ix_(at, rows)] * x).sum())
        after = self._surprise(head, _bounded(amount, head), own, 0.0)
        surprise = after * (head.noise + spread) / head.noise
        most = SURPRISE_MOST * math.sqrt(head.noise + spread)
        surprise = min(max(surprise, -most), most)
        head.means[np.ix_(at, rows)] -= head.variances[np.ix_(at, rows)] * x * (surprise / (head.noise + spread))
        head.centre -= (own + after) / max(1, min(head.learned, CENTRE_ANSWERS) - 1)
        head.answers[at] -= 1
        head.learned = max(0, head.learned - 1)
        for layer, node in enumerate(at.tolist()):
            if head.answers[node] <= 0:
                head.answers[node] = 0
                head.means[node] = 0.0
                head.variances[node] = self._prior(layer, head.means.shape[1])
        if not head.learned:
            head.usual, head.power, head.noise, head.centre = 0.0, 0.0, 1.0, 0.0

    def snapshot(self) -> Snapshot:
        """Copy the learned state: of nodes that learned something, in the order of their names."""
        encoder, size = self._encoder, len(self._encoder.owners)
        arrays: dict[str, npt.NDArray[Any]] = {
            "seen": encoder.seen.copy(),
            "mean": encoder.mean.copy(),
            "variance": encoder.variance.copy(),
        }
        columns = {}
        for place, (name, head) in enumerate(self._heads.items()):
            known = sorted(path for path, node in head.nodes.items() if head.answers[node])
            at = [head.nodes[path] for path in known]
            columns[name] = [list(path) for path in known]
            arrays[f"{place}/means"] = head.means[at, :size].copy()
            arrays[f"{place}/variances"] = head.variances[at, :size].copy()
            arrays[f"{place}/answers"] = head.answers[at].copy()
            arrays[f"{place}/scale"] = np.array([head.learned, head.usual, head.power, head.noise, head.centre])
        return Snapshot(
            arrays,
            {
                "model": MODEL,
                "format": FORMAT,
                "predictors": [[one.name, str(one.type)] for one in encoder.predictors],
                "outcomes": list(self.bounds),
                "columns": columns,
                "levels": [[index, level] for index, level in encoder.levels],
            },
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Take over a state of the same predictors and outcomes.

        Raises:
            ValueError: it is of others, or damaged.
        """
        former, heads = _read(snapshot)
        if former.predictors != self._encoder.predictors or list(heads) != list(self.bounds):
            raise ValueError("snapshot: its amounts are of other predictors or outcomes")
        self._encoder = self._encoder.restored(snapshot)
        for name, head in heads.items():
            self._heads[name] = self._filled(name, head, list(range(len(former.owners))), Moves(()))

    def adopt(self, snapshot: Snapshot, moves: Moves) -> None:
        """Take over what a model of other predictors, outcomes or names knew; what is new begins untaught.

        Raises:
            ValueError: it is not the state of such a model.
        """
        former, heads = _read(snapshot)
        self._encoder = with_levels(self._encoder, former)
        rows, former_rows = paired_rows(self._encoder, former)
        sources = [-1] * len(self._encoder.owners)
        for row, source in zip(rows, former_rows, strict=True):
            sources[row] = source
        for name in self.bounds:
            self._heads[name] = self._filled(name, heads[name], sources, moves) if name in heads else self._empty(name)

    def _filled(self, name: str, former: _Head, sources: list[int], moves: Moves) -> _Head:
        """Give a head that knows what another one knows.

        Args:
            sources: row of the other one for every row, -1 for none.
        """
        head = self._empty(name)
        head.learned, head.usual, head.power = former.learned, former.usual, former.power
        head.noise, head.centre = former.noise, former.centre
        kept = [row for row, source in enumerate(sources) if source >= 0]
        taken = [source for source in sources if source >= 0]
        chosen: dict[Path, int] = {}
        for path, node in former.nodes.items():
            target = moves.place(path)
            if target not in chosen or former.answers[node] > former.answers[chosen[target]]:
                chosen[target] = node
        for path, node in sorted(chosen.items()):
            own = self._node(head, path)
            head.means[own, kept] = former.means[node, taken]
            head.variances[own, kept] = former.variances[node, taken]
            head.answers[own] = former.answers[node]
        return head

    def _empty(self, name: str) -> _Head:
        low, high = self.bounds[name]
        size = len(self._encoder.owners)
        return _Head(low, high, np.zeros((1, size)), np.zeros((1, size)), np.zeros(1, dtype=np.int64))

    def _see(self, head: _Head, amount: float) -> None:
        """Learn what amounts are usual; where they leave the unit of the weights, that follows."""
        head.learned += 1
        size = abs(amount)
        if size == 0.0:
            return
        if head.learned == 1 or head.usual == head.centre == 0.0:
            # Nothing but 0 came before, which is 0 in any unit.
            head.usual = math.log2(size)
            head.power = round(head.usual)
            return
        step = max(STEP_LEAST, STEP / math.sqrt(head.learned))
        head.usual += step if math.log2(size) > head.usual else -step
        if abs(head.usual - head.power) > DRIFT:
            self._rescale(head, round(head.usual))

    def _rescale(self, head: _Head, power: float) -> None:
        """Count in another unit: means and noise keep their amount, variances what amounts have told."""
        factor = 2.0 ** (head.power - power)
        head.means *= factor
        head.centre *= factor
        head.noise = max(NOISE_LEAST, head.noise * factor * factor)
        for path, node in head.nodes.items():
            if not head.answers[node]:
                # It is as before any amount, to the bit.
                continue
            before = self._prior(_layer(path), head.means.shape[1])
            told = np.maximum(0.0, 1.0 / head.variances[node] - 1.0 / before)
            head.variances[node] = 1.0 / (1.0 / before + told / (factor * factor))
        head.power = power

    def _place(
        self, head: _Head, form: LinearForm, candidate: int
    ) -> tuple[npt.NDArray[np.intp], Doubles, npt.NDArray[np.int64]]:
        """Give the nodes of a candidate, and values and rows of what is not 0."""
        at = np.array([self._node(head, path) for path in self._paths[candidate]], dtype=np.intp)
        x = np.concatenate((form.dense.astype(np.float64), np.ones(len(form.rows))))
        return at, x, np.concatenate((np.arange(len(form.dense)), form.rows))

    def _node(self, head: _Head, path: Path) -> int:
        node = head.nodes.get(path)
        if node is None:
            node = head.nodes[path] = len(head.answers)
            head.at = None
            size = head.means.shape[1]
            head.means = np.vstack((head.means, np.zeros((1, size))))
            head.variances = np.vstack((head.variances, self._prior(_layer(path), size)))
            head.answers = np.append(head.answers, 0)
        return node

    def _widen(self) -> None:
        """Make room for levels that were learned just now, in every head: predictions ask all of them."""
        for head in self._heads.values():
            more = len(self._encoder.owners) - head.means.shape[1]
            if more <= 0:
                continue
            head.means = np.hstack((head.means, np.zeros((len(head.answers), more))))
            shares = np.zeros(len(head.answers))
            for path, node in head.nodes.items():
                shares[node] = LAYER_SHARES[_layer(path)]
            head.variances = np.hstack((head.variances, np.repeat(shares[:, None] * self._weight, more, axis=1)))

    def _surprise(self, head: _Head, amount: float, own: float, spread: float) -> float:
        """Give how far an amount lies from the centre and `own` beside it, in k, as far as that counts."""
        value = min(max(amount, -head.most), head.most) / 2.0**head.power
        surprise = value - head.centre - own
        most = SURPRISE_MOST * math.sqrt(head.noise + spread)
        return float(min(max(surprise, -most), most))

    def _prior(self, layer: int, size: int) -> Doubles:
        """Variance of every weight of a layer before any amount, in squares of k."""
        prior = np.full(size, LAYER_SHARES[layer] * self._weight)
        prior[self._encoder.bias] = BASE_SHARES[layer] * BASE_VARIANCE
        return prior

    def _untaught(self, form: LinearForm) -> Doubles:
        """Variance of what each layer adds before any amount, float64 [layers], in squares of k."""
        dense = form.dense.astype(np.float64)
        weights = self._weight * float((dense * dense).sum() + len(form.rows) - 1)
        return np.array(LAYER_SHARES) * weights + np.array(BASE_SHARES) * BASE_VARIANCE


def _paths(key: CandidateKey) -> tuple[Path, ...]:
    own = (key.group, key.action, key.channel, key.treatment)
    return (), own[:1], own[:2], own


def _layer(path: Path) -> int:
    return min(len(path), LAYERS - 1)


def _bounded(amount: float, head: _Head) -> float:
    return min(max(float(amount), head.low), head.high)


def _read(snapshot: Snapshot) -> tuple[Encoder, dict[str, _Head]]:
    """Read encoder and heads.

    Raises:
        ValueError: it is not the state of such a model.
    """
    if (snapshot.meta.get("model"), snapshot.meta.get("format")) != (MODEL, FORMAT):
        raise ValueError("snapshot: it is not of amounts")
    former, names, _ = read_former(snapshot, "outcomes")
    heads = {}
    for place, name in enumerate(names):
        paths = [tuple(map(str, path)) for path in snapshot.meta["columns"].get(name, ())]
        shape = (len(paths), len(former.owners))
        learned, usual, power, noise, centre = read_array(snapshot, f"{place}/scale", np.float64, (5,)).tolist()
        heads[name] = _Head(
            low=0.0,
            high=0.0,
            means=read_array(snapshot, f"{place}/means", np.float64, shape),
            variances=read_array(snapshot, f"{place}/variances", np.float64, shape),
            answers=read_array(snapshot, f"{place}/answers", np.int64, shape[:1]),
            nodes={path: node for node, path in enumerate(paths)},
            learned=int(learned),
            usual=usual,
            power=power,
            noise=noise,
            centre=centre,
        )
        if noise <= 0.0 or (heads[name].variances <= 0.0).any():
            raise ValueError("snapshot: a variance of amounts is not positive")
    return former, heads
