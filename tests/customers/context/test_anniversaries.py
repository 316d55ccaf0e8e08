"""Birthdays and anniversaries."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from opportune.customers.context import Anniversary, Doubt
from opportune.customers.context.anniversaries import date_of, day_in
from opportune.customers.context.base import NO_ANSWERS, contact_of
from opportune.records import Value
from tests.customers.context.strategies import request


def compared(value: Value, today: str, zone: str = "UTC") -> list[object]:
    now = datetime.fromisoformat(today).replace(tzinfo=UTC)
    contact = contact_of({"customer.birth_date": value}, request(), now, zone, NO_ANSWERS)
    return list(Anniversary("customer.birth_date", ("is_today", "days_until", "years")).values(contact))


@pytest.mark.parametrize(
    ("birth", "today", "expected"),
    [
        ("1990-05-04", "2026-05-04T12:00", [True, 0, 36]),
        ("1990-05-04", "2026-05-03T12:00", [False, 1, 35]),
        ("1990-05-04", "2026-05-05T12:00", [False, 364, 36]),
        ("1990-01-01", "2026-12-31T12:00", [False, 1, 36]),
        ("2000-02-29", "2024-02-29T12:00", [True, 0, 24]),
        ("2000-02-29", "2025-02-28T12:00", [False, 1, 24]),
        ("2000-02-29", "2025-03-01T12:00", [True, 0, 25]),
        ("2000-02-29", "2100-03-01T12:00", [True, 0, 100]),
        ("2000-02-29", "2025-03-02T12:00", [False, 364, 25]),
        ("2030-05-04", "2026-05-04T12:00", [False, 1461, None]),
    ],
)
def test_days_and_years_follow_the_calendar(birth: str, today: str, expected: list[object]) -> None:
    assert compared(birth, today) == expected


def test_the_day_is_that_of_the_customers_zone() -> None:
    assert compared("1990-05-04", "2026-05-03T22:30", "Europe/Warsaw")[0] is True
    assert compared("1990-05-04", "2026-05-04T03:30", "America/New_York")[0] is False


def test_a_moment_counts_by_its_day_in_utc() -> None:
    midnight = datetime(1990, 5, 4, tzinfo=UTC)

    assert compared(midnight, "2026-05-04T20:00", "America/New_York")[0] is True


@pytest.mark.parametrize("value", ["yesterday", "1990-13-01", "1990-5-4", "04.05.1990", "", "19900504", 7, True])
def test_what_is_no_date_is_unreadable(value: Value) -> None:
    assert compared(value, "2026-05-04T12:00") == [Doubt.UNREADABLE] * 3


@pytest.mark.parametrize("text", ["1990-05-04", "1990-05-04T23:59:59Z", "1990-05-04 01:00"])
def test_the_day_of_a_text_counts_as_written(text: str) -> None:
    assert date_of(text) == date(1990, 5, 4)


def test_every_day_has_one_anniversary_in_every_year() -> None:
    days = [date.fromordinal(date(2000, 1, 1).toordinal() + number) for number in range(366)]

    assert all(day_in(day, year).year == year for day in days for year in (1999, 2000, 2001, 2100))


def test_the_ends_of_the_calendar_are_no_crash() -> None:
    assert compared("9999-12-31", "9999-12-31T12:00") == [True, 0, 0]
    assert compared("0001-01-01", "9999-12-31T12:00") == [False, None, 9998]
