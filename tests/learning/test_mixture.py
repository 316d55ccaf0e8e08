"""Experts that learn side by side, weighed and corrected online."""

from __future__ import annotations

import functools
import importlib
import math
import random
from collections.abc import Sequence

import numpy as np
import pytest

from opportune.learning import (
    BayesModel,
    CandidateKey,
    MixtureModel,
    Moves,
    Predictor,
    PropensityModel,
    fading,
    from_bytes,
    mixture_numpy,
    to_bytes,
)
from opportune.learning.blend import Blend
from opportune.learning.tree_training import Truth, train
from opportune.records import Facts
from opportune.testing.models import (
    CATALOGUE,
    OUTCOMES,
    PREDICTORS,
    PropensityModelContract,
    sample_answers,
    sample_facts,
)
from tests.learning.kernels import expect_alike, said_by_processes, teach


class TestMixtureNumpy(PropensityModelContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        return MixtureModel(predictors, outcomes, "numpy")


class TestMixtureNumba(PropensityModelContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        pytest.importorskip("numba")
        return MixtureModel(predictors, outcomes, "numba")


taught = functools.partial(teach, MixtureModel)


def test_kernels_agree() -> None:
    pytest.importorskip("numba")
    numpy, numba = taught("numpy", 300), taught("numba", 300)

    # Experts round to float32 at every answer, in another order of summation.
    expect_alike(numpy, numba, 1e-3)


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_processes_agree_bit_by_bit_whatever_the_hash_seed_and_addresses(kernel: str) -> None:
    if kernel == "numba":
        pytest.importorskip("numba")
    assert len(said_by_processes("mixture", kernel, 150)) == 1


def many(count: int) -> list[CandidateKey]:
    return [CandidateKey("g", f"a{n}", "app", "t") for n in range(count)]


def test_experts_that_a_large_catalogue_leaves_no_room_for_come_back_with_what_they_knew() -> None:
    model = taught("numpy", 60)
    before, scores = model.digest(), model.predict(model.encode(sample_facts(1))).log_odds.copy()

    model.bind([*CATALOGUE, *many(2000)])
    large = model.predict(model.encode(sample_facts(1)))
    assert np.isfinite(large.log_odds).all()
    assert model.digest() == before

    model.bind(CATALOGUE)
    assert np.array_equal(model.predict(model.encode(sample_facts(1))).log_odds, scores)


def test_a_model_of_a_large_catalogue_moves_between_processes() -> None:
    model, other = MixtureModel(PREDICTORS, OUTCOMES, "numpy"), MixtureModel(PREDICTORS, OUTCOMES, "numpy")
    catalogue = [*CATALOGUE, *many(2000)]
    model.bind(catalogue)
    other.bind(catalogue)
    for answer in sample_answers(60):
        model.learn(*answer)

    other.restore(from_bytes(to_bytes(model.snapshot())))
    for answer in sample_answers(20):
        model.learn(*answer)
        other.learn(*answer)

    assert other.digest() == model.digest()


def test_it_goes_on_from_what_a_plain_model_knew() -> None:
    plain = BayesModel(PREDICTORS, OUTCOMES, "numpy")
    plain.bind(CATALOGUE)
    for answer in sample_answers(120):
        plain.learn(*answer)
    model = MixtureModel(PREDICTORS, OUTCOMES, "numpy")
    model.bind(CATALOGUE)
    fresh = model.predict(model.encode(sample_facts(5))).log_odds.copy()

    model.adopt(plain.snapshot(), Moves(CATALOGUE))

    known = plain.predict(plain.encode(sample_facts(5))).log_odds
    found = model.predict(model.encode(sample_facts(5))).log_odds
    assert np.array_equal(model.evidence(), plain.evidence())
    assert np.abs(found - known).mean() < np.abs(fresh - known).mean()


def test_an_expert_that_foresees_better_is_trusted_more() -> None:
    blend = Blend([0.5, 0.5], [0.03, 0.03], 1, mixture_numpy)
    rng = np.random.default_rng(7)
    for _ in range(2000):
        truth = rng.normal()
        happened = rng.random() < 1.0 / (1.0 + np.exp(-truth))
        blend.learn(0, np.array([truth, rng.normal(), 1.0]), bool(happened))

    assert blend.weights[0, 0] > 0.8
    assert abs(blend.weights[0, 1]) < 0.15


def test_what_is_said_too_boldly_is_corrected_and_what_is_right_is_left_alone() -> None:
    rng = np.random.default_rng(8)
    for boldness, limit in ((1.0, 0.02), (1.6, 0.05)):
        blend = Blend([1.0], [0.0001], 1, mixture_numpy)
        off = []
        for number in range(6000):
            truth = rng.normal(-1.0, 1.0)
            chance = 1.0 / (1.0 + np.exp(-truth))
            said = blend.learn(0, np.array([boldness * truth, 1.0]), bool(rng.random() < chance))
            if number >= 5000:
                off.append(abs(1.0 / (1.0 + np.exp(-said)) - chance))

        assert np.mean(off) < limit


def moved_at_the_end(trusted: int, monkeypatch: pytest.MonkeyPatch) -> float:
    """Say how far 40 who say "yes" behind 3,000 answers move what is said, in log odds."""
    monkeypatch.setattr(fading, "TRUSTED", trusted)
    rng = np.random.default_rng(5)
    blend = Blend([0.5, 0.5], [0.03, 0.03], 1, mixture_numpy)
    for _ in range(3_000):
        odds = rng.normal(-2.0, 0.3)
        blend.learn(0, np.array([odds, -2.0, 1.0]), bool(rng.random() < 1.0 / (1.0 + np.exp(-odds))))
    same = np.array([-2.0, -2.0, 1.0])
    moved = [blend.learn(0, same, True) for _ in range(40)]
    return moved[-1] - moved[0]


def test_who_comes_last_hardly_moves_how_far_experts_are_trusted_and_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    settled, unsettled = (moved_at_the_end(trusted, monkeypatch) for trusted in (300, 3_000))

    assert 0.0 < settled < 0.03
    # Negative control: where trust counts each answer alike.
    assert unsettled > 0.08


def test_an_expert_that_comes_late_is_trusted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fading, "TRUSTED", 500)
    rng = np.random.default_rng(6)
    blend = Blend([1.0, 0.0], [0.01, 0.03], 1, mixture_numpy)
    for number in range(5_000):
        truth = rng.normal()
        happened = rng.random() < 1.0 / (1.0 + np.exp(-truth))
        blend.learn(0, np.array([0.3 * truth, truth if number >= 4_000 else 0.0, 1.0]), bool(happened))

    assert blend.answers.tolist() == [[5_000, 1_000, 5_000]]
    assert blend.weights[0, 1] > 0.3


def test_an_answer_taken_back_leaves_trust_and_corrections_as_they_were_and_others_alone() -> None:
    rng = np.random.default_rng(7)
    blend = Blend([0.7, 0.3], [0.03, 0.03], 2, mixture_numpy)
    for _ in range(400):
        odds = rng.normal(-1.0, 1.5)
        blend.learn(0, np.array([odds, 0.5 * odds, 1.0]), bool(rng.random() < 1.0 / (1.0 + np.exp(-odds))))
    before = blend.arrays()
    heard_alone = np.array([-3.0, 0.0, 1.0])

    told = blend.learn(0, heard_alone, True)
    learned = blend.arrays()
    # Something else is said in between, elsewhere.
    blend.learn(1, np.array([2.0, 2.0, 1.0]), True)
    told_without = blend.unlearn(0, heard_alone, True)
    after = blend.arrays()

    assert told_without == pytest.approx(told, abs=0.02)
    assert learned["answers"][0].tolist() == [401, 400, 401]
    assert after["answers"].tolist() == [[400, 400, 400], [1, 1, 1]]
    for name in ("weights", "corrections"):
        moved = np.abs(learned[name][0] - before[name][0]).max()
        assert np.abs(after[name][0] - before[name][0]).max() < 0.25 * moved


@pytest.mark.parametrize("steps", ["numpy", "numba"])
def test_an_answer_that_counts_half_twice_counts_about_once(steps: str) -> None:
    if steps == "numba":
        pytest.importorskip("numba")
    regress = importlib.import_module(f"opportune.learning.mixture_{steps}").regress
    found = []
    for parts in ((1.0,), (0.5, 0.5)):
        means, covariances = np.array([0.2, -0.1]), np.array([[0.03, 0.01], [0.01, 0.02]])
        for part in parts:
            regress(means, covariances, np.array([0.03, 0.02]), np.array([1.5, 1.0]), -1.0, 1.0, 0.0, part)
        found.append(np.concatenate((means, covariances.ravel())))

    assert found[0] == pytest.approx(found[1], abs=1e-4)


@functools.cache
def trees(answers: int = 2_400) -> bytes:
    """Trees for what each action's members like."""
    pytest.importorskip("lightgbm")
    luck = random.Random(5)
    truths = []
    for number in range(answers):
        key, facts = luck.choice(CATALOGUE), sample_facts(number)
        truths.append(Truth(facts, key, OUTCOMES[number % 2], luck.random() < 0.2 + 0.6 * is_liked(facts, key.action)))
    found = train(PREDICTORS, OUTCOMES, truths, answers)
    assert found is not None
    return found


def is_liked(facts: Facts, action: str) -> bool:
    """Whether a person of this age likes this action."""
    age = facts.get("customer.age", 0)
    assert isinstance(age, int)
    return (age // 10 + len(action)) % 2 == 0


class TestMixtureWithTreesNumpy(PropensityModelContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        model = MixtureModel(predictors, outcomes, "numpy")
        model.take_part("trees", trees())
        return model


class TestMixtureWithTreesNumba(PropensityModelContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        pytest.importorskip("numba")
        model = MixtureModel(predictors, outcomes, "numba")
        model.take_part("trees", trees())
        return model


def test_trees_say_nothing_before_they_have_earned_trust_and_are_heard_then() -> None:
    model, without = taught("numpy", 60), taught("numpy", 60)
    before = model.predict(model.encode(sample_facts(3))).log_odds.copy()

    model.take_part("trees", trees())

    assert np.array_equal(model.predict(model.encode(sample_facts(3))).log_odds, before)
    assert model.digest() != without.digest()
    luck = random.Random(6)
    costs = {id(one): 0.0 for one in (model, without)}
    for number in range(500):
        facts, candidate = sample_facts(number), luck.randrange(len(CATALOGUE))
        happened = luck.random() < 0.2 + 0.6 * is_liked(facts, CATALOGUE[candidate].action)
        for one in (model, without):
            log_odds, _ = one.score_and_learn(facts, candidate, 0, happened)
            costs[id(one)] += math.log1p(math.exp(-log_odds if happened else log_odds))
    assert costs[id(model)] < 0.95 * costs[id(without)]
    named = dict(model.weights(sample_facts(3), 4, 0))
    assert named["customer.age"] != dict(without.weights(sample_facts(3), 4, 0))["customer.age"]


def test_a_large_catalogue_has_no_trees_and_finds_them_again() -> None:
    model = taught("numpy", 60)
    model.take_part("trees", trees())
    model.bind([*CATALOGUE, *many(200)])

    assert model.trees is None
    again = MixtureModel(PREDICTORS, OUTCOMES, "numpy")
    again.bind(CATALOGUE)
    again.restore(from_bytes(to_bytes(model.snapshot())))

    assert again.trees is not None
    assert again.trees.trained == 2_400


def test_what_is_no_part_of_it_is_refused() -> None:
    model = taught("numpy", 10)
    before = model.digest()

    for part, artefact in (("roots", b""), ("trees", b"no trees")):
        with pytest.raises(ValueError, match=r"trees|part|snapshot|model"):
            model.take_part(part, artefact)

    assert model.digest() == before


def test_experts_that_come_late_do_not_drown_what_others_know() -> None:
    plain = BayesModel(PREDICTORS, OUTCOMES, "numpy")
    plain.bind(CATALOGUE)
    for answer in sample_answers(600):
        plain.learn(*answer)
    model = MixtureModel(PREDICTORS, OUTCOMES, "numpy")
    model.bind(CATALOGUE)

    model.adopt(plain.snapshot(), Moves(CATALOGUE))

    known = plain.predict(plain.encode(sample_facts(5)))
    expected = known.log_odds / np.sqrt(1.0 + mixture_numpy.MODERATION * known.spread**2)
    assert np.allclose(model.predict(model.encode(sample_facts(5))).log_odds, expected, atol=1e-4)
    other = MixtureModel(PREDICTORS, OUTCOMES, "numpy")
    other.restore(from_bytes(to_bytes(model.snapshot())))
    other.bind(CATALOGUE)
    for one in (model, other):
        one.unlearn(*sample_answers(1)[0])
        one.learn(*sample_answers(2)[1])
    assert other.digest() == model.digest()
