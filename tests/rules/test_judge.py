"""Reasons, changes and contradictions in words."""

from __future__ import annotations

import pytest

from opportune.records import Value
from opportune.rules import RuleSet, Verdict, check, contradictory
from tests.rules.test_check import SCHEMA
from tests.rules.test_evaluate import FACTS


@pytest.mark.parametrize(
    ("source", "verdict", "sentence"),
    [
        ("customer.age >= 18", Verdict.FALSE, "customer.age is 16, rule wants customer.age >= 18"),
        ("customer.vip", Verdict.UNKNOWN, "unknown: customer.vip is missing"),
        (
            "customer.vip && context.weather == 'sun'",
            Verdict.UNKNOWN,
            "unknown: context.weather and customer.vip are missing",
        ),
        ("customer.visits / 0 > 1", Verdict.FAILED, "failed: division by zero in customer.visits / 0 > 1"),
        (
            "days_since(customer.since) > 60",
            Verdict.FALSE,
            "days_since(customer.since) is 30, rule wants days_since(customer.since) > 60",
        ),
        ("!owns('card')", Verdict.FALSE, 'customer.products is ["card", "loan"], rule wants !owns("card")'),
        ("segment.adult", Verdict.FALSE, "customer.age is 16, rule wants customer.age >= 18"),
        (
            "customer.age >= 18 && customer.city == 'Kraków'",
            Verdict.FALSE,
            "customer.age is 16, rule wants customer.age >= 18; "
            'customer.city is "Łódź", rule wants customer.city == "Kraków"',
        ),
        ("known(customer.vip)", Verdict.FALSE, "known(customer.vip) is false, rule wants known(customer.vip)"),
        ("customer.age < 18", Verdict.TRUE, ""),
    ],
)
def test_a_finding_says_why(source: str, verdict: Verdict, sentence: str) -> None:
    (finding,) = RuleSet([[check(source, SCHEMA)]]).judge(0, FACTS)

    assert (finding.verdict, finding.sentence) == (verdict, sentence)


def test_a_finding_holds_the_values_seen_and_the_missing_names() -> None:
    (finding,) = RuleSet([[check("customer.age > 3 && customer.vip", SCHEMA)]]).judge(0, FACTS)

    assert finding.values == {"customer.age": 16}
    assert finding.missing == ("customer.vip",)
    assert finding.atoms == ("customer.vip",)


@pytest.mark.parametrize(
    ("source", "variable", "after"),
    [
        ("customer.age >= 18", "customer.age", 18),
        ("customer.age < 10", "customer.age", 9),
        ("customer.age != 16", "customer.age", 17),
        ("customer.visits > 5", "customer.visits", 6),
        ("customer.vip", "customer.vip", True),
        ("customer.city in ['Kraków', 'Gdynia']", "customer.city", "Gdynia"),
        ("customer.city != 'Łódź'", "customer.city", "other"),
        ("owns('tv')", "customer.products", ["card", "loan", "tv"]),
        ("!owns('card')", "customer.products", ["loan"]),
        ("customer.age * 2 > customer.visits + 50", "customer.age", 27),
        ("known(customer.vip)", "customer.vip", True),
    ],
)
def test_the_smallest_change_of_one_variable(source: str, variable: str, after: Value) -> None:
    change = RuleSet([[check(source, SCHEMA)]]).change(0, FACTS)

    assert change is not None
    assert (change.variable, change.after) == (variable, after)


@pytest.mark.parametrize(
    "source", ["local_hour() > 20", "customer.visits / 0 > 1", "customer.age > 20 && customer.vip"]
)
def test_no_single_change_helps(source: str) -> None:
    assert RuleSet([[check(source, SCHEMA)]]).change(0, FACTS) is None


@pytest.mark.parametrize(
    ("sources", "sentence"),
    [
        (["customer.age >= 65", "customer.age < 18"], "customer.age >= 65 and customer.age < 18 exclude each other"),
        (["customer.age > 5 && customer.age < 3"], "customer.age > 5 and customer.age < 3 exclude each other"),
        (
            ["customer.visits > 3", "customer.visits < 4"],
            "customer.visits > 3 and customer.visits < 4 exclude each other",
        ),
        (["customer.vip", "!customer.vip"], "customer.vip and !customer.vip exclude each other"),
        (["owns('x')", "!owns('x')"], 'owns("x") and !owns("x") exclude each other'),
        (["1 > 2"], "1 > 2 can never be true"),
        (["!(customer.vip || !customer.vip)"], "!(customer.vip || !customer.vip) can never be true"),
        (
            ["customer.vip || customer.age > 5", "!customer.vip", "customer.city == 'a'", "customer.age < 2"],
            "customer.vip || customer.age > 5, !customer.vip and customer.age < 2 exclude each other",
        ),
    ],
)
def test_contradictory_rules_are_named(sources: list[str], sentence: str) -> None:
    assert contradictory([check(source, SCHEMA) for source in sources]) == sentence


@pytest.mark.parametrize(
    "sources",
    [
        ["customer.age > 3", "customer.age < 5"],
        ["customer.age > 3", "customer.age < 4"],
        ["customer.vip || customer.age > 5", "!customer.vip"],
        ["!known(customer.age) || customer.age > 5"],
        [],
    ],
)
def test_rules_that_can_be_true_together_are_not_contradictory(sources: list[str]) -> None:
    assert contradictory([check(source, SCHEMA) for source in sources]) is None


def test_rules_of_a_thousand_conditions_are_searched_for_contradictions() -> None:
    names = [check(f"customer.city != '{i}'", SCHEMA) for i in range(1000)]
    ways = [check(f"customer.vip || customer.visits != {i}", SCHEMA) for i in range(1000)]

    assert contradictory(names) is None
    assert contradictory(ways) is None
    last = [check(source, SCHEMA) for source in ("customer.vip", "!customer.vip")]
    assert contradictory([*names[:300], *last]) == "customer.vip and !customer.vip exclude each other"


def test_a_contradiction_behind_too_many_combinations_is_not_searched_to_its_end() -> None:
    free = [check(f"owns('a{i}') || owns('b{i}')", SCHEMA) for i in range(14)]
    sources = ("customer.visits < 2 || customer.age < 2", "customer.visits > 2 && customer.age > 2")
    last = [check(source, SCHEMA) for source in sources]

    assert contradictory([*free[:3], *last]) is not None
    assert contradictory([*free, *last]) is None
