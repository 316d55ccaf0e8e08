"""What the check says of sources, beside the projects in tests/broken."""

from __future__ import annotations

import pytest

from opportune.errors import ProjectError
from opportune.strategy import check_files, load_files
from opportune.strategy.diff import differences
from tests.service.shop import files as shop

SHOP = "name,latitude,longitude\nWola,52.24,20.96\n"
EVENTS = "name,begin,latitude,longitude\nFair,2026-05-04,52.2,21\n"
MORE = """
lat: { type: number }
lon: { type: number }
town: { type: text }
taken: { type: text, source: TAKEN }
"""
FEATURES = "shown: { count: shown, over: contacts, within: { days: 7 }, per: action }\n"


def project(declared: str, taken: str, **sheets: str) -> dict[str, str]:
    files = shop()
    files["context.yaml"] += MORE.replace("TAKEN", taken)
    files["features.yaml"] = FEATURES
    files["sources.yaml"] = declared
    return files | {f"sources/{name}.csv": text for name, text in sheets.items()}


def problems(declared: str, taken: str, **sheets: str) -> list[str]:
    with pytest.raises(ProjectError) as caught:
        check_files(project(declared, taken, **sheets))
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (
            "position: [[context.lat, context.town]]",
            "expected an attribute of type number or integer, found 'context.town'",
        ),
        ("position: [[context.lat, feature.shown]]", "'feature.shown' has a value for each action"),
        ("position: [[context.lat]]", "expected 2 items"),
        ("position: []", "at least 1"),
        ("position: [[context.lat, context.lon]], where: { kind: [x] }", "no column 'kind'"),
        ("position: [[context.lat, context.lon]], where: { name: [Praga] }", "no row has what 'where' asks for"),
        ("position: [[context.lat, context.lon]], within_km: 0", "expected a number above 0"),
        ("place: context.tow, position: [[context.lat, context.lon]]", "unknown attribute 'context.tow'"),
    ],
)
def test_a_source_of_places_that_cannot_be_asked_is_refused(declared: str, expected: str) -> None:
    found = problems(f"shops: {{ kind: places, file: sources/shops.csv, {declared} }}\n", "shops.name", shops=SHOP)

    assert any(expected in line for line in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "no headings"),
        ("name,latitude,longitude\n", "no rows below the headings"),
        ("name,latitude,,longitude\nx,1,2,3\n", "a column without heading"),
        ("name,latitude,latitude\nx,1,2\n", "the heading 'latitude' stands twice"),
        ("name,latitude,longitude\nx,1,2,3\n", "more cells than headings"),
        ('name,latitude,longitude\n"x,1,2\n', "not valid CSV"),
        ("name,latitude\nx,1\n", "no column 'longitude'"),
        (SHOP + "Wola,1,1\n", "'Wola' stands in line 2 too"),
    ],
)
def test_a_sheet_that_cannot_be_read_is_refused(text: str, expected: str) -> None:
    declared = (
        "shops: { kind: places, file: sources/shops.csv, place: context.town, position: [[context.lat, context.lon]] }"
    )

    assert any(expected in line for line in problems(declared, "shops.name", shops=text))


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("country: context.town, subdivision: BY", "a country that differs from one contact to the next"),
        ("country: pl", "did you mean 'PL'?"),
        ("country: PL, subdivision: context.lat", "expected an attribute of type text"),
    ],
)
def test_holidays_of_nowhere_are_refused(declared: str, expected: str) -> None:
    found = problems(f"home: {{ kind: holidays, {declared} }}\n", "home.name")

    assert any(expected in line for line in found)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://weather.example/",
        "weather.example/x",
        "https://user@weather.example/",
        "https:///x",
        "https://weather.example/{context.town",
        "https://weather.example/{context.town}}",
        "https://weather{context.town}/",
        "http://weather.example/",
        "http://127.0.0.1.weather.example/",
    ],
)
def test_an_address_that_must_not_be_asked_is_refused(url: str) -> None:
    declared = f"weather: {{ kind: http, url: '{url}', values: {{ sky: /sky }}, timeout_ms: 500 }}\n"

    assert any("weather.url" in line for line in problems(declared, "weather.sky"))


@pytest.mark.parametrize(
    "url", ["https://weather.example:8443/?q={context.town}", "http://127.0.0.1:8000/{context.town}"]
)
def test_other_addresses_are_accepted(url: str) -> None:
    declared = f"weather: {{ kind: http, url: '{url}', values: {{ sky: /sky }}, timeout_ms: 500 }}\n"

    assert check_files(project(declared, "weather.sky"))


def test_events_with_places_need_a_reach() -> None:
    declared = "events: { kind: calendar, file: sources/events.csv, position: [[context.lat, context.lon]] }\n"

    assert any("nothing how far they count" in line for line in problems(declared, "events.name", events=EVENTS))


def test_many_faults_of_one_file_are_cut_off_with_a_word() -> None:
    rows = "".join(f"s-{number},100,21\n" for number in range(100))
    declared = "shops: { kind: places, file: sources/shops.csv, position: [[context.lat, context.lon]] }\n"

    found = problems(declared, "shops.name", shops="name,latitude,longitude\n" + rows)

    assert len(found) == 21
    assert "more faults of this file are not listed" in found[-1]


def test_changes_of_sources_and_their_rows_are_told() -> None:
    declared = "shops: { kind: places, file: sources/shops.csv, position: [[context.lat, context.lon]] }\n"
    before = load_files(project(declared, "shops.name", shops=SHOP))

    other = load_files(
        project(declared.replace(" }", ", within_km: 2 }"), "shops.name", shops=SHOP + "Praga,52.25,21.04\n")
    )

    told = "\n".join(differences(before, other))
    assert "source 'shops'" in told
    assert "sources/shops.csv: row [Praga | 52.25 | 21.04] added" in told
