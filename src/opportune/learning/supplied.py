"""Models whose scores come from something that was made elsewhere: an ONNX file, trees trained in the background.

What they learn themselves are counts: rates, which stand in wherever there is no score, and where asked for a
correction of the scores. Formulas: docs/concepts/models.md.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from opportune.learning.base import CandidateKey, Encoded, Floats, Prediction, Predictor, PropensityModel, Snapshot
from opportune.learning.moves import Moves
from opportune.learning.rates import Doubles, rates
from opportune.learning.recalibration import BINS, SCORE_MAX, fitted, note
from opportune.learning.snapshot import state_digest
from opportune.learning.tally import Tally
from opportune.records import Facts

__all__ = ["FactsForm", "SuppliedModel", "check_names"]

LOG_ODDS_MAX = 15.0


class FactsForm(Encoded):
    """Facts as they came, for models that look at them candidate by candidate."""

    __slots__ = ("facts",)

    def __init__(self, facts: Facts) -> None:
        self.facts = facts


def check_names(predictors: Sequence[Predictor], outcomes: Sequence[str]) -> None:
    """Examine what every member is made of.

    Raises:
        ValueError: predictors are not distinct, or outcomes are none or not distinct.
    """
    if len({one.name for one in predictors}) != len(predictors):
        raise ValueError("predictors: names must be distinct")
    if not outcomes or len(set(outcomes)) != len(outcomes):
        raise ValueError("outcomes: expected at least one, with distinct names")


class SuppliedModel(PropensityModel):
    """Base of members that score by what they were given.

    Args:
        recalibrate: whether scores are corrected by counts of what happened after them.

    Attributes:
        faults: scores that could not be had or were not finite since the model was made; no part of the state.
    """

    additive: ClassVar[bool] = True
    format: ClassVar[int] = 1

    def __init__(self, predictors: Sequence[Predictor], outcomes: Sequence[str], recalibrate: bool = True) -> None:
        check_names(predictors, outcomes)
        self.kernel = "numpy"
        self.outcomes = tuple(outcomes)
        self.predictors = tuple(predictors)
        self.recalibrate = recalibrate
        self.faults = 0
        self.catalogue: tuple[CandidateKey, ...] = ()
        self.tally = Tally(self.outcomes, {"scores": (BINS, 2)} if recalibrate else {})
        self._forget_derived()

    @abstractmethod
    def score(self, facts: Facts) -> Doubles | None:
        """Give log odds [O, C] by what the model was given, NaN where it says nothing; None where nothing is there."""

    def supplied(self) -> Mapping[str, Any]:
        """Describe what the model was given, for its state; a state of something else is refused."""
        return {}

    def bind(self, catalogue: Sequence[CandidateKey]) -> None:
        """Fix the candidate axis."""
        self.tally.bind(catalogue)
        self.catalogue = tuple(catalogue)
        self._forget_derived()

    def _forget_derived(self) -> None:
        self._rates: tuple[Doubles, Doubles] | None = None
        self._correction: tuple[Doubles, Doubles] | None = None

    def encode(self, facts: Facts) -> Encoded:
        """Keep the facts that the model may see."""
        return FactsForm(self._seen(facts))

    def _seen(self, facts: Facts) -> Facts:
        seen = {one.name: facts[one.name] for one in self.predictors if one.name in facts}
        if "now" in facts:
            seen["now"] = facts["now"]
        return seen

    def predict(self, encoded: Encoded) -> Prediction:
        """Score all candidates; where there is no score, the rate of the candidate stands in."""
        assert isinstance(encoded, FactsForm)
        log_odds = self._log_odds(encoded.facts)
        assert self._rates is not None
        propensity = 1.0 / (1.0 + np.exp(-log_odds))
        return Prediction(propensity.astype(np.float32), log_odds.astype(np.float32), self._rates[1].astype(np.float32))

    def _log_odds(self, facts: Facts) -> Doubles:
        if self._rates is None:
            self._rates = rates(self.tally)
        scores = self.score(facts)
        if scores is None:
            return self._rates[0]
        is_known = np.isfinite(scores)
        self.faults += int(np.isinf(scores).sum())
        if self.recalibrate:
            if self._correction is None:
                self._correction = fitted(self.tally)
            slope, shift = self._correction
            scores = np.where(is_known, np.clip(scores, -SCORE_MAX, SCORE_MAX), 0.0) * slope + shift
        return np.clip(np.where(is_known, scores, self._rates[0]), -LOG_ODDS_MAX, LOG_ODDS_MAX)

    def learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Count one answer."""
        self.tally.add(candidate, outcome, happened)
        self._note(facts, candidate, outcome, happened, 1)

    def unlearn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Take one answer out of the counts."""
        if self.tally.take(candidate, outcome, happened):
            self._note(facts, candidate, outcome, happened, -1)

    def _note(self, facts: Facts, candidate: int, outcome: int, happened: bool, times: int) -> None:
        self._forget_derived()
        scores = self.score(self._seen(facts)) if self.recalibrate else None
        if scores is not None:
            row = self.tally.bound[candidate]
            note(self.tally.arrays["scores"][outcome, row], float(scores[outcome, candidate]), happened, times)

    def evidence(self) -> Floats:
        """Number of answers learned."""
        return self.tally.evidence()

    def snapshot(self) -> Snapshot:
        """Copy the counts."""
        state = self.tally.snapshot()
        return Snapshot(state.arrays, dict(state.meta) | self._description())

    def restore(self, snapshot: Snapshot) -> None:
        """Take over counts; a refused state changes nothing."""
        for name, expected in self._description().items():
            if snapshot.meta.get(name) != expected:
                raise ValueError(f"snapshot: {name} is not that of this model")
        self.tally = self.tally.restored(snapshot, self.catalogue)
        self._forget_derived()

    def adopt(self, snapshot: Snapshot, moves: Moves) -> None:
        """Take over the rates of another model of this kind, and the correction of scores where those are the same."""
        if snapshot.meta.get("model") != self.name:
            raise ValueError("snapshot: it is of another model")
        state = self.tally.carried(self._with_own_arrays(snapshot), moves)
        self.restore(Snapshot(state.arrays, dict(state.meta) | self._description()))

    def _with_own_arrays(self, snapshot: Snapshot) -> Snapshot:
        """Give a state without a correction that is not of these scores."""
        counts = snapshot.arrays.get("counts")
        is_same = all(snapshot.meta.get(name) == value for name, value in self._of_scores().items())
        if not self.recalibrate or counts is None or (is_same and "scores" in snapshot.arrays):
            return snapshot
        return Snapshot(
            {**snapshot.arrays, "scores": np.zeros((*counts.shape[:2], BINS, 2), dtype=np.int64)}, snapshot.meta
        )

    def digest(self) -> str:
        """Hex digest of the learned state."""
        return state_digest(self.snapshot())

    def weights(self, facts: Facts, candidate: int, outcome: int) -> list[tuple[str, float]]:
        """What each predictor adds: log odds with it less those without it, the others as they are."""
        seen = dict(self._seen(facts))
        whole = float(self._log_odds(seen)[outcome, candidate])
        found = []
        for one in self.predictors:
            without = {name: value for name, value in seen.items() if name != one.name}
            is_there = one.name in seen
            part = whole - float(self._log_odds(without)[outcome, candidate]) if is_there else 0.0
            found.append((one.name, part))
        return sorted(found, key=lambda item: (-abs(item[1]), item[0]))

    def _of_scores(self) -> dict[str, Any]:
        return {"supplied": dict(self.supplied())}

    def _description(self) -> dict[str, Any]:
        return {
            "model": self.name,
            "format": self.format,
            "recalibrate": self.recalibrate,
            "predictors": [[one.name, str(one.type)] for one in self.predictors],
            "outcomes": list(self.outcomes),
            **self._of_scores(),
        }
