"""Reasons, changes and contradictions in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from opportune.records import Value
from opportune.rules import RuleSet, Verdict, check, contradictory
from tests.rules.test_check import SCHEMA
from tests.rules.test_evaluate import FACTS

NOW = datetime(2024, 2, 1, 11, tzinfo=UTC)


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
        ("!(customer.age < 18)", Verdict.FALSE, "customer.age is 16, rule wants !(customer.age < 18)"),
        (
            "!(customer.city == 'Łódź')",
            Verdict.FALSE,
            'customer.city is "Łódź", rule wants customer.city != "Łódź"',
        ),
        (
            "customer.age > 18 ? true : customer.visits > 5",
            Verdict.FALSE,
            "customer.visits is 3, rule wants customer.visits > 5",
        ),
        ("customer.vip ? true : false", Verdict.UNKNOWN, "unknown: customer.vip is missing"),
        (
            "customer.age * 2 > customer.visits * 20",
            Verdict.FALSE,
            "customer.age * 2 is 32 and customer.visits * 20 is 60, rule wants customer.age * 2 > customer.visits * 20",
        ),
        (
            "customer.city in customer.products",
            Verdict.FALSE,
            'customer.city is "Łódź" and customer.products is ["card", "loan"],'
            " rule wants customer.city in customer.products",
        ),
        (
            "customer.city.startsWith('K')",
            Verdict.FALSE,
            'customer.city is "Łódź", rule wants customer.city.startsWith("K")',
        ),
        (
            "customer.products.all(p, p == customer.city)",
            Verdict.FALSE,
            'customer.products is ["card", "loan"] and customer.city is "Łódź",'
            " rule wants customer.products.all(p, p == customer.city)",
        ),
        (
            "customer.vip && customer.age > 20",
            Verdict.FALSE,
            "unknown: customer.vip is missing; customer.age is 16, rule wants customer.age > 20",
        ),
        ("1 > 2", Verdict.FALSE, "1 > 2 is false, rule wants 1 > 2"),
        ("customer.age < 18", Verdict.TRUE, ""),
    ],
)
def test_a_finding_says_why(source: str, verdict: Verdict, sentence: str) -> None:
    (finding,) = RuleSet([[check(source, SCHEMA)]]).judge(0, FACTS)

    assert (finding.verdict, finding.sentence) == (verdict, sentence)


def test_a_finding_shows_the_beginning_of_a_long_text_and_whole_numbers_without_a_point() -> None:
    ruleset = RuleSet([[check("customer.city == 'a'", SCHEMA), check("customer.age > 20", SCHEMA)]])

    short = ruleset.judge(0, {"customer.city": "x" * 58, "customer.age": 7.0})
    long = ruleset.judge(0, {"customer.city": "x" * 59, "customer.age": 7.5})

    assert [one.sentence.partition(",")[0] for one in (*short, *long)] == [
        f'customer.city is "{"x" * 58}"',
        "customer.age is 7",
        f'customer.city is "{"x" * 58}…',
        "customer.age is 7.5",
    ]


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
        ("days_since(customer.since) == 10", "customer.since", datetime(2024, 1, 21, 12, tzinfo=UTC)),
        ("customer.since >= timestamp('2024-01-03T00:00:00Z')", "customer.since", datetime(2024, 1, 3, tzinfo=UTC)),
        ("customer.visits * 3 == 33", "customer.visits", 11),
        ("customer.age > 20 && customer.age * 2 < 44", "customer.age", 21),
        ("size(customer.products) > 2", "customer.products", ["card", "loan", "other"]),
        ("size(customer.products) == 0", "customer.products", []),
        ("size(customer.products) == 1 && owns('tv')", "customer.products", ["tv"]),
        (f"customer.visits in {list(range(1000, 0, -5))}", "customer.visits", 5),
        (f"!(customer.city in {['Łódź', *map(str, range(500))]})", "customer.city", "other"),
        ("segment.adult || customer.visits == 9223372036854775807", "customer.age", 18),
    ],
)
def test_the_smallest_change_of_one_variable(source: str, variable: str, after: Value) -> None:
    change = RuleSet([[check(source, SCHEMA)]]).change([0], FACTS)

    assert change is not None
    assert (change.variable, change.after) == (variable, after)


@pytest.mark.parametrize(
    ("source", "variable", "after"),
    [
        ("known(customer.age)", "customer.age", 0.0),
        ("customer.visits > 5", "customer.visits", 6),
        ("customer.visits * 3 == 33", "customer.visits", 11),
        ("days_since(customer.since) == 0", "customer.since", NOW),
        ("days_since(customer.since) > 30", "customer.since", NOW - timedelta(days=31)),
        ("customer.since <= timestamp('2024-01-01T00:00:00Z')", "customer.since", datetime(2024, 1, 1, tzinfo=UTC)),
        ("!owns('tv')", "customer.products", []),
    ],
)
def test_what_is_missing_would_have_to_be_a_value_that_passes(source: str, variable: str, after: Value) -> None:
    change = RuleSet([[check(source, SCHEMA)]]).change([0], {"now": NOW, "zone": "UTC"})

    assert change is not None
    assert (change.variable, change.before, change.after) == (variable, None, after)
    assert (change.distance, change.sentence.endswith("(it is missing)")) == (1.0, True)


@pytest.mark.parametrize("source", ["customer.city != 'other'", "!(customer.city in ['other', 'other 2'])"])
def test_a_text_that_no_rule_names_is_found_where_rules_name_the_usual_one(source: str) -> None:
    ruleset = RuleSet([[check(source, SCHEMA)]])

    change = ruleset.change([0], {"customer.city": "other"})

    assert change is not None
    assert ruleset.passed({"customer.city": change.after}).all()


def test_one_change_makes_several_conditions_pass() -> None:
    ruleset = RuleSet([[check("customer.visits != 3", SCHEMA)], [check("customer.visits >= 3", SCHEMA)]])

    change = ruleset.change([0, 1], FACTS)

    assert change is not None
    assert change.after == 4


def test_values_that_are_not_allowed_are_passed_over() -> None:
    ruleset = RuleSet([[check("customer.visits < 3 || customer.visits > 9 || customer.vip", SCHEMA)]])

    assert [
        (change.variable, change.after) if change else None
        for change in (
            ruleset.change([0], FACTS),
            ruleset.change([0], FACTS, allows=lambda name, value: value != 2),
            ruleset.change([0], FACTS, allows=lambda name, value: name == "customer.vip"),
            ruleset.change([0], FACTS, allows=lambda name, value: False),
        )
    ] == [("customer.visits", 2), ("customer.visits", 10), ("customer.vip", True), None]


@pytest.mark.parametrize(
    "source", ["local_hour() > 20", "customer.visits / 0 > 1", "customer.age > 20 && customer.vip"]
)
def test_no_single_change_helps(source: str) -> None:
    assert RuleSet([[check(source, SCHEMA)]]).change([0], FACTS) is None


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
