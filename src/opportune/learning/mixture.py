"""The default model: experts that learn side by side from the same answers, weighed and corrected online.

Formulas: docs/concepts/learning.md, "mixture".

Notation:
    O   outcomes (heads)
    C   candidates of the bound catalogue
    E   experts that the catalogue leaves room for
    said  float64 [E + 1], what they say of one candidate, moderated by their spread, and 1

Which experts take part depends on the bound catalogue, the predictors and the outcomes alone, so that it is the same in
every process. Weights are kept for each set of experts that took part: what one knows of others that were left out
would be wrong.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from opportune.learning import mixture_numpy
from opportune.learning.base import CandidateKey, Encoded, Floats, Prediction, Predictor, PropensityModel, Snapshot
from opportune.learning.bayes import BayesModel
from opportune.learning.blend import Blend
from opportune.learning.drift import Drift
from opportune.learning.evidence import EvidenceModel
from opportune.learning.joint import JointModel
from opportune.learning.kernels import resolve_kernel
from opportune.learning.mixture_numpy import MODERATION, moderated
from opportune.learning.moves import Moves
from opportune.learning.pairs import PairsModel
from opportune.learning.snapshot import state_digest
from opportune.records import Facts

__all__ = ["MixtureModel"]

JOINT_PREDICTORS_MAX, JOINT_CELLS_MAX = 64, 1 << 20
"""Predictors, and numbers in its covariances (8 MB), beyond which a `joint` expert takes no part: with 100 predictors
and 10 actions two of them would cost a decision three times what all the rest of it does."""
FAST_FORGETTING, FAST_LOOSENESS = 3e-3, 0.6
"""Of the second `joint` expert, which follows what changes within hundreds of answers."""
FORMAT = 1

Doubles = npt.NDArray[np.float64]
Make = Callable[[Sequence[Predictor], Sequence[str], str], PropensityModel]


class Expert(NamedTuple):
    """A member of the mixture.

    Args:
        name: distinct.
        make: from predictors, outcomes and kernel.
        start: weight before any answer, against those of the others that take part.
        variance: of that weight.
        fits: whether it takes part, from predictors, the number of outcomes and the catalogue.
    """

    name: str
    make: Make
    start: float
    variance: float
    fits: Callable[[Sequence[Predictor], int, Sequence[CandidateKey]], bool]


def _always(_predictors: Sequence[Predictor], _outcomes: int, _catalogue: Sequence[CandidateKey]) -> bool:
    return True


def _few(predictors: Sequence[Predictor], outcomes: int, catalogue: Sequence[CandidateKey]) -> bool:
    blocks = 1 + len({(key.group, key.action) for key in catalogue})
    rows = JointModel.rows_most(predictors)
    return len(predictors) <= JOINT_PREDICTORS_MAX and outcomes * blocks * rows * rows <= JOINT_CELLS_MAX


def _middling(predictors: Sequence[Predictor], outcomes: int, catalogue: Sequence[CandidateKey]) -> bool:
    return len(predictors) <= 64 and outcomes * len(catalogue) <= 100


def _small(predictors: Sequence[Predictor], outcomes: int, catalogue: Sequence[CandidateKey]) -> bool:
    return len(predictors) <= 48 and outcomes * len(catalogue) <= 48


_fast = functools.partial(JointModel, forgetting=FAST_FORGETTING, looseness=FAST_LOOSENESS)

EXPERTS = (
    Expert("bayes", BayesModel, 0.3, 0.01, _always),
    Expert("joint", JointModel, 0.5, 0.01, _few),
    Expert("joint_fast", _fast, 0.2, 0.01, _few),
    # These two are of use once they have some hundred answers, and would drown the others before: they earn trust.
    Expert("evidence", EvidenceModel, 0.0, 0.03, _middling),
    Expert("pairs", PairsModel, 0.0, 0.03, _small),
)
LINEAR = "bayes", "joint", "joint_fast"
"""Experts that read facts alike: the first reads, and learns how, for all of them."""
LEAD = "joint", "bayes"
"""Whose spread is the mixture's: that of the first which takes part."""


@functools.cache
def _numba() -> ModuleType:
    from opportune.learning import mixture_numba

    mixture_numba.warm_up()
    return mixture_numba


class Forms(Encoded):
    """Each expert's own form of one request's facts."""

    __slots__ = ("forms",)

    def __init__(self, forms: list[Encoded]) -> None:
        self.forms = forms


class MixtureModel(PropensityModel):
    """Experts that learn side by side, weighed by how well they foresaw, corrected where they are off together.

    Args:
        predictors: facts it may see; names are distinct.
        outcomes: names of its heads, distinct, at least one.
        kernel: "auto", "numpy" or "numba".
    """

    name = "mixture"

    def __init__(self, predictors: Sequence[Predictor], outcomes: Sequence[str], kernel: str = "auto") -> None:
        self.kernel = resolve_kernel(kernel)
        self.outcomes = tuple(outcomes)
        self._predictors = tuple(predictors)
        self._steps: Any = _numba() if self.kernel == "numba" else mixture_numpy
        self._experts = self._make_experts()
        self._share_reading()
        self._blends: dict[tuple[str, ...], Blend] = {}
        self._drift = Drift(len(self.outcomes))
        self._catalogue: tuple[CandidateKey, ...] = ()
        self.bind(())

    def bind(self, catalogue: Sequence[CandidateKey]) -> None:
        """Fix the candidate axis, and with it which experts take part.

        Raises:
            ValueError: a key stands in the catalogue twice.
        """
        if len(set(catalogue)) != len(catalogue):
            raise ValueError("catalogue: every candidate key must stand there once")
        self._catalogue = tuple(catalogue)
        heads = len(self.outcomes)
        self._names = tuple(e.name for e in EXPERTS if e.fits(self._predictors, heads, self._catalogue))
        self._active = [self._experts[name] for name in self._names]
        for expert in self._active:
            expert.bind(self._catalogue)
        self._blend = self._blends.get(self._names) or self._new_blend(self._names)
        self._lead = self._names.index(next(name for name in LEAD if name in self._names))
        shape = (heads, len(self._catalogue))
        self._prediction = Prediction(*(np.zeros(shape, dtype=np.float32) for _ in range(3)))
        self._refresh()

    def encode(self, facts: Facts) -> Forms:
        """Encode one request's facts, once for each expert."""
        form = self._reader.encode(facts)
        return Forms([form if name in LINEAR else self._experts[name].encode(facts) for name in self._names])

    def predict(self, encoded: Encoded) -> Prediction:
        """Score all candidates; the arrays are overwritten by the next call."""
        assert isinstance(encoded, Forms)
        if not self._is_fresh:
            self._refresh()
        total = self._prediction.log_odds
        total[:] = self._constants
        lead = total
        for place, (expert, form) in enumerate(zip(self._active, encoded.forms, strict=True)):
            said = expert.predict(form)
            self._steps.add_expert(said.log_odds, said.spread, self._weights[place], total)
            if place == self._lead:
                lead = said.spread
        self._steps.finish(self._corrections, lead, total, self._prediction.spread, self._prediction.propensity)
        return self._prediction

    def learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Learn one answer: the weights from what the experts said before they learned it."""
        self.score_and_learn(facts, candidate, outcome, happened)

    def score_and_learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> tuple[float, float]:
        """Learn one answer, and give log odds and spread from before it."""
        self._check_bound(candidate, outcome)
        form = self._reader.encoder.observe(facts)
        haste = self._drift.factor(outcome)
        said: list[float] = []
        spreads: list[float] = []
        for expert in self._active:
            if isinstance(expert, BayesModel | JointModel):
                expert.haste = haste
                log_odds, spread = expert.learn_form(form, candidate, outcome, happened)
            else:
                log_odds, spread = expert.score_and_learn(facts, candidate, outcome, happened)
            said.append(moderated(log_odds, spread))
            spreads.append(spread)
        self._blends[self._names] = self._blend
        log_odds = self._blend.learn(outcome, np.array([*said, 1.0]), happened)
        self._drift.learn(outcome, log_odds, happened)
        self._is_fresh = False
        lead = spreads[self._lead]
        return log_odds, lead / math.sqrt(1.0 + MODERATION * lead * lead)

    def unlearn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Take back one answer from every expert; how far they are trusted stays."""
        self._check_bound(candidate, outcome)
        for expert in self._active:
            expert.unlearn(facts, candidate, outcome, happened)

    def evidence(self) -> Floats:
        """Number of answers learned and not taken back, float32 [O, C]."""
        return self._active[0].evidence()

    def snapshot(self) -> Snapshot:
        """Copy what every expert that ever took part has learned, and how far they are trusted."""
        learned = sorted(names for names, blend in self._blends.items() if blend.answers.any())
        taught = {LINEAR[0]}.union(*learned)
        arrays: dict[str, npt.NDArray[Any]] = {f"drift.{key}": a for key, a in self._drift.arrays().items()}
        states: dict[str, Any] = {}
        for name, expert in self._experts.items():
            if name in taught:
                state = expert.snapshot()
                states[name] = dict(state.meta)
                arrays |= {f"{name}.{key}": values for key, values in state.arrays.items()}
        for names in learned:
            arrays |= {_prefix(names) + key: values for key, values in self._blends[names].arrays().items()}
        return Snapshot(arrays, self._description() | {"experts": states, "blends": [list(names) for names in learned]})

    def restore(self, snapshot: Snapshot) -> None:
        """Take over a state; the bound catalogue stays bound, and a refused state changes nothing."""
        meta = snapshot.meta
        for name, expected in self._description().items():
            if meta.get(name) != expected:
                raise ValueError(f"snapshot: {name} is not that of this model")
        states = _states(snapshot)
        experts = self._make_experts()
        if not {LINEAR[0]} <= set(states) <= set(experts):
            raise ValueError("snapshot: its experts are not those of this model")
        for name, state in states.items():
            experts[name].restore(state)
        self._replace(experts, self._read_blends(snapshot, self.outcomes), self._read_drift(snapshot, self.outcomes))

    def adopt(self, snapshot: Snapshot, moves: Moves) -> None:
        """Take over what a model of other predictors, outcomes or names knew, or a `bayes` model as that expert."""
        states = {"bayes": snapshot} if snapshot.meta.get("model") == "bayes" else _states(snapshot)
        experts = self._make_experts()
        for name, expert in experts.items():
            if name in states:
                expert.bind(self._catalogue)
                expert.adopt(states[name], moves)
        if snapshot.meta.get("model") == "bayes":
            self._replace(experts, {}, Drift(len(self.outcomes)))
            return
        outcomes = [str(name) for name in snapshot.meta["outcomes"]]
        self._replace(experts, self._read_blends(snapshot, outcomes), self._read_drift(snapshot, outcomes))

    def digest(self) -> str:
        """Hex digest of the learned state."""
        return state_digest(self.snapshot())

    def weights(self, facts: Facts, candidate: int, outcome: int) -> list[tuple[str, float]]:
        """Contribution of each predictor to the log odds before correction, largest first."""
        totals = dict.fromkeys((predictor.name for predictor in self._predictors), 0.0)
        for place, expert in enumerate(self._active):
            spread = float(expert.predict(expert.encode(facts)).spread[outcome, candidate])
            factor = float(self._blend.weights[outcome, place]) / (1.0 + MODERATION * spread * spread) ** 0.5
            for name, part in expert.weights(facts, candidate, outcome):
                totals[name] += factor * part
        return sorted(totals.items(), key=lambda item: (-abs(item[1]), item[0]))

    def _check_bound(self, candidate: int, outcome: int) -> None:
        if not (0 <= candidate < len(self._catalogue) and 0 <= outcome < len(self.outcomes)):
            raise IndexError("candidate or outcome: not bound")

    def _make_experts(self) -> dict[str, PropensityModel]:
        return {e.name: e.make(self._predictors, self.outcomes, self.kernel) for e in EXPERTS}

    @property
    def _reader(self) -> BayesModel:
        reader = self._experts[LINEAR[0]]
        assert isinstance(reader, BayesModel)
        return reader

    def _share_reading(self) -> None:
        for name in LINEAR[1:]:
            expert = self._experts[name]
            assert isinstance(expert, JointModel)
            expert.read_with(self._reader.encoder)

    def _new_blend(self, names: tuple[str, ...]) -> Blend:
        taking_part = [e for e in EXPERTS if e.name in names]
        whole = sum(e.start for e in taking_part)
        start, variance = [e.start / whole for e in taking_part], [e.variance for e in taking_part]
        return Blend(start, variance, len(self.outcomes), self._steps)

    def _refresh(self) -> None:
        """Copy what was learned of the experts to where predictions read it."""
        weights = self._blend.weights.astype(np.float32).T.copy()
        self._weights, self._constants = weights[:-1], weights[-1][:, None]
        self._corrections = self._blend.corrections.astype(np.float32)
        self._is_fresh = True

    def _description(self) -> dict[str, Any]:
        return {
            "model": self.name,
            "format": FORMAT,
            "predictors": [[p.name, str(p.type)] for p in self._predictors],
            "outcomes": list(self.outcomes),
        }

    def _read_blends(self, snapshot: Snapshot, outcomes: Sequence[str]) -> dict[tuple[str, ...], Blend]:
        """Read the weights of each set of experts; outcomes are those of the snapshot.

        Raises:
            ValueError: the snapshot is not of such a model.
        """
        entries = snapshot.meta.get("blends")
        if not isinstance(entries, list):
            raise ValueError("snapshot: blends are missing")
        heads = {own: list(outcomes).index(name) for own, name in enumerate(self.outcomes) if name in outcomes}
        known = [e.name for e in EXPERTS]
        found: dict[tuple[str, ...], Blend] = {}
        for names in entries:
            if not (isinstance(names, list) and names and all(isinstance(name, str) for name in names)):
                raise ValueError("snapshot: blends: expected lists of names of experts")
            if names != [name for name in known if name in names]:
                continue
            prefix = _prefix(names)
            arrays = {key.removeprefix(prefix): a for key, a in snapshot.arrays.items() if key.startswith(prefix)}
            blend = self._new_blend(tuple(names))
            blend.take(arrays, heads)
            found[tuple(names)] = blend
        return found

    def _read_drift(self, snapshot: Snapshot, outcomes: Sequence[str]) -> Drift:
        heads = {own: list(outcomes).index(name) for own, name in enumerate(self.outcomes) if name in outcomes}
        arrays = {key.removeprefix("drift."): a for key, a in snapshot.arrays.items() if key.startswith("drift.")}
        drift = Drift(len(self.outcomes))
        drift.take(Snapshot(arrays, {}), heads, len(outcomes))
        return drift

    def _replace(self, experts: dict[str, PropensityModel], blends: dict[tuple[str, ...], Blend], drift: Drift) -> None:
        self._experts, self._blends, self._drift = experts, blends, drift
        self._share_reading()
        self.bind(self._catalogue)


def _prefix(names: Sequence[str]) -> str:
    """Begin the names of a blend's arrays; no expert is called so."""
    return f"blend:{'+'.join(names)}."


def _states(snapshot: Snapshot) -> dict[str, Snapshot]:
    """Part the state of a mixture into those of its experts.

    Raises:
        ValueError: the snapshot is not of a mixture.
    """
    entries = snapshot.meta.get("experts")
    if snapshot.meta.get("model") != MixtureModel.name or not isinstance(entries, dict):
        raise ValueError("snapshot: it is not of a mixture")
    states = {}
    for name, meta in entries.items():
        if not isinstance(meta, dict):
            raise ValueError("snapshot: experts: expected their descriptions")
        prefix = f"{name}."
        arrays = {key.removeprefix(prefix): a for key, a in snapshot.arrays.items() if key.startswith(prefix)}
        states[name] = Snapshot(arrays, meta)
    return states
