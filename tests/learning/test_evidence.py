"""Weight of evidence on adaptive bins."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest

from opportune.learning import (
    CandidateKey,
    EvidenceModel,
    Predictor,
    PropensityModel,
    Snapshot,
    evidence_numpy,
    make_model,
)
from opportune.learning.moves import Moves
from opportune.records import Facts, Renamed, ValueType
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


LAYERS = ((0, 2.0, 2.0), (1, 6.0, 16.0), (2, 8.0, 16.0), (4, 16.0, 64.0))
"""Names in a node's path, answers at the rate of the node above that its own begins with, precision of its weights."""
PATHS = [(key.group, key.action, key.channel, key.treatment) for key in CATALOGUE]


def rate_by_hand(answers: Sequence[Answer], candidate: int) -> float:
    rate = 0.2
    for names, start, _ in LAYERS:
        told = [happened for _, other, _, happened in answers if PATHS[other][:names] == PATHS[candidate][:names]]
        rate = (sum(told) + start * rate) / (len(told) + start)
    return rate


def weight_by_hand(answers: Sequence[Answer], city: str, candidate: int) -> float:
    """Weight of a city for a candidate, word for word as the documentation has it."""
    told = [(other, happened) for facts, other, _, happened in answers if facts.get("customer.city", "") == city]
    odds = [rate / (1.0 - rate) for rate in (rate_by_hand(answers, other) for other in range(len(PATHS)))]
    factor = 1.0
    for names, _, precision in LAYERS:
        own = [(odds[c] * factor, happened) for c, happened in told if PATHS[c][:names] == PATHS[candidate][:names]]
        if own:
            p = sum(one / (1.0 + one) for one, _ in own) / len(own)
            k, yes = precision / (p * (1.0 - p)), sum(happened for _, happened in own)
            factor *= (yes + k * p) / (len(own) - yes + k * (1.0 - p)) * (1.0 - p) / p
    return min(max(math.log(factor), -4.0), 4.0)


def answers_of_cities(count: int) -> list[Answer]:
    """Most candidates have answers; in city d everybody accepts."""
    chance = random.Random(5)
    found: list[Answer] = []
    for _ in range(count):
        city, candidate = chance.choice(["a", "a", "a", "a", "b", "c", "d", "d", ""]), chance.randrange(15)
        facts: Facts = {"customer.city": city} if city else {}
        likely = {"a": 0.05, "b": 0.2, "d": 1.0}.get(city, 0.01 * candidate)
        found.append((facts, candidate, 0, chance.random() < likely))
    return found


def said_of(model: EvidenceModel, city: str, candidate: int = 0, name: str = "customer.city") -> float:
    """Weight of a city, without how far it is trusted."""
    place = [predictor.name for predictor in model.predictors].index(name)
    trust = float(np.rint(model.snapshot().arrays["factors"][0, place] * 256)) / 256
    facts: Facts = {name: city} if city else {}
    return dict(model.weights(facts, candidate, 0))[name] / trust


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_weights_and_log_odds_are_those_of_the_formulas(kernel: str) -> None:
    if kernel == "numba":
        pytest.importorskip("numba")
    model = EvidenceModel((CITY,), ("accept",), kernel)
    model.bind(CATALOGUE)
    answers = answers_of_cities(512)
    for city in "abcd":
        model.predict(model.encode({"customer.city": city}))
    for answer in answers:
        model.learn(*answer)
    trust, constant = model.snapshot().arrays["factors"][0].tolist()

    for city in ("a", "b", "d", ""):
        log_odds = model.predict(model.encode({"customer.city": city} if city else {})).log_odds[0]
        for candidate in (0, 1, 4, 9, 14, 15, 17):
            weight, rate = weight_by_hand(answers, city, candidate), rate_by_hand(answers, candidate)
            assert said_of(model, city, candidate) == pytest.approx(weight, abs=2.5 / 4096)
            assert log_odds[candidate] == pytest.approx(
                math.log(rate / (1.0 - rate)) + constant + trust * weight, abs=0.02
            )


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_no_predictor_says_more_than_four(kernel: str) -> None:
    if kernel == "numba":
        pytest.importorskip("numba")
    model = EvidenceModel((CITY,), ("accept",), kernel)
    model.bind(ONE)
    for number in range(512):
        model.learn({"customer.city": "abcd"[number % 4]}, 0, 0, number % 4 == 0)

    assert said_of(model, "a") == 4.0


def test_every_predictor_is_read_again_in_its_turn() -> None:
    model = EvidenceModel((Predictor("customer.kind", ValueType.TEXT), CITY), ("accept",))
    model.bind(ONE)
    for number in range(512 + 128):
        # Levels without a row of their own would share one, which says nothing.
        value = "usual" if number < 512 else ("usual", "good", "bad")[number % 3]
        model.learn({"customer.kind": value, "customer.city": value}, 0, 0, value == "good" or number % 9 == 0)

    for name in ("customer.kind", "customer.city"):
        assert said_of(model, "good", 0, name) > said_of(model, "bad", 0, name) + 1.0


def test_few_answers_are_read_of_all_predictors() -> None:
    predictors = [Predictor(f"customer.text{n}", ValueType.TEXT) for n in range(20)]
    model = EvidenceModel(predictors, ("accept",))
    model.bind(ONE)
    for number in range(16):
        model.learn(dict.fromkeys([one.name for one in predictors], "ab"[number % 2]), 0, 0, number % 2 == 0)

    assert all(said_of(model, "a", 0, one.name) > said_of(model, "b", 0, one.name) + 1.0 for one in predictors)


def test_an_action_is_read_again_at_once_when_an_answer_is_taken_back() -> None:
    model = EvidenceModel((CITY,), ("accept",))
    model.bind(CATALOGUE)
    answers: list[Answer] = [({"customer.city": "ab"[n % 2]}, n % 4, 0, n % 2 == 0 and n % 4 < 2) for n in range(64)]
    for answer in answers:
        model.learn(*answer)
    before = said_of(model, "a")

    for answer in answers:
        if answer[0]["customer.city"] == "a" and answer[1] == 0:
            model.unlearn(*answer)

    # What is left is what other actions have taught.
    assert said_of(model, "a") < before - 0.1
    assert said_of(model, "a") == pytest.approx(said_of(model, "a", 5))


def test_a_new_group_begins_with_what_all_others_have_taught() -> None:
    model = EvidenceModel((CITY,), ("accept",), "numpy")
    model.bind(CATALOGUE)
    for facts, candidate, _, happened in answers_of_cities(512):
        model.learn(facts, candidate % 6, 0, happened)
    before = said_of(model, "d", 12)

    model.learn({"customer.city": "a"}, 12, 0, happened=False)

    assert before > 1.0
    assert said_of(model, "d", 12) == pytest.approx(before, abs=0.01)


def test_a_level_keeps_its_weight_when_cells_become_coarser() -> None:
    model = EvidenceModel((CITY, *(Predictor(f"customer.n{n}", ValueType.NUMBER) for n in range(30))), ("accept",))
    model.bind(ONE)
    for number in range(316):
        city = f"city-{number}" if number % 5 else "usual"
        model.learn({"customer.city": city}, 0, 0, city == "usual")
    for number in range(20):
        model.learn({"customer.city": f"late-{number}"}, 0, 0, happened=False)

    assert model.snapshot().meta["levels"][0] > 0
    assert said_of(model, "usual") > 1.0


def test_another_set_of_predictors_says_the_same_of_those_that_stay() -> None:
    predictors = (CITY, Predictor("customer.kind", ValueType.TEXT))
    model, other = EvidenceModel(predictors, ("accept",)), EvidenceModel((AGE, *predictors), ("accept",))
    model.bind(ONE)
    other.bind(ONE)
    for number in range(400):
        city = f"city-{number}" if number % 4 else "usual"
        model.learn({"customer.city": city, "customer.kind": "ab"[number % 2]}, 0, 0, city == "usual")

    other.adopt(model.snapshot(), Moves(ONE))

    before, after = model.snapshot(), other.snapshot()
    assert before.meta["levels"] == after.meta["levels"][1:] != [0, 0]
    assert (before.meta["judged"], before.meta["learned"]) == (after.meta["judged"], after.meta["learned"])
    for name in ("covariance", "moments"):
        assert np.array_equal(before.arrays[name], after.arrays[name][:, 1:, 1:])
    assert np.array_equal(before.arrays["gains"], after.arrays["gains"][:, 1:])
    for city in ("usual", "city-1"):
        assert said_of(other, city) == pytest.approx(said_of(model, city))


@pytest.mark.parametrize("most", [0, 1])
def test_of_two_actions_that_become_one_that_with_more_answers_goes_on(most: int) -> None:
    both = tuple(CandidateKey("g", action, "app", "t") for action in "ab")
    model, other = EvidenceModel((CITY,), ("accept",)), EvidenceModel((CITY,), ("accept",))
    model.bind(both)
    other.bind(both[1:])
    for number in range(64):
        candidate = most if number % 4 else 1 - most
        model.learn({"customer.city": "xy"[number % 3 == 0]}, candidate, 0, (candidate == most) == (number % 3 == 0))
    expected = said_of(model, "y", most)

    other.adopt(model.snapshot(), Moves(both[1:], [Renamed("action", "a", "b")]))

    assert other.evidence().tolist() == [[48.0]]
    assert said_of(other, "y") == pytest.approx(expected)


def test_sums_of_many_predictors_are_the_same_in_both_kernels() -> None:
    compiled = pytest.importorskip("opportune.learning.evidence_numba")
    sheet = np.full((600, 16), 16_384, dtype=np.int16)
    rows, factors, found = np.arange(600), np.full(600, 511), np.zeros((2, 16), dtype=np.int64)

    evidence_numpy.total(sheet, rows, factors, found[0])
    compiled.total(sheet, rows, factors, found[1])

    assert (found == 600 * 16_384 * 511).all()


def test_what_nothing_is_known_of_is_as_unsure_as_before_any_answer() -> None:
    model = EvidenceModel(PREDICTORS, ("accept",))
    model.bind(CATALOGUE)

    assert model.predict(model.encode({})).spread == pytest.approx(math.sqrt(2.25 + 0.45 * math.sqrt(len(PREDICTORS))))


def test_it_is_as_sure_while_it_learns_as_when_it_predicts() -> None:
    model = EvidenceModel(PREDICTORS, ("accept",))
    model.bind(CATALOGUE)
    for facts, candidate, _, happened in sample_answers(60):
        place = candidate % 7
        expected = float(model.predict(model.encode(facts)).spread[0, place])

        assert model.score_and_learn(facts, place, 0, happened)[1] == pytest.approx(expected, abs=1e-5)


def test_log_odds_stay_within_fifteen() -> None:
    predictors = [Predictor(f"customer.text{n}", ValueType.TEXT) for n in range(12)]
    model = EvidenceModel(predictors, ("accept",))
    model.bind(ONE)
    for number in range(128):
        model.learn(dict.fromkeys([one.name for one in predictors], "ab"[number % 2]), 0, 0, number % 2 == 0)
    state = model.snapshot()
    bold = np.where(np.arange(13) < 12, 2.0, 0.0)[None]
    model.restore(Snapshot({**state.arrays, "factors": bold}, state.meta))

    sides = [dict.fromkeys([one.name for one in predictors], letter) for letter in "ab"]
    assert [float(model.predict(model.encode(facts)).log_odds[0, 0]) for facts in sides] == [15.0, -15.0]
