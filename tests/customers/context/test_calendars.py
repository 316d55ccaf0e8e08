"""Events of a calendar."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from opportune.customers.context import Sources
from tests.customers.context.strategies import fill, sources

TAKEN = """
on: { type: boolean, personal: true, source: events.is_now }
what: { type: text, personal: true, source: events.name }
days: { type: integer, personal: true, source: events.days_until }
next: { type: text, personal: true, source: events.next_name }
kind: { type: text, personal: true, source: events.kind }
"""
HERE = {"latitude": 52.23, "longitude": 21.0}
FAIR = """name,begin,end,latitude,longitude,kind
Fair,2026-05-02,2026-05-04,52.23,21.01,trade
Concert,2026-05-04T20:00,2026-05-04T23:00,52.20,21.00,music
Match,2026-05-04T18:00:00Z,2026-05-04T20:00:00Z,50.06,19.94,sport
Flag Day,2026-05-09,,,,state
"""


def near(text: str = FAIR, more: str = ", within_km: 10") -> Sources:
    return sources(TAKEN, f"events: {{ kind: calendar, file: sources/events.csv{more} }}", events=text)


def at(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


def taken(events: Sources, moment: str, customer: dict[str, float] | None = None) -> dict[str, object]:
    found = fill(events, HERE if customer is None else customer, at(moment))
    return {name.removeprefix("context."): value for name, value in found.facts.items()}


def test_what_runs_now_nearby_is_named_with_its_columns() -> None:
    assert taken(near(), "2026-05-03T10:00") == {
        "on": True,
        "what": "Fair",
        "days": 0,
        "next": "Concert",
        "kind": "trade",
    }


def test_a_day_lasts_from_midnight_to_midnight_in_the_zone_of_the_file() -> None:
    assert taken(near(), "2026-05-01T21:59:59")["on"] is False
    assert taken(near(), "2026-05-01T22:00:00")["on"] is True
    assert taken(near(), "2026-05-04T21:59:59")["what"] == "Fair"
    assert taken(near(), "2026-05-04T22:00:00")["on"] is False


def test_of_two_that_run_the_one_counts_that_ends_first() -> None:
    assert taken(near(), "2026-05-04T18:30")["what"] == "Concert"


def test_days_until_count_days_of_the_customers_calendar() -> None:
    assert taken(near(), "2026-05-05T10:00") == {"on": False, "days": 4, "next": "Flag Day"}
    assert taken(near(), "2026-05-08T21:59")["days"] == 1


def test_events_far_away_do_not_count_and_those_everywhere_do() -> None:
    there = {"latitude": 50.06, "longitude": 19.94}

    assert taken(near(), "2026-05-04T19:00", there)["what"] == "Match"
    assert taken(near(), "2026-05-09T10:00", there)["what"] == "Flag Day"
    assert taken(near(), "2026-05-09T10:00", {"latitude": -50.0, "longitude": 0.0})["what"] == "Flag Day"


def test_after_the_last_event_nothing_is_to_come() -> None:
    assert taken(near(), "2026-06-01T10:00") == {"on": False}


def test_without_a_position_nothing_is_known_of_events_nearby() -> None:
    assert taken(near(), "2026-05-03T10:00", {}) == {}


def test_a_file_without_places_needs_no_position() -> None:
    events = near("name,begin,kind\nSale,2026-05-04,shop\n", "")

    assert taken(events, "2026-05-04T10:00", {})["what"] == "Sale"


@pytest.mark.parametrize("latitude", [89.99, -89.99])
def test_events_near_a_pole_are_found_across_all_meridians(latitude: float) -> None:
    events = near(f"name,begin,latitude,longitude,kind\nPole,2026-05-04,{latitude},179,x\n")

    assert taken(events, "2026-05-04T10:00", {"latitude": latitude, "longitude": -1.0})["what"] == "Pole"
