"""Training of models of texts: a build step. Needs the extra "texts"; reading needs none of it.

The same rows give the same model: no step depends on time, on order of threads, or on chance.
What is chosen, and by which rows, stands in docs/concepts/texts.md.

Notation: N texts for training, D places, L labels.
"""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from opportune.customers.texts.file import LABELS_MAX
from opportune.customers.texts.model import About, Layout, TextModel, counted, weighed
from opportune.customers.texts.ngrams import pieces_of
from opportune.customers.texts.quality import Quality, micro_f1, quality_of
from opportune.customers.texts.samples import Sample, is_held_back, is_inner
from opportune.errors import InputError

__all__ = ["AT_LEAST", "LABEL_ROWS_MIN", "Origin", "Trained", "has_scikit_learn", "layout_of", "train"]

Doubles = npt.NDArray[np.float64]

AT_LEAST = 0.4
"""Chance from which on the only label of a text counts, unless the user says otherwise."""
LABEL_ROWS_MIN = 10
"""Rows for training that a label needs."""
STRENGTHS = (0.5, 2.0, 8.0, 32.0)
"""How far weights may follow the rows (the inverse of the penalty); the best on the inner part is taken."""
SHARPNESSES = tuple(float(value) for value in np.round(np.geomspace(0.25, 4.0, 33), 4))
THRESHOLDS = tuple(float(value) for value in np.round(np.arange(0.05, 0.951, 0.01), 2))
CELLS_WANTED = 1 << 21
"""Weights of a model with few labels: so many that hardly two pieces share a place."""
LAYOUTS = (Layout(15, 16), Layout(14, 15), Layout(13, 14))
WEIGHT_MAX = 127
NONE_SHARE = 0.05
"""Share of inner texts whose likeliest label has a lower score than none of the labels gets."""


class Origin(NamedTuple):
    """Where rows come from, for whoever uses the model."""

    language: str
    data: str
    licence: str


class Trained(NamedTuple):
    """A model, and how well it reads what was held back."""

    model: TextModel
    quality: Quality


def has_scikit_learn() -> bool:
    """Say whether the extra "texts" is installed."""
    return importlib.util.find_spec("sklearn") is not None


def train(
    samples: Sequence[Sample],
    several: bool,
    origin: Origin,
    at_least: float | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Trained:
    """Train a model on the texts that are not held back, and judge it by the others.

    Args:
        several: whether a text may have several labels, or none.
        at_least: chance from which on a label counts; None takes AT_LEAST, or where there may be several, what is best
            by micro-F1 on the inner part.
        progress: called with labels trained and labels to train.

    Raises:
        InputError: there are too few rows or labels.
        ImportError: the extra is not installed.
    """
    kept = [sample for sample in samples if not is_held_back(sample.text)]
    held = [sample for sample in samples if is_held_back(sample.text)]
    labels = _labels(kept, held)
    layout = layout_of(len(labels))
    counts = [counted(pieces_of(sample.text), layout) for sample in kept]
    rarity = _rarity(counts, layout)
    truth = _truth(kept, labels)
    fitter = _Fitter(_matrix(counts, layout, rarity), truth, lambda done: progress(done, len(labels) * FITS))
    inner = np.array([is_inner(sample.text) for sample in kept])
    chosen = _choose(fitter, inner, several)
    weights, bias = fitter.fit(np.ones(len(kept), bool), chosen.strength)
    scale = np.maximum(np.abs(weights).max(axis=0), 1e-9) / WEIGHT_MAX
    model = TextModel(
        about=About(
            language=origin.language,
            labels=tuple(labels),
            several=several,
            at_least=at_least or chosen.at_least,
            none=chosen.none,
            data=origin.data,
            licence=origin.licence,
            rows=len(kept),
            quality={},
            layout=layout,
        ),
        rarity=rarity,
        weights=np.round(weights / scale).astype(np.int8),
        scale=scale * chosen.sharpness,
        bias=bias * chosen.sharpness,
    )
    return _judged(model, held, int(truth.sum(axis=0).argmax()))


FITS = len(STRENGTHS) + 1
"""How often every label is trained."""


def _labels(kept: Sequence[Sample], held: Sequence[Sample]) -> list[str]:
    counts = Counter(label for sample in kept for label in sample.labels)
    counts.update(dict.fromkeys({label for sample in held for label in sample.labels} - set(counts), 0))
    if not 2 <= len(counts) <= LABELS_MAX:
        raise InputError.of("labels", f"expected 2 to {LABELS_MAX} different labels, found {len(counts)}")
    rare = sorted(label for label, count in counts.items() if count < LABEL_ROWS_MIN)
    if rare:
        named = ", ".join(label[:50] for label in rare[:10]) + (", …" if len(rare) > 10 else "")
        have = "1 label has" if len(rare) == 1 else f"{len(rare)} labels have"
        message = f"{have} less than {LABEL_ROWS_MIN} rows to train on: {named}"
        raise InputError.of("labels", message, "add rows, give them the name of a wider label, or leave them out")
    return sorted(counts)


def layout_of(labels: int) -> Layout:
    """Give the layout for so many labels: the more labels, the fewer places, so that a model stays small."""
    return next((one for one in LAYOUTS if one.size * labels <= CELLS_WANTED), LAYOUTS[-1])


def _truth(samples: Sequence[Sample], labels: list[str]) -> npt.NDArray[np.bool_]:
    return np.array([[label in sample.labels for label in labels] for sample in samples], bool).reshape(-1, len(labels))


Counts = Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]
"""[N]: places of a text, and how many of its pieces fall into each."""


def _rarity(counts: Counts, layout: Layout) -> npt.NDArray[np.float32]:
    texts = np.zeros(layout.size)
    for places, _ in counts:
        texts[places] += 1
    return (np.log((1 + len(counts)) / (1 + texts)) + 1).astype(np.float32)


def _matrix(counts: Counts, layout: Layout, rarity: npt.NDArray[np.float32]) -> Any:
    """Lay the features of all texts out as a sparse matrix [N, D]."""
    sparse = importlib.import_module("scipy.sparse")
    ends = np.cumsum([0, *(len(places) for places, _ in counts)])
    values = np.concatenate([weighed(places, times, layout, rarity) for places, times in counts])
    places = np.concatenate([places for places, _ in counts])
    return sparse.csr_matrix((values, places, ends), shape=(len(counts), layout.size))


class _Fitter:
    """Fits one logistic regression per label, and counts them."""

    def __init__(self, features: Any, truth: npt.NDArray[np.bool_], told: Callable[[int], None]) -> None:
        self.features = features
        self.truth = truth
        self._regression = importlib.import_module("sklearn.linear_model").LogisticRegression
        self._told = told
        self._done = 0

    def fit(self, rows: npt.NDArray[np.bool_], strength: float) -> tuple[Doubles, Doubles]:
        """Fit these rows; gives weights [D, L] and biases [L]."""
        labels = self.truth.shape[1]
        weights, bias = np.zeros((self.features.shape[1], labels)), np.zeros(labels)
        features = self.features[rows]
        for label in range(labels):
            regression = self._regression(C=strength, solver="liblinear", random_state=0, max_iter=1_000)
            regression.fit(features, self.truth[rows, label])
            weights[:, label], bias[label] = regression.coef_[0], regression.intercept_[0]
            self._done += 1
            self._told(self._done)
        return weights, bias


class _Choice(NamedTuple):
    loss: float
    strength: float
    sharpness: float
    at_least: float
    none: float | None


def _choose(fitter: _Fitter, inner: npt.NDArray[np.bool_], several: bool) -> _Choice:
    """Choose the settings by which the inner part is foreseen best, having trained on the rest."""
    found = []
    truth = fitter.truth[inner]
    for strength in STRENGTHS:
        weights, bias = fitter.fit(~inner, strength)
        scores = np.asarray(fitter.features[inner] @ weights) + bias
        found.append(_for_several(scores, truth, strength) if several else _for_one(scores, truth, strength))
    return min(found)


def _for_one(scores: Doubles, truth: npt.NDArray[np.bool_], strength: float) -> _Choice:
    losses = []
    for sharpness in SHARPNESSES:
        raised = scores * sharpness
        raised -= raised.max(axis=1, keepdims=True)
        log_chances = raised - np.log(np.exp(raised).sum(axis=1, keepdims=True))
        losses.append((-float(log_chances[truth].mean()), sharpness))
    loss, sharpness = min(losses)
    none = float(np.quantile(scores.max(axis=1), NONE_SHARE)) * sharpness
    return _Choice(loss, strength, sharpness, AT_LEAST, none)


def _for_several(scores: Doubles, truth: npt.NDArray[np.bool_], strength: float) -> _Choice:
    signed = np.where(truth, scores, -scores)
    chances = 1.0 / (1.0 + np.exp(-scores))
    at_least = max(THRESHOLDS, key=lambda least: micro_f1(chances >= least, truth))
    return _Choice(float(np.logaddexp(0.0, -signed).mean()), strength, 1.0, at_least, None)


def _judged(model: TextModel, held: Sequence[Sample], commonest: int) -> Trained:
    about = model.about
    chances = np.zeros((len(held), len(about.labels)))
    for row, sample in enumerate(held):
        reading = model.read(sample.text).chances
        chances[row] = [reading[label] for label in about.labels]
    truth = _truth(held, list(about.labels))
    quality = quality_of(chances, truth, commonest, about.labels, about.several, about.at_least)
    figures = {**quality.figures, "texts": float(quality.texts)}
    told = About(**{name: getattr(about, name) for name in about.__struct_fields__} | {"quality": figures})
    return Trained(TextModel(told, model.rarity, model.weights, model.scale, model.bias), quality)
