"""Input that is recognised as right as it stands is what the thorough way would have given."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from opportune.customers import Attribute, Registry
from opportune.customers.plain import PlainForms
from opportune.errors import InputError
from opportune.records import ValueType

ATTRIBUTES = (
    Attribute("age", ValueType.NUMBER, range=(0, 120)),
    Attribute("balance", ValueType.NUMBER),
    Attribute("owed", ValueType.NUMBER, range=(None, 0)),
    Attribute("visits", ValueType.INTEGER),
    Attribute("loyal", ValueType.BOOLEAN),
    Attribute("tariff", ValueType.TEXT, values=frozenset({"small", "large", "too long to be right"}), length_max=10),
    Attribute("city", ValueType.TEXT),
    Attribute("owns", ValueType.TEXTS),
)
NAMES = [attribute.name for attribute in ATTRIBUTES]
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.floats(),
    st.floats(-1, 130, allow_nan=False),
    st.integers(),
    st.booleans(),
    st.none(),
    st.sampled_from(["small", "large", "too long to be right", "other", "\ud800"]),
    st.just(["a", "b"]),
)


def outcome_of(registry: Registry, values: dict[str, Any]) -> object:
    try:
        typed, ignored = registry.typed(values)
    except InputError as error:
        return error.problems
    return [(name, type(value), repr(value)) for name, value in typed.items()], ignored


@given(st.lists(st.dictionaries(st.sampled_from([*NAMES, "undeclared"]), VALUES), min_size=1, max_size=4))
@settings(max_examples=400)
def test_the_plain_way_says_what_the_thorough_way_says(inputs: list[dict[str, Any]]) -> None:
    plain, thorough = Registry(ATTRIBUTES, "customer."), Registry(ATTRIBUTES, "customer.")
    thorough._plain = PlainForms({})

    for values in inputs:
        if values:
            assert outcome_of(plain, values) == outcome_of(thorough, values)


def test_plain_input_is_not_copied() -> None:
    values = {"age": 40.0, "tariff": "small", "loyal": True, "balance": -3.5}

    assert Registry(ATTRIBUTES, "customer.").typed(values)[0] is values
