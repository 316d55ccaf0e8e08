"""CPU time to fill the context of one contact from sources: twenty attributes, two hundred of the customer.

    .venv/bin/python -m benchmarks.context_sources

Prints microseconds per contact: the least of many rounds, in which contacts are of many places, days and devices.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from time import process_time

from opportune.records import DecisionRequest, Facts, PlacementRequest, Value
from opportune.strategy import check_files
from opportune.strategy.compile import registries
from opportune.strategy.files import read_texts
from opportune.strategy.starter import STARTER

__all__ = ["contacts", "main", "project"]

ROUNDS, CONTACTS = 30, 2_000
ATTRIBUTES = """
latitude: { type: number, range: [-90, 90] }
longitude: { type: number, range: [-180, 180] }
birth_date: { type: text }
country: { type: text }
"""
CONTEXT = """
agent: { type: text }
hour: { type: integer, range: [0, 23], source: time.hour }
weekday: { type: integer, source: time.weekday }
weekend: { type: boolean, source: time.weekend }
season: { type: text, source: time.season }
part: { type: text, source: time.part_of_day }
day_off: { type: boolean, personal: true, source: home.is_today }
day_off_name: { type: text, personal: true, source: home.name }
day_off_in: { type: integer, personal: true, source: home.days_until }
birthday: { type: boolean, personal: true, source: birth.is_today }
birthday_in: { type: integer, personal: true, source: birth.days_until }
shop: { type: text, personal: true, source: shops.name }
shop_km: { type: number, personal: true, source: shops.km }
shop_near: { type: boolean, personal: true, source: shops.is_within }
shop_kind: { type: text, personal: true, source: shops.kind }
rain: { type: number, source: weather.rain }
wind: { type: number, source: weather.wind }
event: { type: boolean, personal: true, source: events.is_now }
event_in: { type: integer, personal: true, source: events.days_until }
device: { type: text, source: device.family }
channel: { type: text, source: channel.name }
"""
SOURCES = """
home: { kind: holidays, country: customer.country }
birth: { kind: anniversary, of: customer.birth_date }
shops: { kind: places, file: sources/shops.csv, within_km: 5 }
weather: { kind: weather, file: sources/weather.csv }
events: { kind: calendar, file: sources/events.csv, within_km: 20 }
device: { kind: device, of: context.agent }
"""
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def project() -> dict[str, str]:
    """Give the files: the starter, five hundred shops, a year of weather, two hundred events."""
    draw = random.Random(1)
    files, _ = read_texts(STARTER)
    files["attributes.yaml"] += ATTRIBUTES + "".join(f"x_{number}: {{ type: number }}\n" for number in range(200))
    files["context.yaml"] += CONTEXT
    files["sources.yaml"] = files.get("sources.yaml", "") + SOURCES
    shops = (f"s-{n},{draw.uniform(49, 54.5):.4f},{draw.uniform(14.5, 24):.4f},k{n % 3}" for n in range(500))
    days = [(FIRST + timedelta(days=number)).date() for number in range(365)]
    events = (
        f"e-{n},{draw.choice(days)},{draw.uniform(49, 54.5):.4f},{draw.uniform(14.5, 24):.4f}" for n in range(200)
    )
    files["sources/shops.csv"] = "\n".join(["name,latitude,longitude,kind", *shops])
    files["sources/weather.csv"] = "\n".join(["date,rain,wind", *(f"{day},{day.day},{day.month}" for day in days)])
    files["sources/events.csv"] = "\n".join(["name,begin,latitude,longitude", *events])
    return files


def contacts() -> list[tuple[Facts, DecisionRequest, datetime]]:
    """Give profiles, requests and moments."""
    draw = random.Random(2)
    agents = ["Mozilla/5.0 (Linux; Android 14) Mobile Safari", "Mozilla/5.0 (Windows NT 10.0)", "curl/8"]
    towns = [(draw.uniform(49.5, 54), draw.uniform(15, 23.5)) for _ in range(100)]
    found = []
    for number in range(CONTACTS):
        latitude, longitude = draw.choice(towns)
        facts: dict[str, Value] = {f"customer.x_{name}": 1.0 for name in range(200)}
        facts |= {"customer.latitude": latitude + draw.gauss(0, 0.02), "customer.longitude": longitude}
        facts |= {"customer.country": "PL", "customer.birth_date": f"19{draw.randrange(40, 99)}-05-04"}
        request = DecisionRequest(
            id=f"r-{number}",
            channel="call_centre",
            placements=(PlacementRequest(name="agent"),),
            context={"agent": draw.choice(agents)},
        )
        found.append((facts, request, FIRST + timedelta(minutes=5 * number)))
    return found


def main() -> None:
    """Measure and print."""
    sources = registries(check_files(project()).project).sources
    asked = contacts()
    filled = {len(sources.fill(*one).facts) for one in asked}
    best = float("inf")
    for _ in range(ROUNDS):
        begin = process_time()
        for facts, request, now in asked:
            sources.fill(facts, request, now)
        best = min(best, (process_time() - begin) / CONTACTS)
    print(f"{best * 1e6:.1f} us CPU per contact, {min(filled)} to {max(filled)} attributes filled")


if __name__ == "__main__":
    main()
