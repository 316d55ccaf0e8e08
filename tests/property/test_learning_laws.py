"""Laws of propensity models."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opportune.learning import BayesModel, from_bytes, to_bytes
from opportune.testing.models import CATALOGUE, OUTCOMES, PREDICTORS

ANYTHING = (
    st.floats()
    | st.integers()
    | st.booleans()
    | st.text(max_size=5)
    | st.sampled_from(["a", "b", "c"])
    | st.lists(st.text(max_size=3) | st.sampled_from(["a", "b"]), max_size=40)
    | st.datetimes(timezones=st.just(UTC))
    | st.datetimes()
)
FACTS = st.fixed_dictionaries(
    {}, optional={p.name: ANYTHING for p in PREDICTORS} | {"now": ANYTHING, "other": ANYTHING}
)
ANSWERS = st.lists(
    st.tuples(FACTS, st.integers(0, len(CATALOGUE) - 1), st.integers(0, len(OUTCOMES) - 1), st.booleans()), max_size=25
)
Answers = list[tuple[dict[str, Any], int, int, bool]]
KERNELS = ["numpy", "numba"]


def taught(kernel: str, answers: Answers) -> BayesModel:
    model = BayesModel(PREDICTORS, OUTCOMES, kernel)
    model.bind(CATALOGUE)
    for answer in answers:
        model.learn(*answer)
    return model


@pytest.mark.parametrize("kernel", KERNELS)
@given(answers=ANSWERS, facts=FACTS)
def test_whatever_comes_in_what_goes_out_is_sound(kernel: str, answers: Answers, facts: dict[str, Any]) -> None:
    model = taught(kernel, answers)

    prediction = model.predict(model.encode(facts))

    assert np.isfinite(prediction.log_odds).all()
    assert ((prediction.propensity > 0) & (prediction.propensity < 1)).all()
    assert ((prediction.spread > 0) & np.isfinite(prediction.spread)).all()


@pytest.mark.parametrize("kernel", KERNELS)
@given(answers=ANSWERS)
def test_state_survives_save_and_load_and_repeats(kernel: str, answers: Answers) -> None:
    model = taught(kernel, answers)
    other = BayesModel(PREDICTORS, OUTCOMES, kernel)

    other.restore(from_bytes(to_bytes(model.snapshot())))

    assert other.digest() == model.digest() == taught(kernel, answers).digest()


@given(answers=ANSWERS, facts=FACTS, candidate=st.integers(0, len(CATALOGUE) - 1), happened=st.booleans())
def test_an_answer_moves_its_propensity_its_way(
    answers: Answers, facts: dict[str, Any], candidate: int, happened: bool
) -> None:
    model = taught("auto", answers)
    # Once beforehand, so that the second answer moves weights and not the scale of a new number.
    model.learn(facts, candidate, 0, happened)
    before = float(model.predict(model.encode(facts)).log_odds[0, candidate])
    spread = float(model.predict(model.encode(facts)).spread[0, candidate])

    for _ in range(3):
        model.learn(facts, candidate, 0, happened)

    prediction = model.predict(model.encode(facts))
    after = float(prediction.log_odds[0, candidate])
    tolerance = 0.02 * max(1.0, spread)
    assert after >= before - tolerance if happened else after <= before + tolerance


@given(answers=ANSWERS, facts=FACTS)
def test_kernels_agree(answers: Answers, facts: dict[str, Any]) -> None:
    pytest.importorskip("numba")
    numpy, numba = taught("numpy", answers), taught("numba", answers)

    one, other = numpy.predict(numpy.encode(facts)), numba.predict(numba.encode(facts))

    assert np.allclose(one.log_odds, other.log_odds, atol=1e-4)
    assert np.allclose(one.spread, other.spread, atol=1e-4)


@given(answers=ANSWERS, order=st.permutations(range(len(CATALOGUE))), kept=st.integers(0, len(CATALOGUE)))
def test_another_catalogue_keeps_predictions_of_its_keys(answers: Answers, order: list[int], kept: int) -> None:
    model = taught("auto", answers)
    facts = {"customer.age": 40, "customer.city": "a", "now": datetime(2026, 1, 1, tzinfo=UTC)}
    before = model.predict(model.encode(facts)).log_odds.copy()

    model.bind([CATALOGUE[i] for i in order[:kept]])

    assert np.allclose(model.predict(model.encode(facts)).log_odds, before[:, order[:kept]], atol=1e-5)
