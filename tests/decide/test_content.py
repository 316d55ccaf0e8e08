"""Texts with values put in: pure, bounded, and never more than what is declared."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquid.exceptions import LiquidError

from opportune.decide import Draws, State, decide
from opportune.decide.content import is_template, rendered, template_of
from opportune.decide.liquid_bounds import CHARACTERS_MAX
from tests.worlds import NOON, Item, World, model_of, replace, request

MISSING = {
    "customer.name": "dear customer",
    "customer.bill": "your bill",
    "customer.since": "long ago",
    "customer.age": "?",
    "customer.products": "",
}
KNOWN: dict[str, Any] = {
    "zone": "Europe/Warsaw",
    "customer.name": "<b>Zoë</b>",
    "customer.bill": 1234.5,
    "customer.since": datetime(2026, 3, 4, 23, 30, tzinfo=UTC),
    "customer.age": 30,
    "customer.products": ["phone", "dsl"],
}


def write(text: str, facts: dict[str, Any], language: str = "en", part: str = "text") -> str:
    return rendered(template_of(part, text, language, MISSING), facts)


@pytest.mark.parametrize(
    ("text", "known", "missing"),
    [
        ("Hello {{ customer.name }}", "Hello <b>Zoë</b>", "Hello dear customer"),
        ("{{ customer.bill | money: 'EUR' }}", "€1,234.50", "your bill"),
        ("{{ customer.bill | times: 2 | number: 1 }}", "2,469.0", "your bill"),
        ("{{ customer.since | date: 'long' }}", "March 5, 2026", "long ago"),
        ("{% if customer.age >= 18 %}adult{% else %}other{% endif %}", "adult", "other"),
        ("{% for one in customer.products %}[{{ one }}]{% endfor %}", "[phone][dsl]", ""),
        ("{% if customer.name %}known{% else %}unknown{% endif %}", "known", "unknown"),
    ],
)
def test_a_value_is_put_in_and_a_missing_one_says_what_is_declared(text: str, known: str, missing: str) -> None:
    assert write(text, KNOWN) == known
    assert write(text, {"zone": "UTC"}) == missing


def test_numbers_and_dates_are_written_in_the_language_and_zone() -> None:
    text = "{{ customer.bill | money: 'PLN' }} {{ customer.since | date: 'long' }}"

    assert write(text, KNOWN, "pl") == "1\xa0234,50\xa0zł 5 marca 2026"


def test_values_are_escaped_in_markup_alone() -> None:
    assert write("{{ customer.name }}", KNOWN, part="body_html") == "&lt;b&gt;Zoë&lt;/b&gt;"


@pytest.mark.parametrize(
    "text",
    [
        "{% include 'file' %}",
        "{% render 'file' %}",
        "{% assign x = 1 %}",
        "{% capture x %}{% endcapture %}",
        "{% increment x %}",
        "{% cycle 'a', 'b' %}",
        "{% tablerow x in customer.products %}{% endtablerow %}",
    ],
)
def test_tags_that_are_not_listed_are_refused(text: str) -> None:
    with pytest.raises(LiquidError):
        template_of("text", text, "en", {})


@pytest.mark.parametrize(
    "text",
    [
        "{% for i in (1..100000) %}x{% endfor %}",
        "{% for i in (1..999) %}" + "x" * 100 + "{% endfor %}",
        "{{ 'now' | date: 'long' }}",
        "{{ customer.name.__class__.__mro__ }}x",
        "{{ customer.name | money: 'EUR' }}",
        "{{ customer.bill | money: 'zł' }}",
        "{{ customer.age" + " | times: customer.age" * 4_000 + " }}",
        "{{ customer.bill | times: '1e308' | times: '1e308' | floor }}",
        "{{ customer.bill | times: '1e308' | times: '1e308' }}",
        "{{ customer.age | money: 'EUR', context: 1 }}",
        "{% for one in customer.products limit: -3 %}x{% endfor %}",
        "{{ (1..1000000000000) | join: 'x' | size }}",
        "{% for i in (1..1000000000000) offset: 999999999999 %}x{% endfor %}",
        "{% if (1..1000000000000) contains 'a' %}x{% endif %}",
        "{% if true %}{% case customer.age %}{% when 30 %}{{ (1..1000000) | join }}{% endcase %}{% endif %}",
        "{{ customer.products | join: '" + "x" * 20_000 + "' | size }}",
        "\ud83d {{ customer.age }}",
    ],
)
def test_what_cannot_be_written_within_bounds_is_empty_or_bare(text: str) -> None:
    assert write(text, KNOWN) in ("", "x")


@given(st.text(max_size=200), st.one_of(st.none(), st.text(max_size=300)))
def test_no_text_breaks_a_decision(text: str, name: str | None) -> None:
    try:
        template = template_of("text", text + "{{ customer.name }}", "en", MISSING)
    except LiquidError:
        return
    facts = {"zone": "UTC"} if name is None else {"zone": "UTC", "customer.name": name}

    assert len(rendered(template, facts).encode("utf-8", "surrogatepass")) <= CHARACTERS_MAX


def test_a_text_without_signs_is_no_template() -> None:
    assert not is_template("100 % of { everything }")


@pytest.mark.parametrize(
    ("asked", "own", "title"),
    [
        (None, None, "a"),
        (None, "pl", "po polsku"),
        (None, "de", "a"),
        ("de", "pl", "po polsku"),
        ("en", "pl", "a"),
        ("pl", "en", "po polsku"),
    ],
)
def test_a_text_is_in_the_language_of_the_request_else_in_that_of_the_customer(
    asked: str | None, own: str | None, title: str
) -> None:
    plan = replace(World([Item("a")]).plan(), content=({"en": {"title": "a"}, "pl": {"title": "po polsku"}},))
    profile = {} if own is None else {"customer.language": own}
    state = State(model=model_of(plan), position=0, profile=profile)

    decision = decide(plan, state, request(language=asked), NOON, Draws("s"))

    assert decision.placements[0].actions[0].content == {"title": title}
