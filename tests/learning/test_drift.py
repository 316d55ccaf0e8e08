"""Whether the world has changed."""

from __future__ import annotations

import numpy as np
import pytest

from opportune.learning import BayesModel, CandidateKey, MixtureModel, Predictor, Snapshot
from opportune.learning.drift import HASTE, Drift
from opportune.records import Value, ValueType


def run(drift: Drift, odds_told: float, rate: float, count: int, seed: int = 1) -> int:
    """Answers until the alarm, or `count`."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        if drift.factor(0) == HASTE:
            return number
        drift.learn(0, odds_told, bool(rng.random() < rate))
    return count


@pytest.mark.parametrize("chance", [0.02, 0.2, 0.5])
def test_a_world_that_stays_raises_no_alarm(chance: float) -> None:
    log_odds = float(np.log(chance / (1.0 - chance)))

    assert run(Drift(1), log_odds, chance, 20_000) == 20_000


@pytest.mark.parametrize(("told", "rate"), [(0.1, 0.3), (0.5, 0.2), (0.8, 0.4)])
def test_a_rate_that_jumps_raises_one_within_some_hundred_answers(told: float, rate: float) -> None:
    assert run(Drift(1), float(np.log(told / (1.0 - told))), rate, 1000) < 300


def test_weights_forget_faster_for_a_thousand_answers_and_then_as_usual() -> None:
    drift = Drift(1)
    run(drift, -2.0, 0.6, 1000)
    assert drift.factor(0) == HASTE

    for number in range(1000):
        drift.learn(0, -2.0, number % 8 == 0)

    assert drift.factor(0) == 1.0


def test_it_refuses_sums_of_another_shape_or_out_of_range() -> None:
    drift = Drift(2)
    for surprise, haste in ((np.zeros((1, 3)), np.zeros(2, dtype=np.int64)), (np.full((2, 3), -1.0), np.zeros(2, int))):
        with pytest.raises(ValueError, match="snapshot"):
            drift.take(Snapshot({"surprise": surprise, "haste": haste}, {}), {0: 0}, 2)


def test_a_model_that_sees_change_is_right_sooner_than_one_that_does_not() -> None:
    predictors = (Predictor("customer.age", ValueType.NUMBER), Predictor("customer.city", ValueType.TEXT))
    catalogue = [CandidateKey("g", f"a{n}", "app", "t") for n in range(150)]
    mixture, plain = (kind(predictors, ("accept",), "numpy") for kind in (MixtureModel, BayesModel))
    for model in (mixture, plain):
        model.bind(catalogue)
    rng = np.random.default_rng(5)
    losses = np.zeros(2)
    for number in range(4000):
        sign = 1.0 if number < 3000 else -1.0
        age, city, candidate = float(rng.normal()), f"c{rng.integers(3)}", int(rng.integers(3))
        chance = 1.0 / (1.0 + np.exp(-sign * (1.5 * age + (1.0 if city == "c0" else -1.0))))
        facts: dict[str, Value] = {"customer.age": age, "customer.city": city}
        happened = bool(rng.random() < chance)
        for place, model in enumerate((mixture, plain)):
            log_odds, _ = model.score_and_learn(facts, candidate, 0, happened)
            if number >= 3000:
                losses[place] += np.logaddexp(0.0, -log_odds if happened else log_odds)

    assert losses[0] < 0.9 * losses[1]
