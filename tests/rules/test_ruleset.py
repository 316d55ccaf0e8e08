"""Sets of conditions."""

from __future__ import annotations

import numpy as np
import pytest

from opportune.rules import Column, Rule, RuleSet, check
from tests.rules.test_check import SCHEMA


def rule(source: str) -> Rule:
    return check(source, SCHEMA)


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


def test_a_rule_that_can_never_be_true_never_passes() -> None:
    assert RuleSet([[rule("false")], [rule("true")]]).passed({}).tolist() == [False, True]


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


def test_a_table_tells_which_column_does_not_fit() -> None:
    ruleset = RuleSet([[rule("customer.age > 3")]])

    with pytest.raises(ValueError, match=r"customer\.age: expected a column of numbers"):
        ruleset.passed_table({"customer.age": Column(np.array(["a", "b"]))}, 2)
    with pytest.raises(ValueError, match=r"customer\.age: expected 2 values, found 3"):
        ruleset.passed_table({"customer.age": Column(np.zeros(3))}, 2)


def test_a_column_of_one_value_holds_for_all_rows() -> None:
    ruleset = RuleSet([[rule("customer.age > 3")]])

    assert ruleset.passed_table({"customer.age": Column(np.array([4.0]))}, 3).tolist() == [[True]] * 3
