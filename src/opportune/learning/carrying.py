"""State of a `bayes` model for other predictors, outcomes and names: what stays known is kept, the rest begins anew.

Kept, by name and type: predictors with their scales and levels; by name: outcomes. What a predictor or an outcome that
is gone had taught is dropped. Notation as in bayes.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.learning.base import Predictor, Snapshot
from opportune.learning.drift import Drift
from opportune.learning.encoding import Encoder
from opportune.learning.moves import Moves, Path
from opportune.learning.snapshot import read_array
from opportune.records import ValueType

__all__ = ["Fresh", "carried", "paired_rows", "places", "read_former", "with_levels"]

Floats = npt.NDArray[np.float32]

Fresh = Callable[[Encoder, Sequence[str], Sequence[Path]], Floats]
"""State [O, K, 2, F] before any answer, of an encoding, outcomes and columns."""


def carried(snapshot: Snapshot, encoder: Encoder, outcomes: Sequence[str], moves: Moves, fresh: Fresh) -> Snapshot:
    """Give the state of a model of `encoder` and `outcomes` that knows what a snapshot of another one knows.

    Where the variance of a weight before any answer differs between the two, what answers have told of the weight is
    kept: the difference of its precision to that before any answer.

    Args:
        encoder: of the new model's predictors, without levels.

    Raises:
        ValueError: the snapshot is not of such a model.
    """
    former, heads, columns = read_former(snapshot, "columns")
    shape = (len(heads), len(columns), 2, len(former.owners))
    weights = read_array(snapshot, "weights", np.float32, shape)
    answers = read_array(snapshot, "answers", np.int64, shape[:2])

    targets, sources = places(columns, answers, moves)
    if former.predictors == encoder.predictors and heads == list(outcomes) and targets == columns:
        return snapshot
    stay = [name for name in outcomes if name in heads]
    former_heads, own_heads = [heads.index(name) for name in stay], [list(outcomes).index(name) for name in stay]
    later = with_levels(encoder, former)
    rows, former_rows = paired_rows(later, former)
    state = fresh(later, outcomes, targets)
    counts = np.zeros((len(outcomes), len(targets)), dtype=np.int64)
    before = fresh(former, heads[:1], columns)[0][sources][..., former_rows]
    for own, head in zip(own_heads, former_heads, strict=True):
        told = _told(weights[head][sources][..., former_rows], before, state[own][..., rows])
        state[own, :, :, rows] = told.transpose(2, 0, 1)
        counts[own] = answers[head, sources]
    learned = np.flatnonzero(counts.sum(axis=0))
    arrays: dict[str, npt.NDArray[Any]] = {"weights": state[:, learned], "answers": counts[:, learned]}
    arrays |= {"seen": later.seen, "mean": later.mean, "variance": later.variance}
    drift = Drift(len(outcomes))
    drift.take(snapshot, dict(zip(own_heads, former_heads, strict=True)), len(heads))
    return Snapshot(
        arrays | drift.arrays(),
        dict(snapshot.meta)
        | {
            "predictors": [[one.name, str(one.type)] for one in later.predictors],
            "outcomes": list(outcomes),
            "columns": [list(targets[k]) for k in learned],
            "levels": [[index, level] for index, level in later.levels],
        },
    )


def read_former(snapshot: Snapshot, paths: str) -> tuple[Encoder, list[str], list[Path]]:
    """Read encoder, outcomes and the paths that stand under this name from a state of other predictors.

    Raises:
        ValueError: the snapshot is not of such a model.
    """
    meta = snapshot.meta
    try:
        predictors = [Predictor(name, ValueType(kind)) for name, kind in meta["predictors"]]
        former = Encoder(predictors, "numpy").restored(snapshot)
        return former, [str(name) for name in meta["outcomes"]], [tuple(names) for names in meta[paths]]
    except (KeyError, TypeError) as error:
        raise ValueError("snapshot: its description is not that of this model") from error


def places(columns: Sequence[Path], answers: npt.NDArray[np.int64], moves: Moves) -> tuple[list[Path], list[int]]:
    """Give the new columns in order and the old one of each; of several, the one with the most answers, then first."""
    counts = answers.sum(axis=0).tolist()
    chosen: dict[Path, int] = {}
    for k, column in enumerate(columns):
        target = moves.place(column)
        if target not in chosen or counts[k] > counts[chosen[target]]:
            chosen[target] = k
    targets = sorted(chosen)
    return targets, [chosen[target] for target in targets]


def with_levels(encoder: Encoder, former: Encoder) -> Encoder:
    """Give the encoder of the new predictors with scales and levels of those that stay."""
    later = Encoder(encoder.predictors, encoder.kernel)
    index = {predictor: place for place, predictor in enumerate(later.predictors)}
    for owner, level in former.levels:
        place = index.get(former.predictors[owner])
        if place is not None:
            later.add_level(place, level)
    numbers = {name: place for place, name in enumerate(former.numbers)}
    kept = {predictor.name for predictor in later.predictors if predictor in former.predictors}
    own = [place for place, name in enumerate(later.numbers) if name in kept]
    theirs = [numbers[later.numbers[place]] for place in own]
    scales = np.zeros((3, len(later.numbers)))
    scales[:, own] = np.stack((former.seen, former.mean, former.variance))[:, theirs]
    later.take_scales(*scales)
    return later


def paired_rows(later: Encoder, former: Encoder) -> tuple[list[int], list[int]]:
    """Pair the rows of predictors that stay, and of the bias: (new rows, old rows)."""
    own, others = _rows_by_owner(later), _rows_by_owner(former)
    rows: list[int] = []
    former_rows: list[int] = []
    for predictor, places in own.items():
        if predictor in others:
            rows += places
            former_rows += others[predictor]
    return rows, former_rows


def _rows_by_owner(encoder: Encoder) -> dict[Predictor | None, list[int]]:
    """Predictor, None for the bias → its rows, in the order that its type gives them."""
    found: dict[Predictor | None, list[int]] = {}
    for row, owner in enumerate(encoder.owners):
        found.setdefault(None if owner < 0 else encoder.predictors[owner], []).append(row)
    return found


def _told(weights: Floats, before: Floats, now: Floats) -> Floats:
    """Carry means and variances [K, 2, F] from one state before any answer to another."""
    if np.array_equal(before[:, 1], now[:, 1]):
        return weights
    told = weights.copy()
    precision = 1.0 / weights[:, 1].astype(np.float64) - 1.0 / before[:, 1].astype(np.float64)
    told[:, 1] = 1.0 / (1.0 / now[:, 1].astype(np.float64) + np.maximum(precision, 0.0))
    return told
