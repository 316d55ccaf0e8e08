"""Learners of effects, shrinkage and the Qini curve on trials whose truth is known."""

import numpy as np
import polars as pl
import pytest

from opportune.evaluate.off_policy import ESTIMATORS, Bootstrap, Sample
from opportune.evaluate.uplift.learners import LEARNERS, Trial, cross_fitted, doubly_robust_scores
from opportune.evaluate.uplift.qini import qini
from opportune.evaluate.uplift.regression import linear, logistic, predicted_chance
from opportune.evaluate.uplift.shrinkage import shrunk


def trial(n=8_000, seed=1, strength=0.3, unequal=True):
    """Rewards rise by strength * x1 where shown; who is shown depends on x2, which also changes the reward."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.uniform(-1, 1, (n, 4))])
    chance = 0.2 + 0.6 * (x[:, 2] > 0) if unequal else np.full(n, 0.5)
    shown = rng.random(n) < chance
    effect = strength * (x[:, 1] > 0)
    y = rng.random(n) < 0.2 + 0.3 * (x[:, 2] > 0) + effect * shown
    return Trial(x, y.astype(float), shown, chance, np.arange(n)), effect


def test_linear_weights_are_found_and_nothing_shrinks_to_nothing():
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(500), rng.normal(size=(500, 3))])

    found = linear(x, x @ np.array([1.0, 2.0, 0.0, -1.0]) + rng.normal(size=500))
    nothing = linear(x, rng.normal(size=500))

    assert found == pytest.approx([1, 2, 0, -1], abs=0.15)
    assert np.abs(nothing[1:]).max() < 0.05


def test_logistic_weights_are_found():
    rng = np.random.default_rng(2)
    x = np.column_stack([np.ones(4_000), rng.normal(size=(4_000, 2))])
    y = (rng.random(4_000) < predicted_chance(x, np.array([-1.0, 1.0, 0.0]))).astype(float)

    assert logistic(x, y, prior=10.0) == pytest.approx([-1, 1, 0], abs=0.15)


def test_regression_of_nothing_is_finite():
    assert linear(np.ones((0, 3)), np.zeros(0)).tolist() == [0, 0, 0]
    assert np.isfinite(logistic(np.ones((5, 1)), np.ones(5))).all()


def test_doubly_robust_scores_average_to_the_effect_although_the_arms_differ():
    one, effect = trial()
    naive = one.reward[one.shown].mean() - one.reward[~one.shown].mean()

    scores = doubly_robust_scores(one)

    assert naive > effect.mean() + 0.1
    assert scores.mean() == pytest.approx(effect.mean(), abs=0.03)


@pytest.mark.parametrize("name", LEARNERS)
def test_learners_tell_whom_an_action_changes(name):
    one, effect = trial()

    found = cross_fitted(one, LEARNERS[name])
    curve = qini(found, doubly_robust_scores(one), Bootstrap(one.person))

    assert np.corrcoef(found, effect)[0, 1] > 0.7
    assert curve.coefficient.low > 0
    # The better half has twice the mean effect: half of 0.3, less half of 0.15.
    assert curve.half.value == pytest.approx(0.075, abs=0.03)
    assert curve.gains["1"].value == pytest.approx(effect.mean(), abs=0.03)


@pytest.mark.parametrize("name", LEARNERS)
def test_where_everybody_is_changed_alike_nobody_is_told_apart(name):
    one, _ = trial(strength=0.0)

    curve = qini(cross_fitted(one, LEARNERS[name]), doubly_robust_scores(one), Bootstrap(one.person))

    assert curve.coefficient.low < 0 < curve.coefficient.high


def test_an_order_that_saw_the_answers_looks_better_than_it_is():
    # Negative control: scores from the very choices they are judged on find effects where there are none.
    one, _ = trial(strength=0.0, n=1_000)
    scores = doubly_robust_scores(one)

    assert qini(scores, scores, Bootstrap(one.person)).coefficient.low > 0


def test_the_curve_ends_where_everybody_is_shown():
    one, _ = trial(n=2_000)
    scores = doubly_robust_scores(one)

    found = qini(np.random.default_rng(1).random(2_000), scores, Bootstrap(one.person))

    assert found.curve[0] == (0.0, 0.0)
    assert found.curve[-1] == (1.0, pytest.approx(scores.mean()))
    assert found.area.value - found.coefficient.value == pytest.approx(scores.mean() / 2)


def test_a_trial_refuses_certainty():
    with pytest.raises(ValueError, match="above 0 and below 1"):
        Trial(np.ones((2, 1)), np.zeros(2), np.array([True, False]), np.array([1.0, 0.5]), np.arange(2))


def test_estimates_that_differ_by_luck_alone_become_one():
    rng = np.random.default_rng(4)
    errors = np.full(30, 0.05)

    found = shrunk((0.1 + rng.normal(0, 0.05, 30)).tolist(), errors.tolist())

    assert np.ptp([one.value for one in found]) < 0.08
    assert np.mean([one.low < 0.1 < one.high for one in found]) > 0.8


def test_estimates_that_know_a_lot_stay_what_they_are():
    found = shrunk([0.0, 0.5, 1.0], [0.001, 0.001, 0.001])

    assert [one.value for one in found] == pytest.approx([0.0, 0.5, 1.0], abs=0.001)


def test_uncertain_estimates_are_drawn_to_the_others_and_gain_by_it():
    rng = np.random.default_rng(5)
    truth = rng.normal(0.1, 0.05, 400)
    errors = rng.uniform(0.02, 0.2, 400)
    raw = truth + rng.normal(0, errors)

    found = shrunk(raw.tolist(), errors.tolist())

    values = np.array([one.value for one in found])
    assert np.square(values - truth).mean() < 0.4 * np.square(raw - truth).mean()
    assert 0.9 < np.mean([one.low < t < one.high for one, t in zip(found, truth, strict=True)]) < 0.99


def test_what_has_no_error_stays_out():
    found = shrunk([0.1, 0.2, float("nan")], [0.1, 0.1, float("nan")])

    assert np.isnan(found[2].value)
    assert np.isfinite(found[0].value)


@pytest.fixture(scope="module")
def hillstrom(public_data):
    return pl.read_csv(public_data / "hillstrom" / "hillstrom.csv.gz", infer_schema_length=None)


def features(table):
    """Constant, numbers with their squares, flags and levels."""
    columns = [np.ones(len(table))]
    for number in (table["recency"].to_numpy().astype(float), np.log(table["history"].to_numpy())):
        scaled = (number - number.mean()) / number.std()
        columns += [scaled, scaled**2 - 1]
    columns += [table[flag].to_numpy().astype(float) for flag in ("mens", "womens", "newbie")]
    for text in ("zip_code", "channel"):
        columns += [(table[text] == level).to_numpy().astype(float) for level in sorted(table[text].unique())[1:]]
    return np.column_stack(columns)


def arm(table, name, reward):
    """One e-mail against none, in random halves to all customers."""
    both = table.filter(pl.col("segment").is_in([name, "No E-Mail"]))
    shown = (both["segment"] == name).to_numpy()
    n = len(both)
    return Trial(features(both), both[reward].to_numpy().astype(float), shown, np.full(n, shown.mean()), np.arange(n))


@pytest.mark.full
@pytest.mark.parametrize(("name", "points"), [("Mens E-Mail", 0.0766), ("Womens E-Mail", 0.0452)])
def test_effects_of_the_e_mails_are_the_published_ones(hillstrom, name, points):
    one = arm(hillstrom, name, "visit")

    found = Bootstrap(one.person).interval(doubly_robust_scores(one), np.ones(len(one)))

    assert found.value == pytest.approx(points, abs=0.002)
    assert found.low < points < found.high
    assert found.high - found.low < 0.02


@pytest.mark.full
@pytest.mark.parametrize("learner", LEARNERS)
def test_the_womens_e_mail_gains_by_choosing_out_of_sample(hillstrom, learner):
    one = arm(hillstrom, "Womens E-Mail", "visit")

    found = qini(cross_fitted(one, LEARNERS[learner]), doubly_robust_scores(one), Bootstrap(one.person))

    assert found.half.low > 0.008
    assert found.half.value == pytest.approx(0.015, abs=0.003)
    assert found.coefficient.low > 0.004


@pytest.mark.full
def test_skewed_spending_tells_nothing_of_the_mens_e_mail(hillstrom):
    one = arm(hillstrom, "Mens E-Mail", "spend")

    found = qini(cross_fitted(one, LEARNERS["dr"]), doubly_robust_scores(one), Bootstrap(one.person))

    assert found.gains["1"].low > 0
    assert found.coefficient.low < 0


@pytest.mark.full
def test_the_better_e_mail_for_each_is_judged_out_of_sample(hillstrom):
    arms = ["No E-Mail", "Mens E-Mail", "Womens E-Mail"]
    everybody = features(hillstrom)
    sent = np.array([arms.index(name) for name in hillstrom["segment"].to_list()])
    visit = hillstrom["visit"].to_numpy().astype(float)
    fold = np.random.default_rng(3).integers(0, 2, len(visit))
    foretold = np.zeros((len(visit), 3))
    for part in (0, 1):
        for k in range(3):
            learned = logistic(everybody[(fold != part) & (sent == k)], visit[(fold != part) & (sent == k)])
            foretold[fold == part, k] = predicted_chance(everybody[fold == part], learned)
    best = foretold.argmax(axis=1)
    bootstrap = Bootstrap(np.arange(len(visit)))

    def terms(policy):
        rows = np.arange(len(visit))
        sample = Sample(
            reward=visit,
            logged=np.full(len(visit), 1 / 3),
            wanted=(sent == policy).astype(float),
            person=rows,
            predicted=foretold[rows, sent],
            expected=foretold[rows, policy],
            beyond=np.zeros(len(visit)),
        )
        return ESTIMATORS["dr"](sample).over

    def gain(other):
        return bootstrap.interval(terms(best) - terms(np.full(len(visit), other)), np.ones(len(visit)))

    assert gain(0).low > 0.06
    assert gain(2).low > 0.02
    # Better than the men's e-mail for everybody it is not, as far as these customers can tell.
    assert gain(1).low < 0 < gain(1).high < 0.02
