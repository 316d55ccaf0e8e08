"""Vowpal Wabbit as a member of the family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from opportune.learning import CandidateKey, Predictor, PropensityModel, VowpalWabbitModel, make_model
from opportune.learning import vowpal_wabbit as module
from opportune.records import Value, ValueType
from opportune.testing.models import (
    CATALOGUE,
    OUTCOMES,
    PREDICTORS,
    PropensityModelContract,
    sample_answers,
    sample_facts,
)

pytest.importorskip("vowpalwabbit")

CITY, AGE = Predictor("customer.city", ValueType.TEXT), Predictor("customer.age", ValueType.NUMBER)
HOSTILE = [
    "a|b",
    "a:7",
    "x y",
    "line\nbreak",
    "tab\there",
    "\r\n-1 100 |f evil:1e30",
    "|a other",
    "1 1.0 'tag|f x",
    "\x00",
    "\ud800",
    "\u2028",
    "🙂" * 50,
    "",
    "a" * 10_000,
]


class TestVowpalWabbit(PropensityModelContract):
    # Steps shrink as answers come, so that the opposite answer does not take a step back wholly.
    unlearn_tolerance = 0.35

    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        return make_model("vowpal_wabbit", predictors, outcomes, "numpy", {})


def made(predictors: Sequence[Predictor] = PREDICTORS, **settings: Any) -> VowpalWabbitModel:
    model = make_model("vowpal_wabbit", predictors, OUTCOMES, "numpy", {"bits": 12, **settings})
    assert isinstance(model, VowpalWabbitModel)
    model.bind(CATALOGUE)
    return model


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_can_be_nothing_but_levels(text: str) -> None:
    model, tame = made((CITY, AGE)), made((CITY, AGE))
    name = CandidateKey("g", text or "empty", "app", "t")
    for one, key in ((model, name), (tame, CandidateKey("g", "tame", "app", "t"))):
        one.bind((key,))
        for n in range(30):
            city: Value = (text if one is model else "tame") if n % 2 else "Hel"
            one.learn({CITY.name: city, AGE.name: n}, 0, 0, n % 2 == 1)

    found = [
        one.predict(one.encode({CITY.name: city, AGE.name: 5})).log_odds[0, 0]
        for one, city in ((model, text), (tame, "tame"))
    ]

    # A hostile text does what any other text does; texts too long to be a level share the row of all others.
    assert np.allclose(found[0], found[1], atol=0.0 if len(text) <= 200 and text != "\ud800" else 1.5)


def test_examples_hold_no_text_of_facts_or_names() -> None:
    model = made()
    for answer in sample_answers(20):
        model.learn(*answer)

    example = model._features(model.encode(sample_facts(4) | {"customer.city": "city-3"})) + model._tails[0]

    assert "city" not in example
    assert "loans" not in example
    assert set(example) <= set("0123456789abcdefgxtis|:.-+ ")


def test_pairs_are_found() -> None:
    twins = (Predictor("context.a", ValueType.BOOLEAN), Predictor("context.b", ValueType.BOOLEAN))
    with_pairs, without = made(twins), made(twins, pairs=False)
    for n in range(800):
        a, b = n % 2 == 0, n // 2 % 2 == 0
        for model in (with_pairs, without):
            model.learn({"context.a": a, "context.b": b}, 0, 0, a != b)

    chances = [m.foresee({"context.a": True, "context.b": False}, 0, 0) for m in (with_pairs, without)]

    assert chances[0] > 0.85
    assert chances[1] < 0.7


def test_predicting_leaves_no_trace_in_what_is_learned_later() -> None:
    one, other = made(coin=True), made(coin=True)
    for answer in sample_answers(40):
        for n in range(3):
            other.predict(other.encode(sample_facts(n)))
        one.learn(*answer)
        other.learn(*answer)

    assert one.digest() == other.digest()


def test_facts_that_a_model_may_not_see_change_nothing() -> None:
    plain, canary = made(), made()
    for facts, *rest in sample_answers(40):
        plain.learn(facts, *rest)
        canary.learn({**facts, "customer.canary": str(rest)}, *rest)

    assert canary.digest() == plain.digest()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [({"learning_rate": 0.0}, "learning_rate: "), ({"bits": 40}, "bits: expected 10..24")],
)
def test_settings_out_of_range_are_refused_by_name(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{complaint}"):
        made(**settings)


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "has_vowpal_wabbit", lambda: False)

    with pytest.raises(ValueError, match=r"vowpalwabbit is not installed; install opportune\[vw\]"):
        made()
