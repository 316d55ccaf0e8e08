"""What is looked up once for a profile in memory is what would be looked up each time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opportune.decide.gate import rule_stages
from opportune.decide.known import KnownFacts, encoded_by
from opportune.learning import make_model
from opportune.records import ValueType
from opportune.testing.models import CATALOGUE, OUTCOMES, PREDICTORS, sample_answers, sample_facts
from tests.worlds import NOON, Item, World

OF_PROFILE = [p for p in PREDICTORS if p.name.startswith("customer.") and p.type is not ValueType.TIMESTAMP]
ITEMS = [
    Item("adult", eligibility=["customer.age >= 18"]),
    Item("rich", suitability=["customer.income > 1000.0 || customer.city == 'Oslo'"]),
    Item("asked", applicability=["context.topic == 'tv' && !('tv' in customer.products)"]),
    Item("mixed", eligibility=["customer.age > 30 || context.minutes > 5.0", "customer.city != context.topic"]),
    Item("lasting", suitability=["context.minutes * 2.0 > customer.income"]),
]
PLANS = [World(ITEMS).plan(), World(ITEMS[1:4]).plan()]
PROFILES = st.fixed_dictionaries(
    {},
    optional={
        "customer.age": st.integers(0, 60),
        "customer.income": st.sampled_from([0.0, 3.0, 1000.0, 2000.0, float("nan")]),
        "customer.city": st.sampled_from(["Oslo", "Rome", "tv"]),
        "customer.products": st.lists(st.sampled_from(["tv", "phone"]), max_size=2, unique=True),
    },
)
SITUATIONS = st.fixed_dictionaries(
    {}, optional={"context.topic": st.sampled_from(["tv", "Oslo"]), "context.minutes": st.floats(0, 1500)}
)


@given(PROFILES, st.lists(SITUATIONS, min_size=1, max_size=3))
@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_a_profile_in_memory_passes_the_same_rules(kernel, profile, situations):
    known = KnownFacts(profile)

    for situation in situations:
        facts = {**profile, **situation, "now": NOON, "zone": "Europe/Warsaw"}
        for plan in PLANS:
            stages = rule_stages(plan, facts, kernel, known)
            assert stages.tolist() == rule_stages(plan, facts, kernel).tolist()
            by_layer = plan.gate.passed(facts).reshape(3, -1)
            assert [bool(all(column)) for column in by_layer.T] == [stage == 255 for stage in stages.tolist()]


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
@pytest.mark.parametrize("kind", ["bayes", "mixture"])
@pytest.mark.parametrize("predictors", [OF_PROFILE, PREDICTORS])
def test_what_was_read_of_a_profile_is_encoded_as_if_read_anew(kernel, kind, predictors):
    model, other = (make_model(kind, predictors, OUTCOMES, kernel) for _ in range(2))
    model.bind(CATALOGUE)
    other.bind(CATALOGUE)
    profiles = [KnownFacts({k: v for k, v in sample_facts(n).items() if k.startswith("customer.")}) for n in range(6)]
    profiles.append(KnownFacts({}))

    for number, answer in enumerate(sample_answers(70)):
        model.learn(*answer)
        facts = {"now": NOON, **profiles[number % 7]}
        wanted = model.predict(model.encode(facts))
        wanted = [values.copy() for values in (wanted.propensity, wanted.log_odds, wanted.spread)]
        found = model.predict(encoded_by(model, facts, profiles[number % 7]))
        for one, anew in zip((found.propensity, found.log_odds, found.spread), wanted, strict=True):
            assert np.array_equal(one, anew)
        if number % 5 == 0:
            # Another model reads the same profile in between.
            encoded_by(other, facts, profiles[number % 7])


def test_memory_of_other_facts_would_be_caught():
    model = make_model("bayes", OF_PROFILE, OUTCOMES, "numpy")
    model.bind(CATALOGUE)
    for answer in sample_answers(60):
        model.learn(*answer)
    one, other = sample_facts(1), sample_facts(2)
    memory = {}
    before = model.predict(model.encode_known(one, memory)).log_odds.copy()

    assert np.array_equal(model.predict(model.encode_known(other, memory)).log_odds, before)
    assert not np.array_equal(model.predict(model.encode(other)).log_odds, before)
