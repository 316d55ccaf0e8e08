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
from opportune.learning.cells import CellReader
from opportune.learning.counting import DEPTHS, Counts, Path
from opportune.learning.evidence_reading import BASE_RATE, RATE_ANSWERS, UNIT, Reading
from opportune.learning.evidence_state import State, adopted, read_state, write_state
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
GROWTH = 0.06
"""Part by which the answers of an action grow before its weights are read again."""
WORK, WORK_LEAST = 1000, 4000
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
        self.kernel = resolve_kernel(kernel)
        self.outcomes = tuple(outcomes)
        self.predictors = tuple(predictors)
        self.half_life = half_life
        self._steps: Any = _numba() if self.kernel == "numba" else evidence_numpy
        self._cells = CellReader(predictors)
        self._ordered: tuple[int, Whole] | None = None
        self._begin()
        self._catalogue: tuple[CandidateKey, ...] = ()
        self.bind(())

    def _begin(self) -> None:
        heads = len(self.outcomes)
        self._counts = Counts(len(self.predictors), heads, self.half_life)
        self._reading = Reading(self.predictors, heads)
        self._tempering = [Tempering(len(self.predictors)) for _ in range(heads)]
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
        return self._form(*self._cells.keys(facts))

    def predict(self, encoded: Encoded) -> Prediction:
        """Score all candidates; the arrays are overwritten by the next call."""
        assert isinstance(encoded, EvidenceForm)
        size = len(self._catalogue)
        for head in range(len(self.outcomes)):
            factors = self._factors[head].take(encoded.owners)
            counted = np.flatnonzero(factors)
            self._steps.total(self._sheet[head], encoded.rows[counted], factors[counted], self._sum)
            log_odds = self._sum[:size] / float(UNIT * FACTOR_UNIT) + self._base(head)
            np.minimum(log_odds, LOG_ODDS_MAX, out=log_odds)
            np.maximum(log_odds, -LOG_ODDS_MAX, out=log_odds)
            self._log_odds[head] = log_odds
            self._propensity[head] = 1.0 / (1.0 + np.exp(-log_odds))
        return self._prediction

    def learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Learn one answer: temper by what was said before it, count it, and read some of the counts again."""
        self._check(candidate, outcome)
        owners, keys = self._cells.keys(facts)
        form = self._form(owners, keys)
        base = self._rate_log_odds(outcome, candidate)
        self._tempering[outcome].learn(self._weights(form, candidate, outcome), base, float(happened))
        path = self._paths[candidate]
        halved = self._counts.add(outcome, path, list(zip(owners, keys, strict=True)), happened)
        self._place(owners, keys)
        if self._reading.grow(self._counts):
            self._arrange()
        self._read(outcome, path, halved)

    def unlearn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Take back one answer: exactly from the counts, nearly so from the reading."""
        self._check(candidate, outcome)
        path = self._paths[candidate]
        leaf = self._counts.leaf_of.get(path)
        if leaf is None or self._counts.answers[outcome, leaf] == 0:
            return
        owners, keys = self._cells.keys(facts)
        self._counts.remove(outcome, path, list(zip(owners, keys, strict=True)), happened)
        self._read_action(outcome, path[:2])
        form = self._form(owners, keys)
        base = self._rate_log_odds(outcome, candidate)
        self._tempering[outcome].unlearn(self._weights(form, candidate, outcome), base, float(happened))
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
        state = read_state(snapshot, self._description(), self.predictors, len(self.outcomes), self.half_life)
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
        said = self._weights(self.encode(facts), candidate, outcome)[:-1]
        said *= self._factors[outcome] / FACTOR_UNIT
        named = [(p.name, float(value)) for p, value in zip(self.predictors, said.tolist(), strict=True)]
        return sorted(named, key=lambda item: (-abs(item[1]), item[0]))

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

    def _form(self, owners: Sequence[int], keys: Sequence[int]) -> EvidenceForm:
        level, row = self._counts.lattice.level, self._reading.row
        rows = [row(j, key, level[j]) for j, key in zip(owners, keys, strict=True)]
        return EvidenceForm(np.array(owners, dtype=np.int64), np.array(rows, dtype=np.int64))

    def _place(self, owners: Sequence[int], keys: Sequence[int]) -> None:
        lattice, reading = self._counts.lattice, self._reading
        for j, key in zip(owners, keys, strict=True):
            slot = lattice.find(j, key)
            assert slot is not None
            reading.place(slot, reading.row(j, key, lattice.level[j]))

    def _weights(self, form: EvidenceForm, candidate: int, outcome: int) -> Doubles:
        """What each predictor says of a candidate, [P + 1]; the last is 1."""
        found = np.zeros(len(self.predictors) + 1)
        np.add.at(found, form.owners, self._sheet[outcome, form.rows, candidate] / UNIT)
        found[-1] = 1.0
        return found

    def _rate_log_odds(self, outcome: int, candidate: int) -> float:
        rate = self._rates(outcome)[self._node[candidate]]
        return math.log(rate / (1.0 - rate))

    def _rates(self, head: int) -> Doubles:
        if not self._counts.nodes:
            return np.array([BASE_RATE])
        found: Doubles = self._counts.rates(head, RATE_ANSWERS, BASE_RATE)
        return found

    def _base(self, head: int) -> Doubles:
        """Log odds of every candidate's rate, with the intercept; fills the spread."""
        rates = self._rates(head)
        log_odds: Doubles = np.log(rates / (1.0 - rates))[self._node] + self._tempering[head].mean[-1]
        self._spread[head] = self._spreads(head, rates)
        return log_odds

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
        counts = self._counts
        return int(sum(counts.answers[outcome, counts.leaf_of[leaf]] for leaf in self._relatives[action]))

    def _read_predictor(self, predictor: int) -> None:
        self._reading.cut(self._counts, predictor)
        self._reading.read_predictor(self._counts, predictor)
        block = self._reading.blocks[predictor]
        rows = slice(block.start, block.start + block.size)
        self._sheet[:, rows, : len(self._paths)] = self._reading.table[:, self._node, rows].transpose(0, 2, 1)

    def _read_action(self, outcome: int, action: Path) -> None:
        self._reading.read_action(self._counts, outcome, action, self._order())
        own = self._bound.get(action)
        if own is not None:
            self._sheet[outcome][:, own] = self._reading.table[outcome, self._node[own]].T

    def _order(self) -> Whole:
        """Slots in the order of their cells."""
        changes = self._counts.lattice.changes
        if self._ordered is None or self._ordered[0] != changes:
            self._ordered = (changes, np.array([slot for _, _, slot in self._counts.touched()], dtype=np.int64))
        return self._ordered[1]

    def _publish(self, head: int) -> None:
        scaled = np.rint(self._tempering[head].mean[:-1] * FACTOR_UNIT)
        self._factors[head] = np.minimum(np.maximum(scaled, -FACTOR_MAX), FACTOR_MAX)

    def _arrange(self) -> None:
        """Lay out what predictions read for the bound catalogue and what is known."""
        heads, size = len(self.outcomes), len(self._paths)
        nodes = self._counts.node_of
        known = [next((nodes[path[:d]] for d in reversed(DEPTHS) if path[:d] in nodes), 0) for path in self._paths]
        self._node: Whole = np.array(known, dtype=np.int64)
        depths = [sum(path[:d] in nodes for d in DEPTHS) for path in self._paths]
        parts = [(sum(LAYER_VARIANCES[depth:]), sum(LAYER_SHARES[depth:])) for depth in depths]
        self._new: Doubles = np.array(parts).reshape(-1, 2).T
        bound: dict[Path, list[int]] = {}
        for candidate, path in enumerate(self._paths):
            bound.setdefault(path[:2], []).append(candidate)
        self._bound = {action: np.array(own, dtype=np.int64) for action, own in bound.items()}
        self._relatives: dict[Path, list[Path]] = {}
        for leaf in self._counts.leaves:
            self._relatives.setdefault(leaf[:2], []).append(leaf)
        padded = max(16, -(-size // 16) * 16)
        self._sheet = np.zeros((heads, self._reading.rows, padded), dtype=np.int16)
        if self._counts.nodes:
            self._sheet[:, :, :size] = self._reading.table[:, self._node].transpose(0, 2, 1)
        self._ordered = None
        self._sum: Whole = np.zeros(padded, dtype=np.int64)
        self._factors: Whole = np.zeros((heads, len(self.predictors)), dtype=np.int64)
        for head in range(heads):
            self._publish(head)
        self._log_odds: Floats = np.zeros((heads, size), dtype=np.float32)
        self._propensity: Floats = np.zeros_like(self._log_odds)
        self._spread: Floats = np.zeros_like(self._log_odds)
        self._prediction = Prediction(self._propensity, self._log_odds, self._spread)
