"""Figures of quality, against those of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from opportune.customers.texts.quality import quality_of

LABELS = ("a", "b", "c", "d")


def test_figures_of_several_labels_are_those_of_scikit_learn() -> None:
    draw = np.random.default_rng(4)
    chances, truth = draw.random((300, 4)), draw.random((300, 4)) < 0.3

    figures = quality_of(chances, truth, 1, LABELS, True, 0.6).figures

    said = chances >= 0.6
    majority = np.zeros_like(truth)
    majority[:, 1] = True
    assert figures["micro_f1"] == pytest.approx(f1_score(truth, said, average="micro"), abs=1e-4)
    assert figures["macro_f1"] == pytest.approx(f1_score(truth, said, average="macro"), abs=1e-4)
    assert figures["majority_micro_f1"] == pytest.approx(f1_score(truth, majority, average="micro"), abs=1e-4)


def test_figures_of_one_label_are_those_of_scikit_learn() -> None:
    draw = np.random.default_rng(5)
    chances, column = draw.random((300, 4)), draw.integers(0, 4, 300)

    found = quality_of(chances, np.eye(4, dtype=bool)[column], 2, LABELS, False, 0.8)

    said = chances.argmax(axis=1)
    assert found.figures["accuracy"] == pytest.approx(accuracy_score(column, said), abs=1e-4)
    assert found.figures["macro_f1"] == pytest.approx(f1_score(column, said, average="macro"), abs=1e-4)
    assert found.figures["majority_accuracy"] == pytest.approx(float(np.mean(column == 2)), abs=1e-4)
    assert found.figures["answered"] == pytest.approx(float(np.mean(chances.max(axis=1) >= 0.8)), abs=1e-4)


def test_confusions_name_what_was_there_and_what_was_said() -> None:
    truth = np.eye(4, dtype=bool)[[0, 0, 0, 1]]
    chances = np.array([[0.1, 0.9, 0, 0], [0.1, 0.9, 0, 0], [0.9, 0.1, 0, 0], [0.1, 0.2, 0, 0.9]])

    found = quality_of(chances, truth, 0, LABELS, False, 0.5).confusions

    assert [(one.truth, one.said, one.texts) for one in found] == [("a", "b", 2), ("b", "d", 1)]
