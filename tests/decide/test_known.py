"""What is looked up once for a profile in memory is what would be looked up each time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opportune.decide.gate import rule_stages
from opportune.decide.known import KnownFacts
from tests.worlds import NOON, Item, World

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
