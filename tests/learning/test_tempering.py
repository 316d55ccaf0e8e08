"""How far each weight of evidence is trusted."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.random import default_rng
from scipy import optimize

from opportune.learning.bayes_numpy import answer_step
from opportune.learning.kernels import Kernel
from opportune.learning.tempering import FULL_MAX, Tempering, settle, sigmoid

KERNELS: tuple[Kernel, ...] = ("numpy", "numba")


@pytest.mark.parametrize("log_odds", [-6.0, -1.0, 0.0, 2.5])
@pytest.mark.parametrize("variance", [0.01, 0.5, 2.0, 12.0, 30.0])
@pytest.mark.parametrize("happened", [0.0, 1.0])
@pytest.mark.parametrize("step", [settle, answer_step])
def test_an_answer_moves_log_odds_to_the_most_probable(
    log_odds: float, variance: float, happened: float, step: Callable[[float, float, float], tuple[float, float]]
) -> None:
    error, curvature = step(log_odds, variance, happened)

    def surprise(move: float) -> float:
        side = 1.0 if happened else -1.0
        return float(np.logaddexp(0.0, -side * (log_odds + move)) + move * move / (2.0 * variance))

    best = float(optimize.minimize_scalar(surprise, bounds=(-20.0, 20.0), method="bounded").x)
    chance = sigmoid(log_odds + best)
    assert variance * error == pytest.approx(best, abs=1e-3)
    assert curvature == pytest.approx(chance * (1.0 - chance), abs=1e-3)


@pytest.mark.parametrize(("log_odds", "chance"), [(0.0, 0.5), (math.log(4.0), 0.8), (-math.log(4.0), 0.2)])
def test_log_odds_are_told_as_chances(log_odds: float, chance: float) -> None:
    assert sigmoid(log_odds) == pytest.approx(chance)
    assert 0.0 < sigmoid(-1e9) < sigmoid(log_odds) < sigmoid(1e9) < 1.0


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("predictors", [2, FULL_MAX + 1])
def test_gains_are_the_log_loss_that_a_predictor_spares(predictors: int, kernel: Kernel) -> None:
    if kernel == "numba":
        pytest.importorskip("numba")
    draws, tempering = default_rng(3), Tempering(predictors, kernel)
    spared = np.zeros(2)
    for _ in range(2_000):
        x = np.zeros(predictors + 1)
        x[0], x[1], x[-1] = *draws.normal(0.0, 0.4, 2), 1.0
        side = 1.0 if draws.random() < 1.0 / (1.0 + math.exp(-x[0])) else -1.0
        whole = tempering.log_odds(x, 0.0)
        without = whole - tempering.mean[:2] * x[:2]
        spared += np.logaddexp(0.0, -side * without) - np.logaddexp(0.0, -side * whole)
        tempering.learn(x, 0.0, float(side > 0.0))

    # Gains are of the second order.
    assert tempering.gains[:2] == pytest.approx(spared, rel=0.1, abs=0.5)
    assert tempering.gains[0] > 20.0 > 2.0 > tempering.gains[1]


@pytest.mark.parametrize(("predictors", "left"), [(3, 0.25), (FULL_MAX + 1, 0.75)])
def test_an_answer_taken_back_at_once_leaves_factors_as_they_were(predictors: int, left: float) -> None:
    """Variances that stand apart do not tell how much of one answer each has learned: more is left there."""
    draws, tempering = default_rng(4), Tempering(predictors, "numpy")
    for _ in range(200):
        x = np.append(draws.normal(0.0, 0.5, predictors), 1.0)
        tempering.learn(x, -1.0, float(draws.random() < 0.3))
    mean, covariance = tempering.mean.copy(), tempering.covariance.copy()
    x = np.append(draws.normal(0.0, 0.5, predictors), 1.0)
    tempering.learn(x, -1.0, 1.0)
    moved, surer = np.abs(tempering.mean - mean).max(), np.abs(tempering.covariance - covariance).max()

    tempering.unlearn(x, -1.0, 1.0)

    assert np.abs(tempering.mean - mean).max() < 0.1 * moved
    assert np.abs(tempering.covariance - covariance).max() < left * surer
