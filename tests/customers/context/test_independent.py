"""A thousand random cases each of distance, holiday and weather, against computations of their own.

Distances: the angle by arctangent of cross and dot product, in 80-bit numbers, to every point of the file.
Holidays: the rules of three countries as their laws say them, Easter by the method of Meeus, Jones and Butcher.
Weather: the file read line by line; it holds daily records of Seattle by NOAA, which are in the public domain.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from opportune.customers.context import Code, Holidays, Places, Recorded, Source
from opportune.customers.context.base import NO_ANSWERS, contact_of
from opportune.records import Value
from tests.customers.context.strategies import fill, request, sources

CASES = 1_000
RADIUS_KM = 6371.0088
EXCERPT = Path(__file__).with_name("seattle.csv")
WEEKDAYS_AND_MONTHS = {"MLK": (1, 0, 3), "Presidents": (2, 0, 3), "Labor": (9, 0, 1), "Columbus": (10, 0, 2)}


def given(source: Source, now: datetime, zone: str = "UTC", **facts: Value) -> list[object]:
    known = {f"customer.{name}": value for name, value in facts.items()}
    return list(source.values(contact_of(known, request(), now, zone, NO_ANSWERS)))


# Distances.


def kilometres(places: np.ndarray, here: np.ndarray) -> np.ndarray:
    """Give the distances of places [n, 2] from one, in 80-bit numbers."""

    def vectors(degrees: np.ndarray) -> np.ndarray:
        lat, lon = (degrees.astype(np.longdouble) * (np.longdouble(np.pi) / 180)).T
        return np.stack((np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)), axis=-1)

    a, b = vectors(places), vectors(here[None])[0]
    return RADIUS_KM * np.arctan2(np.linalg.norm(np.cross(a, b[None]).astype(float), axis=1), (a @ b).astype(float))


def scattered(generator: random.Random, count: int) -> Iterator[tuple[float, float]]:
    """Give places all over the Earth, many of them near poles, the antimeridian, and each other."""
    for number in range(count):
        match number % 5:
            case 0:
                yield generator.uniform(-90, 90), generator.uniform(-180, 180)
            case 1:
                yield generator.choice((-1, 1)) * (90 - generator.expovariate(2)), generator.uniform(-180, 180)
            case 2:
                yield generator.uniform(-80, 80), generator.choice((-1, 1)) * (180 - generator.expovariate(5))
            case 3:
                yield 52.2 + generator.gauss(0, 0.2), 21.0 + generator.gauss(0, 0.3)
            case _:
                yield generator.choice(((90.0, 0.0), (-90.0, 77.0), (0.0, 180.0), (0.0, -180.0), (10.0, 20.0)))


def worst(nearest: Callable[[float, float], tuple[int, float]], seed: int) -> float:
    """Give by how much the nearest place, or its distance, is wrong in the worst of all cases, in km."""
    generator = random.Random(seed)
    places, found = np.array(list(scattered(random.Random(1), 3_000))), 0.0
    for latitude, longitude in scattered(generator, CASES):
        number, km = nearest(latitude, longitude)
        truth = kilometres(places, np.array((latitude, longitude)))
        found = max(found, abs(km - truth[number]), truth[number] - truth.min())
    return found


def test_the_nearest_place_and_its_distance_are_those_of_an_independent_computation() -> None:
    places = list(scattered(random.Random(1), 3_000))
    source = Places(
        names=[str(number) for number in range(len(places))],
        latitudes=[latitude for latitude, _ in places],
        longitudes=[longitude for _, longitude in places],
        columns={},
        pairs=[("customer.latitude", "customer.longitude")],
        place="",
        within_km=1.0,
        wanted=("name", "km"),
    )

    def nearest(latitude: float, longitude: float) -> tuple[int, float]:
        name, km = given(source, datetime(2026, 5, 4, tzinfo=UTC), latitude=latitude, longitude=longitude)
        assert isinstance(name, str)
        assert isinstance(km, float)
        return int(name), km

    assert worst(nearest, seed=2) < 1e-6


def test_distances_on_a_flat_map_are_found_out() -> None:
    places = np.array(list(scattered(random.Random(1), 3_000)))

    def flat(latitude: float, longitude: float) -> tuple[int, float]:
        off = (places - (latitude, longitude)) * (1, np.cos(np.radians(latitude)))
        km = np.hypot(*off.T) * RADIUS_KM * np.pi / 180
        return int(km.argmin()), float(km.min())

    assert worst(flat, seed=2) > 1


# Holidays.


def easter(year: int) -> date:
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (b - (b + 8) // 25 + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    el = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * el) // 451
    month, day = divmod(h + el - 7 * m + 114, 31)
    return date(year, month, day + 1)


def poland(year: int) -> set[date]:
    fixed = [(1, 1), (5, 1), (5, 3), (8, 15), (11, 1), (11, 11), (12, 25), (12, 26)]
    fixed += [(1, 6)] * (year >= 2011) + [(12, 24)] * (year >= 2025) + [(11, 12)] * (year == 2018)
    return {date(year, *day) for day in fixed} | {easter(year) + timedelta(days=days) for days in (0, 1, 49, 60)}


def germany(year: int) -> set[date]:
    fixed = [(1, 1), (5, 1), (10, 3), (12, 25), (12, 26)] + [(10, 31)] * (year == 2017)
    return {date(year, *day) for day in fixed} | {easter(year) + timedelta(days=days) for days in (-2, 1, 39, 50)}


def nth(year: int, month: int, weekday: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))


def observed(day: date) -> set[date]:
    """Give a fixed day and the working day on which it is kept if it falls on a weekend."""
    return {day, day + timedelta(days={5: -1, 6: 1}.get(day.weekday(), 0))}


def united_states(year: int) -> set[date]:
    moving = {nth(year, *rule) for rule in WEEKDAYS_AND_MONTHS.values()} | {nth(year, 11, 3, 4)}
    moving.add(nth(year, 6, 0, 1) - timedelta(days=7))
    fixed = [(1, 1), (7, 4), (11, 11), (12, 25)] + [(6, 19)] * (year >= 2021)
    kept = set().union(*(observed(date(near, *day)) for near in (year, year + 1) for day in fixed))
    return {day for day in moving | kept if day.year == year}


RULES = {"PL": poland, "DE": germany, "US": united_states}


def disagreements(rules: dict[str, Callable[[int], set[date]]]) -> int:
    """Count the random days of which the source says something else than the rules of laws."""
    wanted = ("is_today", "days_until", "is_day_before", "is_day_after")
    source, generator, found = Holidays(Code(key="customer.country"), None, "", wanted), random.Random(3), 0
    for _ in range(CASES):
        country, today = generator.choice(sorted(rules)), date(2001, 1, 1) + timedelta(days=generator.randrange(14_000))
        days = rules[country](today.year) | rules[country](today.year + 1) | rules[country](today.year - 1)
        until = next(number for number in range(366) if today + timedelta(days=number) in days)
        said = [today in days, until, today + timedelta(days=1) in days, today - timedelta(days=1) in days]
        noon = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
        found += given(source, noon, country=country) != said
    return found


def test_holidays_are_those_of_the_laws() -> None:
    assert disagreements(RULES) == 0


def test_a_rule_that_forgets_what_is_observed_is_found_out() -> None:
    def forgetful(year: int) -> set[date]:
        return {day for day in united_states(year) if day.weekday() < 5 or (day.month, day.day) != (7, 4)} - {
            date(year, 7, 3),
            date(year, 7, 5),
        }

    assert disagreements({**RULES, "US": forgetful}) > 0


# Weather.


def weather(path: Path, zone: str, shift: timedelta = timedelta()) -> int:
    """Count the random moments of which the source says something else than the line of that day."""
    text = path.read_text(encoding="utf-8")
    taken = """
rain: { type: number, source: weather.precipitation }
high: { type: number, source: weather.temp_max }
kind: { type: text, source: weather.weather }
"""
    declared = f"weather: {{ kind: weather, file: sources/seattle.csv, time_zone: {zone} }}"
    compiled = sources(taken, declared, seattle=text)
    with path.open(encoding="utf-8", newline="") as file:
        lines = {line["date"].replace("/", "-"): line for line in csv.DictReader(file)}
    first, generator, found = datetime(2012, 1, 1, tzinfo=ZoneInfo(zone)), random.Random(4), 0
    for _ in range(CASES):
        moment = (first + timedelta(minutes=generator.randrange(len(lines) * 1_440))).astimezone(UTC)
        line = lines[(moment + shift).astimezone(ZoneInfo(zone)).date().isoformat()]
        said = {
            "context.rain": float(line["precipitation"]),
            "context.high": float(line["temp_max"]),
            "context.kind": line["weather"],
        }
        found += fill(compiled, now=moment).facts != said
    return found


def test_weather_is_what_the_file_says_of_the_day() -> None:
    assert weather(EXCERPT, "America/Los_Angeles") == 0


def test_weather_of_the_day_before_is_found_out() -> None:
    assert weather(EXCERPT, "America/Los_Angeles", timedelta(hours=-1)) > 0


@pytest.mark.full
def test_weather_of_four_years_is_what_the_file_says(public_data: Path) -> None:
    assert weather(public_data / "context_reference" / "seattle-weather.csv", "America/Los_Angeles") == 0


def test_a_moment_without_a_row_is_in_doubt() -> None:
    source = Recorded({"": [(0.0, 3_600.0, 0), (7_200.0, 10_800.0, 1)]}, {"rain": [1.0, 2.0]}, "", ["rain"])

    said = [given(source, datetime.fromtimestamp(second, UTC)) for second in (0, 3_599, 3_600, 7_200, 10_800)]

    assert [str(one) for (one,) in said] == ["1.0", "1.0", "Doubt.NO_DATA", "2.0", "Doubt.NO_DATA"]
