"""What rules come to: a table of rule and result on one customer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from opportune.records import Value, ValueType
from opportune.rules import Failed, RuleSet, Unknown, check, evaluate, quote
from tests.rules.test_check import SCHEMA

FACTS: dict[str, Value] = {
    "customer.age": 16,
    "customer.visits": 3,
    "customer.city": "Łódź",
    "customer.since": datetime(2024, 1, 1, 12, tzinfo=UTC),
    "customer.products": ["card", "loan"],
    "now": datetime(2024, 2, 1, 11, tzinfo=UTC),
    "zone": "Europe/Warsaw",
}
MISSING = {"customer.vip", "context.weather"}


def unknown(*names: str) -> Unknown:
    return Unknown(frozenset(names))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("customer.age >= 18", False),
        ("customer.age == 16", True),
        ("customer.city == 'Łódź'", True),
        ("customer.vip", unknown("customer.vip")),
        ("customer.vip && customer.age >= 18", False),
        ("customer.vip || customer.age < 18", True),
        ("customer.vip && context.weather == 'sun'", unknown(*MISSING)),
        ("customer.vip ? true : false", unknown("customer.vip")),
        ("!customer.vip", unknown("customer.vip")),
        ("known(customer.vip)", False),
        ("known(customer.age)", True),
        ("!known(customer.vip) && customer.age < 18", True),
        ("!owns((('tv') + ((''))))", True),
        ("customer.age < 18 && .owns('card')", True),
        (".known(customer.age) && !.known(customer.vip)", True),
        (".customer.age < 18 && .customer.visits < .customer.age && .owns('card') && .local_hour() == 12", True),
        ("days_since(customer.since) == 30", True),
        ("days_since(now) == 0", True),
        ("local_hour() == 12", True),
        ("local_weekday() == 4", True),
        ("owns('card') && !owns('tv')", True),
        ("within_km(52.23, 21.01, 51.76, 19.46, 120)", True),
        ("within_km(52.23, 21.01, 51.76, 19.46, 110)", False),
        ("segment.adult", False),
        ("customer.products.exists(p, p.startsWith('lo'))", True),
        ("customer.products.all(p, p.size() == 4)", True),
        ("customer.products.exists_one(p, p == 'card')", True),
        ("customer.products.filter(p, p != 'card') == ['loan']", True),
        ("customer.visits / 2 == 1", True),
        ("customer.age / customer.visits > 5", True),
        ("bytes('a') == b'a'", True),
        ("2u > 1u && customer.age < 18", True),
        ("bytes(context.weather) == b'a'", unknown("context.weather")),
        ("b'a' == b'a' && known(customer.age) && !known(customer.vip)", True),
        (".known(customer.age) && b'a' == b'a' && !.known(customer.vip)", True),
        ("b'a' == b'a' && !(segment // of customers\n . adult)", True),
        ("b'a' == b'a' && (segment.adult || days_since(customer.since) > 3)", True),
    ],
)
def test_a_rule_gives(source: str, expected: Any) -> None:
    rule = check(source, SCHEMA)

    assert evaluate(rule, FACTS) == expected
    assert RuleSet([[rule]]).passed(FACTS).tolist() == [expected is True]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("customer.visits / 0 > 1", "division by zero"),
        ("customer.visits % (customer.visits - 3) == 0", "modulus by zero"),
        ("customer.visits + 9223372036854775807 > 0", "integer overflow"),
        ("customer.products[2] == 'x'", "index out of range"),
        ("int(customer.city) > 3", "no integer"),
    ],
)
def test_a_rule_fails_with_its_reason(source: str, error: str) -> None:
    assert evaluate(check(source, SCHEMA), FACTS) == Failed(error)


def test_a_fact_of_another_type_fails_and_is_not_repeated() -> None:
    rule, asked = check("customer.age > 3", SCHEMA), check("known(customer.age)", SCHEMA)
    facts: dict[str, Value] = {"customer.age": "secret"}

    assert evaluate(rule, facts) == Failed("customer.age should be number")
    assert RuleSet([[rule], [asked]]).passed(facts).tolist() == [False, True]


def test_a_zone_that_does_not_exist_fails() -> None:
    result = evaluate(check("local_hour() > 3", SCHEMA), {**FACTS, "zone": "Nowhere/City"})

    assert isinstance(result, Failed)


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("int(customer.city) == 7", "1" * 5_000, Failed("no integer")),
        ("int(customer.city) == 7", " -" + "0" * 5_000 + "7", False),
        ("duration(customer.city) > duration('1s')", "1" * 5_000 + "s", Failed("no duration")),
        ("duration(customer.city) > duration('1s')", "1." + "1" * 5_000 + "s", Failed("no duration")),
        ("duration(customer.city) > duration('1s')", "٢h", Failed("no duration")),
        ("timestamp(customer.city) > now", "٢٠٢٤-01-01T00:00:00Z", Failed("no RFC 3339 timestamp")),
        ("timestamp(customer.city) > now", "2024-01-01T00:00:00+24:00", Failed("no RFC 3339 timestamp")),
        ("timestamp(customer.city) > now", "2024-01-01T00:00:00-00:60", Failed("no RFC 3339 timestamp")),
        ("now.getHours(customer.city) > 3", "٠١:00", Failed("no time zone")),
        ("now.getHours(customer.city) > 3", "24:00", Failed("no time zone")),
        ("now.getHours(customer.city) > 3", "23:60", Failed("no time zone")),
    ],
)
def test_a_text_that_cannot_be_read_fails(source: str, text: str, expected: Any) -> None:
    assert evaluate(check(source, SCHEMA), {**FACTS, "customer.city": text}) == expected


def test_times_are_written_with_no_three_six_or_nine_digits_after_the_second() -> None:
    rule = check("string(timestamp(customer.city))", SCHEMA, ValueType.TEXT)
    written = [
        evaluate(rule, {"customer.city": f"2024-01-01T00:00:00{part}Z"}) for part in ("", ".5", ".0005", ".1234567")
    ]

    assert written == [f"2024-01-01T00:00:00{part}Z" for part in ("", ".500", ".000500", ".123456700")]
    assert evaluate(check("string(duration('-1.5s'))", SCHEMA, ValueType.TEXT), {}) == "-1.500s"


def test_a_very_long_list_ends_the_loop() -> None:
    rule = check("customer.products.all(p, customer.products.size() > 0)", SCHEMA)

    assert isinstance(evaluate(rule, {"customer.products": ["x"] * 200_000}), Failed)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, ValueType.BOOLEAN),
        (-5, ValueType.INTEGER),
        (18.0, ValueType.NUMBER),
        (float("inf"), ValueType.NUMBER),
        (1e300, ValueType.NUMBER),
        ('it\'s "so"\n\\x\x00 Łódź 😀', ValueType.TEXT),
        (datetime(2024, 1, 1, 12, 30, 0, 5, tzinfo=UTC), ValueType.TIMESTAMP),
        (["a", 'b"'], ValueType.TEXTS),
    ],
)
def test_a_quoted_value_reads_back(value: Value, kind: ValueType) -> None:
    assert evaluate(check(quote(value), SCHEMA, kind), {}) == value
