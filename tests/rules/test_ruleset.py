"""Sets of conditions."""

from __future__ import annotations

import math
import operator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from opportune.records import Value
from opportune.rules import Column, Rule, RuleSet, check, contradictory, evaluate, quote
from opportune.rules.index import dead_words
from tests.rules.test_check import SCHEMA

SIGNS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
NUMBERS = (-math.inf, -1e308, -1.5, -5e-324, -0.0, 0.0, 5e-324, 1.5, 2.0**53, math.inf, math.nan)
INTEGERS = (-(2**63), -(2**53) - 1, -1, 0, 1, 2**53, 2**53 + 1, 2**63 - 1)
MOMENTS = tuple(datetime(2024, 3, 31, 1, tzinfo=UTC) + timedelta(microseconds=count) for count in (-1, 0, 1))


def rule(source: str) -> Rule:
    return check(source, SCHEMA)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("customer.age", NUMBERS),
        ("customer.visits", INTEGERS),
        ("customer.since", (datetime.min.replace(tzinfo=UTC), *MOMENTS)),
    ],
)
def test_every_sign_compares_as_python_does_up_to_the_borders_of_the_type(name: str, values: tuple[Value, ...]) -> None:
    asked = [(sign, border) for sign in SIGNS for border in values]
    sources = [f"{name} {sign} {quote(border)}" for sign, border in asked]
    ruleset = RuleSet([*([rule(source)] for source in sources), *([rule(f"!({source})")] for source in sources)])

    for value in values:
        holds = [bool(SIGNS[sign](value, border)) for sign, border in asked]
        assert ruleset.passed({name: value}).tolist() == holds + [not one for one in holds]
    assert not ruleset.passed({}).any()


@pytest.mark.parametrize(
    ("name", "values", "other"),
    [
        ("customer.age", (0.0, math.nan, math.inf, 3), "3"),
        ("customer.visits", (0, -1), "3"),
        ("customer.city", ("", "a"), 3),
        ("customer.vip", (True, False), "true"),
        ("customer.since", MOMENTS, "2024-01-01"),
        ("customer.products", ([], ["card"]), "card"),
    ],
)
def test_known_asks_only_whether_there_is_a_value(name: str, values: tuple[Value, ...], other: Value) -> None:
    ruleset = RuleSet([[rule(f"known({name})")], [rule(f"!known({name})")], [rule(f"known({name}) || owns('x')")]])

    assert ruleset.passed({}).tolist() == [False, True, False]
    for value in (*values, other):
        assert ruleset.passed({name: value}).tolist() == [True, False, True]


def test_what_stands_on_the_left_or_in_a_list_of_one_is_the_same_question() -> None:
    same = [[rule(source)] for source in ("customer.visits < 3", "3 > customer.visits", "!(3 <= customer.visits)")]
    one = [[rule(source)] for source in ("customer.city == 'a'", "'a' == customer.city", "customer.city in ['a']")]
    ruleset = RuleSet([*same, *one])

    for visits, city in ((2, "a"), (3, "b"), (4, "")):
        expected = [visits < 3] * 3 + [city == "a"] * 3
        assert ruleset.passed({"customer.visits": visits, "customer.city": city}).tolist() == expected


@pytest.mark.parametrize(
    "source",
    [
        "customer.age > 18 && customer.age <= double('inf') && !(customer.age == 30)",
        "customer.visits in [1, 2 + 1] || 3 > customer.visits",
        "customer.city == 'a' || customer.city in ['b', 'c'] || customer.city != 'd'",
        "customer.vip || !(customer.vip == false)",
        "customer.since < timestamp('2024-01-01T00:00:00Z')",
        "owns('a') && !owns('b') && 'c' in customer.products",
        "known(customer.age) && !known(customer.city)",
        "customer.vip ? customer.age > 3 : customer.city == 'a'",
        "segment.adult || 1 > 2",
    ],
)
def test_conditions_against_constants_are_looked_up_and_not_computed(source: str) -> None:
    index = RuleSet([[rule(source)]]).index

    assert index.n == 1
    assert (index.computed_lines, index.computed_lists) == ([], [])


def test_conditions_without_rules_always_pass() -> None:
    ruleset = RuleSet([[], [rule("customer.vip")], []])

    assert ruleset.passed({}).tolist() == [True, False, True]
    assert ruleset.passed_table({}, 2).tolist() == [[True, False, True]] * 2


def test_an_empty_set_passes_nothing() -> None:
    assert RuleSet([]).passed({}).shape == (0,)
    assert RuleSet([]).passed_table({}, 3).shape == (3, 0)


def test_thousands_of_empty_conditions_share_one_bit() -> None:
    ruleset = RuleSet([[]] * 5000 + [[rule("customer.vip")]] * 5000)

    assert ruleset.index.n == 1
    assert ruleset.passed({"customer.vip": True}).all()


@pytest.mark.parametrize("count", [1, 61, 62, 63, 64, 65, 126, 127, 128])
def test_conditions_of_any_number_are_told_apart_to_the_last(count: int) -> None:
    single = [[rule(f"customer.visits >= {i}")] for i in range(count)]
    several = [[rule(f"customer.visits >= {i} || customer.vip")] for i in range(count)]
    column = {"customer.visits": Column(np.arange(count))}

    for conditions in (single, several):
        ruleset = RuleSet([*conditions, [], [rule("false")]])
        expected = [[i <= visits for i in range(count)] + [True, False] for visits in range(count)]
        assert [ruleset.passed({"customer.visits": visits}).tolist() for visits in range(count)] == expected
        assert ruleset.passed_table(column, count).tolist() == expected


def test_a_rule_that_can_never_be_true_never_passes() -> None:
    assert RuleSet([[rule("false")], [rule("true")]]).passed({}).tolist() == [False, True]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uint(customer.visits) > 2u", "uint(customer.visits) > 4u"),
        ("bytes(customer.city) == b'a'", "bytes(customer.city) == b'b'"),
        ("type(customer.city) == string", "type(customer.city) == int"),
        ("customer.age < 1.0 / 0.0", "customer.age < 1.0 / -0.0"),
        (
            "google.protobuf.Duration{seconds: 5} > duration('1s')",
            "google.protobuf.Duration{nanos: 5} > duration('1s')",
        ),
    ],
)
def test_rules_that_differ_in_a_literal_alone_are_told_apart(one: str, other: str) -> None:
    facts: dict[str, Value] = {"customer.age": 3, "customer.visits": 3, "customer.city": "a"}

    assert RuleSet([[rule(one)], [rule(other)]]).passed(facts).tolist() == [True, False]
    assert RuleSet([[rule(other)], [rule(one)]]).passed(facts).tolist() == [False, True]
    assert contradictory([rule(one), rule(f"!({other})")]) is None


def test_alternatives_over_several_attributes() -> None:
    ruleset = RuleSet(
        [
            [rule("customer.vip || customer.age > 60"), rule("owns('card') || customer.city == 'a'")],
            [rule("owns('card')"), rule("owns('tv')")],
            [rule("!owns('card') || customer.vip")],
        ]
    )

    assert ruleset.passed({"customer.age": 61.0, "customer.products": ["card"]}).tolist() == [True, False, False]
    assert ruleset.passed({"customer.vip": True, "customer.products": ["tv", "card"]}).tolist() == [True, True, True]
    assert ruleset.passed({"customer.products": []}).tolist() == [False, False, True]


def test_what_is_missing_is_neither_owned_nor_lacked() -> None:
    sources = ("owns('a')", "!owns('a')", "!owns('a') && !owns('b')")
    ruleset = RuleSet([[rule(source)] for source in sources])

    assert ruleset.passed({}).tolist() == [False, False, False]
    assert ruleset.passed({"customer.products": []}).tolist() == [False, True, True]
    assert ruleset.passed({"customer.products": ["b", "b"]}).tolist() == [False, True, False]
    assert ruleset.passed({"customer.products": ["a", "b"]}).tolist() == [True, False, False]


@pytest.mark.parametrize(
    "sources",
    [
        ("customer.age > 3", "!owns('a')", "customer.city == 'a' || customer.vip"),
        ("customer.since < timestamp('2024-04-01T00:00:00Z')", "context.weather == 'sun'"),
        ("customer.age > 3 && customer.visits > customer.age", "customer.vip || context.weather != 'sun'"),
        ("customer.city.startsWith('a')", "owns('b') || context.weather == 'rain'"),
    ],
)
def test_a_profile_and_what_comes_later_say_together_what_all_facts_say(sources: tuple[str, ...]) -> None:
    ruleset = RuleSet([[rule(source)] for source in sources])
    index = ruleset.index
    full: dict[str, Value] = {"customer.age": 4.0, "customer.visits": 5, "customer.city": "a", "customer.vip": True}
    full |= {"customer.since": MOMENTS[0], "customer.products": ["b"], "context.weather": "sun"}

    for left_out in (None, *full):
        facts = {name: value for name, value in full.items() if name != left_out}
        dead = dead_words(index.table, index.later(facts), index.prior(facts), index.words, index.layers)
        alive = np.unpackbits((~dead).view(np.uint8), bitorder="little").take(ruleset.bits)
        assert alive.astype(bool).tolist() == [evaluate(one, facts) is True for (one,) in ruleset.conditions]


def test_a_table_tells_which_column_does_not_fit() -> None:
    ruleset = RuleSet([[rule("customer.age > 3")]])

    with pytest.raises(ValueError, match=r"customer\.age: expected a column of numbers"):
        ruleset.passed_table({"customer.age": Column(np.array(["a", "b"]))}, 2)
    with pytest.raises(ValueError, match=r"customer\.age: expected 2 values, found 3"):
        ruleset.passed_table({"customer.age": Column(np.zeros(3))}, 2)


def test_a_column_of_one_value_holds_for_all_rows() -> None:
    ruleset = RuleSet([[rule("customer.age > 3")]])

    assert ruleset.passed_table({"customer.age": Column(np.array([4.0]))}, 3).tolist() == [[True]] * 3
