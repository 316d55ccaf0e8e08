"""Laws of models that are sums over answers: any order, and taken back is never learned, bit by bit."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from opportune.learning import NaiveBayesModel
from opportune.testing.models import CATALOGUE, OUTCOMES, PREDICTORS, sample_facts

ANYTHING = (
    st.floats()
    | st.integers()
    | st.booleans()
    | st.sampled_from(["a", "b", "c", "\ud800", ""])
    | st.lists(st.sampled_from(["a", "b", "c"]), max_size=4)
    | st.datetimes(timezones=st.just(UTC))
)
FACTS = st.fixed_dictionaries({}, optional={p.name: ANYTHING for p in PREDICTORS} | {"now": ANYTHING})
ANSWERS = st.lists(
    st.tuples(FACTS, st.integers(0, len(CATALOGUE) - 1), st.integers(0, len(OUTCOMES) - 1), st.booleans()), max_size=20
)
Answers = list[tuple[dict[str, Any], int, int, bool]]


def taught(answers: Answers) -> NaiveBayesModel:
    model = NaiveBayesModel(PREDICTORS, OUTCOMES)
    model.bind(CATALOGUE)
    for answer in answers:
        model.learn(*answer)
    return model


def scores(model: NaiveBayesModel) -> np.ndarray:
    found = [model.predict(model.encode(sample_facts(n))) for n in range(3)]
    return np.array([[one.log_odds, one.spread] for one in found])


@settings(deadline=None, max_examples=40)
@given(answers=ANSWERS, data=st.data())
def test_any_order_gives_the_same_bits(answers: Answers, data: st.DataObject) -> None:
    other = taught(data.draw(st.permutations(answers)))

    assert taught(answers).digest() == other.digest()
    assert np.array_equal(scores(taught(answers)), scores(other))


@settings(deadline=None, max_examples=40)
@given(answers=ANSWERS, wrong=ANSWERS, data=st.data())
def test_taken_back_is_never_learned(answers: Answers, wrong: Answers, data: st.DataObject) -> None:
    model = taught(wrong)
    scores(model)
    for answer in answers:
        model.learn(*answer)
    for answer in data.draw(st.permutations(wrong)):
        model.unlearn(*answer)

    assert np.array_equal(scores(model), scores(taught(answers)))
