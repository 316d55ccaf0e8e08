"""Recalibrated scores: told as often as it happens, however wrong the scores are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from numpy.random import default_rng

from opportune.learning.base import CandidateKey
from opportune.learning.rates import Doubles
from opportune.learning.recalibration import BINS, SCORE_MAX, fitted, note
from opportune.learning.tally import Tally


def told_and_rate(scores: Doubles, happened: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Mean propensity, recalibrated by these answers to one action, and how often it happened."""
    tally = Tally(("accept",), {"scores": (BINS, 2)})
    tally.bind([CandidateKey("loans", "loan", "app", "main")])
    for score, yes in zip(scores, happened, strict=True):
        note(tally.arrays["scores"][0, 0], float(score), bool(yes), 1)
    slope, shift = fitted(tally)
    log_odds = slope[0, 0] * np.clip(scores, -SCORE_MAX, SCORE_MAX) + shift[0, 0]
    return float((1.0 / (1.0 + np.exp(-log_odds))).mean()), float(happened.mean())


@pytest.mark.parametrize("centre", [-7.0, 0.0, 7.0])
@pytest.mark.parametrize("width", [0.1, 1.0, 4.0])
@pytest.mark.parametrize("shift", [-5.0, 0.0, 3.0])
@pytest.mark.parametrize("slope", [-1.0, 0.3, 2.0])
def test_what_is_told_is_as_frequent_as_what_happens(centre: float, width: float, slope: float, shift: float) -> None:
    draws = default_rng(5)
    scores = draws.normal(centre, width, 2_000)
    happened = draws.random(2_000) < 1.0 / (1.0 + np.exp(-(slope * scores + shift)))

    told, rate = told_and_rate(scores, happened)

    assert told == pytest.approx(rate, abs=0.02)


def test_a_score_that_is_no_number_is_not_counted() -> None:
    counts = np.zeros((BINS, 2), dtype=np.int64)
    for score in (float("nan"), float("inf"), float("-inf")):
        note(counts, score, happened=True, times=1)

    assert not counts.any()


def test_an_answer_that_was_not_counted_is_not_taken_back() -> None:
    counts = np.zeros((BINS, 2), dtype=np.int64)
    note(counts, 1.0, happened=False, times=1)

    note(counts, 1.0, happened=True, times=-1)
    assert counts.sum() == 1

    note(counts, 1.0, happened=False, times=-1)
    assert not counts.any()
