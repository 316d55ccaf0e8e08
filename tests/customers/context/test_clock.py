"""The source `time`: the customer's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from opportune.customers.context import SESSION_START, Doubt
from opportune.customers.context.base import NO_ANSWERS, contact_of
from opportune.customers.context.clock import CLOCK, Clock
from opportune.customers.context.hemispheres import is_southern
from opportune.records import Value
from tests.customers.context.strategies import MAY, request


def read(now: datetime, zone: str, *wanted: str, **facts: Value) -> list[object]:
    return list(Clock(wanted).values(contact_of(facts, request(), now, zone, NO_ANSWERS)))


def test_all_parts_are_those_of_the_customers_zone() -> None:
    late = datetime(2026, 2, 28, 23, 30, tzinfo=UTC)

    parts = ("hour", "weekday", "weekend", "day", "month", "season", "part_of_day")

    assert read(late, "UTC", *parts) == [23, 6, True, 28, 2, "winter", "evening"]
    assert read(late, "Asia/Tokyo", *parts) == [8, 7, True, 1, 3, "spring", "morning"]
    assert read(late, "America/Sao_Paulo", *parts) == [20, 6, True, 28, 2, "summer", "evening"]


@pytest.mark.parametrize(
    ("moment", "hour"),
    [("2026-03-29T00:59", 1), ("2026-03-29T01:00", 3), ("2026-10-25T00:30", 2), ("2026-10-25T01:30", 2)],
)
def test_clocks_that_are_put_forward_or_back_are_followed(moment: str, hour: int) -> None:
    assert read(datetime.fromisoformat(moment).replace(tzinfo=UTC), "Europe/Warsaw", "hour") == [hour]


@pytest.mark.parametrize(("month", "north", "south"), [(1, "winter", "summer"), (4, "spring", "autumn")])
def test_seasons_are_those_of_the_half_of_the_earth_in_which_the_zone_lies(month: int, north: str, south: str) -> None:
    now = datetime(2026, month, 15, 12, tzinfo=UTC)

    assert read(now, "Europe/Warsaw", "season") == [north]
    assert read(now, "Australia/Sydney", "season") == [south]


@pytest.mark.parametrize("zone", ["Australia/NSW", "Antarctica/McMurdo", "NZ", "Brazil/East", "Africa/Johannesburg"])
def test_other_names_of_southern_zones_are_known(zone: str) -> None:
    assert is_southern(zone)


@pytest.mark.parametrize("zone", ["UTC", "Etc/GMT+3", "Europe/London", "Asia/Tokyo", "US/Pacific", ""])
def test_zones_without_a_place_count_as_northern(zone: str) -> None:
    assert not is_southern(zone)


def test_the_minutes_of_a_session_count_from_its_start() -> None:
    start = MAY - timedelta(seconds=90)

    assert read(MAY, "UTC", "session_minutes", **{SESSION_START: start}) == [1.5]
    assert read(MAY, "UTC", "session_minutes", **{SESSION_START: MAY + timedelta(hours=1)}) == [0.0]
    assert read(MAY, "UTC", "session_minutes") == [None]


@pytest.mark.parametrize("zone", ["Nowhere/Atlantis", "", "../etc/passwd"])
def test_a_zone_that_does_not_exist_is_unreadable(zone: str) -> None:
    assert read(MAY, zone, *CLOCK) == [Doubt.UNREADABLE] * len(CLOCK)


def test_the_last_moment_of_the_calendar_is_no_crash() -> None:
    last = datetime(9999, 12, 31, 23, 30, tzinfo=UTC)

    assert read(last, "Asia/Tokyo", "hour") == [Doubt.UNREADABLE]
    assert read(last, "UTC", "hour") == [23]
