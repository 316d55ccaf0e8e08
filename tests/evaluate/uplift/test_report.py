"""The report of effects, made from trials."""

import numpy as np
import pytest

from opportune.evaluate.uplift.learners import Trial
from opportune.evaluate.uplift.report import uplift_report, words
from opportune.evaluate.uplift.trials import ActionTrial, design
from opportune.learning import Predictor
from opportune.records import ValueType


def action(name, n, effect, seed, unshown=0.1):
    """A trial with an effect on members of the first segment alone."""
    rng = np.random.default_rng(seed)
    member = rng.random(n) < 0.5
    shown = rng.random(n) < 0.5
    reward = (rng.random(n) < unshown + effect * (shown & member)).astype(float)
    trial = Trial(np.column_stack([np.ones(n), member]), reward, shown, np.full(n, 0.5), np.arange(n))
    return ActionTrial(name, trial, np.column_stack([member, ~member]))


@pytest.fixture(scope="module")
def report():
    trials = [action("loan", 8_000, 0.3, 1), action("card", 8_000, 0.0, 2), action("rare", 150, 0.3, 3)]
    return uplift_report(trials, "buy", ["young", "old"])


def test_effects_are_told_by_segment(report):
    whole, young, old = report.actions[0].effects

    assert whole.effect.low < 0.15 < whole.effect.high
    assert young.effect.low < 0.3 < young.effect.high
    assert old.effect.low < 0 < old.effect.high
    assert old.shrunk.value == pytest.approx(old.effect.value, abs=0.02)


def test_an_action_without_effect_is_not_told_from_none(report):
    said = " ".join(words(report))

    assert "loan: showing it changes the outcome by +0.1" in said
    assert "loan: choosing the better half" in said
    assert "no effect can be told from none" in said
    assert "card: customers cannot be told apart by what it changes." in said


def test_a_trial_that_is_too_small_gives_no_number(report):
    rare = report.actions[2]

    assert rare.is_refused
    assert rare.qini == {}
    assert "at least 100 are needed" in rare.remark
    assert not report.is_refused


@pytest.mark.parametrize("reward", [0.0, 1.0])
def test_an_outcome_that_never_or_always_comes_gives_no_number(reward):
    trial = action("card", 2_000, 0.0, 4).trial
    alike = Trial(trial.features, np.full(2_000, reward), trial.shown, trial.chance, trial.person)

    report = uplift_report([ActionTrial("card", alike, np.ones((2_000, 1), dtype=bool))], "buy", ["all"])

    assert report.is_refused
    assert "at least 3 with it" in " ".join(words(report))


def test_a_segment_in_which_the_outcome_never_comes_gives_no_number():
    one = action("card", 4_000, 0.4, 5, unshown=0.0)

    (card,) = uplift_report([one], "buy", ["young", "old"]).actions

    assert [np.isnan(effect.effect.value) for effect in card.effects] == [False, False, True]


def test_rates_say_what_happens_without_showing(report):
    assert report.actions[0].rate_unshown == pytest.approx(0.1, abs=0.02)
    assert report.actions[0].rate_shown == pytest.approx(0.25, abs=0.02)


def test_features_are_encoded_and_constant_ones_left_out():
    predictors = (Predictor("customer.age", ValueType.INTEGER), Predictor("customer.city", ValueType.TEXT))
    facts = [{"customer.age": 20 + n, "customer.city": "ab"[n % 2]} for n in range(20)]

    table = design(facts, predictors)

    assert table.shape[0] == 20
    assert (table[:, 0] == 1).all()
    assert (np.ptp(table[:, 1:], axis=0) > 0).all()
    assert design([], predictors).shape[0] == 0
