"""Weight of evidence of each predictor's bin, in layers: all actions → group → action → candidate.

Formulas: docs/concepts/learning-experts.md, "evidence".

Notation:
    O   outcomes (heads); P predictors; C candidates of the bound catalogue, Cp, C padded to a multiple of 16
    R   rows: bins and levels of all predictors (see bins.py)
    K   nodes: paths () , (group), (group, action), (group, action, channel, treatment) that learned anything
    table   int16 [O, K, R], weight of every row at every node, in steps of 1 / UNIT
    sheet   int16 [O, R, Cp], the table's columns of the bound catalogue; a candidate that learned nothing has the
            column of the nearest node above it that did
    factors int64 [O, P], how far each predictor counts, in steps of 1 / FACTOR_UNIT

What is learned has two parts. Counts (counting.py) are sums: independent of order, and taken back exactly. The reading
- cuts, table and factors - is made of them while answers come: a predictor in turn, an action as its answers grow.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.learning import evidence_numpy
from opportune.learning.base import CandidateKey, Encoded, Floats, Prediction, Predictor, PropensityModel, Snapshot
from opportune.learning.cells import CellReader, number_keys
from opportune.learning.counting import DEPTHS, Counts, Path
from opportune.learning.evidence_numpy import UNIT
from opportune.learning.evidence_reading import Reading
from opportune.learning.evidence_state import State, adopted, read_state, write_state
from opportune.learning.fading import NEVER
from opportune.learning.importance import Importance, importance
from opportune.learning.kernels import resolve_kernel
from opportune.learning.moves import Moves
from opportune.learning.snapshot import state_digest
from opportune.learning.tempering import Tempering
from opportune.records import Facts

__all__ = ["EvidenceForm", "EvidenceModel"]

Whole = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

FACTOR_UNIT, FACTOR_MAX = 256, 511
LOG_ODDS_MAX = 15.0
ONE = np.float32(1.0)
NONE = np.zeros(0, dtype=np.int64)
BASE_RATE = 0.2
RATE_ANSWERS = (2.0, 6.0, 8.0, 16.0)
"""By layer: answers at the rate of the layer above that a node's own rate begins with."""
GROWTH = 0.1
"""Part by which the answers of an action grow before its weights are read again."""
WORK, WORK_LEAST = 500, 4000
"""Rows × leaves that are read for one answer, on average, and what one predictor counts at least."""
FIRST_TURNS = frozenset((2, 4, 8, 16, 32, 64, 128, 256, 512))
"""Numbers of answers at which all predictors are read, as long as that is little work."""
LAYER_VARIANCES = (1.0, 0.5, 0.5, 0.25)
"""Variance of a base rate's log odds before any answer, given the layer above."""
LAYER_SHARES = (0.2, 0.2, 0.5, 0.1)
"""Part of each layer in the variance of what all weights say."""
WEIGHTS_VARIANCE = 0.45
"""Variance of what all weights say of one request before any answer, over the root of the number of predictors."""


class EvidenceForm(Encoded):
    """Rows that a request's facts touch, int64, and the predictor of each."""

    __slots__ = ("owners", "rows")

    def __init__(self, owners: Whole, rows: Whole) -> None:
        self.owners = owners
        self.rows = rows


@functools.cache
def _numba() -> ModuleType:
    from opportune.learning import evidence_numba

    evidence_numba.warm_up()
    return evidence_numba


class EvidenceModel(PropensityModel):
    """Weight of evidence on adaptive bins, tempered.

    Args:
        predictors: facts it may see; names are distinct.
        outcomes: names of its heads, distinct, at least one.
        kernel: "auto", "numpy" or "numba".
        half_life: answers after which an answer counts half, > 0; math.inf keeps every answer for ever.
    """

    name = "evidence"

    def __init__(
        self,
        predictors: Sequence[Predictor],
        outcomes: Sequence[str],
        kernel: str = "auto",
        half_life: float = math.inf,
    ) -> None:
        if len({p.name for p in predictors}) != len(predictors):
            raise ValueError("predictors: names must be distinct")
        if not outcomes or len(set(outcomes)) != len(outcomes):
            raise ValueError("outcomes: expected at least one, with distinct names")
        if not half_life > 0.0:
            raise ValueError("half_life: expected a number of answers above 0")
        self._kernel = resolve_kernel(kernel)
        self.kernel = self._kernel
        self.outcomes = tuple(outcomes)
        self.predictors = tuple(predictors)
        self.half_life = half_life
        self.since = NEVER
        """Answers since the world last changed; set by who sees that it has, and no part of the state."""
        self._steps: Any = _numba() if self.kernel == "numba" else evidence_numpy
        self._cells = CellReader(predictors)
        self._owners = [*self._cells.numbers, *self._cells.choices]
        self._ordered: tuple[int, Whole] | None = None
        self._begin()
        self._catalogue: tuple[CandidateKey, ...] = ()
        self.bind(())

    def _begin(self) -> None:
        heads = len(self.outcomes)
        self._counts = Counts(len(self.predictors), heads, self.half_life)
        self._reading = Reading(self.predictors, heads)
        self._tempering = [Tempering(len(self.predictors), self._kernel) for _ in range(heads)]
        self._read_at: dict[tuple[int, int], int] = {}
        self._turn = 0
        self._credit = 0

    def bind(self, catalogue: Sequence[CandidateKey]) -> None:
        """Fix the candidate axis; keys that leave and come back find what was learned of them.

        Raises:
            ValueError: a key stands in the catalogue twice.
        """
        if len(set(catalogue)) != len(catalogue):
            raise ValueError("catalogue: every candidate key must stand there once")
        self._catalogue = tuple(catalogue)
        self._paths: list[Path] = [(key.group, key.action, key.channel, key.treatment) for key in catalogue]
        self._arrange()

    def encode(self, facts: Facts) -> EvidenceForm:
        """Give the rows of one request's facts."""
        cells, reading = self._cells, self._reading
        levels = self._counts.lattice.level
        rows: list[int] = []
        if cells.numbers:
            rows += reading.number_rows(number_keys(cells.raw_numbers(facts))).tolist()
        rows += reading.choice_rows(cells, facts, levels)
        owners = self._owners
        if cells.lists:
            owners = list(owners)
            for j, items in zip(cells.lists, cells.list_keys(facts), strict=True):
                owners += [j] * len(items)
                rows += [reading.row(j, key, levels[j]) for key in items]
        return EvidenceForm(np.array(owners, dtype=np.int64), np.array(rows, dtype=np.int64))

    def predict(self, encoded: Encoded) -> Prediction:
        """Score all candidates; the arrays are overwritten by the next call."""
        assert isinstance(encoded, EvidenceForm)
        size = len(self._catalogue)
        for head in range(len(self.outcomes)):
            if not self._is_fresh[head]:
                self._refresh(head)
            factors = self._factors[head].take(encoded.owners)
            # What says next to nothing is not read.
            counted = np.flatnonzero(factors)
            self._steps.total(self._sheet[head], encoded.rows.take(counted), factors.take(counted), self._sum)
            log_odds = self._log_odds[head]
            np.multiply(self._sum[:size], 1.0 / (UNIT * FACTOR_UNIT), out=log_odds, casting="unsafe")
            np.add(log_odds, self._base[head], out=log_odds)
            np.minimum(log_odds, LOG_ODDS_MAX, out=log_odds)
            np.maximum(log_odds, -LOG_ODDS_MAX, out=log_odds)
            propensity = self._propensity[head]
            np.negative(log_odds, out=propensity)
            np.exp(propensity, out=propensity)
            np.add(propensity, ONE, out=propensity)
            np.reciprocal(propensity, out=propensity)
        return self._prediction

    def learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Learn one answer: count it, temper by what was said before it, and read some of the counts again."""
        self.score_and_learn(facts, candidate, outcome, happened)

    def score_and_learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> tuple[float, float]:
        """Learn one answer, and give log odds and spread from before it, by factors that are not yet rounded."""
        self._check(candidate, outcome)
        owners, keys = self._cells.keys(facts)
        path = self._paths[candidate]
        is_new = path not in self._counts.leaf_of
        is_new_group = path[:1] not in self._counts.node_of
        base, spread = self._before(outcome, candidate)
        slots, new, halved = self._counts.add(outcome, path, owners, keys, happened)
        if is_new:
            self._admit(path, is_new_group)
        level = self._counts.lattice.level
        for place in new:
            self._reading.place(int(slots[place]), self._reading.row(owners[place], keys[place], level[owners[place]]))
        form = EvidenceForm(np.array(owners, dtype=np.int64), self._reading.row_of[slots])
        said = self._said(form, candidate, outcome)
        tempering = self._tempering[outcome]
        log_odds = min(max(tempering.log_odds(said, base), -LOG_ODDS_MAX), LOG_ODDS_MAX)
        tempering.learn(said, base, float(happened), self.since)
        self._read(outcome, path, halved)
        return log_odds, spread

    def unlearn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Take back one answer: exactly from the counts, nearly so from the reading."""
        self._check(candidate, outcome)
        path = self._paths[candidate]
        leaf = self._counts.leaf_of.get(path)
        if leaf is None or self._counts.answers[outcome, leaf] == 0:
            return
        owners, keys = self._cells.keys(facts)
        self._counts.remove(outcome, path, owners, keys, happened)
        self._read_action(outcome, path[:2])
        base = self._rate_log_odds(outcome, candidate)
        self._tempering[outcome].unlearn(self._said(self.encode(facts), candidate, outcome), base, float(happened))
        self._publish(outcome)

    def evidence(self) -> Floats:
        """Number of answers learned and not taken back, float32 [O, C]."""
        found = np.zeros((len(self.outcomes), len(self._paths)), dtype=np.float32)
        for candidate, path in enumerate(self._paths):
            leaf = self._counts.leaf_of.get(path)
            if leaf is not None:
                found[:, candidate] = self._counts.answers[:, leaf]
        return found

    def snapshot(self) -> Snapshot:
        """Copy the learned state."""
        state = State(self._counts, self._reading, self._tempering, self._read_at, self._turn, self._credit)
        return write_state(self._description(), state)

    def restore(self, snapshot: Snapshot) -> None:
        """Take over a state; the bound catalogue stays bound, and a refused state changes nothing."""
        state = read_state(
            snapshot, self._description(), self.predictors, len(self.outcomes), self.half_life, self._kernel
        )
        self._counts, self._reading, self._tempering, self._read_at, self._turn, self._credit = state
        self._arrange()

    def adopt(self, snapshot: Snapshot, moves: Moves) -> None:
        """Take over what a model of other predictors, outcomes or names knew."""
        self.restore(adopted(snapshot, self._description(), self.predictors, self.outcomes, self.half_life, moves))

    def digest(self) -> str:
        """Hex digest of the learned state."""
        return state_digest(self.snapshot())

    def counts_digest(self) -> str:
        """Hex digest of the counts alone: equal for the same answers in any order, learned and taken back."""
        return self._counts.digest()

    def weights(self, facts: Facts, candidate: int, outcome: int) -> list[tuple[str, float]]:
        """Contribution of each predictor to the log odds, largest first."""
        self._check(candidate, outcome)
        said = self._said(self.encode(facts), candidate, outcome)[:-1]
        said *= self._factors[outcome] / FACTOR_UNIT
        named = [(p.name, float(value)) for p, value in zip(self.predictors, said.tolist(), strict=True)]
        return sorted(named, key=lambda item: (-abs(item[1]), item[0]))

    def importance(self, outcome: int) -> list[Importance]:
        """What each predictor contributes to head `outcome`, the most important first."""
        if not 0 <= outcome < len(self.outcomes):
            raise IndexError("outcome: not there")
        return importance(self.predictors, self._counts, self._reading, self._tempering[outcome], outcome)

    def _check(self, candidate: int, outcome: int) -> None:
        if not (0 <= candidate < len(self._catalogue) and 0 <= outcome < len(self.outcomes)):
            raise IndexError("candidate or outcome: not bound")

    def _description(self) -> dict[str, Any]:
        return {
            "model": self.name,
            "format": 1,
            "half_life": self.half_life if math.isfinite(self.half_life) else None,
            "predictors": [[p.name, str(p.type)] for p in self.predictors],
            "outcomes": list(self.outcomes),
        }

    def _said(self, form: EvidenceForm, candidate: int, outcome: int) -> Doubles:
        """What each predictor says of a candidate, [P + 1]; the last is 1."""
        said = self._sheet[outcome, :, candidate].take(form.rows) / UNIT
        found = np.bincount(form.owners, said, len(self.predictors) + 1).astype(np.float64)
        found[-1] = 1.0
        return found

    def _rate_log_odds(self, outcome: int, candidate: int) -> float:
        counts = self._counts
        rate = BASE_RATE
        if counts.nodes:
            rate = counts.rate(outcome, int(self._node[candidate]), RATE_ANSWERS, BASE_RATE)
        return math.log(rate / (1.0 - rate))

    def _before(self, outcome: int, candidate: int) -> tuple[float, float]:
        """Log odds of a candidate's rate and the spread of what is said of it: the same as `_refresh` works out."""
        counts = self._counts
        rate, variance, told = BASE_RATE, 0.0, 0.0
        if counts.nodes:
            for layer, node in enumerate(counts.above(int(self._node[candidate]))):
                rate, answers = counts.rate_below(outcome, node, rate, RATE_ANSWERS[layer])
                told = answers * rate * (1.0 - rate)
                variance = 1.0 / (told + 1.0 / (variance + LAYER_VARIANCES[layer]))
        predictors = len(self.predictors)
        weights = WEIGHTS_VARIANCE * math.sqrt(predictors)
        known = weights / (1.0 + told * weights / (2.0 * max(1, predictors)))
        own_variance, own_share = self._new[:, candidate].tolist()
        spread = math.sqrt(variance + known * (1.0 - own_share) + own_variance + weights * own_share)
        return math.log(rate / (1.0 - rate)), spread

    def _refresh(self, head: int) -> None:
        """Work out what does not depend on facts: log odds of every candidate's rate, and spread."""
        rates = np.full(1, BASE_RATE)
        if self._counts.nodes:
            rates = self._counts.rates(head, RATE_ANSWERS, BASE_RATE)
        self._base[head] = np.log(rates / (1.0 - rates))[self._node] + self._tempering[head].mean[-1]
        self._spread[head] = self._spreads(head, rates)
        self._is_fresh[head] = True

    def _spreads(self, head: int, rates: Doubles) -> Doubles:
        """Standard deviation of every candidate's log odds, for a request like most."""
        weights = WEIGHTS_VARIANCE * math.sqrt(len(self.predictors))
        variance, told = np.zeros(len(rates)), np.zeros(len(rates))
        if self._counts.nodes:
            told = np.maximum(self._counts.totals[head, 0, : len(rates)], 0.0) * rates * (1.0 - rates)
            for layer, (nodes, above) in enumerate(self._counts.by_layer()):
                up = variance[above] + LAYER_VARIANCES[layer] if layer else LAYER_VARIANCES[0]
                variance[nodes] = 1.0 / (told[nodes] + 1.0 / up)
        known = weights / (1.0 + told * weights / (2.0 * max(1, len(self.predictors))))
        new = self._new[0] + weights * self._new[1]
        spread: Doubles = np.sqrt(variance[self._node] + known[self._node] * (1.0 - self._new[1]) + new)
        return spread

    def _read(self, outcome: int, path: Path, halved: Sequence[int]) -> None:
        due = dict.fromkeys(halved)
        leaves = len(self._counts.leaves)
        if self.predictors:
            if self._counts.learned in FIRST_TURNS:
                due |= dict.fromkeys(range(len(self.predictors)))
            cost = max(WORK_LEAST, leaves * self._reading.blocks[self._turn].size)
            self._credit = min(self._credit + WORK, 2 * cost)
            if self._credit >= cost:
                self._credit -= cost
                due[self._turn] = None
                self._turn = (self._turn + 1) % len(self.predictors)
        for predictor in due:
            self._read_predictor(predictor)
        action = path[:2]
        answers = self._answers_of(outcome, action)
        node = self._counts.node_of[action]
        if answers >= self._read_at.get((outcome, node), 0) * (1.0 + GROWTH):
            self._read_at[outcome, node] = answers
            self._read_action(outcome, action)
        self._publish(outcome)

    def _answers_of(self, outcome: int, action: Path) -> int:
        return int(self._counts.answers[outcome, self._relatives[action]].sum())

    def _read_predictor(self, predictor: int) -> None:
        counts, reading = self._counts, self._reading
        slots, rows = reading.cut(counts, predictor)
        block = reading.blocks[predictor]
        own = slice(block.start, block.start + block.size)
        table = reading.table
        table[:, :, own] = 0
        if len(slots):
            leaves, nodes = counts.sorted_leaves()
            for head in range(len(self.outcomes)):
                rates = counts.rates(head, RATE_ANSWERS, BASE_RATE)[nodes[-1]]
                odds = rates / (1.0 - rates)
                self._steps.read_predictor(counts.cells[head], leaves, slots, rows, odds, nodes, table[head])
        self._sheet[:, own, : len(self._paths)] = table[:, self._node, own].transpose(0, 2, 1)

    def _read_action(self, outcome: int, action: Path) -> None:
        counts = self._counts
        leaves = self._relatives[action]
        nodes = np.array([counts.node_of[counts.leaves[leaf]] for leaf in leaves.tolist()], dtype=np.int64)
        rates = np.array([counts.rate(outcome, int(node), RATE_ANSWERS, BASE_RATE) for node in nodes])
        bound = self._bound.get(action, NONE)
        self._steps.read_action(
            counts.cells[outcome],
            leaves,
            self._order(),
            self._reading.row_of,
            rates / (1.0 - rates),
            counts.node_of[action[:1]],
            counts.node_of[action],
            nodes,
            self._reading.table[outcome],
            self._sheet[outcome],
            bound,
            self._node[bound],
        )

    def _order(self) -> Whole:
        """Slots in the order of their cells."""
        changes = self._counts.lattice.changes
        if self._ordered is None or self._ordered[0] != changes:
            self._ordered = (changes, np.array([slot for _, _, slot in self._counts.touched()], dtype=np.int64))
        return self._ordered[1]

    def _publish(self, head: int) -> None:
        tempering = self._tempering[head]
        scaled = np.where(tempering.idle(), 0.0, np.rint(tempering.mean * FACTOR_UNIT))[:-1]
        self._factors[head] = np.minimum(np.maximum(scaled, -FACTOR_MAX), FACTOR_MAX)
        self._is_fresh[head] = False

    def _admit(self, path: Path, is_new_group: bool) -> None:
        """Give a candidate that learns its first answer its place; what is said of it is as before."""
        self._reading.grow(self._counts)
        leaf = self._counts.leaf_of[path]
        relatives = self._relatives.get(path[:2], np.zeros(0, dtype=np.int64)).tolist()
        ordered = sorted([*relatives, leaf], key=lambda one: self._counts.leaves[one])
        self._relatives[path[:2]] = np.array(ordered, dtype=np.int64)
        if len(self._counts.leaves) == 1:
            own = list(range(len(self._paths)))
        else:
            own = self._bound_groups[path[0]] if is_new_group else self._bound[path[:2]].tolist()
        for candidate in own:
            self._settle(candidate)
        self._is_fresh = [False] * len(self.outcomes)

    def _settle(self, candidate: int) -> None:
        """Find the node a candidate is predicted from, and how much is new about it."""
        path, nodes = self._paths[candidate], self._counts.node_of
        depth = sum(path[:names] in nodes for names in DEPTHS)
        self._node[candidate] = nodes[path[: DEPTHS[depth - 1]]] if depth else 0
        self._new[:, candidate] = sum(LAYER_VARIANCES[depth:]), sum(LAYER_SHARES[depth:])

    def _arrange(self) -> None:
        """Lay out what predictions read for the bound catalogue and what is known."""
        heads, size = len(self.outcomes), len(self._paths)
        self._node: Whole = np.zeros(size, dtype=np.int64)
        self._new: Doubles = np.zeros((2, size))
        bound: dict[Path, list[int]] = {}
        self._bound_groups: dict[str, list[int]] = {}
        for candidate, path in enumerate(self._paths):
            self._settle(candidate)
            bound.setdefault(path[:2], []).append(candidate)
            self._bound_groups.setdefault(path[0], []).append(candidate)
        self._bound = {action: np.array(own, dtype=np.int64) for action, own in bound.items()}
        relatives: dict[Path, list[int]] = {}
        for leaf in sorted(self._counts.leaves):
            relatives.setdefault(leaf[:2], []).append(self._counts.leaf_of[leaf])
        self._relatives = {action: np.array(own, dtype=np.int64) for action, own in relatives.items()}
        padded = max(16, -(-size // 16) * 16)
        self._sheet = np.zeros((heads, self._reading.rows, padded), dtype=np.int16)
        if self._counts.nodes:
            self._sheet[:, :, :size] = self._reading.table[:, self._node].transpose(0, 2, 1)
        self._ordered = None
        self._sum: Whole = np.zeros(padded, dtype=np.int64)
        self._factors: Whole = np.zeros((heads, len(self.predictors)), dtype=np.int64)
        self._is_fresh = [False] * heads
        for head in range(heads):
            self._publish(head)
        self._base: Floats = np.zeros((heads, size), dtype=np.float32)
        self._log_odds: Floats = np.zeros_like(self._base)
        self._propensity: Floats = np.zeros_like(self._base)
        self._spread: Floats = np.zeros_like(self._base)
        self._prediction = Prediction(self._propensity, self._log_odds, self._spread)
