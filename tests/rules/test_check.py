"""What the check of a rule says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from opportune.errors import Problem, RuleError
from opportune.records import ValueType
from opportune.rules import Schema, check, evaluate
from opportune.rules.domain import SIGNATURES

DOCS = Path(__file__).parents[2] / "docs" / "concepts" / "rules.md"
PLAIN = Schema(
    {
        "customer.age": ValueType.NUMBER,
        "customer.visits": ValueType.INTEGER,
        "customer.city": ValueType.TEXT,
        "customer.vip": ValueType.BOOLEAN,
        "customer.since": ValueType.TIMESTAMP,
        "customer.products": ValueType.TEXTS,
        "context.weather": ValueType.TEXT,
    }
)
SCHEMA = Schema(PLAIN.variables, {"adult": check("customer.age >= 18", PLAIN)})


def problems(source: str, expects: ValueType = ValueType.BOOLEAN, schema: Schema = SCHEMA) -> list[Problem]:
    with pytest.raises(RuleError) as caught:
        check(source, schema, expects)
    return caught.value.problems


@pytest.mark.parametrize(
    ("source", "line", "column", "code", "message", "remedy"),
    [
        ("customer.agee > 3", 1, 1, "unknown-attribute", "'customer.agee'", "did you mean 'customer.age'?"),
        ("3 < custmer.age", 1, 5, "unknown-attribute", "'custmer.age'", "did you mean 'customer.age'?"),
        ("age > 3", 1, 1, "unknown-attribute", "'age'", "did you mean 'customer.age'?"),
        ("context.age > 3", 1, 1, "unknown-attribute", "'context.age'", "did you mean 'customer.age'?"),
        ("customer.city == Warsaw", 1, 18, "unknown-attribute", "'Warsaw'", "put texts in quotes"),
        ("segment.adul", 1, 1, "unknown-segment", "'segment.adul'", "did you mean 'segment.adult'?"),
        ("day_since(customer.since) > 3", 1, 1, "unknown-function", "'day_since'", "did you mean 'days_since'?"),
        ("customer.city.startWith('x')", 1, 15, "unknown-function", "'startWith'", "did you mean 'startsWith'?"),
        ("customer.age + 'a' == 3", 1, 14, "wrong-type", "found number and text", ""),
        ("customer.city > 3", 1, 15, "wrong-type", "found text and integer", ""),
        ("customer.products == 'a'", 1, 19, "wrong-type", "texts and text", "write 'x' in customer.products"),
        ("days_since(customer.age) > 3", 1, 11, "wrong-type", "expected days_since(timestamp), found", ""),
        ("days_since() > 3", 1, 1, "wrong-type", "expected days_since(timestamp)", ""),
        ("owns(3)", 1, 5, "wrong-type", "expected owns(text), found owns(integer)", ""),
        ("known(3)", 1, 7, "wrong-type", "expected the name of an attribute", "known(customer.age)"),
        ("known(customer.agee)", 1, 7, "unknown-attribute", "'customer.agee'", "did you mean 'customer.age'?"),
        ("known(customer.vip && customer.vip)", 1, 7, "wrong-type", "expected the name of an attribute", ""),
        ("customer.vip && 'a'.owns('b')", 1, 21, "wrong-type", "expected owns(text), found other arguments", ""),
        ("customer.vip && (1).owns('b')", 1, 21, "wrong-type", "expected owns(text), found other arguments", ""),
        ("customer.vip && owns('b'", 1, None, "syntax", "found the end of the rule", "close brackets"),
        ("customer.age.known()", 1, 14, "wrong-type", "expected known(variable), found other arguments", ""),
        ("customer.vip && known", 1, 17, "unknown-attribute", "'known'", "put texts in quotes"),
        ("has(.customer.vip)", 1, 4, "wrong-type", "a field of a map in has(...)", "write known(customer.vip)"),
        ("has(customer.vip)", 1, 4, "wrong-type", "a field of a map in has(...)", "write known(customer.vip)"),
        ("!has(segment.adult)", 1, 5, "wrong-type", "a field of a map in has(...), found segment.adult", ""),
        ("customer.age == null", 1, 14, "wrong-type", "found number and null", "write known(...)"),
        ("customer.city.startsWith('a', 'b')", 1, 15, "wrong-type", "startsWith() does not take these", ""),
        ("customer.age", 1, 1, "wrong-type", "expected a result of type boolean, found number", ""),
        ("customer.age.years > 3", 1, 13, "wrong-type", "type number has no fields", ""),
        ("customer.age >", 1, 15, "syntax", "found the end of the rule", ""),
        ("", 1, 1, "syntax", "found the end of the rule", ""),
        ("customer.vip and customer.age > 3", 1, 14, "syntax", "found and", "write && for and"),
        ("customer.age = 3", 1, 14, "syntax", "found =", "write == to compare"),
        ("customer.city == 'x", 1, 18, "syntax", "found '", "close the quotes"),
        ("customer.vip &&\n  customer.agee > 3", 2, 3, "unknown-attribute", "'customer.agee'", "'customer.age'"),
        ("customer.city.matches('[a')", 1, 23, "invalid-value", "regular expression", ""),
        ("customer.since > timestamp('yesterday')", 1, 28, "invalid-value", "timestamp", ""),
        ("customer.since.getHours('Europe/Warsw') > 3", 1, 25, "invalid-value", '"Europe/Warsw": no time zone', ""),
        ("customer.products.exists(zone, local_hour() > 3)", 1, 25, "invalid-value", "found zone", "name them x"),
        ("customer.products.all(customer, customer == 'a')", 1, 22, "invalid-value", "found customer", ""),
        ("(" * 40 + "true" + ")" * 40, 1, 1, "too-expensive", "nests too deep", ""),
        ("customer.age + " * 70 + "1.0 > 3.0", 1, None, "too-expensive", "nests too deep", ""),
        ("customer.vip && '\ud800' == ''", 1, 18, "syntax", "half a surrogate pair", ""),
        ("customer.vip" + " " * 10_000, 1, 1, "too-expensive", "10000 characters", ""),
    ],
)
def test_a_problem_has_place_kind_and_remedy(
    source: str, line: int, column: int | None, code: str, message: str, remedy: str
) -> None:
    (problem,) = problems(source)

    assert (problem.line, problem.code) == (line, code), problem
    assert column is None or problem.column == column, problem
    assert message in problem.message
    assert remedy in problem.remedy


def test_loops_in_loops_are_too_expensive() -> None:
    source = "customer.products.all(x, customer.products.all(y, customer.products.all(z, x == y)))"

    (problem,) = problems(source)

    assert problem.code == "too-expensive"
    assert "at most 10000 steps" in problem.message


@pytest.mark.parametrize(
    "source",
    [
        "[customer.city]" + ".map(a, a + a)" * 12 + "[0] == 'z'",
        "[customer.products]" + ".map(a, a + a)" * 5 + ".size() > 0",
        "['x']" + ".map(a, [a, a])" * 20 + ".size() > 0",
        "[[customer.city]]" + ".map(a, [a[0] + a[0]])" * 11 + "[0][0] == 'z'",
        "[customer.city]" + ".map(a, true ? a + a : a)" * 12 + "[0] == 'z'",
        "[customer.city]" + ".map(a, {'k': a + a}.k)" * 12 + "[0] == 'z'",
        "[dyn(customer.city)]" + ".map(a, a + a)" * 12 + "[0] == 'z'",
        "[string(customer.age)]" + ".map(a, string(a + a))" * 14 + "[0] == 'z'",
        "customer.products.map(a, customer.products.map(b, a + b)).size() > 0",
    ],
)
def test_values_that_grow_without_measure_are_too_expensive(source: str) -> None:
    found = problems(source)

    assert {problem.code for problem in found} == {"too-expensive"}


@pytest.mark.parametrize(
    "source",
    [
        "customer.products.map(p, p + '-' + p).exists(p, p == 'a-a')",
        "customer.products.filter(p, p != 'a').map(p, p + 'x').size() > 2",
        "(customer.products + ['a', 'b'] + customer.products).exists(p, p == customer.city)",
        "customer.city + customer.city + string(customer.visits) == 'a'",
    ],
)
def test_values_of_modest_growth_are_allowed(source: str) -> None:
    assert check(source, SCHEMA).type is ValueType.BOOLEAN


def test_segments_of_segments_may_nest_as_deep_as_can_be_evaluated() -> None:
    segments = {"last": check("customer.vip", PLAIN)}

    def nest() -> None:
        for _ in range(100):
            source = "customer.vip == (" * 20 + "segment.last" + ")" * 20
            segments["last"] = check(source, Schema(PLAIN.variables, dict(segments)))

    with pytest.raises(RuleError, match="the rule nests too deep; let segments use fewer others"):
        nest()
    assert evaluate(segments["last"], {"customer.vip": True}) is True


def test_all_problems_are_told_at_once() -> None:
    found = problems("customer.agee > 3 && known(customer.x) && foo(1) && customer.city > 3")

    assert [problem.code for problem in found].count("unknown-attribute") == 2
    assert {problem.code for problem in found} == {"unknown-attribute", "unknown-function", "wrong-type"}


def test_owns_needs_the_attribute_customer_products() -> None:
    (problem,) = problems("owns('x')", schema=Schema({"customer.age": ValueType.NUMBER}))

    assert problem.code == "missing-products"


@pytest.mark.parametrize(
    "source",
    [
        "customer.age >= 18",
        "18 <= customer.age",
        "customer.age in [18, 19]",
        "customer.age + 1 > customer.visits",
        "customer.age > -1",
        "-customer.visits < customer.age",
        "customer.visits > 2.5",
        "(customer.vip ? customer.age : 0) > 1",
        "within_km(52, 21, customer.age, 21, 10)",
    ],
)
def test_integers_are_taken_as_numbers_where_numbers_are_needed(source: str) -> None:
    assert check(source, SCHEMA).type is ValueType.BOOLEAN


def test_an_integer_result_is_taken_as_a_number() -> None:
    assert check("customer.visits * 2", SCHEMA, ValueType.NUMBER).type is ValueType.NUMBER


def test_variables_are_fact_keys_with_segments_written_out() -> None:
    rule = check("segment.adult && days_since(customer.since) > 3 && customer.products.exists(p, p == 'x')", SCHEMA)

    assert rule.variables == {"customer.age", "customer.since", "customer.products", "now"}


def test_every_function_of_ours_has_its_heading_in_the_documentation() -> None:
    headings = re.findall(r"^### `(\w+)", DOCS.read_text(encoding="utf-8"), re.MULTILINE)

    assert set(SIGNATURES) <= set(headings)
