"""Models in ONNX files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from opportune.learning import OnnxModel, Predictor, PropensityModel, make_model
from opportune.records import Value, ValueType
from opportune.testing.models import CATALOGUE, OUTCOMES, PREDICTORS, PropensityModelContract, sample_facts

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
helper, numpy_helper, kinds = onnx.helper, onnx.numpy_helper, onnx.TensorProto

AGE, BALANCE = "customer.age", "customer.balance"


def linear(weights: Sequence[float], output: str = "probability", sigmoid: bool = True, opset: int = 17) -> bytes:
    """A file with the input "x" [n, len(weights)] and log odds 1 + x · weights, or their sigmoid."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["product"]),
        helper.make_node("Add", ["product", "one"], ["sum" if sigmoid else output]),
    ]
    if sigmoid:
        nodes.append(helper.make_node("Sigmoid", ["sum"], [output]))
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("x", kinds.FLOAT, [None, len(weights)])],
        [helper.make_tensor_value_info(output, kinds.FLOAT, [None, 1])],
        [
            numpy_helper.from_array(np.array([[w] for w in weights], dtype=np.float32), "w"),
            numpy_helper.from_array(np.array([1.0], dtype=np.float32), "one"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return bytes(model.SerializeToString())


def per_action() -> bytes:
    """A file that gives 0.9 to the action loans_0 and 0.2 to others, from an input of texts."""
    encoder = helper.make_node(
        "LabelEncoder",
        ["action"],
        ["code"],
        domain="ai.onnx.ml",
        keys_strings=["loans_0"],
        values_floats=[0.9],
        default_float=0.2,
    )
    graph = helper.make_graph(
        [encoder],
        "per action",
        [helper.make_tensor_value_info("action", kinds.STRING, [None, 1])],
        [helper.make_tensor_value_info("code", kinds.FLOAT, [None, 1])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


def made(settings: Mapping[str, Any], predictors: Sequence[Predictor] = PREDICTORS) -> OnnxModel:
    model = make_model("onnx", predictors, OUTCOMES, "numpy", settings)
    assert isinstance(model, OnnxModel)
    model.bind(CATALOGUE)
    return model


PLAIN = {"file": "models/linear.onnx", "data": linear([0.02, -0.001]), "inputs": {"x": [AGE, BALANCE]}}


class TestOnnx(PropensityModelContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        names = [one.name for one in predictors if one.name in (AGE, BALANCE)]
        settings = {
            "file": "models/linear.onnx",
            "data": linear([0.02, -0.001][: len(names)] or [0.0]),
            "inputs": {"x": names or ["action"]},
        }
        return make_model("onnx", predictors, outcomes, "numpy", settings | {"recalibrate": True})


def test_it_gives_what_the_file_gives() -> None:
    model = made(PLAIN)

    prediction = model.predict(model.encode({AGE: 40, BALANCE: 100.0}))

    expected = 1.0 / (1.0 + math.exp(-(1.0 + 40 * 0.02 - 0.1)))
    assert np.allclose(prediction.propensity[0], expected, atol=1e-6)
    # The file speaks of the first outcome; the other one is predicted by its rate.
    assert np.allclose(prediction.propensity[1], 0.2)


def test_log_odds_are_taken_as_such() -> None:
    settings = PLAIN | {"data": linear([0.02, -0.001], "score", sigmoid=False), "scale": "log_odds"}
    one, other = made(settings), made(PLAIN)

    found, wanted = (m.predict(m.encode(sample_facts(1))) for m in (one, other))

    assert np.allclose(found.log_odds, wanted.log_odds, atol=1e-5)


def test_the_action_can_be_an_input() -> None:
    model = made({"file": "models/one.onnx", "data": per_action(), "inputs": {"action": "action"}})

    prediction = model.predict(model.encode({}))

    expected = [0.9 if key.action == "loans_0" else 0.2 for key in CATALOGUE]
    assert np.allclose(prediction.propensity[0], expected, atol=1e-6)


def test_texts_become_numbers_by_their_levels() -> None:
    city = Predictor("customer.city", ValueType.TEXT)
    model = made(
        {
            "file": "models/one.onnx",
            "data": linear([1.0]),
            "inputs": {"x": [city.name]},
            "levels": {city.name: ["Gdynia", "Sopot"]},
        },
        (city,),
    )

    found = [model.run({city.name: name}, CATALOGUE[:1]) for name in ("Gdynia", "Sopot", "elsewhere")]

    assert np.allclose(np.array(found, dtype=float).ravel(), [1.0, 2.0, 0.0], atol=1e-5)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308, 10**400, "forty", ["40"], None])
def test_scores_that_are_no_numbers_give_way_to_the_rates(value: Value | None) -> None:
    model = made(PLAIN)
    facts: dict[str, Value] = {BALANCE: 1.0} if value is None else {AGE: value, BALANCE: 1.0}

    prediction = model.predict(model.encode(facts))

    assert np.allclose(prediction.propensity[0], 0.2)
    assert model.faults == 1


def test_probabilities_out_of_range_are_none() -> None:
    model = made(PLAIN | {"data": linear([1.0, 0.0], sigmoid=False)})

    prediction = model.predict(model.encode({AGE: 7, BALANCE: 1}))

    assert np.allclose(prediction.propensity[0], 0.2)
    assert model.faults == 1


def test_scores_that_are_far_too_sure_are_corrected_as_far_as_they_are_counted() -> None:
    settings = {"data": linear([1.0, 0.0], "score", sigmoid=False), "scale": "log_odds", "recalibrate": True}
    model = made(PLAIN | settings)
    facts = {AGE: 13.0, BALANCE: 0.0}
    for number in range(600):
        model.learn(facts, 0, 0, number % 2 == 0)

    chance = model.predict(model.encode(facts)).propensity[0, 0]

    assert abs(chance - 0.5) < 0.05


def test_recalibration_learns_shift_and_slope_from_answers() -> None:
    model = made(PLAIN | {"recalibrate": True})
    luck = np.random.default_rng(1).random(2_000)
    for n in range(2_000):
        facts = {AGE: float(n % 200 - 100), BALANCE: 0.0}
        # The truth is half as steep as the file says, and lower.
        truth = 1.0 / (1.0 + math.exp(-(0.01 * facts[AGE] - 1.0)))
        model.learn(facts, n % 6, 0, bool(luck[n] < truth))

    errors = [
        abs(
            float(model.predict(model.encode({AGE: age, BALANCE: 0.0})).propensity[0, 2])
            - 1.0 / (1.0 + math.exp(-(0.01 * age - 1.0)))
        )
        for age in (-80.0, -20.0, 0.0, 40.0, 90.0)
    ]

    assert max(errors) < 0.06


def test_the_state_names_the_file_by_its_digest() -> None:
    one, other = made(PLAIN), made(PLAIN | {"data": linear([0.03, 0.0])})

    assert len(one.snapshot().meta["supplied"]["sha256"]) == 64
    with pytest.raises(ValueError, match="supplied"):
        other.restore(one.snapshot())


def test_attributes_that_a_model_may_not_see_cannot_be_inputs() -> None:
    with pytest.raises(ValueError, match=r"^inputs: 'customer\.canary' is neither"):
        made(PLAIN | {"inputs": {"x": [AGE, "customer.canary"]}})


def test_facts_that_a_model_may_not_see_change_nothing() -> None:
    model = made(PLAIN | {"recalibrate": True})
    facts = sample_facts(1)

    plain = model.predict(model.encode(facts)).log_odds
    barred = model.predict(model.encode(facts | {"customer.canary": 7.0, "action": "loans_0"})).log_odds

    assert np.array_equal(plain, barred)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"data": b"no model"}, "file: onnxruntime .* cannot load it"),
        ({"data": b"x" * 8_000_001}, "file: expected at most 8000000 bytes, found 8000001"),
        ({"data": linear([1.0, 1.0], opset=200)}, "file: onnxruntime .* cannot load it: .*opset"),
        ({"inputs": {"y": [AGE]}}, "inputs: the file has no input 'y'; it has x"),
        ({"inputs": {}}, "inputs: nothing is given for input 'x'"),
        ({"inputs": {"x": [AGE]}}, "inputs: 'x' takes 2 columns, found 1"),
        ({"output": "label"}, "output: the file has no output 'label'; it has probability"),
        ({"column": 1}, "column: expected one of the output's 1, counted from 0, found 1"),
        ({"inputs": {"x": [AGE, "customer.city"]}}, "inputs: 'x' takes numbers, and 'customer.city' is a text without"),
        ({"inputs": {"x": [AGE, "customer.products"]}}, "inputs: 'customer.products' is a list of texts"),
        ({"data": per_action(), "inputs": {"action": AGE}}, "inputs: 'action' takes texts, and 'customer.age' is none"),
        ({"levels": {AGE: ["18", "19"]}}, "levels: 'customer.age' is no text"),
        ({"levels": {"customer.city": ["a", "a"]}}, "levels: expected lists of texts, each text once"),
        ({"outcome": "buy"}, "outcome: expected one of accept, click"),
        ({"scale": "percent"}, "scale: expected probability or log_odds"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change: Mapping[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{complaint}"):
        made(PLAIN | change)
