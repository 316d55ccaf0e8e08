"""Attributes get stale at the moment that the project says, by the customer's calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from opportune.customers.quality import Freshness
from opportune.decide.limits.windows import Length, micros

SET_AT = datetime(2026, 3, 28, 12, tzinfo=UTC)
"""The day before clocks in Warsaw go forward: noon of the next day comes an hour sooner."""
ZONE = "Europe/Warsaw"
FRESH = Freshness({"balance": Length(1), "score": Length(0, 3600)})
FACTS = {"customer.balance": 10.0, "customer.score": 1.0}
TIMES = {"balance": micros(SET_AT), "score": micros(SET_AT)}


def doubts(at: datetime, facts: dict[str, float] = FACTS, times: dict[str, int] = TIMES) -> tuple[str, ...]:
    return FRESH.doubts(facts, times, (), micros(at), ZONE).doubts


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (0.99, ()),
        (1, ("customer.score: stale",)),
        (22.99, ("customer.score: stale",)),
        (23, ("customer.balance: stale", "customer.score: stale")),
    ],
)
def test_a_value_is_stale_from_the_end_of_its_time_on(hours: float, expected: tuple[str, ...]) -> None:
    assert doubts(SET_AT + timedelta(hours=hours)) == expected


def test_what_is_not_there_or_has_no_moment_is_in_doubt_too() -> None:
    assert doubts(SET_AT, {"customer.score": 1.0}) == ("customer.balance: missing",)
    assert doubts(SET_AT, times={"balance": micros(SET_AT)}) == ("customer.score: stale",)


def test_values_that_the_project_does_not_take_are_named() -> None:
    found = FRESH.doubts(FACTS, TIMES, ("age",), micros(SET_AT), ZONE)

    assert found.doubts == ("customer.age: unfit",)


def test_what_is_remembered_of_a_profile_holds_as_long_as_it_says() -> None:
    seen = []
    known = FRESH.doubts(FACTS, TIMES, (), micros(SET_AT), ZONE)
    for minutes in range(0, 4 * 24 * 60, 10):
        now = micros(SET_AT + timedelta(minutes=minutes))
        fresh = FRESH.doubts(FACTS, TIMES, (), now, ZONE)
        if now >= known.until:
            known = fresh
        assert known.doubts == fresh.doubts
        seen.append(fresh.doubts)

    assert [seen.count(one) for one in dict.fromkeys(seen)] == [6, 22 * 6, 73 * 6]


def test_where_nothing_gets_old_nothing_is_looked_at() -> None:
    assert Freshness({}).is_empty
    assert not FRESH.is_empty
