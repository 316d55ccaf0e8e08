"""Trees that were trained in the background."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from opportune.learning import (
    CandidateKey,
    Moves,
    Predictor,
    PropensityModel,
    Snapshot,
    TreesModel,
    from_bytes,
    make_model,
    to_bytes,
)
from opportune.learning import tree_training as training
from opportune.learning.tree_arrays import arrays_of
from opportune.learning.tree_frame import frame_of
from opportune.learning.tree_training import Truth, fit, is_due, table, train
from opportune.records import Facts, Renamed, Value
from opportune.testing.models import (
    CATALOGUE,
    OUTCOMES,
    PREDICTORS,
    PropensityModelContract,
    sample_facts,
)

pytest.importorskip("lightgbm")
TYPES = {one.name: one.type for one in PREDICTORS}


def truths(count: int, catalogue: Sequence[CandidateKey] = CATALOGUE) -> list[Truth]:
    """Answers that depend on age, city and action together, with much that is missing."""
    luck = np.random.default_rng(1)
    found = []
    for n in range(count):
        facts: dict[str, Value] = dict(sample_facts(n))
        key = catalogue[int(luck.integers(len(catalogue)))]
        age = facts.get("customer.age", 30)
        assert isinstance(age, int)
        chance = 0.15 + 0.5 * (age > 45) * (key.action.endswith("_0")) + 0.2 * (facts.get("customer.city") == "city-3")
        found.append(Truth(facts, key, OUTCOMES[n % 2], bool(luck.random() < chance)))
    return found


@functools.cache
def artefact() -> bytes:
    found = train(PREDICTORS, OUTCOMES, truths(2_400))
    assert found is not None
    return found


def made(kernel: str = "numpy", predictors: Sequence[Predictor] = PREDICTORS) -> TreesModel:
    model = make_model("trees", predictors, OUTCOMES, kernel)
    assert isinstance(model, TreesModel)
    model.bind(CATALOGUE)
    return model


def with_trees(kernel: str = "numpy", predictors: Sequence[Predictor] = PREDICTORS) -> TreesModel:
    model = made(kernel, predictors)
    model.take_part("trees", artefact())
    return model


class TestWithoutTrees(PropensityModelContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        return make_model("trees", predictors, outcomes, "numpy")


class TestTreesNumpy(PropensityModelContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        model = make_model("trees", predictors, outcomes, "numpy")
        model.take_part("trees", artefact())
        return model


class TestTreesNumba(PropensityModelContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        pytest.importorskip("numba")
        model = make_model("trees", predictors, outcomes, "numba")
        model.take_part("trees", artefact())
        return model


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_flat_arrays_score_as_lightgbm_does(kernel: str) -> None:
    known = truths(1_500)
    frame = frame_of(PREDICTORS, [one.facts for one in known], [one.key for one in known])
    rows = table(frame, TYPES, known)
    trained: Any = fit(rows, np.array([one.happened for one in known], dtype=float), frame.categories)
    model = made(kernel)
    model.take_part("trees", training.artefact(arrays_of([(0, trained.dump_model())]), frame, OUTCOMES))
    strange: list[Facts] = [{}, {"customer.age": math.nan}, {"customer.city": "never seen", "customer.age": 10**6}]

    for facts in [*(sample_facts(n) for n in range(60)), *strange]:
        wanted = trained.predict(
            table(frame, TYPES, [Truth(facts, key, "accept", True) for key in CATALOGUE]), raw_score=True
        )
        found = model.score(facts)

        assert found is not None
        assert np.abs(found[0] - wanted).max() < 1e-6
        assert np.isnan(found[1]).all()


def test_kernels_agree_bit_by_bit() -> None:
    pytest.importorskip("numba")
    one, other = with_trees("numpy"), with_trees("numba")

    for n in range(40):
        assert np.array_equal(one.score(sample_facts(n)), other.score(sample_facts(n)))  # type: ignore[arg-type]


def test_the_same_answers_give_the_same_artefact() -> None:
    assert train(PREDICTORS, OUTCOMES, truths(2_400)) == artefact()


def test_trees_find_what_belongs_together() -> None:
    model = with_trees()
    facts = sample_facts(4) | {"customer.age": 60, "customer.city": "city-1"}

    chances = model.predict(model.encode(facts)).propensity[0]

    suited = [chances[i] for i, key in enumerate(CATALOGUE) if key.action.endswith("_0")]
    others = [chances[i] for i, key in enumerate(CATALOGUE) if not key.action.endswith("_0")]
    assert min(suited) > max(others) + 0.1


def test_scores_are_corrected_by_what_happens() -> None:
    model = with_trees()
    before = model.predict(model.encode(sample_facts(5))).propensity[0, 3]
    for n in range(400):
        model.learn(sample_facts(n), 3, 0, n % 10 == 0)

    after = model.predict(model.encode(sample_facts(5))).propensity[0, 3]

    assert after < before
    assert abs(float(after) - 0.1) < 0.06


def test_a_new_artefact_keeps_the_rates_and_begins_its_own_correction() -> None:
    model = with_trees()
    for n in range(50):
        model.learn(sample_facts(n), 3, 0, True)
    evidence = model.evidence().copy()

    model.take_part("trees", artefact())

    assert np.array_equal(model.evidence(), evidence)
    assert not model.tally.arrays["scores"].any()


def test_few_answers_give_no_trees() -> None:
    assert train(PREDICTORS, OUTCOMES, truths(300)) is None


def test_training_is_due_ever_more_rarely() -> None:
    due, trained = [], 0
    for answers in range(2_000):
        if is_due(answers, trained):
            due.append(answers)
            trained = answers

    assert due == [500, 625, 782, 978, 1_223, 1_529, 1_912]


def test_a_renamed_action_keeps_its_trees() -> None:
    model = with_trees()
    catalogue = tuple(
        CandidateKey(key.group, "credits" if key.action == "loans_0" else key.action, key.channel, key.treatment)
        for key in CATALOGUE
    )
    other = make_model("trees", PREDICTORS, OUTCOMES, "numpy")
    other.bind(catalogue)
    other.adopt(model.snapshot(), Moves(catalogue, [Renamed("action", "loans_0", "credits")]))

    for n in range(5):
        one, same = (m.predict(m.encode(sample_facts(n))).log_odds for m in (model, other))
        assert np.array_equal(one, same)


def test_facts_that_a_model_may_not_see_change_nothing() -> None:
    plain = with_trees()
    barred = with_trees(predictors=[one for one in PREDICTORS if one.name != "customer.age"])
    facts = [dict(sample_facts(n)) | {"customer.age": age} for n, age in ((1, 20), (1, 70))]

    seen = [plain.predict(plain.encode(one)).log_odds[0].tolist() for one in facts]
    hidden = [barred.predict(barred.encode(one)).log_odds[0].tolist() for one in facts]

    assert seen[0] != seen[1]
    assert hidden[0] == hidden[1]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda arrays: arrays | {"left": arrays["left"] * 0},
        lambda arrays: arrays | {"right": arrays["right"] + 10**6},
        lambda arrays: arrays | {"column": arrays["column"] + 99},
        lambda arrays: arrays | {"roots": arrays["roots"] - 10**6},
        lambda arrays: arrays | {"words": arrays["words"] + 10**6},
        lambda arrays: arrays | {"leaves": arrays["leaves"] * np.nan},
        lambda arrays: {name: values for name, values in arrays.items() if name != "border"},
    ],
)
def test_trees_that_lead_nowhere_are_refused(spoil: Any) -> None:
    state = from_bytes(artefact())
    model = with_trees()
    before = model.digest()

    with pytest.raises(ValueError, match=r"trees: |snapshot: "):
        model.take_part("trees", to_bytes(Snapshot(spoil(dict(state.arrays)), state.meta)))
    with pytest.raises(ValueError, match=r"part"):
        model.take_part("roots", artefact())
    with pytest.raises(ValueError, match=r"snapshot: "):
        model.take_part("trees", b"lightgbm")
    assert model.digest() == before


@pytest.mark.full
def test_a_thousand_candidates_are_scored_in_time() -> None:
    pytest.importorskip("numba")
    catalogue = tuple(CandidateKey(f"g{n // 50}", f"a{n}", "app", "main") for n in range(1_000))
    model = TreesModel(PREDICTORS, OUTCOMES, "numba")
    model.bind(catalogue)
    found = train(PREDICTORS, OUTCOMES, truths(20_000, catalogue))
    assert found is not None
    model.take_part("trees", found)
    facts, best = sample_facts(3), math.inf
    for _ in range(200):
        begin = time.thread_time()
        model.score(facts)
        best = min(best, time.thread_time() - begin)

    assert best < 0.002
