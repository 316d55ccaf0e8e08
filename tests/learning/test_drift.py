"""Whether the world has changed."""

from __future__ import annotations

import numpy as np
import pytest

from opportune.learning import BayesModel, CandidateKey, MixtureModel, Predictor, Snapshot
from opportune.learning.drift import LIMIT, LIMIT_SHARE, Drift
from opportune.learning.fading import counted, faded, repeated
from opportune.records import Value, ValueType


def run(drift: Drift, odds_told: float, rate: float, count: int, seed: int = 1) -> int:
    """Answers until the alarm, or `count`."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        known = int(drift.since[0])
        drift.learn(0, odds_told, bool(rng.random() < rate))
        if drift.since[0] < known:
            return number
    return count


@pytest.mark.parametrize("chance", [0.02, 0.2, 0.5])
def test_a_world_that_stays_raises_no_alarm(chance: float) -> None:
    log_odds = float(np.log(chance / (1.0 - chance)))

    assert run(Drift(1), log_odds, chance, 20_000) == 20_000


@pytest.mark.parametrize(("told", "rate"), [(0.1, 0.3), (0.5, 0.2), (0.8, 0.4)])
def test_a_rate_that_jumps_raises_one_within_some_hundred_answers(told: float, rate: float) -> None:
    assert run(Drift(1), float(np.log(told / (1.0 - told))), rate, 1000) < 300


@pytest.mark.parametrize("rates", [(0.9, 0.9), (0.1, 0.1), (0.9, 0.1)], ids=["more", "less", "turned round"])
def test_each_kind_of_change_is_seen_by_itself(rates: tuple[float, float]) -> None:
    """Told a little below and a little above even, so that of the three sums one alone rises."""
    drift, draws = Drift(1), np.random.default_rng(2)
    for number in range(3_000):
        drift.learn(0, (-0.1, 0.1)[number % 2], bool(draws.random() < 0.5))
    assert drift.since[0] == 3_000

    for number in range(200):
        drift.learn(0, (-0.1, 0.1)[number % 2], bool(draws.random() < rates[number % 2]))

    assert drift.since[0] < 200


def test_answers_taken_back_leave_what_was_there_before() -> None:
    drift = Drift(1)
    drift.surprise[0], drift.since[0] = (20.0, 25.0, 30.0), 100
    answers = [(-1.0, True), (2.0, False), (-3.0, False), (0.5, True)]
    for log_odds, happened in answers:
        drift.learn(0, log_odds, happened)

    for log_odds, happened in answers:
        drift.unlearn(0, log_odds, happened)

    assert drift.surprise[0] == pytest.approx([20.0, 25.0, 30.0])
    assert drift.since[0] == 100


def test_a_head_without_answers_has_none_to_take_back() -> None:
    drift = Drift(1)

    drift.unlearn(0, 0.0, True)

    assert drift.since[0] == 0


def test_answers_are_counted_from_the_last_change() -> None:
    drift = Drift(1)
    found = run(drift, -2.0, 0.6, 1000)
    assert found < 1000
    assert drift.since[0] == 0

    for number in range(1000):
        drift.learn(0, -2.0, number % 8 == 0)

    assert drift.since[0] == 1000


def test_a_few_who_act_together_are_no_change_of_a_world_that_many_have_told_of() -> None:
    """One in two hundred, all of a sudden, of whom each one surprises as much as counts."""
    alarms = []
    for known in (1_000, 600_000):
        drift = Drift(1)
        drift.since[0] = known
        for _ in range(int(known * LIMIT_SHARE / 4.0) or 1):
            drift.learn(0, -3.0, True)
        alarms.append(int(drift.since[0]) < known)
        for _ in range(int(LIMIT)):
            drift.learn(0, -3.0, True)
        alarms.append(int(drift.since[0]) < known)

    # Negative control: what sixty say in a small world would be believed.
    assert alarms == [False, True, False, True]


def test_who_remembers_more_forgets_less() -> None:
    paces = faded(1e-4, np.array([100, 2_000, 20_000, 200_000]))

    assert paces.tolist() == pytest.approx([1e-4, 1e-4, 1e-7, 1e-10])
    # After a change of the world, what was learned before it fades as that of few answers.
    assert faded(1e-4, 200_000, since=500) == 1e-4
    assert faded(1.0, 10) == 0.5
    assert [counted(45_000), counted(100_000), counted(100_000, since=900)] == [1.0, 0.25, 1.0]
    assert repeated(15_000) == 0.0
    assert repeated(80_000) == 0.75
    assert repeated(80_000, since=40_000) == 0.5


def test_it_refuses_sums_of_another_shape_or_out_of_range() -> None:
    drift = Drift(2)
    for surprise, since in (
        (np.zeros((1, 3)), np.zeros(2, dtype=np.int64)),
        (np.full((2, 3), -1.0), np.zeros(2, int)),
        (np.full((2, 3), LIMIT + 1.0), np.zeros(2, int)),
        (np.zeros((2, 3)), np.full(2, -1)),
    ):
        with pytest.raises(ValueError, match="snapshot"):
            drift.take(Snapshot({"surprise": surprise, "since": since}, {}), {0: 0}, 2)


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
