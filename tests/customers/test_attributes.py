"""Reading untyped input into facts."""

from datetime import UTC, datetime

import pytest

from opportune.customers import Attribute, Registry
from opportune.errors import InputError
from opportune.records import ValueType

REGISTRY = Registry(
    [
        Attribute("age", ValueType.INTEGER, range=(0, 120)),
        Attribute("income", ValueType.NUMBER),
        Attribute("city", ValueType.TEXT, values=frozenset({"Oslo", "Rome"})),
        Attribute("note", ValueType.TEXT, length_max=5),
        Attribute("products", ValueType.TEXTS, items_max=2),
        Attribute("since", ValueType.TIMESTAMP),
        Attribute("vip", ValueType.BOOLEAN),
    ],
    "customer.",
)


def test_values_become_facts_with_prefixed_keys():
    facts, ignored = REGISTRY.read(
        {"age": 30, "income": 5, "city": "Oslo", "products": ["tv"], "since": "2026-01-01T00:00:00+01:00", "vip": True}
    )

    assert facts == {
        "customer.age": 30,
        "customer.income": 5.0,
        "customer.city": "Oslo",
        "customer.products": ["tv"],
        "customer.since": datetime(2025, 12, 31, 23, tzinfo=UTC),
        "customer.vip": True,
    }
    assert ignored == ()


def test_null_means_missing():
    assert REGISTRY.read({"age": None}) == ({}, ())


def test_null_can_be_refused():
    with pytest.raises(InputError, match="null is not a value"):
        REGISTRY.read({"age": None}, missing_allowed=False)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("age", True, "expected a whole number, found true or false"),
        ("age", 1.5, "expected a whole number, found a number"),
        ("age", 121, "expected 0 to 120, found a number outside"),
        ("age", 10**400, "at most 63 bits"),
        ("income", "5", "expected a number, found text"),
        ("income", float("nan"), "expected a finite number"),
        ("income", float("inf"), "expected a finite number"),
        ("income", 10**400, "expected a finite number"),
        ("city", "Paris", "expected one of the declared values (Oslo, Rome)"),
        ("city", 1, "expected text, found a number"),
        ("note", "secret", "expected at most 5 characters, found 6"),
        ("note", "\ud800", "lone surrogate"),
        ("products", "tv", "expected a list of texts, found text"),
        ("products", ["a", "b", "c"], "expected at most 2 items, found 3"),
        ("products", [1], "expected text, found a number"),
        ("since", "yesterday", "expected a time with its offset"),
        ("since", "2026-01-01T00:00:00", "expected a time with its offset"),
        ("since", 5, "expected a time with its offset"),
        ("vip", 1, "expected true or false, found a number"),
    ],
)
def test_a_wrong_value_is_refused_without_repeating_it(name, value, words):
    with pytest.raises(InputError) as error:
        REGISTRY.read({name: value})

    assert words in str(error.value)
    assert f"customer.{name}" in str(error.value)
    assert "secret" not in str(error.value)


def test_all_problems_are_reported_at_once():
    with pytest.raises(InputError) as error:
        REGISTRY.read({"age": "x", "income": "y", "citty": "z"})

    assert len(error.value.problems) == 3
    assert "did you mean 'city'?" in str(error.value)


def test_unknown_names_are_ignored_where_the_project_says_so():
    lenient = Registry(REGISTRY.attributes.values(), "customer.", ignores_unknown=True)

    assert lenient.read({"age": 30, "shoe": 44}) == ({"customer.age": 30}, ("shoe",))
