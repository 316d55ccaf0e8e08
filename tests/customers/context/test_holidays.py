"""Public holidays: names, parts of countries, and what is not known."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from opportune.customers.context import Code, Doubt, Holidays
from opportune.customers.context.base import NO_ANSWERS, contact_of
from opportune.customers.context.public_holidays import countries, languages, subdivisions, year_of, years_of
from opportune.records import Value
from tests.customers.context.strategies import request

WANTED = ("is_today", "name", "days_until", "next_name")
BY_ATTRIBUTE = Holidays(Code(key="customer.country"), Code(key="customer.region"), "", WANTED)


def read(source: Holidays, moment: str, zone: str = "UTC", **customer: Value) -> list[object]:
    facts = {f"customer.{name}": value for name, value in customer.items()}
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    return list(source.values(contact_of(facts, request(), now, zone, NO_ANSWERS)))


def test_a_holiday_has_the_name_that_its_country_gives_it() -> None:
    poland = Holidays(Code("PL"), None, "", WANTED)

    assert read(poland, "2026-11-11T12:00") == [
        True,
        "Narodowe Święto Niepodległości",
        0,
        "Narodowe Święto Niepodległości",
    ]
    assert read(poland, "2026-11-12T12:00")[2:] == [42, "Wigilia Bożego Narodzenia"]


def test_names_do_not_depend_on_the_language_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LANG", "LANGUAGE", "LC_ALL"):
        monkeypatch.setenv(variable, "de")
    year_of.cache_clear()

    assert year_of("PL", "", "", 2031).names[0] == "Nowy Rok"
    assert year_of("PL", "", "fr", 2031).names[0] == "Nowy Rok"
    assert year_of("PL", "", "en_US", 2031).names[0] == "New Year's Day"


def test_the_day_is_that_of_the_customers_zone() -> None:
    poland = Holidays(Code("PL"), None, "en_US", ("name",))

    assert read(poland, "2026-11-10T23:30", "Europe/Warsaw") == ["National Independence Day"]
    assert read(poland, "2026-11-10T23:30", "America/New_York") == [None]


def test_the_country_and_its_part_may_be_attributes() -> None:
    assert read(BY_ATTRIBUTE, "2026-01-06T12:00", country=" de ", region="by")[1] == "Heilige Drei Könige"
    assert read(BY_ATTRIBUTE, "2026-01-06T12:00", country="DE")[0] is False
    assert read(BY_ATTRIBUTE, "2026-01-06T12:00") == [None] * 4


@pytest.mark.parametrize("country", ["XX", "Poland", "", "616"])
def test_a_country_that_does_not_exist_is_unreadable(country: str) -> None:
    assert read(BY_ATTRIBUTE, "2026-01-06T12:00", country=country) == [Doubt.UNREADABLE] * 4


def test_a_part_that_the_country_does_not_have_is_unreadable() -> None:
    assert read(BY_ATTRIBUTE, "2026-01-06T12:00", country="PL", region="BY") == [Doubt.UNREADABLE] * 4


def test_of_years_that_are_not_known_nothing_is_said() -> None:
    first, last = years_of("PL")

    assert read(BY_ATTRIBUTE, f"{first - 1}-06-06T12:00", country="PL") == [Doubt.NO_DATA] * 4
    assert read(BY_ATTRIBUTE, f"{last}-12-31T12:00", country="PL") == [False, None, None, None]


def test_every_country_can_be_asked_without_a_warning() -> None:
    codes = sorted(countries())

    years = [year_of(code, "", "", year) for code in codes for year in (2026, years_of(code)[1])]

    assert len(codes) > 200
    assert all(sorted(year.days) == list(year.days) for year in years)
    assert ("MZ" in subdivisions("PL"), "BY" in subdivisions("DE"), subdivisions("XX")) == (False, True, frozenset())
    assert "en_US" in languages("PL")
