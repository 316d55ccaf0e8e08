"""Bayesian logistic regression in layers."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import pytest

from opportune.learning import BayesModel, CandidateKey, Predictor, PropensityModel, make_model, resolve_kernel
from opportune.records import ValueType
from opportune.testing.models import (
    CATALOGUE,
    OUTCOMES,
    PREDICTORS,
    PropensityModelContract,
    sample_answers,
    sample_facts,
)
from tests.learning.kernels import expect_alike, said_by_processes, teach

CITY = Predictor("customer.city", ValueType.TEXT)
ONE = (CandidateKey("g", "a", "app", "t"),)


class TestBayesNumpy(PropensityModelContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        return make_model("bayes", predictors, outcomes, "numpy")


class TestBayesNumba(PropensityModelContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        pytest.importorskip("numba")
        return make_model("bayes", predictors, outcomes, "numba")


taught = functools.partial(teach, BayesModel)


def test_kernels_agree_after_a_thousand_answers() -> None:
    pytest.importorskip("numba")
    numpy, numba = taught("numpy", 1000), taught("numba", 1000)

    # Both round to float32 at every answer, in another order of summation.
    expect_alike(numpy, numba, 1e-4)


def test_models_that_learned_otherwise_are_not_alike() -> None:
    with pytest.raises(AssertionError):
        expect_alike(taught("numpy", 30), taught("numpy", 31), 1e-4)


def test_a_state_moves_between_kernels() -> None:
    pytest.importorskip("numba")
    numpy, numba = taught("numpy", 50), BayesModel(PREDICTORS, OUTCOMES, "numba")

    numba.restore(numpy.snapshot())

    assert numba.digest() == numpy.digest()


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_processes_agree_bit_by_bit_whatever_the_hash_seed_and_addresses(kernel: str) -> None:
    if kernel == "numba":
        pytest.importorskip("numba")
    assert len(said_by_processes("bayes", kernel, 300)) == 1


def test_ten_answers_give_a_sensible_propensity_and_an_honest_spread() -> None:
    model = BayesModel((CITY,), ("accept",))
    model.bind(ONE)
    first = model.predict(model.encode({"customer.city": "Gdynia"}))
    before = float(first.spread[0, 0])

    for number in range(10):
        model.learn({"customer.city": "Gdynia"}, 0, 0, number % 10 < 3)

    after = model.predict(model.encode({"customer.city": "Gdynia"}))
    # A Beta(2, 8) prior with 3 of 10 gives .25; a binomial of 10 at .25 knows its log odds to about .7.
    assert 0.15 < after.propensity[0, 0] < 0.4
    assert 0.4 < after.spread[0, 0] < min(1.2, before)


def test_one_absurd_number_does_not_spoil_its_scale() -> None:
    model = BayesModel((Predictor("customer.age", ValueType.NUMBER),), ("accept",))
    model.bind(ONE)
    model.learn({"customer.age": 1e308}, 0, 0, False)
    for number in range(400):
        model.learn({"customer.age": float(number % 2)}, 0, 0, number % 2 == 0)
    model.learn({"customer.age": 1e17}, 0, 0, True)

    low = model.predict(model.encode({"customer.age": 0.0})).propensity[0, 0].item()
    high = model.predict(model.encode({"customer.age": 1.0})).propensity[0, 0].item()

    assert low > 0.8 > 0.2 > high


def test_a_new_action_starts_from_its_relatives() -> None:
    model = BayesModel((CITY,), ("accept",))
    keys = [CandidateKey(group, f"{group}{n}", "app", "t") for group in ("good", "poor") for n in range(3)]
    model.bind(keys)
    for number in range(300):
        model.learn({"customer.city": "x"}, number % 2, 0, number % 4 < 3)
        model.learn({"customer.city": "x"}, 3 + number % 2, 0, number % 20 == 0)

    prediction = model.predict(model.encode({"customer.city": "x"}))

    assert prediction.propensity[0, 2] > 2 * prediction.propensity[0, 5]
    assert prediction.spread[0, 2] > prediction.spread[0, 0]


def test_treatments_of_one_action_share_more_than_actions_do() -> None:
    model = BayesModel((), ("accept",))
    model.bind(
        [CandidateKey("g", "a", "app", "one"), CandidateKey("g", "a", "app", "two"), CandidateKey("g", "b", "app", "x")]
    )
    for _ in range(40):
        model.learn({}, 0, 0, True)

    propensity = model.predict(model.encode({})).propensity[0]

    assert propensity[0] > propensity[1] > propensity[2]


def test_levels_beyond_the_bound_share_a_row() -> None:
    model = BayesModel((CITY,), ("accept",))
    model.bind(ONE)
    for number in range(200):
        model.learn({"customer.city": f"city-{number}"}, 0, 0, number % 2 == 0)

    levels = model.snapshot().meta["levels"]
    late = model.encode({"customer.city": "city-150"})
    unknown = model.encode({"customer.city": "nowhere"})

    assert len(levels) == 64
    assert late.rows.tolist() == unknown.rows.tolist()


def test_the_catalogues_that_were_bound_leave_no_trace_in_the_state() -> None:
    plain, moved = taught("numpy", 20), taught("numpy", 20)
    moved.bind(())
    moved.bind([CandidateKey("z", "z", "z", "z"), *CATALOGUE])
    moved.bind(CATALOGUE)
    for answer in sample_answers(20):
        plain.learn(*answer)
        moved.learn(*answer)

    assert plain.digest() == moved.digest()


def test_weights_and_the_base_add_up_to_the_log_odds() -> None:
    model = taught("auto", 200)
    facts = sample_facts(3)
    log_odds = float(model.predict(model.encode(facts)).log_odds[0, 2])
    base = float(model.predict(model.encode(facts)).log_odds[0, 2]) - sum(w for _, w in model.weights(facts, 2, 0))

    other = sample_facts(4)
    again = float(model.predict(model.encode(other)).log_odds[0, 2]) - sum(w for _, w in model.weights(other, 2, 0))

    assert base == pytest.approx(again, abs=1e-4)
    assert log_odds != pytest.approx(base, abs=1e-6)


@pytest.mark.parametrize(
    ("predictors", "outcomes", "kernel", "base_rate"),
    [
        ((CITY, CITY), ("accept",), "auto", 0.2),
        ((CITY,), (), "auto", 0.2),
        ((CITY,), ("accept", "accept"), "auto", 0.2),
        ((CITY,), ("accept",), "fortran", 0.2),
        ((CITY,), ("accept",), "auto", 1.0),
    ],
)
def test_it_refuses_what_it_cannot_be_made_of(
    predictors: tuple[Predictor, ...], outcomes: tuple[str, ...], kernel: str, base_rate: float
) -> None:
    with pytest.raises(ValueError, match=r"distinct|expected"):
        BayesModel(predictors, outcomes, kernel, base_rate)


def test_it_refuses_a_candidate_or_outcome_that_is_not_bound() -> None:
    model = taught("numpy", 3)
    before = model.digest()

    for candidate, outcome in ((len(CATALOGUE), 0), (-1, 0), (0, 2), (0, -1)):
        with pytest.raises(IndexError):
            model.learn({}, candidate, outcome, True)

    assert model.digest() == before


def test_make_model_names_the_members() -> None:
    with pytest.raises(ValueError, match="expected one of bayes"):
        make_model("oracle", (CITY,), ("accept",))
    assert resolve_kernel("numpy") == "numpy"


def test_kernels_take_back_alike() -> None:
    pytest.importorskip("numba")
    numpy, numba = taught("numpy", 300), taught("numba", 300)
    for model in (numpy, numba):
        for answer in sample_answers(300)[100:200]:
            model.unlearn(*answer)

    expect_alike(numpy, numba, 1e-4)


def test_no_weight_is_less_sure_than_before_any_answer_whatever_is_taken_back() -> None:
    model = taught("numpy", 60)
    for facts, candidate, outcome, happened in sample_answers(60)[1:]:
        model.unlearn(facts, candidate, outcome, not happened)

    variances = model.snapshot().arrays["weights"][:, :, 1]

    assert (variances > 0.0).all()
    assert (variances <= 1.0 + 1e-6).all()


def test_what_learned_nothing_more_is_as_if_it_never_had() -> None:
    model = taught("numpy", 60)
    for answer in sample_answers(60):
        model.unlearn(*answer)

    assert not model.evidence().any()
    assert not model.snapshot().meta["columns"]


def test_true_false_and_missing_are_told_apart() -> None:
    model = BayesModel((Predictor("customer.vip", ValueType.BOOLEAN),), OUTCOMES, "numpy")
    model.bind(CATALOGUE)
    for n in range(90):
        model.learn(({"customer.vip": True}, {"customer.vip": False}, {})[n % 3], 4, 0, n % 3 == 0 or n % 6 == 1)

    high, middle, low = (
        float(model.predict(model.encode(facts)).propensity[0, 4])
        for facts in ({"customer.vip": True}, {"customer.vip": False}, {})
    )

    assert high > middle + 0.1
    assert middle > low + 0.1
