"""Weight of evidence on adaptive bins."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from opportune.learning import CandidateKey, EvidenceModel, Predictor, PropensityModel, make_model
from opportune.records import Facts, ValueType
from opportune.testing.models import (
    CATALOGUE,
    OUTCOMES,
    PREDICTORS,
    PropensityModelContract,
    sample_answers,
    sample_facts,
)

AGE = Predictor("customer.age", ValueType.NUMBER)
CITY = Predictor("customer.city", ValueType.TEXT)
ONE = (CandidateKey("g", "a", "app", "t"),)

Answer = tuple[Facts, int, int, bool]


class TestEvidenceNumpy(PropensityModelContract):
    # What was read between the two calls is fresher than before them.
    unlearn_tolerance = 0.2

    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        return make_model("evidence", predictors, outcomes, "numpy")


class TestEvidenceNumba(PropensityModelContract):
    unlearn_tolerance = 0.2

    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        pytest.importorskip("numba")
        return make_model("evidence", predictors, outcomes, "numba")


class TestEvidenceThatFades(PropensityModelContract):
    unlearn_tolerance = 0.4

    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        return make_model("evidence", predictors, outcomes, settings={"half_life": 100})


def taught(answers: Sequence[Answer], kernel: str = "auto") -> EvidenceModel:
    model = EvidenceModel(PREDICTORS, OUTCOMES, kernel)
    model.bind(CATALOGUE)
    for answer in answers:
        model.learn(*answer)
    return model


def wide_answers(count: int) -> list[Answer]:
    """Numbers of many sizes and more levels than have a row."""
    chance = random.Random(7)
    return [
        (
            sample_facts(number)
            | {"customer.balance": chance.lognormvariate(3, 2), "customer.city": f"city-{chance.randrange(400)}"},
            chance.randrange(len(CATALOGUE)),
            number % 2,
            chance.random() < 0.3,
        )
        for number in range(count)
    ]


def test_kernels_agree_bit_by_bit() -> None:
    pytest.importorskip("numba")
    answers = wide_answers(400)
    numpy, numba = taught(answers, "numpy"), taught(answers, "numba")

    assert numpy.digest() == numba.digest()
    for number in range(20):
        one = numpy.predict(numpy.encode(sample_facts(number)))
        other = numba.predict(numba.encode(sample_facts(number)))
        assert np.array_equal(one.log_odds, other.log_odds)
        assert np.array_equal(one.spread, other.spread)


def test_counts_are_the_same_in_any_order() -> None:
    answers = wide_answers(900)
    expected = taught(answers).counts_digest()

    for seed in range(3):
        shuffled = list(answers)
        random.Random(seed).shuffle(shuffled)
        assert taught(shuffled).counts_digest() == expected
    assert taught(answers[1:]).counts_digest() != expected


@pytest.mark.full
def test_twenty_shuffles_give_the_same_counts() -> None:
    answers = wide_answers(3000)
    expected = taught(answers).counts_digest()

    for seed in range(20):
        shuffled = list(answers)
        random.Random(seed).shuffle(shuffled)
        assert taught(shuffled).counts_digest() == expected


def test_counts_forget_an_answer_exactly_whenever_it_is_taken_back() -> None:
    answers = [*sample_answers(150), *wide_answers(150)]
    kept, gone = answers[::2], answers[1::2]
    random.Random(1).shuffle(gone)
    model = taught(answers)

    for answer in gone:
        model.unlearn(*answer)

    assert model.counts_digest() == taught(kept).counts_digest()
    model.unlearn(*kept[0])
    assert model.counts_digest() != taught(kept).counts_digest()


def test_readings_of_shuffled_answers_are_near_each_other() -> None:
    chance = random.Random(3)
    answers: list[Answer] = [
        (
            {"customer.age": float(chance.randrange(18, 80)), "customer.city": f"city-{chance.randrange(5)}"},
            chance.randrange(4),
            0,
            chance.random() < 0.3,
        )
        for _ in range(1500)
    ]
    scores = []
    for seed in range(3):
        random.Random(seed).shuffle(answers)
        model = taught(answers)
        scores.append(model.predict(model.encode(sample_facts(5))).log_odds[0, :4].copy())

    assert np.abs(scores[0] - scores[1]).max() < 0.25
    assert np.abs(scores[0] - scores[2]).max() < 0.25


def test_a_number_that_matters_in_the_middle_is_found() -> None:
    model = EvidenceModel((AGE,), ("accept",))
    model.bind(ONE)
    for number in range(600):
        age = float(18 + number * 7 % 60)
        model.learn({"customer.age": age}, 0, 0, 35 <= age < 50)

    young, middle, old = (
        model.predict(model.encode({"customer.age": age})).propensity[0, 0].item() for age in (20.0, 42.0, 70.0)
    )

    assert middle > 0.8
    assert max(young, old) < 0.2


def test_bins_are_cut_again_where_later_values_lie() -> None:
    model = EvidenceModel((AGE,), ("accept",))
    model.bind(ONE)
    for number in range(500):
        model.learn({"customer.age": float(number % 10)}, 0, 0, number % 2 == 0)
    for number in range(1500):
        age = 1000.0 + number * 7 % 60
        model.learn({"customer.age": age}, 0, 0, age < 1030)

    low, high = (model.predict(model.encode({"customer.age": age})).propensity[0, 0].item() for age in (1010.0, 1050.0))

    assert low > 0.8 > 0.2 > high


def test_a_new_action_starts_from_its_relatives_and_is_less_sure() -> None:
    model = EvidenceModel((CITY,), ("accept",))
    keys = [CandidateKey(group, f"{group}{n}", "app", "t") for group in ("good", "poor") for n in range(3)]
    model.bind(keys)
    for number in range(300):
        model.learn({"customer.city": "x"}, number % 2, 0, number % 4 < 3)
        model.learn({"customer.city": "x"}, 3 + number % 2, 0, number % 20 == 0)

    prediction = model.predict(model.encode({"customer.city": "x"}))

    assert prediction.propensity[0, 2] > 2 * prediction.propensity[0, 5]
    assert prediction.spread[0, 2] > prediction.spread[0, 0]


def test_half_life_follows_a_change_that_lasting_counts_miss() -> None:
    lasting = EvidenceModel((CITY,), ("accept",))
    fading = EvidenceModel((CITY,), ("accept",), half_life=100)
    for model in (lasting, fading):
        model.bind(ONE)
        for number in range(900):
            model.learn({"customer.city": "x"}, 0, 0, number >= 800 and number % 10 < 8)

    slow, fast = (model.predict(model.encode({"customer.city": "x"})).propensity[0, 0] for model in (lasting, fading))

    assert slow < fast - 0.1


@pytest.mark.parametrize("half_life", [0.0, -1.0, float("nan")])
def test_it_refuses_a_half_life_that_is_none(half_life: float) -> None:
    with pytest.raises(ValueError, match="half_life: expected"):
        EvidenceModel((CITY,), ("accept",), half_life=half_life)
