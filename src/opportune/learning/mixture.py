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
from collections.abc import Sequence
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from opportune.learning import mixture_numpy
from opportune.learning.base import CandidateKey, Encoded, Floats, Prediction, Predictor, PropensityModel, Snapshot
from opportune.learning.bayes import BayesModel
from opportune.learning.blend import Blend
from opportune.learning.drift import Drift
from opportune.learning.encoding import LinearForm
from opportune.learning.evidence import EvidenceModel
from opportune.learning.joint import JointModel
from opportune.learning.kernels import resolve_kernel
from opportune.learning.mixture_experts import EARNED, EXPERTS, LEAD, LINEAR, TREES, fitting
from opportune.learning.mixture_numpy import MODERATION, moderated
from opportune.learning.moves import Moves
from opportune.learning.pairs import PairsModel
from opportune.learning.snapshot import state_digest
from opportune.learning.supplied import FactsForm
from opportune.learning.trees import PART, TreesModel
from opportune.records import Facts

__all__ = ["MixtureModel"]

FORMAT = 1

FADING = (BayesModel, JointModel, EvidenceModel, PairsModel)
"""Experts that forget."""
KNOWN = 100
"""Answers to an outcome from which experts that have learned less than half of them begin without trust."""


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
    adopts: ClassVar[frozenset[str]] = frozenset({"bayes"})

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
        self._names = fitting(self._predictors, heads, self._catalogue)
        self._active = [self._experts[name] for name in self._names]
        for expert in self._active:
            expert.bind(self._catalogue)
        self._blend = self._blends.get(self._names) or self._begun_blend()
        self._lead = self._names.index(next(name for name in LEAD if name in self._names))
        shape = (heads, len(self._catalogue))
        self._prediction = Prediction(*(np.zeros(shape, dtype=np.float32) for _ in range(3)))
        self._certain = np.zeros(shape, dtype=np.float32)
        self._refresh()

    def encode(self, facts: Facts) -> Forms:
        """Encode one request's facts, once for each expert."""
        return self._forms(self._reader.encode(facts), facts)

    def encode_known(self, facts: Facts, memory: dict[str, Any]) -> Forms:
        """Encode as `encode` does; what the linear experts read of a profile is remembered."""
        return self._forms(self._reader.encode_known(facts, memory), facts)

    def _forms(self, form: LinearForm, facts: Facts) -> Forms:
        known = FactsForm(facts)
        return Forms(
            [
                form if name in LINEAR else known if name == TREES else self._experts[name].encode(facts)
                for name in self._names
            ]
        )

    def predict(self, encoded: Encoded) -> Prediction:
        """Score all candidates; the arrays are overwritten by the next call."""
        assert isinstance(encoded, Forms)
        if not self._is_fresh:
            self._refresh()
        total = self._prediction.log_odds
        self._steps.begin(self._constants, total)
        lead = total
        for place, (expert, form) in enumerate(zip(self._active, encoded.forms, strict=True)):
            if isinstance(expert, TreesModel):
                assert isinstance(form, FactsForm)
                scores = expert.score(form.facts)
                if scores is not None:
                    told = np.nan_to_num(scores).astype(np.float32)
                    self._steps.add_expert(told, self._certain, self._weights[place], total)
                continue
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
        since = self._tell_since(outcome)
        said: list[float] = []
        spreads: list[float] = []
        for expert in self._active:
            if isinstance(expert, BayesModel | JointModel):
                log_odds, spread = expert.learn_form(form, candidate, outcome, happened)
            elif isinstance(expert, TreesModel):
                # Trees learn in the background; here it is learned how far they are right.
                scores = expert.score(facts)
                log_odds, spread = 0.0 if scores is None else float(np.nan_to_num(scores[outcome, candidate])), 0.0
            else:
                log_odds, spread = expert.score_and_learn(facts, candidate, outcome, happened)
            said.append(moderated(log_odds, spread))
            spreads.append(spread)
        self._blends[self._names] = self._blend
        log_odds = self._blend.learn(outcome, np.array([*said, 1.0]), happened, since)
        self._drift.learn(outcome, log_odds, happened)
        self._is_fresh = False
        lead = spreads[self._lead]
        return log_odds, lead / math.sqrt(1.0 + MODERATION * lead * lead)

    def unlearn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Take back one answer from every expert, and from how far they are trusted and corrected."""
        self._check_bound(candidate, outcome)
        if not self.evidence()[outcome, candidate]:
            return
        # What it is to begin with follows from the answers that experts have when it is made.
        self._blends[self._names] = self._blend
        since = self._tell_since(outcome)
        for expert in self._active:
            if not isinstance(expert, TreesModel):
                expert.unlearn(facts, candidate, outcome, happened)
        log_odds = self._blend.unlearn(outcome, self._said(facts, candidate, outcome), happened, since)
        self._drift.unlearn(outcome, log_odds, happened)
        self._is_fresh = False

    def _said(self, facts: Facts, candidate: int, outcome: int) -> npt.NDArray[np.float64]:
        """Give what the experts say of one candidate, moderated, and 1."""
        said: list[float] = []
        for expert, form in zip(self._active, self.encode(facts).forms, strict=True):
            if isinstance(expert, TreesModel):
                scores = expert.score(facts)
                log_odds, spread = 0.0 if scores is None else float(np.nan_to_num(scores[outcome, candidate])), 0.0
            else:
                told = expert.predict(form)
                log_odds, spread = float(told.log_odds[outcome, candidate]), float(told.spread[outcome, candidate])
            said.append(moderated(log_odds, spread))
        return np.array([*said, 1.0])

    def expert(self, name: str) -> PropensityModel | None:
        """Give an expert by its name; None where the catalogue leaves no room for it."""
        return self._experts[name] if name in self._names else None

    @property
    def trees(self) -> TreesModel | None:
        """Give the expert that is trained in the background; None where the catalogue leaves no room for it."""
        expert = self.expert(TREES)
        assert expert is None or isinstance(expert, TreesModel)
        return expert

    def take_part(self, part: str, artefact: bytes) -> None:
        """Take over trees; how far trees are trusted stays.

        Raises:
            ValueError: the part is unknown, or the bytes are no trees; nothing is changed.
        """
        if part != PART:
            raise ValueError(f"model {self.name}: it has no part {part[:60]!r}")
        self._experts[TREES].take_part(part, artefact)

    def evidence(self) -> Floats:
        """Number of answers learned and not taken back, float32 [O, C]."""
        return self._active[0].evidence()

    def snapshot(self) -> Snapshot:
        """Copy what every expert that ever took part has learned, and how far they are trusted."""
        learned = sorted(self._blends)
        taught = {LINEAR[0]}.union(*learned) - {TREES}
        trees = self._experts[TREES]
        if isinstance(trees, TreesModel) and trees.has_trees:
            taught.add(TREES)
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
            linear = experts[LINEAR[0]]
            assert isinstance(linear, BayesModel)
            self._replace(experts, {}, linear.drift.copy())
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
            if isinstance(expert, TreesModel):
                if not expert.has_trees:
                    continue
                spread = 0.0
            else:
                spread = float(expert.predict(expert.encode(facts)).spread[outcome, candidate])
            factor = float(self._blend.weights[outcome, place]) / (1.0 + MODERATION * spread * spread) ** 0.5
            for name, part in expert.weights(facts, candidate, outcome):
                totals[name] += factor * part
        return sorted(totals.items(), key=lambda item: (-abs(item[1]), item[0]))

    def _check_bound(self, candidate: int, outcome: int) -> None:
        if not (0 <= candidate < len(self._catalogue) and 0 <= outcome < len(self.outcomes)):
            raise IndexError("candidate or outcome: not bound")

    def _tell_since(self, outcome: int) -> int:
        """Tell experts that forget, and the caller, how many answers came since the world last changed."""
        since = int(self._drift.since[outcome])
        for expert in self._active:
            if isinstance(expert, FADING):
                expert.since = since
        return since

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

    def _begun_blend(self) -> Blend:
        """Make the weights of the experts that take part; of those that learned, where others begin beside them."""
        blend = self._new_blend(self._names)
        experts = [e for e in EXPERTS if e.name in self._names]
        told = np.array([expert.evidence().sum(axis=1) for expert in self._active])
        for head in np.flatnonzero(told[0] >= KNOWN).tolist():
            is_new = told[:, head] < 0.5 * told[0, head]
            start = [0.0 if new else e.start for e, new in zip(experts, is_new, strict=True)]
            variance = [EARNED if new else e.variance for e, new in zip(experts, is_new, strict=True)]
            blend.begin(head, [one / sum(start) for one in start], variance)
        return blend

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
