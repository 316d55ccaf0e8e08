"""What other parts of the engine say in English is known to the pages, word for word."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import getsource
from typing import Any

import pytest

from opportune.evaluate.foresight.differences import NOUNS, difference_said
from opportune.evaluate.off_policy.overlap import Overlap, remarks
from opportune.evaluate.told import REASONS, _pattern, name_said, reason_said, type_said
from opportune.learning import contest
from opportune.records import ValueType
from opportune.rules import check, contradictory
from opportune.service.goal_answers import TIRES
from opportune.service.journal_effects import OTHER_LIMITS
from opportune.strategy.diff import _PARTS, differences
from tests.evaluate.foresight.examples import EDITS, edited, example
from tests.rules.test_check import SCHEMA

USUAL: dict[str, Any] = {
    "choices": 20_000,
    "effective": 15_000.0,
    "rewarded": 500.0,
    "mean_weight": 1.0,
    "misfit": 0.0,
    "heaviest": 1.5,
    "heaviest_share": 0.001,
    "beyond": 0.0,
    "unused": 0.0,
}
NO_NUMBER = "it foresaw what is no number"
UNUSUAL: tuple[dict[str, Any], ...] = (
    {"choices": 12},
    {"beyond": 0.5},
    {"beyond": 0.05},
    {"effective": 12.0},
    {"effective": 500.0},
    {"effective": 2_000.0},
    {"rewarded": 1.5},
    {"rewarded": 12.0},
    {"heaviest_share": 0.25, "heaviest": 1_234.0},
    {"misfit": 12.0, "mean_weight": 0.5},
    {"misfit": float("inf"), "mean_weight": 0.5},
)


def reasons() -> Iterator[str]:
    """Give every reason that the engine gives a page."""
    for unusual in UNUSUAL:
        yield from (remark.text for remark in remarks(Overlap(**USUAL | unusual)))
    yield from (TIRES, OTHER_LIMITS, NO_NUMBER)
    for rules in (["1 > 2"], ["customer.age >= 65", "customer.age < 18"]):
        yield contradictory([check(rule, SCHEMA) for rule in rules]) or ""


def test_every_reason_is_said_in_polish() -> None:
    told = list(reasons())

    assert len(told) >= len(UNUSUAL) + 5
    assert NO_NUMBER in getsource(contest)
    assert all(reason_said(one, "en") == one for one in told)
    assert [one for one in told if reason_said(one, "pl") == one] == []


def test_no_reason_is_known_that_nobody_gives() -> None:
    told = list(reasons())

    assert [english for english, _ in REASONS if not any(_pattern(english).fullmatch(one) for one in told)] == []


def test_numbers_of_reasons_are_written_as_the_language_does() -> None:
    (said,) = (reason_said(one.text, "pl") for one in remarks(Overlap(**USUAL | {"effective": 2_000.0})))

    assert said.replace("\xa0", " ") == (
        "oszacowanie opiera się na 2000 z 20 000 wyborów (10%): obie strategie wybierają bardzo różnie"
    )


def test_what_is_not_known_stays() -> None:
    assert reason_said("whatever a plug-in says", "pl") == "whatever a plug-in says"
    assert difference_said("whatever 'x'", "pl") == "whatever 'x'"
    assert [name_said(one, "pl") for one in ("revision 3", "main", "imagined 4 (app)")] == [
        "rewizja 3",
        "main",
        "wymyślony 4 (app)",
    ]
    assert all(type_said(one.value, "pl") != one.value for one in ValueType)


@pytest.mark.parametrize("edit", EDITS[2:11:2], ids=lambda edit: edit.name)
def test_every_difference_is_said_in_polish(edit: Any) -> None:
    found = differences(example(edit.project).project, edited(edit).project)

    assert found
    same = [one for one in found if difference_said(one, "pl") == one]
    assert [one for one in same if not one.startswith("segment '")] == []  # A segment is called so in both.
    assert [difference_said(one, "en") for one in found] == list(found)


def test_whatever_may_differ_has_a_noun() -> None:
    assert {*NOUNS} == {noun for noun, _ in _PARTS} | {"project", "test"}


@pytest.mark.parametrize(
    ("english", "polish"),
    [
        ("goal 'margin', weight: 0.5 → 3", "cel 'margin', weight: 0.5 → 3"),
        ("goal 'margin', weight: none → 3", "cel 'margin', weight: brak → 3"),
        ("project, zone: 'UTC' → 'Europe/Warsaw'", "projekt, zone: 'UTC' → 'Europe/Warsaw'"),
        ("contact policy 'week' added", "zasada kontaktu 'week': dodano"),
        ("test 'who can't' removed", "test 'who can't': usunięto"),
        ("action 'films', title: 'a' added", "akcja 'films', title: dodano 'a'"),
        ("action 'old' renamed to 'new'", "akcja 'old': nowa nazwa 'new'"),
        ("action 'x' moved from group 'a' to 'b'", "akcja 'x': przeniesiono z grupy 'a' do 'b'"),
        ("segments stand in another order", "segment: inna kolejność"),
        (
            "contact policy 'week', within: 7 days → 1 weeks 2 hours",
            "zasada kontaktu 'week', within: 7\xa0dni → 1\xa0tydzień 2\xa0godziny",
        ),
        (
            "contact policy 'nights', quiet: 21:00 to 08:00 on mon, tue → none",
            "zasada kontaktu 'nights', quiet: 21:00 do 08:00 w dniach mon, tue → brak",
        ),
        (
            "action 'x', valid: from ever until 2026-05-04 → from 2026-01-01 until ever",
            "akcja 'x', valid: od zawsze do 2026-05-04 → od 2026-01-01 bez końca",
        ),
        ("group 'x', rules: `a` because 'b' → none", "grupa 'x', rules: `a`, bo 'b' → brak"),
        ("goals.yaml: layout or comments", "goals.yaml: układ lub komentarze"),
        ("tables/fees.csv: row [a | 1] → [a | 2]", "tables/fees.csv: wiersz [a | 1] → [a | 2]"),
        ("tables/fees.csv: row [a | 1] added", "tables/fees.csv: dodano wiersz [a | 1]"),
        ("tables/fees.csv: changed", "tables/fees.csv: zmieniono"),
        ("and 12 more differences", "i jeszcze różnic: 12"),
    ],
)
def test_differences_keep_what_users_wrote(english: str, polish: str) -> None:
    assert difference_said(english, "pl") == polish
