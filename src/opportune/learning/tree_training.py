"""Training of trees on recent answers, for a process beside the one that learns. Needs the extra "trees".

The same answers give the same artefact: one thread, fixed seeds, and no step of LightGBM that depends on timing.
Settings and schedule: docs/concepts/models.md, "trees".
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from opportune.learning.base import CandidateKey, Predictor, Snapshot
from opportune.learning.snapshot import to_bytes
from opportune.learning.tree_arrays import TreeArrays, arrays_of
from opportune.learning.tree_frame import Doubles, Frame, frame_of
from opportune.learning.trees import ARTEFACT_FORMAT
from opportune.records import Facts

__all__ = ["WINDOW", "Truth", "has_lightgbm", "is_due", "table", "train"]

WINDOW = 50_000
"""Latest answers that are trained on."""
FIRST, GROWTH = 500, 1.25
"""Answers of the first training, and how many times those of the last one every further training takes."""
ANSWERS_LEAST, SIDE_LEAST = 200, 20
"""Answers that an outcome needs for trees, and those of either side among them."""
TREES = 100
SETTINGS: dict[str, Any] = {
    "objective": "binary",
    "num_leaves": 6,
    "learning_rate": 0.05,
    "min_data_in_leaf": 20,
    "lambda_l2": 5.0,
    "cat_smooth": 20.0,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "seed": 1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


class Truth(NamedTuple):
    """One answer to train on.

    Args:
        outcome: name of the head.
    """

    facts: Facts
    key: CandidateKey
    outcome: str
    happened: bool


def has_lightgbm() -> bool:
    """Say whether the extra "trees" is installed."""
    return importlib.util.find_spec("lightgbm") is not None


def is_due(answers: int, trained: int) -> bool:
    """Say whether trees are to be trained when there are so many answers.

    Args:
        trained: answers at the last training, 0 before the first.
    """
    return answers >= (math.ceil(GROWTH * trained) if trained else FIRST)


def train(
    predictors: Sequence[Predictor], outcomes: Sequence[str], truths: Sequence[Truth], answers: int = 0
) -> bytes | None:
    """Train trees for every outcome that has enough answers, and give the artefact; None where none has.

    Args:
        truths: in their order; only the last WINDOW count.
        answers: that the model had learned by then, for the schedule.

    Raises:
        ValueError: the extra "trees" is not installed.
    """
    if not has_lightgbm():
        raise ValueError("trees: the package lightgbm is not installed; install opportune[trees]")
    recent = truths[-WINDOW:]
    frame = frame_of(predictors, [one.facts for one in recent], [one.key for one in recent])
    types = {one.name: one.type for one in predictors}
    dumps = []
    for head, outcome in enumerate(outcomes):
        own = [one for one in recent if one.outcome == outcome]
        happened = np.array([one.happened for one in own], dtype=np.float64)
        if len(own) < ANSWERS_LEAST or min(happened.sum(), len(own) - happened.sum()) < SIDE_LEAST:
            continue
        rows = table(frame, types, own)
        dumps.append((head, fit(rows, happened, frame.categories).dump_model()))
    return artefact(arrays_of(dumps), frame, outcomes, answers) if dumps else None


def table(frame: Frame, types: dict[str, Any], truths: Sequence[Truth]) -> Doubles:
    """Give the answers as rows of the frame, float64 [n, F + PARTS]."""
    parts = frame.candidates([one.key for one in truths]).T
    return np.hstack((np.array([frame.row(one.facts, types) for one in truths]), parts))


def fit(rows: Doubles, happened: Doubles, categories: list[int]) -> Any:
    """Train the trees of one outcome; gives LightGBM's own model."""
    import lightgbm

    data = lightgbm.Dataset(rows, happened, categorical_feature=categories, params={"verbosity": -1})
    return lightgbm.train(SETTINGS, data, TREES)


def artefact(trees: TreeArrays, frame: Frame, outcomes: Sequence[str], answers: int = 0) -> bytes:
    """Give trees and their frame as bytes: data alone."""
    meta = {"format": ARTEFACT_FORMAT, "outcomes": list(outcomes), "frame": frame.described(), "answers": answers}
    return to_bytes(Snapshot(trees.arrays(), meta))
