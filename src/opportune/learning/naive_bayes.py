"""Naive Bayes on adaptive bins, calibrated by a rising curve: counts alone, so that every answer can be taken back.

Formulas: docs/concepts/models.md, "naive_bayes".

Notation, beside that of tally.py, cells.py and bins.py:
    S  slots of cells
    R  rows: bins and levels of all predictors
    P  predictors
    A  actions of all keys, and behind them one for all actions together
    cells  int64 [O, K, S, 2], answers of a candidate key with a value in a cell: not happened, happened
    bins   int64 [O, A + 1, R + 1, 2], the same by action and row; the last row is empty
    sums   int64 [O, A + 1, P, 2], the same by action and predictor

Everything but `tally`, `lattice` and `remembered` is derived from these when a prediction asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from opportune.learning.base import CandidateKey, Encoded, Floats, Prediction, Predictor, PropensityModel, Snapshot
from opportune.learning.bins import blocks, cut_levels, cut_numbers
from opportune.learning.cells import SPECIAL, CellReader, Lattice
from opportune.learning.isotonic import Curve, fit_curve
from opportune.learning.moves import Moves
from opportune.learning.naive_bayes_cuts import Cut, Panel
from opportune.learning.naive_bayes_state import carried, read_state, written
from opportune.learning.rates import Doubles, rates_of_keys
from opportune.learning.remembered import Remembered, Remembrance, hash_of
from opportune.learning.snapshot import state_digest
from opportune.learning.supplied import check_names
from opportune.learning.tally import Counts, Tally, names_of
from opportune.records import Facts

__all__ = ["NaiveBayesModel"]

FORMAT = 1
BOOLEAN_ROWS = 2
SHARE_START = 0.5
"""Answers that a row begins with in the shares of rows, so that none is 0."""

SLOTS = 64
REMEMBERED_VALUES, REMEMBERED_MIN, REMEMBERED_MAX = 40_000, 512, 2048
"""Answers that the curve is fitted to: REMEMBERED_VALUES / predictors within these bounds."""
COMMON_STRENGTH = 5.0
"""Answers that the rows' shares among all answers count for, in the shares of all actions together."""
ACTION_STRENGTH = 20.0
"""Answers that the shares of all actions together count for in those of one action."""
LOG_ODDS_MAX = 15.0


@dataclass(frozen=True, slots=True)
class Fitted:
    """What predictions are made with, derived from the counts.

    Args:
        prior, spread: log odds of the rates of all keys and their standard deviation, float64 [O, K].
        bins, sums: those of the model, without what is below 0: an answer that was learned before a predictor came, and
            is taken back, was never counted there.
        shares: share of a row among all answers, float64 [O, R + 1].
        curves: of each outcome.
    """

    prior: Doubles
    spread: Doubles
    bins: Counts
    sums: Counts
    shares: Doubles
    curves: list[Curve]


class CellForm(Encoded):
    """Predictors and cells of a request's values."""

    __slots__ = ("keys", "owners")

    def __init__(self, owners: Sequence[int], keys: Sequence[int]) -> None:
        self.owners = owners
        self.keys = keys


class NaiveBayesModel(PropensityModel):
    """Counts per action, predictor and bin; independent evidence added up, then calibrated.

    Args:
        predictors: facts it may see; names are distinct.
        outcomes: names of its heads, distinct, at least one.
    """

    name = "naive_bayes"
    additive: ClassVar[bool] = True

    def __init__(self, predictors: Sequence[Predictor], outcomes: Sequence[str], kernel: str = "auto") -> None:
        check_names(predictors, outcomes)
        self.kernel = "numpy"
        self.outcomes = tuple(outcomes)
        self.predictors = tuple(predictors)
        self._catalogue: tuple[CandidateKey, ...] = ()
        self._reader = CellReader(predictors)
        self._blocks = blocks([one.type for one in predictors])
        self._rows = sum(block.size for block in self._blocks)
        owners = [place for place, block in enumerate(self._blocks) for _ in range(block.size)]
        self._owner_of_row: Counts = np.array([*owners, 0], dtype=np.int64)
        size = REMEMBERED_VALUES // max(1, len(predictors))
        self._size = min(max(size, REMEMBERED_MIN), REMEMBERED_MAX)
        self._take_over(
            Tally(self.outcomes, {"cells": (SLOTS, 2)}),
            Lattice(len(predictors)),
            [Remembered(self._size) for _ in outcomes],
        )

    def _take_over(self, tally: Tally, lattice: Lattice, remembered: list[Remembered]) -> None:
        self._tally, self._lattice, self._remembered = tally, lattice, remembered
        self._cells: dict[int, tuple[int, int, list[int], Counts]] = {}
        self.bind(self._catalogue)

    def bind(self, catalogue: Sequence[CandidateKey]) -> None:
        """Fix the candidate axis."""
        self._tally.bind(catalogue)
        self._catalogue = tuple(catalogue)
        actions = int(self._tally.actions.max(initial=-1)) + 1
        # The last row stays empty: columns of remembered answers that are not used point to it.
        self._bins: Counts = np.zeros((len(self.outcomes), actions + 1, self._rows + 1, 2), dtype=np.int64)
        self._cuts: list[Cut] = [Cut(block, 0, ()) for block in self._blocks]
        self._stale = set(range(len(self.predictors)))
        self._touched = set(self._stale)
        self._changes: list[tuple[int, int, int, CellForm, int]] = []
        singles = len(self._reader.numbers) + len(self._reader.choices)
        self._panels = [Panel(singles, self._rows) for _ in self.outcomes]
        self._fitted: Fitted | None = None

    def encode(self, facts: Facts) -> Encoded:
        """Find the cells of the values."""
        return CellForm(*self._reader.keys(facts))

    def learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Count one answer."""
        row = self._tally.row(candidate, outcome)
        leaves = self._leaves()
        self._tally.add(candidate, outcome, happened)
        form = CellForm(*self._reader.keys(facts))
        slots = [self._lattice.take(owner, key) for owner, key in zip(form.owners, form.keys, strict=True)]
        if self._lattice.size > self._tally.arrays["cells"].shape[2]:
            self._tally.widen("cells", 2 * self._lattice.size)
        self._count(row, outcome, happened, form, slots, 1)
        names = names_of(self._tally.keys[row])
        code = hash_of(names, happened, facts.get("now"), form.owners, form.keys)
        one = Remembrance(names, happened, 1, tuple(form.owners), tuple(form.keys))
        self._remembered[outcome].add(code, one, self._answers(outcome))
        crowded = range(len(self.predictors)) if self._leaves() != leaves else sorted(set(form.owners))
        for predictor in crowded:
            while self._lattice.is_full(predictor, self._leaves()):
                self._halve(predictor)

    def unlearn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Take one answer out of all counts."""
        row = self._tally.row(candidate, outcome)
        if not self._tally.take(candidate, outcome, happened):
            return
        form = CellForm(*self._reader.keys(facts))
        found = [self._lattice.find(owner, key) for owner, key in zip(form.owners, form.keys, strict=True)]
        slots = [slot for slot in found if slot is not None]
        if self._tally.arrays["counts"][:, row, 0].any():
            self._count(row, outcome, happened, form, slots, -1)
        else:
            # The tally has cleared the last one of a key altogether.
            for remembered in self._remembered:
                remembered.forget(names_of(self._tally.keys[row]))
            self.bind(self._catalogue)
            return
        code = hash_of(names_of(self._tally.keys[row]), happened, facts.get("now"), form.owners, form.keys)
        self._remembered[outcome].take(code)

    def _count(self, row: int, outcome: int, happened: bool, form: CellForm, slots: list[int], times: int) -> None:
        np.add.at(self._tally.arrays["cells"][outcome, row], (slots, int(happened)), times)
        self._changes.append((outcome, row, int(happened), form, times))
        self._touched.update(form.owners)
        self._fitted = None

    def _halve(self, predictor: int) -> None:
        cells = self._tally.arrays["cells"]
        for gone, kept in self._lattice.halve(predictor):
            cells[:, :, kept] += cells[:, :, gone]
            cells[:, :, gone] = 0
        self._stale.add(predictor)

    def _leaves(self) -> int:
        return int(np.count_nonzero(self._tally.arrays["counts"][..., 0].sum(axis=0)))

    def _answers(self, outcome: int) -> int:
        return int(self._tally.arrays["counts"][outcome, :, 0].sum())

    def predict(self, encoded: Encoded) -> Prediction:
        """Score all candidates."""
        assert isinstance(encoded, CellForm)
        log_odds, spread = self._scores(encoded)
        propensity = 1.0 / (1.0 + np.exp(-log_odds))
        return Prediction(propensity.astype(np.float32), log_odds.astype(np.float32), spread.astype(np.float32))

    def _scores(self, form: CellForm) -> tuple[Doubles, Doubles]:
        """Log odds and spread, float64 [O, C]."""
        fitted = self._fit()
        actions = self._tally.actions[self._tally.bound]
        rows = self._rows_of(form)
        log_odds, spread = fitted.prior[:, self._tally.bound], fitted.spread[:, self._tally.bound]
        for o, curve in enumerate(fitted.curves):
            parts, variance = self._parts(fitted, o, np.arange(self._bins.shape[1] - 1)[:, None], rows[None])
            log_odds[o] = curve.of(log_odds[o] + parts.sum(axis=1)[actions])
            if len(rows):
                spread[o] = np.sqrt(spread[o] ** 2 + curve.slope**2 * variance.mean(axis=1)[actions])
        return np.clip(log_odds, -LOG_ODDS_MAX, LOG_ODDS_MAX), spread

    def evidence(self) -> Floats:
        """Number of answers learned."""
        return self._tally.evidence()

    def snapshot(self) -> Snapshot:
        """Copy counts and remembered answers."""
        state = written(self._tally, self._lattice, self._remembered)
        return Snapshot(state.arrays, dict(state.meta) | self._description())

    def restore(self, snapshot: Snapshot) -> None:
        """Take over a state; a refused state changes nothing."""
        for name, expected in self._description().items():
            if snapshot.meta.get(name) != expected:
                raise ValueError(f"snapshot: {name} is not that of this model")
        self._take_over(*read_state(snapshot, self.outcomes, len(self.predictors), self._size))

    def adopt(self, snapshot: Snapshot, moves: Moves) -> None:
        """Take over what a model of other predictors, outcomes or names knew."""
        if (snapshot.meta.get("model"), snapshot.meta.get("format")) != (self.name, FORMAT):
            raise ValueError("snapshot: it is of another model")
        state = carried(snapshot, self.predictors, self.outcomes, moves)
        self.restore(Snapshot(state.arrays, dict(state.meta) | self._description()))

    def digest(self) -> str:
        """Hex digest of the learned state."""
        return state_digest(self.snapshot())

    def weights(self, facts: Facts, candidate: int, outcome: int) -> list[tuple[str, float]]:
        """Weight of evidence of each predictor's value, as the calibration's line counts it."""
        form = CellForm(*self._reader.keys(facts))
        fitted = self._fit()
        action = self._tally.actions[self._tally.bound[candidate]]
        parts, _ = self._parts(fitted, outcome, action, self._rows_of(form))
        totals = dict.fromkeys(range(len(self.predictors)), 0.0)
        for owner, part in zip(form.owners, parts.tolist(), strict=True):
            totals[owner] += part * fitted.curves[outcome].slope
        named = [(self.predictors[owner].name, total) for owner, total in totals.items()]
        return sorted(named, key=lambda item: (-abs(item[1]), item[0]))

    def _description(self) -> dict[str, Any]:
        return {
            "model": self.name,
            "format": FORMAT,
            "predictors": [[one.name, str(one.type)] for one in self.predictors],
            "outcomes": list(self.outcomes),
        }

    def _rows_of(self, form: CellForm) -> Counts:
        found = [self._cuts[owner].row(key) for owner, key in zip(form.owners, form.keys, strict=True)]
        return np.array(found, dtype=np.int64)

    def _fit(self) -> Fitted:
        """Derive bins and curves from the counts of now."""
        if self._fitted is not None:
            return self._fitted
        self._cut()
        bins = np.maximum(self._bins, 0)
        sums = self._block_sums(bins)
        prior, spread = rates_of_keys(self._tally)
        answers = sums[:, -1].sum(axis=2)[:, self._owner_of_row]
        shares = (bins[:, -1].sum(axis=2) + SHARE_START) / (answers + 2 * SHARE_START)
        fitted = Fitted(prior, spread, bins, sums, shares, [])
        place: dict[tuple[str, ...], int] = {names_of(key): row for row, key in enumerate(self._tally.keys)}
        for o, panel in enumerate(self._panels):
            panel.follow(self._remembered[o], self._answers(o), place, self._cuts)
            actions = self._tally.actions[panel.candidates][:, None]
            parts = self._parts_without_own(fitted, o, actions, panel.rows, panel.happened)
            scores = prior[o, panel.candidates] + parts.sum(axis=1)
            fitted.curves.append(fit_curve(scores, panel.happened, panel.times))
        self._fitted = fitted
        return fitted

    def _parts_without_own(
        self, fitted: Fitted, outcome: int, actions: Counts, rows: Counts, happened: Counts
    ) -> Doubles:
        """Weight of evidence of rows [n, W] for answers that are left out of the counts themselves, float64 [n, W]."""
        kinds, place = np.unique(actions[:, 0], return_inverse=True)
        if len(kinds) * (self._rows + 1) > rows.size:
            return self._parts(fitted, outcome, actions, rows, happened)[0]
        every = np.arange(self._rows + 1)[None]
        sides = np.array([self._parts(fitted, outcome, kinds[:, None], every, np.array([y]))[0] for y in (0, 1)])
        found: Doubles = sides[happened[:, None], place[:, None], rows]
        return found

    def _parts(
        self, fitted: Fitted, outcome: int, actions: Any, rows: Counts, without: Counts | None = None
    ) -> tuple[Doubles, Doubles]:
        """Weight of evidence of rows for actions, and its variance, both of their common shape.

        Args:
            without: answers [n] (1 happened, 0 did not) that are left out of the counts of their own action.
        """
        owners = self._owner_of_row[rows]
        own, sums = fitted.bins[outcome, actions, rows], fitted.sums[outcome, actions, owners]
        common, whole = fitted.bins[outcome, -1, rows], fitted.sums[outcome, -1, owners]
        if without is not None:
            left = np.stack((1 - without, without), axis=-1)[:, None]
            own, sums = np.maximum(own - left, 0), np.maximum(sums - left, 0)
            common, whole = np.maximum(common - left, 0), np.maximum(whole - left, 0)
        share = fitted.shares[outcome, rows][..., None]
        known = own + ACTION_STRENGTH * (common + COMMON_STRENGTH * share) / (whole + COMMON_STRENGTH)
        part = known / (sums + ACTION_STRENGTH)
        weight = np.log(part[..., 1] / part[..., 0])
        return np.where(rows == self._rows, 0.0, weight), 1.0 / known[..., 0] + 1.0 / known[..., 1]

    def _block_sums(self, bins: Counts) -> Counts:
        """Sum the rows of each predictor, so that a predictor that came later counts by its own answers only."""
        if not self._blocks:
            return np.zeros((*bins.shape[:2], 1, 2), dtype=np.int64)
        starts = [block.start for block in self._blocks]
        sums: Counts = np.add.reduceat(bins, starts, axis=2)
        return sums

    def _cut(self) -> None:
        """Cut the predictors that answers have touched; bins of those that are cut as before take the answers in."""
        changed = []
        for predictor in sorted(self._touched):
            cut = self._new_cut(predictor)
            if cut != self._cuts[predictor] or predictor in self._stale:
                self._cuts[predictor] = cut
                self._fill(predictor)
                changed.append(predictor)
        rebuilt = set(changed)
        for outcome, row, happened, form, times in self._changes:
            for owner, found in zip(form.owners, self._rows_of(form).tolist(), strict=True):
                if owner not in rebuilt:
                    self._bins[outcome, [self._tally.actions[row], -1], found, happened] += times
        self._stale.clear()
        self._touched.clear()
        self._changes.clear()
        for panel in self._panels:
            panel.look_up(self._cuts, changed)

    def _new_cut(self, predictor: int) -> Cut:
        block, lattice = self._blocks[predictor], self._lattice
        if not block.is_number and block.own == BOOLEAN_ROWS:
            return Cut(block, 0, (0, 1))
        keys, slots = self._sorted_cells(predictor)
        marginal = self._tally.arrays["cells"][:, :, slots].sum(axis=(0, 1, 3))
        if not (marginal > 0).all():
            kept = np.flatnonzero(marginal > 0)
            keys, marginal = [keys[k] for k in kept.tolist()], marginal[kept]
        counts = marginal.astype(np.float64)
        edges = cut_numbers(keys, counts) if block.is_number else cut_levels(keys, counts, block.own)
        return Cut(block, lattice.level[predictor], tuple(edges))

    def _sorted_cells(self, predictor: int) -> tuple[list[int], Counts]:
        """Cells of values in order, and their slots; sorted anew when there are others than before."""
        found, level = self._lattice.slots[predictor], self._lattice.level[predictor]
        known = self._cells.get(predictor)
        if known is None or known[:2] != (level, len(found)):
            cells = sorted((key, slot) for key, slot in found.items() if key > SPECIAL)
            slots: Counts = np.array([slot for _, slot in cells], dtype=np.int64)
            known = (level, len(found), [key for key, _ in cells], slots)
            self._cells[predictor] = known
        return known[2:]

    def _fill(self, predictor: int) -> None:
        """Count the bins of a predictor anew."""
        block, lattice, cut = self._blocks[predictor], self._lattice, self._cuts[predictor]
        keys = np.array(list(lattice.slots[predictor]), dtype=np.int64)
        slots = list(lattice.slots[predictor].values())
        rows = cut.rows(np.where(keys > SPECIAL, keys << cut.level, keys)) - block.start
        cells = self._tally.arrays["cells"][:, :, slots]
        own = np.zeros((len(self.outcomes), self._bins.shape[1], block.size, 2), dtype=np.int64)
        for o in range(len(self.outcomes)):
            np.add.at(own[o], (self._tally.actions[:, None], rows[None]), cells[o])
        own[:, -1] = own[:, :-1].sum(axis=1)
        self._bins[:, :, block.start : block.start + block.size] = own
