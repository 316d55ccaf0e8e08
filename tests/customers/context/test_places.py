"""The nearest place, and one that is named."""

from __future__ import annotations

import math

import pytest

from tests.customers.context.strategies import fill, sources

SHOPS = (
    "name,latitude,longitude,kind,floor\nWola,52.24,20.96,big,2\nPraga,52.25,21.04,small,\nKrakow,50.06,19.94,big,1\n"
)
WARSAW = {"latitude": 52.23, "longitude": 21.0}
NEAREST = """
shop: { type: text, personal: true, source: shops.name }
km: { type: number, personal: true, source: shops.km }
is_near: { type: boolean, personal: true, source: shops.is_within }
kind: { type: text, personal: true, source: shops.kind }
floor: { type: integer, personal: true, source: shops.floor }
"""


def test_the_nearest_place_is_given_with_its_columns() -> None:
    found = fill(
        sources(NEAREST, "shops: { kind: places, file: sources/shops.csv, within_km: 3 }", shops=SHOPS), WARSAW
    )

    assert found.facts["context.shop"] == "Wola"
    assert found.facts["context.km"] == pytest.approx(2.942, abs=1e-3)
    assert found.facts["context.is_near"] is True
    assert (found.facts["context.kind"], found.facts["context.floor"]) == ("big", 2)
    assert found.doubts == ()


def test_a_filter_leaves_only_the_rows_that_are_asked_for() -> None:
    declared = "shops: { kind: places, file: sources/shops.csv, within_km: 3, where: { kind: [small] } }"

    found = fill(sources(NEAREST, declared, shops=SHOPS), WARSAW)

    assert found.facts["context.shop"] == "Praga"
    assert found.facts["context.is_near"] is False
    assert "context.floor" not in found.facts


def test_where_the_contact_is_goes_before_where_the_customer_lives() -> None:
    here = """
latitude: { type: number }
longitude: { type: number }
"""
    shops = sources(here + NEAREST, "shops: { kind: places, file: sources/shops.csv, within_km: 3 }", shops=SHOPS)

    assert fill(shops, WARSAW, latitude=50.0, longitude=20.0).facts["context.shop"] == "Krakow"
    assert fill(shops, WARSAW).facts["context.shop"] == "Wola"
    assert fill(shops, WARSAW, latitude=50.0).facts["context.shop"] == "Wola"


def test_without_a_position_nothing_is_given_and_nothing_is_in_doubt() -> None:
    found = fill(sources(NEAREST, "shops: { kind: places, file: sources/shops.csv, within_km: 3 }", shops=SHOPS), {})

    assert (dict(found.facts), found.doubts) == ({}, ())


@pytest.mark.parametrize("latitude", [91.0, -90.5, math.nan, 1e300])
def test_a_position_that_is_on_no_map_is_in_doubt(latitude: float) -> None:
    shops = sources(
        "shop: { type: text, personal: true, source: shops.name }",
        "shops: { kind: places, file: sources/shops.csv }",
        shops=SHOPS,
    )

    found = fill(shops, {"latitude": latitude, "longitude": 0.0})

    assert (dict(found.facts), found.doubts) == ({}, ("context.shop: out of range",))


def test_a_named_place_is_the_one_that_is_meant_and_unknown_names_are_in_doubt() -> None:
    named = "favourite: { type: text }\n" + NEAREST
    declared = "shops: { kind: places, file: sources/shops.csv, within_km: 3, place: context.favourite }"
    shops = sources(named, declared, shops=SHOPS)

    found = fill(shops, WARSAW, favourite="Krakow")

    assert found.facts["context.km"] == pytest.approx(252.3, abs=0.5)
    assert found.facts["context.kind"] == "big"
    assert fill(shops, {}, favourite="Krakow").facts == {
        "context.shop": "Krakow",
        "context.kind": "big",
        "context.floor": 1,
    }
    assert fill(shops, WARSAW, favourite="Lodz").doubts[0] == "context.shop: no data"
    assert fill(shops, WARSAW).facts == {}


def test_a_distance_beyond_the_range_of_its_attribute_is_in_doubt() -> None:
    shops = sources(
        "km: { type: number, range: [0, 2], personal: true, source: shops.km }",
        "shops: { kind: places, file: sources/shops.csv }",
        shops=SHOPS,
    )

    found = fill(shops, WARSAW)

    assert (dict(found.facts), found.doubts) == ({}, ("context.km: out of range",))


def test_of_places_equally_near_the_first_of_the_file_is_given() -> None:
    shops = sources(
        "shop: { type: text, personal: true, source: shops.name }",
        "shops: { kind: places, file: sources/shops.csv }",
        shops="name,latitude,longitude\nB,1,0\nA,1,0\nC,-1,0\n",
    )

    assert fill(shops, {"latitude": 0.0, "longitude": 0.0}).facts == {"context.shop": "B"}
