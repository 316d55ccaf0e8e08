"""Measures against slow and obvious versions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from benchmarks.learning.measures import (
    Areas,
    calibration_bins,
    calibration_by_chance,
    calibration_error,
    log_loss,
)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(3)


def slow_area(p: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    """Share of (accepted, refused) pairs in the right order, by weight; ties count half."""
    won = total = 0.0
    for i, j in itertools.product(range(len(p)), repeat=2):
        if y[i] and not y[j]:
            total += w[i] * w[j]
            won += w[i] * w[j] * (1.0 if p[i] > p[j] else 0.5 if p[i] == p[j] else 0.0)
    return won / total


def test_the_area_is_the_share_of_pairs_in_order(random: np.random.Generator) -> None:
    p, y, w = random.integers(0, 8, 60) / 8, random.random(60) < 0.4, random.integers(0, 4, 60).astype(float)

    area = Areas(p, y, np.zeros(60, dtype=np.intp)).of(w)

    assert area == pytest.approx(slow_area(p, y, w))


def test_areas_within_groups_are_averaged_by_weight_and_groups_of_one_answer_left_out(
    random: np.random.Generator,
) -> None:
    p, y, w = random.random(90), random.random(90) < 0.5, random.integers(0, 3, 90).astype(float)
    group = np.repeat([0, 1, 2], 30)
    y[60:] = True

    area = Areas(p, y, group).of(w)

    parts = [(slow_area(p[group == g], y[group == g], w[group == g]), w[group == g].sum()) for g in (0, 1)]
    assert area == pytest.approx(np.average([a for a, _ in parts], weights=[b for _, b in parts]))


def test_a_constant_has_half_of_the_area(random: np.random.Generator) -> None:
    assert Areas(np.full(50, 0.3), random.random(50) < 0.5, np.zeros(50, dtype=np.intp)).of(np.ones(50)) == 0.5


def test_an_answer_drawn_twice_weighs_as_two(random: np.random.Generator) -> None:
    p, y, twice = random.random(40), random.random(40) < 0.5, random.integers(0, 3, 40)
    copies = np.repeat(np.arange(40), twice)
    copied = Areas(p[copies], y[copies], np.zeros(len(copies), dtype=np.intp)).of(np.ones(len(copies)))

    weighed = Areas(p, y, np.zeros(40, dtype=np.intp)).of(twice.astype(float))

    assert weighed == pytest.approx(copied)


def test_the_loss_of_certainty_is_bounded() -> None:
    assert log_loss(np.array([0.25, 1.0]), np.array([True, False])) == pytest.approx([np.log(4), np.log(1e6)], rel=1e-6)


def test_calibration_compares_means_and_rates_of_bins_of_equal_count(random: np.random.Generator) -> None:
    p, y = random.random(200), random.random(200) < 0.5
    order = np.argsort(p)
    slow = np.mean([abs(p[part].mean() - y[part].mean()) for part in np.array_split(order, 20)])

    assert calibration_error(p, y, np.ones(200), calibration_bins(p)) == pytest.approx(slow)


def test_what_is_right_errs_by_chance_and_what_is_wrong_by_more(random: np.random.Generator) -> None:
    p = random.random(4_000)
    y = random.random(4_000) < p
    skewed = p**2

    mean, high = calibration_by_chance(p)

    assert 0.0 < mean < high < 0.05
    assert calibration_error(p, y, np.ones(4_000), calibration_bins(p)) < 1.5 * high
    assert calibration_error(skewed, y, np.ones(4_000), calibration_bins(skewed)) > 3 * high
