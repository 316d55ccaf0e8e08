"""What a rule is said to need at most is never less than what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opportune.records import Facts, ValueType
from opportune.rules import Rule, check
from opportune.rules.closures import Closure, Local, _Compiler
from opportune.rules.cost import LENGTH_MAX, TEXTS_MAX, bound
from opportune.rules.tree import Node
from opportune.rules.values import MapValue, RuntimeValue
from tests.rules import expressions

SCHEMA = expressions.schema()
LOOPS = (
    "customer.products.all(p, p != 'a')",
    "customer.products.map(p, p + 'x').filter(p, p != 'b').size() > 0",
    "customer.products.exists(p, customer.products[0] == p + 'y')",
    "[customer.products, ['a']].all(l, l.size() > 0)",
    "(customer.products + customer.products).exists_one(p, p == customer.city)",
    "[[customer.city + customer.city]].map(l, [l[0] + l[0]])[0][0] == ''",
    "{'k': customer.products}.k.map(p, {'n': [p, p]}).all(m, m.n.size() == 2)",
    "customer.vip ? customer.products.all(p, p + p != p) : customer.city + 'abc' == ''",
    "(string(customer.visits) + customer.city).startsWith('1')",
    "dyn(customer.products).all(p, p != 'a')",
)
FULL: Facts = {
    **{name: ["x" * LENGTH_MAX] * TEXTS_MAX for name in ("customer.products",)},
    **dict.fromkeys(("customer.city", "context.topic"), "x" * LENGTH_MAX),
    **dict.fromkeys(("customer.vip", "context.open"), True),
    **dict.fromkeys(("customer.visits", "customer.calls"), 10**18),
    **dict.fromkeys(("customer.age", "customer.income"), 1e300),
}


class Counting(_Compiler):
    """Counts every part that is evaluated, and how large the values are that come out."""

    def __init__(self, types: Mapping[str, ValueType]) -> None:
        super().__init__(types)
        self.steps = self.largest = 0

    def compile(self, node: Node, bound: frozenset[str]) -> Closure:
        inner = super().compile(node, bound)

        def counted(facts: Facts, local: Local) -> RuntimeValue:
            value = inner(facts, local)
            self.steps += 1
            self.largest = max(self.largest, size_of(value))
            return value

        return counted


def size_of(value: Any) -> int:
    """Count characters and entries, those of entries included."""
    if isinstance(value, str):
        return max(1, len(value))
    if isinstance(value, list):
        return 1 + sum(map(size_of, value))
    if isinstance(value, MapValue):
        return 1 + sum(size_of(value[key]) for key in value)
    return 1


def needed(rule: Rule, facts: Facts) -> Counting:
    counting = Counting(rule.types)
    counting.compile(rule.tree, frozenset())(facts, {})
    return counting


@settings(max_examples=200)
@given(st.integers(min_value=0, max_value=2**48))
def test_no_rule_needs_more_steps_or_larger_values_than_it_is_said_to(seed: int) -> None:
    random = Random(seed)
    rule = check(expressions.Writer(random).boolean(random.randint(0, 3)), SCHEMA)
    limit = bound(rule.tree)

    for facts in (FULL, expressions.facts(random), expressions.facts(random)):
        found = needed(rule, facts)

        assert found.steps <= limit.steps == rule.cost
        assert found.largest <= limit.size


@pytest.mark.parametrize("source", LOOPS)
def test_loops_over_full_lists_need_about_what_they_are_said_to(source: str) -> None:
    rule = check(source, SCHEMA)
    limit, found = bound(rule.tree), needed(rule, FULL)

    assert found.steps <= limit.steps <= 1.5 * found.steps
    assert found.largest <= limit.size <= 2 * found.largest


@pytest.mark.parametrize(
    "source",
    [
        "(customer.vip ? customer.products : ['a']).map(p, p + p).size() > 0",
        "(!customer.vip ? ['a'] : customer.products).map(p, p + p).size() > 0",
        "[['a'], customer.products].all(l, l.map(p, p + p).size() > 0)",
        "[customer.products, ['a']].all(l, l.map(p, p + p).size() > 0)",
    ],
)
def test_what_differs_in_size_is_measured_by_the_largest(source: str) -> None:
    rule = check(source, SCHEMA)
    limit, found = bound(rule.tree), needed(rule, FULL)

    assert found.steps <= limit.steps
    assert found.largest <= limit.size


@pytest.mark.parametrize(
    ("dear", "cheap"),
    [
        ("customer.city.matches('a')", "customer.city.contains('a')"),
        ("customer.city in customer.products", "customer.city in ['a', 'b', 'c', 'd', 'e']"),
        ("customer.city + customer.city == ''", "customer.age + customer.age == 0.0"),
    ],
)
def test_what_goes_through_a_text_or_a_list_counts_for_more_than_one_step(dear: str, cheap: str) -> None:
    assert check(dear, SCHEMA).cost > check(cheap, SCHEMA).cost
