"""What each predictor contributes."""

from __future__ import annotations

import json
import random
from dataclasses import asdict

import pytest

from opportune.learning import CandidateKey, EvidenceModel, Predictor
from opportune.learning.importance import Importance
from opportune.learning.moves import Moves
from opportune.records import Value, ValueType

PREDICTORS = tuple(
    Predictor(f"customer.{name}", ValueType.NUMBER) for name in ("age", "age_twice", "noise", "always", "never")
)
LEAK = Predictor("customer.leak", ValueType.NUMBER)
TWO = (CandidateKey("g", "a", "app", "t"), CandidateKey("g", "b", "app", "t"))


def taught(predictors: tuple[Predictor, ...], count: int = 1500) -> EvidenceModel:
    """Age matters, its double says the same, noise nothing; the leak is known only after the answer."""
    model = EvidenceModel(predictors, ("accept",))
    model.bind(TWO)
    chance = random.Random(4)
    for _ in range(count):
        age = chance.uniform(18, 80)
        happened = chance.random() < (0.6 if age > 50 else 0.2)
        facts: dict[str, Value] = {
            "customer.age": age,
            "customer.age_twice": 2 * age,
            "customer.noise": chance.random(),
            "customer.always": 7.0,
            "customer.leak": float(happened) + chance.random() / 2,
        }
        model.learn(facts, chance.randrange(2), 0, happened)
    return model


def by_name(model: EvidenceModel) -> dict[str, Importance]:
    return {one.name.removeprefix("customer."): one for one in model.importance(0)}


def test_what_matters_stands_first_and_what_says_the_same_is_grouped() -> None:
    model = taught(PREDICTORS)
    found = by_name(model)

    ages = {"customer.age", "customer.age_twice"}
    assert {one.name for one in model.importance(0)[:2]} == ages
    assert {found["age"].group, found["age_twice"].group} <= ages
    assert found["age"].group == found["age_twice"].group
    assert found["noise"].group == "customer.noise"
    assert found["age"].information > 0.3 > 0.1 > found["noise"].information
    assert found["age"].auc is not None
    assert found["age"].auc > 0.65
    assert found["age"].gain > 0.0


def test_what_cannot_tell_anything_is_named_and_not_scored() -> None:
    found = by_name(taught(PREDICTORS))

    assert found["never"].flags == ("never seen",)
    assert found["never"].missing == 1.0
    assert found["always"].flags == ("constant",)
    assert not found["never"].is_scored
    assert not found["always"].is_scored
    assert found["age"].is_scored
    assert found["age"].seen == 1500


def test_a_predictor_that_a_revision_added_is_judged_by_the_answers_since() -> None:
    model = EvidenceModel(PREDICTORS, ("accept",))
    model.adopt(taught(PREDICTORS[:1], 300).snapshot(), Moves(TWO))
    model.bind(TWO)
    for number in range(40):
        noise: dict[str, Value] = {} if number % 4 else {"customer.noise": 1.0}
        model.learn({"customer.age": 40.0} | noise, 0, 0, number % 2 == 0)

    found = by_name(model)

    assert [(found[name].seen, found[name].missing) for name in ("age", "noise", "never")] == [
        (340, 0.0),
        (10, 0.75),
        (0, 1.0),
    ]
    assert found["never"].flags == ("never seen",)


def test_a_value_that_was_taken_back_leaves_a_predictor_constant() -> None:
    model = EvidenceModel(PREDICTORS[3:4], ("accept",))
    model.bind(TWO)
    for value in (7.0, 7.0, 8.0):
        model.learn({"customer.always": value}, 0, 0, happened=True)

    model.unlearn({"customer.always": 8.0}, 0, 0, happened=True)

    assert by_name(model)["always"].flags == ("constant",)


def test_what_is_known_only_after_the_answer_is_too_good() -> None:
    found = by_name(taught((*PREDICTORS, LEAK)))

    assert found["leak"].flags == ("too good",)
    assert all("too good" not in one.flags for name, one in found.items() if name != "leak")


def test_a_predictor_that_begins_to_matter_is_scored_again() -> None:
    model = EvidenceModel(PREDICTORS[2:3], ("accept",))
    model.bind(TWO)
    chance = random.Random(8)
    for _ in range(1500):
        model.learn({"customer.noise": 1.0}, 0, 0, chance.random() < 0.3)
    before = by_name(model)["noise"].is_scored
    for _ in range(1500):
        noise = chance.random()
        model.learn({"customer.noise": noise}, 0, 0, chance.random() < noise)

    low, high = (model.predict(model.encode({"customer.noise": value})).propensity[0, 0] for value in (0.05, 0.95))
    assert not before
    assert by_name(model)["noise"].is_scored
    assert high > low + 0.3


def test_it_is_plain_data_from_the_start() -> None:
    model = EvidenceModel(PREDICTORS, ("accept",))

    assert json.loads(json.dumps([asdict(one) for one in model.importance(0)]))[0]["flags"] == ["never seen"]
    with pytest.raises(IndexError):
        model.importance(1)
