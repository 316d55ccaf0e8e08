"""Logistic regression on predictors and on the pairs of them that matter."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest

from opportune.learning import (
    CandidateKey,
    Predictor,
    PropensityModel,
    Snapshot,
    make_model,
    pairs_numpy,
    pairs_weights,
)
from opportune.learning.bayes_numpy import answer_step
from opportune.learning.pairs import PairsModel
from opportune.learning.pairs_coding import Coding
from opportune.records import Facts, ValueType
from opportune.testing.models import CATALOGUE, OUTCOMES, PREDICTORS, PropensityModelContract, sample_facts

NAMES = ("a", "b", "c", "d")
FOUR = tuple(Predictor(f"customer.{name}", ValueType.TEXT) for name in NAMES)
TWO = (CandidateKey("g", "x", "app", "t"), CandidateKey("g", "y", "app", "t"))

Answer = tuple[Facts, int, int, bool]


class TestPairsNumpy(PropensityModelContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        return make_model("pairs", predictors, outcomes, "numpy")


class TestPairsNumba(PropensityModelContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        pytest.importorskip("numba")
        return make_model("pairs", predictors, outcomes, "numba")


def answers_of_pairs(count: int, *, is_flipped: bool = False) -> list[Answer]:
    """The outcome depends on whether a and b are equal, alone they say nothing; c and d never do."""
    chance = random.Random(11)
    found: list[Answer] = []
    for _ in range(count):
        facts = {f"customer.{name}": chance.choice("uvw") for name in NAMES}
        candidate = chance.randrange(2)
        is_equal = facts["customer.a"] == facts["customer.b"]
        likely = is_equal != (is_flipped and candidate == 1)
        found.append((facts, candidate, 0, chance.random() < (0.8 if likely else 0.2)))
    return found


def taught(answers: Sequence[Answer], kernel: str = "auto") -> PairsModel:
    model = PairsModel(FOUR, ("accept",), kernel)
    model.bind(TWO)
    for answer in answers:
        model.learn(*answer)
    return model


def propensities(model: PairsModel, a: str, b: str) -> list[float]:
    facts: Facts = {"customer.a": a, "customer.b": b, "customer.c": "u", "customer.d": "w"}
    return [float(p) for p in model.predict(model.encode(facts)).propensity[0]]


def test_the_pair_that_matters_is_found_and_no_other() -> None:
    model = taught(answers_of_pairs(1500))

    (found,) = {(one.first, one.second) for one in model.interactions(0)}
    assert found == ("customer.a", "customer.b")
    assert all(one.score >= 3.0 for one in model.interactions(0))
    assert model.examined(0) == (6, 6)
    assert min(propensities(model, "u", "u")) > 0.6
    assert max(propensities(model, "u", "v")) < 0.4


def test_a_pair_that_says_the_contrary_of_another_action_gets_weights_of_each() -> None:
    model = taught(answers_of_pairs(2500, is_flipped=True))

    assert ("customer.a", "customer.b", True) in {one[:3] for one in model.interactions(0)}
    same, other = propensities(model, "v", "v")
    assert same > other + 0.1


def test_where_no_pair_matters_none_is_chosen() -> None:
    chance = random.Random(5)
    answers: list[Answer] = [
        ({f"customer.{name}": chance.choice("uvw") for name in NAMES}, chance.randrange(2), 0, chance.random() < 0.3)
        for _ in range(1500)
    ]

    assert taught(answers).interactions(0) == []


def test_kernels_agree_bit_by_bit() -> None:
    pytest.importorskip("numba")
    answers = answers_of_pairs(600)
    numpy, numba = taught(answers, "numpy"), taught(answers, "numba")

    assert numpy.digest() == numba.digest()
    for facts, *_ in answers[:20]:
        one, other = numpy.predict(numpy.encode(facts)), numba.predict(numba.encode(facts))
        assert np.array_equal(one.log_odds, other.log_odds)
        assert np.array_equal(one.spread, other.spread)


def test_more_pairs_than_fit_are_looked_at_in_turn() -> None:
    predictors = tuple(Predictor(f"customer.p{n}", ValueType.BOOLEAN) for n in range(40))
    model = PairsModel(predictors, ("accept",))
    model.bind(TWO)
    chance = random.Random(2)
    for _ in range(4200):
        facts: Facts = {p.name: chance.random() < 0.5 for p in predictors}
        happened = (facts["customer.p38"] == facts["customer.p39"]) == (chance.random() < 0.9)
        model.learn(facts, 0, 0, happened)

    assert ("customer.p38", "customer.p39", False) in {one[:3] for one in model.interactions(0)}
    assert model.examined(0) == (780, 780)


def test_chosen_pairs_stay_when_predictors_are_added() -> None:
    from opportune.learning import Moves

    model = taught(answers_of_pairs(1500))
    later = PairsModel((*FOUR, Predictor("customer.e", ValueType.NUMBER)), ("accept",))
    later.bind(TWO)
    later.adopt(model.snapshot(), Moves(TWO))

    assert later.interactions(0) == model.interactions(0)
    assert propensities(later, "u", "u") == pytest.approx(propensities(model, "u", "u"), abs=0.02)


def test_weights_and_the_base_add_up_to_the_log_odds() -> None:
    model = taught(answers_of_pairs(1500))

    bases = []
    for a, b in (("u", "u"), ("u", "v")):
        facts: Facts = {"customer.a": a, "customer.b": b, "customer.c": "u", "customer.d": "w"}
        log_odds = float(model.predict(model.encode(facts)).log_odds[0, 0])
        bases.append(log_odds - sum(weight for _, weight in model.weights(facts, 0, 0)))

    assert bases[0] == pytest.approx(bases[1], abs=1e-4)


def test_weights_are_those_of_a_regression_in_layers() -> None:
    """One text, so that there are no pairs: biases of all, action and candidate, and two weights of its level."""
    model = PairsModel(FOUR[:1], ("accept",), "numpy")
    model.bind(TWO)
    chance = random.Random(2)
    prior = {"all": 1.0, "action": 1.0, "candidate": 0.25, "shared": 0.4 * 0.3, "own": 0.6 * 0.3}
    names = {"all": (), "shared": ("level",), "action": ("action",), "candidate": ("action",)}
    weights: dict[tuple[str, ...], list[float]] = {("all",): [math.log(0.25), 1.0]}
    for number in range(60):
        level, candidate, happened = chance.choice("uv"), chance.randrange(2), chance.random() < 0.4
        told = {"level": level, "action": str(candidate)}
        own = [(kind, *(told[one] for one in names.get(kind, ("level", "action")))) for kind in prior]
        touched = [weights.setdefault(name, [0.0, prior[name[0]]]) for name in own]
        for name, weight in zip(own, touched, strict=True):
            weight[1] += 1e-4 * (prior[name[0]] - weight[1])
        log_odds, variance = (sum(weight[part] for weight in touched) for part in (0, 1))
        said, spread = model.score_and_learn({"customer.a": level}, candidate, 0, happened)
        error, curvature = answer_step(log_odds, variance, float(happened))
        whole = [sum(weight[1] for weight in part) for part in (touched[:3], touched[3:])]
        for place, weight in enumerate(touched):
            weight[0] += weight[1] * error
            weight[1] /= 1.0 + curvature * whole[place > 2]

        assert (said, spread) == pytest.approx((log_odds, math.sqrt(variance)), abs=1e-5), number


def test_numbers_have_bins_of_equal_counts_and_a_place_on_a_line() -> None:
    coding = Coding([Predictor("customer.age", ValueType.NUMBER)])
    for number in range(512):
        coding.observe({"customer.age": number * 37 % 512})

    codes = [coding.codes({"customer.age": number}) for number in range(512)]

    for part, bins in ((0, 16), (1, 8)):
        assert np.bincount([int(code[part, 0]) for code in codes])[2:] == pytest.approx(512 / bins, abs=4)
    lines = [float(coding.lines(code)[0]) for code in codes]
    assert lines == sorted(lines)
    assert (lines[0], lines[-1]) == pytest.approx((-1.6, 1.6))
    assert coding.lines(coding.codes({})).tolist() == [0.0]


def test_levels_beyond_those_with_a_code_share_one_and_a_list_is_its_set() -> None:
    coding = Coding([Predictor("customer.city", ValueType.TEXT), Predictor("customer.tags", ValueType.TEXTS)])
    for number in range(70):
        coding.observe({"customer.city": f"{number}", "customer.tags": ["a", f"{number}"]})

    cities = [coding.codes({"customer.city": f"{number}"})[:, 0].tolist() for number in range(70)]
    lists = [coding.codes({"customer.tags": items})[0, 1] for items in (["a", "1"], ["1", "a", "1"], ["a", "2"], ["a"])]
    assert cities == [[2 + n if n < 62 else 1, 2 + n if n < 14 else 1] for n in range(70)]
    assert lists[0] == lists[1] != lists[2]
    assert lists[3] == 1


def test_weights_go_along_when_bins_are_cut_again() -> None:
    model = PairsModel((Predictor("customer.age", ValueType.NUMBER),), ("accept",))
    model.bind(TWO[:1])
    for number in range(127):
        model.learn({"customer.age": number if number < 64 else 1_000 + number}, 0, 0, 20 < number < 40)
    before = [model.predict(model.encode({"customer.age": age})).log_odds[0, 0] for age in range(64)]

    # With the 128th answer bins are cut anew, half of them for values that there were none of when they were cut last.
    model.learn({"customer.age": 1_127}, 0, 0, happened=False)

    after = [model.predict(model.encode({"customer.age": age})).log_odds[0, 0] for age in range(64)]
    assert np.corrcoef(before, after)[0, 1] > 0.9


def test_a_new_action_does_not_loosen_what_many_answers_to_others_have_settled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = taught([(facts, 0, 0, happened) for facts, _, _, happened in answers_of_pairs(300)])
    state = model.snapshot()
    many = np.where(state.arrays["answers"] > 0, 1_000_000, 0)
    model.restore(Snapshot({**state.arrays, "answers": many}, state.meta))
    facts = answers_of_pairs(1)[0][0]
    before = float(model.predict(model.encode(facts)).spread[0, 0])

    monkeypatch.setattr(pairs_weights, "FORGETTING", 0.01)
    for other, _, _, happened in answers_of_pairs(200):
        model.learn(other, 1, 0, happened)

    assert float(model.predict(model.encode(facts)).spread[0, 0]) <= before


def test_answers_without_a_number_do_not_loosen_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs_weights, "FORGETTING", 0.01)
    model = PairsModel((Predictor("customer.age", ValueType.NUMBER),), ("accept",))
    model.bind(TWO)
    for number in range(256):
        model.learn({"customer.age": number % 64}, 0, 0, number % 64 > 40)

    def line_variance() -> float:
        high, middle = (model.predict(model.encode({"customer.age": age})).spread[0, 0] ** 2 for age in (63, 32))
        return float(high - middle)

    before = line_variance()
    for number in range(250):
        model.learn({}, 0, 0, number % 3 == 0)

    assert line_variance() == pytest.approx(before, abs=1e-4)


def test_weights_of_each_action_are_fewer_where_actions_are_many() -> None:
    model = PairsModel(PREDICTORS, OUTCOMES)
    keys = [CandidateKey("g", f"a{n}", "app", "t") for n in range(300)]
    model.bind(keys)
    for number in range(300):
        model.learn(sample_facts(number), number, 0, number % 3 == 0)

    prediction = model.predict(model.encode(sample_facts(1)))

    assert np.isfinite(prediction.log_odds).all()
    assert model.snapshot().arrays["own_pairs"].nbytes < 32_000_000


@pytest.mark.parametrize(
    ("actions", "pairs"), [(1, 12), (127, 12), (128, 8), (255, 8), (256, 4), (1_023, 2), (2_048, 0)]
)
def test_as_many_pairs_have_weights_of_each_action_as_there_is_room_for(actions: int, pairs: int) -> None:
    weights = pairs_weights.PairWeights(2, 1, 8, pairs_numpy.note)

    for number in range(actions):
        weights.admit(("g", f"a{number}", "app", "t"))

    assert (weights.chosen_own.shape[1], weights.own_pairs.shape[2]) == (pairs, pairs)


@pytest.mark.parametrize(
    ("predictors", "outcomes"), [((FOUR[0], FOUR[0]), ("accept",)), (FOUR, ()), (FOUR, ("a", "a"))]
)
def test_it_refuses_what_it_cannot_be_made_of(predictors: tuple[Predictor, ...], outcomes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="distinct"):
        PairsModel(predictors, outcomes)


def test_an_empty_catalogue_and_no_predictors_are_fine() -> None:
    model = PairsModel((), ("accept",))
    model.bind(CATALOGUE)
    model.learn({}, 0, 0, True)

    assert model.interactions(0) == []
