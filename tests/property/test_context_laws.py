"""Laws of sources: clocks agree with another library, distances with geometry, and no contact can make one fail."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from dateutil import tz
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opportune.customers.context import Anniversary, Calendar, Clock, Event
from opportune.customers.context.base import NO_ANSWERS, contact_of
from opportune.customers.context.cells import CellIndex
from opportune.errors import Problem, ProjectError
from opportune.records import Value
from opportune.rules.domain import EARTH_RADIUS_KM, great_circle_km
from opportune.strategy import check_files
from tests.customers.context.strategies import MAY, fill, request, sources
from tests.service.shop import files as shop

ZONES = st.sampled_from(
    (
        *("UTC", "Europe/Warsaw", "America/New_York", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe"),
        *("Pacific/Apia", "Pacific/Kiritimati", "Africa/Casablanca", "America/Sao_Paulo", "Asia/Tehran"),
    )
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(63_000_000, 2_114_000_000).map(lambda seconds: EPOCH + timedelta(seconds=seconds))
"""Of 1972 to 2036, which the other library knows."""
ALL_MOMENTS = st.integers(-62_135_000_000, 253_402_200_000).map(lambda seconds: EPOCH + timedelta(seconds=seconds))
LATITUDES = st.one_of(st.floats(-90, 90), st.sampled_from([90.0, -90.0, 0.0, 89.9999, -89.9999]))
LONGITUDES = st.one_of(st.floats(-180, 180), st.sampled_from([180.0, -180.0, 0.0, 179.9999, -179.9999]))
PLACES = st.tuples(LATITUDES, LONGITUDES)
WANTED = ("hour", "weekday", "weekend", "day", "month")
RICH = """
agent: { type: text }
hour: { type: integer, source: time.hour }
season: { type: text, source: time.season }
waited: { type: number, source: time.session_minutes }
holiday: { type: text, personal: true, source: home.name }
soon: { type: integer, personal: true, source: home.days_until }
birthday: { type: boolean, personal: true, source: birth.is_today }
years: { type: integer, range: [0, 130], personal: true, source: birth.years }
shop: { type: text, personal: true, source: shops.name }
km: { type: number, range: [0, 500], personal: true, source: shops.km }
rain: { type: number, personal: true, source: weather.rain }
fair: { type: text, personal: true, source: events.name }
family: { type: text, source: device.family }
"""
DECLARED = """
home: { kind: holidays, country: customer.country, subdivision: customer.region }
birth: { kind: anniversary, of: customer.birth_date }
shops: { kind: places, file: sources/shops.csv }
weather: { kind: weather, file: sources/weather.csv, place: context.shop }
events: { kind: calendar, file: sources/events.csv, within_km: 50 }
device: { kind: device, of: context.agent }
"""
SHEETS = {
    "shops": "name,latitude,longitude\nWola,52.24,20.96\nPole,90,0\nDate Line,0,180\n",
    "weather": "date,place,rain\n2026-05-04,Wola,3.5\n",
    "events": "name,begin,latitude,longitude\nFair,2026-05-04,52.2,21\n",
}
COMPILED = sources(RICH, DECLARED, **SHEETS)
VALUES: st.SearchStrategy[Value] = st.one_of(
    st.text(max_size=20), st.integers(-(10**20), 10**20), st.floats(), st.booleans(), MOMENTS, st.just(["a"])
)


def problems_of(files: dict[str, str]) -> list[Problem]:
    """List what is wrong with a project."""
    try:
        check_files(files)
    except ProjectError as error:
        return error.problems
    return []


@given(MOMENTS, ZONES)
@example(datetime(2026, 3, 29, 1, tzinfo=UTC), "Europe/Warsaw")
@example(datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC), "Europe/Warsaw")
@example(datetime(2011, 12, 30, 10, tzinfo=UTC), "Pacific/Apia")
def test_the_clock_agrees_with_another_library(now: datetime, zone: str) -> None:
    other = now.astimezone(tz.gettz(zone))

    read = Clock(WANTED).values(contact_of({}, request(), now, zone, NO_ANSWERS))

    assert list(read) == [other.hour, other.weekday() + 1, other.weekday() >= 5, other.day, other.month]


@given(st.dates(), MOMENTS, ZONES)
def test_an_anniversary_is_today_exactly_when_no_day_is_left(begin: object, now: datetime, zone: str) -> None:
    known: dict[str, Value] = {"customer.birth_date": str(begin)}
    contact = contact_of(known, request(), now, zone, NO_ANSWERS)

    is_today, days, years = Anniversary("customer.birth_date", ("is_today", "days_until", "years")).values(contact)

    assert isinstance(days, int)
    assert is_today == (days == 0)
    assert years is None or 0 <= days <= 366


@given(PLACES, PLACES)
def test_a_distance_is_that_of_the_chord_and_has_no_direction(
    one: tuple[float, float], other: tuple[float, float]
) -> None:
    def vector(place: tuple[float, float]) -> tuple[float, float, float]:
        lat, lon = map(math.radians, place)
        return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)

    km = great_circle_km(*one, *other)

    chord = math.dist(vector(one), vector(other))
    assert km == great_circle_km(*other, *one)
    assert 0 <= km <= math.pi * EARTH_RADIUS_KM
    assert math.isclose(2 * math.sin(km / EARTH_RADIUS_KM / 2), chord, rel_tol=1e-9, abs_tol=1e-12)


@settings(max_examples=200)
@given(st.lists(PLACES, min_size=1, max_size=30), st.lists(PLACES, min_size=1, max_size=10))
def test_no_point_is_nearer_than_the_nearest(
    points: list[tuple[float, float]], places: list[tuple[float, float]]
) -> None:
    index = CellIndex([latitude for latitude, _ in points], [longitude for _, longitude in points])

    for place in (*places, *points, *places):
        number, km = index.nearest(*place)
        all_km = [great_circle_km(*place, *point) for point in points]
        assert (km, number) == (min(all_km), all_km.index(min(all_km)))


EVENTS = st.builds(
    lambda name, begin, hours, place: Event(name, begin, begin + hours * 3_600.0, place, {}),
    st.sampled_from("abcdef"),
    st.integers(0, 200).map(lambda hours: hours * 3_600.0),
    st.integers(1, 48),
    st.one_of(st.none(), PLACES, st.sampled_from([(52.2, 21.0), (52.3, 21.1)])),
)


@given(st.lists(EVENTS, max_size=20), st.lists(st.tuples(st.integers(0, 900_000), PLACES), min_size=1, max_size=5))
def test_events_are_those_that_a_look_at_every_row_finds(
    events: list[Event], contacts: list[tuple[int, tuple[float, float]]]
) -> None:
    calendar = Calendar(events, [("customer.a", "customer.b")], 100.0, ("name", "days_until"))

    for seconds, place in (*contacts, *((one + 60, (52.21, 21.0)) for one, _ in contacts)):
        now = EPOCH + timedelta(seconds=seconds)
        known: dict[str, Value] = {"customer.a": place[0], "customer.b": place[1]}
        near = [one for one in events if one.position is None or great_circle_km(*place, *one.position) <= 100.0]
        running = [one.end for one in near if one.begin <= seconds < one.end]
        coming = [one.begin for one in near if one.begin > seconds]
        name, days = calendar.values(contact_of(known, request(), now, "UTC", NO_ANSWERS))

        assert (name is not None) == bool(running)
        assert days == (0 if running else min(coming) // 86_400 - seconds // 86_400 if coming else None)


@given(
    st.dictionaries(
        st.sampled_from(["latitude", "longitude", "country", "region", "birth_date", "time_zone", "city"]), VALUES
    ),
    st.dictionaries(st.sampled_from(["agent", "shop", "hour", "latitude"]), VALUES),
    st.one_of(st.none(), ZONES, st.text(max_size=10)),
    ALL_MOMENTS,
)
@settings(max_examples=300)
def test_no_contact_makes_a_source_fail(
    customer: dict[str, Value], context: dict[str, Value], zone: str | None, now: datetime
) -> None:
    found = fill(COMPILED, customer, now, zone, **context)

    assert not set(found.facts) & {f"context.{name}" for name in context}
    assert {doubt.split(": ")[1] for doubt in found.doubts} <= {"no data", "out of range", "unreadable"}
    assert not {doubt.split(": ")[0] for doubt in found.doubts} & set(found.facts)


@given(st.dictionaries(st.sampled_from(["agent", "shop", "km", "hour", "fair"]), st.just("said"), max_size=5))
def test_what_is_said_is_never_replaced_and_changes_only_what_is_made_of_it(said: dict[str, Value]) -> None:
    here: dict[str, Value] = {"latitude": 52.23, "longitude": 21.0, "country": "PL", "birth_date": "1990-05-04"}
    plain, told = fill(COMPILED, here, MAY).facts, fill(COMPILED, here, MAY, **said).facts

    made = {"agent": ["family"], "shop": ["rain"]}
    may_differ = {f"context.{name}" for one in said for name in (one, *made.get(one, []))}
    assert {name: value for name, value in plain.items() if name not in may_differ} == {
        name: value for name, value in told.items() if name not in may_differ
    }


@given(
    st.text(alphabet='namelongitud,;\t"\n 0123456789.-/:TZ\u00a0ß\x00', max_size=200), st.sampled_from(sorted(SHEETS))
)
@settings(max_examples=150, deadline=None)
def test_any_text_of_a_sheet_is_read_or_refused_with_its_place(text: str, sheet: str) -> None:
    files = shop()
    files["context.yaml"] += "latitude: { type: number }\nlongitude: { type: number }\n"
    taken = {"shops": "shops.name", "weather": "weather.rain", "events": "events.name"}[sheet]
    files["context.yaml"] += f"taken: {{ type: {'number' if sheet == 'weather' else 'text'}, source: {taken} }}\n"
    kind = {"shops": "places", "weather": "weather", "events": "calendar"}[sheet]
    files["sources.yaml"] = f"{sheet}: {{ kind: {kind}, file: sources/{sheet}.csv }}\n"
    files[f"sources/{sheet}.csv"] = SHEETS[sheet].split("\n")[0] + "\n" + text

    problems = problems_of(files)

    assert all(problem.file and problem.message and problem.remedy for problem in problems)
