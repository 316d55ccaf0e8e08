"""Events of an iCalendar file that recur."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opportune.strategy.event_recurrence import LAST_YEAR, begins_of
from opportune.strategy.source_events import RULES_MAX, TIMES_MAX, read_events
from tests.customers.context.test_event_files import calendar, near, taken

WARSAW = ZoneInfo("Europe/Warsaw")
MARKET = "SUMMARY:Market\nUID:m@x\nDTSTART;TZID=Europe/Warsaw:20260321T090000\nDURATION:PT3H\n"


def begins(*events: str) -> list[str]:
    rows = read_events(calendar(*events), WARSAW).rows
    assert [row.faults for row in rows] == [()] * len(rows)
    return [row.cells["begin"] for row in rows]


def faults(*events: str) -> list[str]:
    return [message for row in read_events(calendar(*events), WARSAW).rows for _, message, _ in row.faults]


def test_an_event_recurs_at_the_same_time_of_day_whatever_the_clocks_do() -> None:
    rows = read_events(calendar(f"{MARKET}RRULE:FREQ=WEEKLY;COUNT=3"), WARSAW).rows

    assert [(row.cells["begin"], row.cells["end"]) for row in rows] == [
        ("2026-03-21T09:00:00+01:00", "2026-03-21T12:00:00+01:00"),
        ("2026-03-28T09:00:00+01:00", "2026-03-28T12:00:00+01:00"),
        ("2026-04-04T09:00:00+02:00", "2026-04-04T12:00:00+02:00"),
    ]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=YEARLY;COUNT=3", ["2026-05-04", "2027-05-04", "2028-05-04"]),
        ("FREQ=MONTHLY;BYDAY=1MO;COUNT=3", ["2026-05-04", "2026-06-01", "2026-07-06"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=2", ["2026-05-04", "2026-05-31", "2026-06-30"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1;UNTIL=20260701", ["2026-05-04", "2026-05-26", "2026-06-30"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SA;UNTIL=20260520T000000Z", ["2026-05-04", "2026-05-09", "2026-05-18"]),
        ("freq=daily;until=20260505;", ["2026-05-04", "2026-05-05"]),
    ],
)
def test_rules_of_days_are_reckoned_with(rule: str, expected: list[str]) -> None:
    assert begins(f"SUMMARY:x\nDTSTART;VALUE=DATE:20260504\nRRULE:{rule}") == expected


def test_an_end_of_the_rule_in_utc_is_that_moment_and_a_day_counts_in_full() -> None:
    for until in ("20260328T080000Z", "20260328", "20260328T090000"):
        assert len(begins(f"{MARKET}RRULE:FREQ=WEEKLY;UNTIL={until}")) == 2
    assert len(begins(f"{MARKET}RRULE:FREQ=WEEKLY;UNTIL=20260328T075959Z")) == 1


def test_times_that_are_left_out_moved_or_cancelled_do_not_count() -> None:
    market = (
        f"{MARKET}RRULE:FREQ=WEEKLY;COUNT=6\nEXDATE;TZID=Europe/Warsaw:20260328T090000,20260404T090000\n"
        "EXDATE;VALUE=DATE:20260425"
    )
    moved = "SUMMARY:Market\nUID:m@x\nRECURRENCE-ID:20260411T070000Z\nDTSTART:20260412T100000Z"
    cancelled = "UID:m@x\nRECURRENCE-ID;TZID=Europe/Warsaw:20260418T090000\nSTATUS:CANCELLED"

    assert begins(market, moved, cancelled) == ["2026-03-21T09:00:00+01:00", "2026-04-12T12:00:00+02:00"]
    assert len(begins(market)) == 3


def test_what_recurs_runs_and_is_to_come() -> None:
    market = near(f"{MARKET}RRULE:FREQ=WEEKLY\nCATEGORIES:food")

    assert taken(market, "2030-06-01T08:00") == {
        "on": True,
        "what": "Market",
        "days": 0,
        "next": "Market",
        "kind": "food",
    }
    assert taken(market, "2030-06-02T08:00") == {"on": False, "days": 6, "next": "Market"}


def test_events_recur_up_to_the_end_of_a_year_that_is_stated() -> None:
    found = begins("SUMMARY:x\nDTSTART;VALUE=DATE:20250101\nRRULE:FREQ=DAILY")

    assert found[-1] == f"{LAST_YEAR}-12-31"
    assert len(found) == (date(LAST_YEAR, 12, 31) - date(2024, 12, 31)).days


@pytest.mark.parametrize(
    "rule",
    [
        *("", "FREQ=HOURLY", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;BYHOUR=9", "COUNT=3", "FREQ=DAILY;FREQ=DAILY"),
        *("FREQ=DAILY;COUNT=2;UNTIL=20260504", "FREQ=WEEKLY;BYDAY=1MO", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"),
        *("FREQ=YEARLY;BYWEEKNO=20", "FREQ=YEARLY;BYEASTER=0", "FREQ=DAILY;UNTIL=20261332", "FREQ=YEARLY;BYDAY=9MO"),
        *("FREQ=DAILY\nRDATE:20260504", "FREQ=DAILY\nEXDATE:never", "FREQ=DAILY\nRRULE:FREQ=WEEKLY"),
    ],
)
def test_rules_that_are_not_read_are_refused(rule: str) -> None:
    (found,) = faults(f"{MARKET}RRULE:{rule}")

    assert found.startswith("event 1: ")
    assert "Market" not in found


def test_a_change_of_all_that_follows_is_refused() -> None:
    text = "UID:m@x\nSUMMARY:x\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260411T070000Z\nDTSTART:20260412T100000Z"

    assert faults(f"{MARKET}RRULE:FREQ=WEEKLY;COUNT=2", text) == ["event 2: RECURRENCE-ID: a RANGE is not read"]


def test_too_many_times_or_rules_are_refused() -> None:
    daily = "SUMMARY:x\nDTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;COUNT={}"
    once = daily.format(1)

    assert len(begins(daily.format(2_000), daily.format(TIMES_MAX - 2_000 - 1))) == TIMES_MAX - 1
    assert "too often" in faults(daily.format(2_000), daily.format(3_001))[0]
    assert "too often" in faults(*[once] * (RULES_MAX + 1))[0]


@settings(max_examples=50)
@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001
    st.sampled_from(("Europe/Warsaw", "America/New_York", "Australia/Lord_Howe")),
    st.sampled_from((("DAILY", 1), ("WEEKLY", 7))),
    st.integers(1, 9),
    st.integers(1, 60),
)
def test_days_and_weeks_are_counted_on_the_clock(
    first: datetime, zone: str, unit: tuple[str, int], interval: int, count: int
) -> None:
    begin = first.replace(tzinfo=ZoneInfo(zone), microsecond=0)

    found = list(begins_of(f"FREQ={unit[0]};INTERVAL={interval};COUNT={count}", begin))

    step = timedelta(days=unit[1] * interval)
    assert [one.astimezone(UTC) for one in found if isinstance(one, datetime)] == [
        (begin + number * step).astimezone(UTC) for number in range(count)
    ]
