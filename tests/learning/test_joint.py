"""Bayesian regression with full covariances."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import pytest

from opportune.learning import JointModel, Predictor, PropensityModel
from opportune.records import ValueType
from opportune.testing.models import (
    CATALOGUE,
    OUTCOMES,
    PREDICTORS,
    PropensityModelContract,
    sample_answers,
)
from tests.learning.kernels import expect_alike, teach


class TestJointNumpy(PropensityModelContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        return JointModel(predictors, outcomes, "numpy")


class TestJointNumba(PropensityModelContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        pytest.importorskip("numba")
        return JointModel(predictors, outcomes, "numba")


taught = functools.partial(teach, JointModel)


def test_kernels_agree_after_learning_and_taking_back() -> None:
    pytest.importorskip("numba")
    numpy, numba = taught("numpy", 300), taught("numba", 300)
    for model in (numpy, numba):
        for answer in sample_answers(300)[100:160]:
            model.unlearn(*answer)

    expect_alike(numpy, numba, 1e-5)


def test_it_learns_what_a_weighted_regression_would() -> None:
    model = JointModel(PREDICTORS[:2], ("accept",), "numpy", forgetting=0.0)
    model.bind(CATALOGUE[:1])
    rng = np.random.default_rng(3)
    truth = []
    for _ in range(3000):
        age, balance = int(rng.integers(18, 80)), float(rng.normal(0.0, 100.0))
        chance = 1.0 / (1.0 + np.exp(-(0.05 * (age - 49) - 0.01 * balance)))
        facts = {"customer.age": age, "customer.balance": balance}
        truth.append((model.predict(model.encode(facts)).propensity[0, 0].item(), chance))
        model.learn(facts, 0, 0, bool(rng.random() < chance))

    found = np.array(truth[2000:])
    assert np.abs(found[:, 0] - found[:, 1]).mean() < 0.04


def test_no_weight_is_less_sure_than_before_any_answer_whatever_is_taken_back() -> None:
    model = taught("numpy", 60)
    for facts, candidate, outcome, happened in sample_answers(60)[1:]:
        model.unlearn(facts, candidate, outcome, not happened)

    covariances = model.snapshot().arrays["covariances"]
    variances = np.diagonal(covariances, axis1=2, axis2=3)

    assert (variances > 0.0).all()
    assert (variances <= 1.0 + 1e-9).all()


def test_what_learned_nothing_more_is_as_if_it_never_had() -> None:
    model = taught("numpy", 60)
    for answer in sample_answers(60):
        model.unlearn(*answer)

    assert not model.evidence().any()
    assert not model.snapshot().meta["paths"]


def test_it_refuses_settings_that_are_out_of_range() -> None:
    for settings in ({"forgetting": 1.0}, {"forgetting": -0.1}, {"looseness": 0.0}, {"base_rate": 0.0}):
        with pytest.raises(ValueError, match="expected a number"):
            JointModel(PREDICTORS, OUTCOMES, "numpy", **settings)


def test_the_most_rows_are_those_that_any_number_of_levels_leads_to() -> None:
    cases = (
        PREDICTORS[:1],
        (Predictor("customer.city", ValueType.TEXT), Predictor("customer.age", ValueType.INTEGER)),
        (Predictor("customer.products", ValueType.TEXTS), Predictor("customer.vip", ValueType.BOOLEAN)),
        tuple(Predictor(f"customer.text{n}", ValueType.TEXT) for n in range(6)),
    )
    for predictors in cases:
        model = JointModel(predictors, OUTCOMES, "numpy")
        model.bind(CATALOGUE[:1])
        for n in range(80):
            facts = {one.name: [f"{n}"] if one.type is ValueType.TEXTS else f"{n}" for one in predictors}
            model.learn(facts, 0, 0, n % 2 == 0)

        assert model.snapshot().arrays["means"].shape[2] == JointModel.rows_most(predictors)
