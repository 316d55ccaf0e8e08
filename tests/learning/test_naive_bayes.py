"""Naive Bayes from counts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.random import default_rng

from opportune.learning import CandidateKey, Moves, NaiveBayesModel, Predictor, PropensityModel, make_model
from opportune.learning.isotonic import fit_curve, pool_adjacent_violators
from opportune.records import Renamed, Value, ValueType
from opportune.testing.models import (
    CATALOGUE,
    OUTCOMES,
    PREDICTORS,
    PropensityModelContract,
    sample_facts,
)

ONE = (CandidateKey("g", "a", "app", "t"),)
AGE, CITY = Predictor("customer.age", ValueType.NUMBER), Predictor("customer.city", ValueType.TEXT)


class TestNaiveBayes(PropensityModelContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        return make_model("naive_bayes", predictors, outcomes, "numpy")


def taught(answers: Sequence[tuple[dict[str, Value], int, int, bool]]) -> NaiveBayesModel:
    model = NaiveBayesModel(PREDICTORS, OUTCOMES)
    model.bind(CATALOGUE)
    for answer in answers:
        model.learn(*answer)
    return model


def many_answers(count: int, seed: int = 1) -> list[tuple[dict[str, Value], int, int, bool]]:
    """Answers whose numbers rarely repeat, so that cells, bins and remembered answers have much to do."""
    luck = random.Random(seed)
    found = []
    for n in range(count):
        facts = dict(sample_facts(n)) | {"customer.balance": luck.gauss(0.0, 1000.0), "context.noise": n}
        facts["customer.age"] = luck.randrange(18, 90)
        found.append((facts, luck.randrange(len(CATALOGUE)), luck.randrange(2), luck.random() < 0.3))
    return found


def scores(model: PropensityModel) -> np.ndarray:
    return np.array([model.predict(model.encode(sample_facts(n))).log_odds.copy() for n in range(6)])


def test_the_order_of_answers_is_without_effect_bit_by_bit() -> None:
    answers = many_answers(1_500)
    shuffled = random.Random(2).sample(answers, len(answers))
    one, other = taught(answers), NaiveBayesModel(PREDICTORS, OUTCOMES)
    other.bind(CATALOGUE)
    for n, answer in enumerate(shuffled):
        other.learn(*answer)
        if n % 97 == 0:
            scores(other)

    assert one.digest() == other.digest()
    assert np.array_equal(scores(one), scores(other))


def test_negative_control_regression_depends_on_the_order() -> None:
    answers = many_answers(300)
    models = [make_model("bayes", PREDICTORS, OUTCOMES, "numpy") for _ in range(2)]
    for model, order in zip(models, (answers, answers[::-1]), strict=True):
        model.bind(CATALOGUE)
        for answer in order:
            model.learn(*answer)

    assert not np.array_equal(scores(models[0]), scores(models[1]))


def test_answers_taken_back_in_any_order_were_never_learned() -> None:
    answers, wrong = many_answers(400), many_answers(120, seed=5)
    never, model = taught(answers), taught(answers[:200])
    for answer in wrong:
        model.learn(*answer)
    scores(model)
    for answer in answers[200:]:
        model.learn(*answer)
    for answer in random.Random(3).sample(wrong, len(wrong)):
        model.unlearn(*answer)

    # Cells that a withdrawn answer made too many stay merged, and with them what is counted by cell.
    if model.snapshot().meta["levels"] == never.snapshot().meta["levels"]:
        assert np.array_equal(scores(model), scores(never))
    assert np.array_equal(model.evidence(), never.evidence())
    assert np.allclose(scores(model), scores(never), atol=0.05)


def test_rises_and_falls_of_a_number_are_found() -> None:
    model = NaiveBayesModel((AGE,), ("accept",))
    model.bind(ONE)
    for n in range(2_000):
        age = 18 + n * 37 % 70
        model.learn({AGE.name: age}, 0, 0, 35 <= age < 50)

    found = [float(model.predict(model.encode({AGE.name: age})).propensity[0, 0]) for age in (20, 42, 80)]

    assert found[1] > 0.9
    assert max(found[0], found[2]) < 0.1


def test_evidence_of_the_others_helps_an_action_without_answers() -> None:
    catalogue = (*ONE, CandidateKey("g", "b", "app", "t"))
    model = NaiveBayesModel((CITY,), ("accept",))
    model.bind(catalogue)
    for n in range(400):
        model.learn({CITY.name: "Gdynia" if n % 2 else "Sopot"}, 0, 0, n % 2 == 1)

    found = [
        float(model.predict(model.encode({CITY.name: city})).log_odds[0, 1]) for city in ("Gdynia", "Sopot", "Hel")
    ]

    assert found[0] > found[2] > found[1]


def test_overlapping_evidence_is_tempered() -> None:
    twins = tuple(Predictor(f"customer.twin_{n}", ValueType.BOOLEAN) for n in range(8))
    model = NaiveBayesModel(twins, ("accept",))
    model.bind(ONE)
    luck = random.Random(7)
    for _ in range(1_500):
        side = luck.random() < 0.5
        model.learn({one.name: side for one in twins}, 0, 0, luck.random() < (0.7 if side else 0.3))

    found = [float(model.predict(model.encode({one.name: side for one in twins})).propensity[0, 0]) for side in (1, 0)]

    assert abs(found[0] - 0.7) < 0.05
    assert abs(found[1] - 0.3) < 0.05


def test_a_renamed_candidate_takes_what_is_remembered_along() -> None:
    model = taught(many_answers(300))
    catalogue = tuple(
        CandidateKey(key.group, "credits" if key.action == "loans_0" else key.action, key.channel, key.treatment)
        for key in CATALOGUE
    )
    other = NaiveBayesModel(PREDICTORS, OUTCOMES)
    other.bind(catalogue)
    other.adopt(model.snapshot(), Moves(catalogue, [Renamed("action", "loans_0", "credits")]))

    assert np.array_equal(scores(other), scores(model))


def test_answers_from_before_a_predictor_came_are_taken_back_where_they_were_counted() -> None:
    """Their facts had a value for it already, which nobody counted."""
    former, model = (NaiveBayesModel(predictors, OUTCOMES) for predictors in (PREDICTORS[1:], PREDICTORS))
    former.bind(CATALOGUE)
    model.bind(CATALOGUE)
    answers = many_answers(120)
    for answer in answers:
        former.learn(*answer)
    model.adopt(former.snapshot(), Moves(CATALOGUE))
    found = []

    for answer in answers[:100]:
        model.unlearn(*answer)
        found.append(scores(model))
    for answer in answers[:100]:
        model.learn(*answer)

    assert np.isfinite(found).all()
    model.adopt(model.snapshot(), Moves(CATALOGUE))
    assert np.isfinite(scores(model)).all()
    assert np.array_equal(model.evidence(), former.evidence())


def test_facts_that_a_model_may_not_see_change_nothing() -> None:
    plain, canary = taught(many_answers(60)), NaiveBayesModel(PREDICTORS, OUTCOMES)
    canary.bind(CATALOGUE)
    for facts, *rest in many_answers(60):
        canary.learn({**facts, "customer.canary": str(rest)}, *rest)

    assert canary.digest() == plain.digest()


@pytest.mark.parametrize("values", [[3.0, 1.0, 2.0], [1.0, 2.0, 3.0], [0.5], [2.0, 2.0, 1.0, 5.0, 4.0]])
def test_pooling_gives_the_nearest_rising_values(values: list[float]) -> None:
    weights = np.arange(1.0, len(values) + 1.0)

    found = pool_adjacent_violators(np.array(values), weights)

    assert (np.diff(found) >= 0).all()
    # Every pooled block keeps its weighted mean.
    assert np.isclose((found * weights).sum(), (np.array(values) * weights).sum())
    flat = np.full(len(values), np.average(values, weights=weights))
    assert (weights * (found - values) ** 2).sum() <= (weights * (flat - values) ** 2).sum() + 1e-12


def test_a_curve_rises_and_goes_on_outside_of_what_it_saw() -> None:
    luck = np.random.default_rng(1)
    truth = luck.normal(0.0, 2.0, 2_000)
    happened = (luck.random(2_000) < 1.0 / (1.0 + np.exp(-0.5 * truth))).astype(float)

    curve = fit_curve(truth, happened, np.ones(2_000))
    found = curve.of(np.linspace(-20.0, 20.0, 400))

    assert (np.diff(found) >= -1e-9).all()
    assert np.abs(curve.of(np.linspace(-3, 3, 20)) - 0.5 * np.linspace(-3, 3, 20)).max() < 0.35


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_scores_that_mislead_leave_the_rate(rate: float) -> None:
    happened = (np.arange(190) < 190 * rate).astype(float)
    scores = default_rng(3).normal(1.0, 2.0, 190) - 2.0 * happened

    curve = fit_curve(scores, happened, np.ones(190))
    told = 1.0 / (1.0 + np.exp(-curve.of(scores)))

    assert curve.slope > 0.0
    assert told.mean() == pytest.approx(rate, abs=0.03)


@pytest.mark.parametrize("rate", [0.03, 0.1, 0.5])
@pytest.mark.parametrize("scores", [(0.0,), (-2.0, 1.0), (-2.0, -1.0, 0.0, 1.0)])
@pytest.mark.parametrize("count", [400, 2_000])
def test_answers_of_one_score_are_told_their_rate(scores: tuple[float, ...], rate: float, count: int) -> None:
    happened = (default_rng(4).random(count) < rate).astype(float)
    told = np.array(scores)[np.arange(count) % len(scores)]

    curve = fit_curve(told, happened, np.ones(count))

    for score in scores:
        chance = 1.0 / (1.0 + np.exp(-float(curve.of(np.array([score]))[0])))
        assert chance == pytest.approx(happened[told == score].mean(), abs=0.1)


def test_without_predictors_every_action_is_told_its_rate() -> None:
    model = NaiveBayesModel((), ("accept",))
    model.bind(CATALOGUE)
    draws = default_rng(0)
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(3_000):
        facts: dict[str, Value] = {"now": begin + timedelta(minutes=number)}
        model.learn(facts, number % 3, 0, bool(draws.random() < 0.1))

    told = model.predict(model.encode({})).propensity[0, :3]

    assert told == pytest.approx([0.1, 0.1, 0.1], abs=0.03)


@pytest.mark.parametrize("size", [50.0, 100.0, 5_000.0])
def test_scores_that_are_very_sure_leave_what_lies_between_them_open(size: float) -> None:
    scores = np.repeat([-size, size], 200)

    curve = fit_curve(scores, (scores > 0.0).astype(float), np.ones(400))

    assert curve.of(np.array([-size, 0.0, size])) == pytest.approx([-27.6, 0.0, 27.6], abs=0.1)


def test_an_answer_that_many_predictors_know_leaves_mixed_evidence_open() -> None:
    predictors = [Predictor(f"customer.p{number}", ValueType.TEXT) for number in range(20)]
    model = NaiveBayesModel(predictors, ("accept",))
    model.bind(ONE)
    for number in range(400):
        model.learn({one.name: "yn"[number % 2] for one in predictors}, 0, 0, number % 2 == 0)

    mixed: dict[str, Value] = {one.name: "yn"[place % 2] for place, one in enumerate(predictors)}

    assert abs(float(model.predict(model.encode(mixed)).log_odds[0, 0])) < 0.5
