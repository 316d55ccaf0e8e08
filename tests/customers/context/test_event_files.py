"""Events of a calendar that come from an iCalendar file."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from subprocess import run
from zoneinfo import ZoneInfo

import pytest

from opportune.customers.context import Sources
from opportune.errors import ProjectError
from opportune.service.revisions import Strategies, strategy_from_files
from opportune.strategy import load_files
from opportune.strategy.diff import differences
from opportune.strategy.source_events import read_events
from opportune.strategy.source_rows import RowsError
from tests.customers.context.strategies import fill, sources
from tests.customers.context.test_calendars import TAKEN
from tests.service.shop import files as shop
from tests.service.shop import serving

WARSAW = ZoneInfo("Europe/Warsaw")
HERE = {"latitude": 52.23, "longitude": 21.0}
NAMED = TAKEN.replace("events.kind", "events.categories")
FAIR = "SUMMARY:Fair\nDTSTART;VALUE=DATE:20260502\nDTEND;VALUE=DATE:20260505\nCATEGORIES:trade"


def calendar(*events: str) -> str:
    """Write events as a file."""
    inside = "".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//t//t//EN\n{inside}END:VCALENDAR\n"


def near(*events: str, more: str = "") -> Sources:
    return sources(
        NAMED, f"events: {{ kind: calendar, file: sources/events.ics{more} }}", **{"events.ics": calendar(*events)}
    )


def taken(events: Sources, moment: str) -> dict[str, object]:
    found = fill(events, HERE, datetime.fromisoformat(moment).replace(tzinfo=UTC))
    return {name.removeprefix("context."): value for name, value in found.facts.items()}


def times(*lines: str) -> tuple[str, str]:
    """Give begin and end of one event as cells."""
    (row,) = read_events(calendar("\n".join(["SUMMARY:x", *lines])), WARSAW).rows
    assert row.faults == ()
    return row.cells["begin"], row.cells["end"]


def test_what_runs_now_is_named_with_its_columns() -> None:
    found = taken(near(FAIR, "SUMMARY:Concert\nDTSTART:20260504T180000Z\nDURATION:PT3H"), "2026-05-03T10:00")

    assert found == {"on": True, "what": "Fair", "days": 0, "next": "Concert", "kind": "trade"}


def test_days_last_from_midnight_to_midnight_in_the_zone_of_the_source_and_the_end_is_outside() -> None:
    for zone, first, last in (("Europe/Warsaw", "01T22", "04T22"), ("America/New_York", "02T04", "05T04")):
        events = near(FAIR, more=f", time_zone: {zone}")
        before, inside = f"2026-05-{first}:00", f"2026-05-{last}:00"

        assert taken(events, before)["on"] is True
        assert taken(events, before.replace("T22:00", "T21:59").replace("T04:00", "T03:59"))["on"] is False
        assert taken(events, inside)["on"] is False
        assert taken(events, inside.replace("T22:00", "T21:59").replace("T04:00", "T03:59"))["on"] is True


@pytest.mark.parametrize(
    ("lines", "begin", "end"),
    [
        (["DTSTART;VALUE=DATE:20260504"], "2026-05-04", ""),
        (["DTSTART;VALUE=DATE:20260504", "DURATION:P1W"], "2026-05-04", "2026-05-10"),
        (["DTSTART:20260504T180000"], "2026-05-04T18:00:00+02:00", ""),
        (["DTSTART:20260504T220000Z"], "2026-05-05T00:00:00+02:00", ""),
        (
            ["DTSTART;TZID=America/New_York:20260504T120000", "DTEND;TZID=Europe/London:20260504T180000"],
            "2026-05-04T18:00:00+02:00",
            "2026-05-04T19:00:00+02:00",
        ),
        (["DTSTART;TZID=Central European Standard Time:20260104T120000"], "2026-01-04T12:00:00+01:00", ""),
        (["DTSTART;TZID=/example.org/2026/Asia/Tokyo:20260104T120000"], "2026-01-04T04:00:00+01:00", ""),
        # The clocks go forward in this night: a day is 23 hours long, 24 hours are 24.
        (
            ["DTSTART:20260328T120000", "DURATION:P1DT1H"],
            "2026-03-28T12:00:00+01:00",
            "2026-03-29T13:00:00+02:00",
        ),
        (
            ["DTSTART:20260328T120000", "DURATION:PT24H"],
            "2026-03-28T12:00:00+01:00",
            "2026-03-29T13:00:00+02:00",
        ),
    ],
)
def test_times_are_read_in_their_zones(lines: list[str], begin: str, end: str) -> None:
    assert times(*lines) == (begin, end)


def test_a_zone_is_that_of_the_database_whatever_the_file_says_of_it() -> None:
    offsets = "DTSTART:19700101T000000\nTZOFFSETFROM:+0900\nTZOFFSETTO:+0900"
    own = f"BEGIN:VTIMEZONE\nTZID:Europe/Warsaw\nBEGIN:STANDARD\n{offsets}\nEND:STANDARD\nEND:VTIMEZONE\n"
    event = calendar("SUMMARY:x\nDTSTART;TZID=Europe/Warsaw:20260504T180000")
    text = event.replace("BEGIN:VEVENT", f"{own}BEGIN:VEVENT")

    (row,) = read_events(text, ZoneInfo("UTC")).rows

    assert row.cells["begin"] == "2026-05-04T16:00:00+00:00"


def test_texts_are_unfolded_and_freed_from_their_escapes() -> None:
    text = calendar(
        "SUMMARY;LANGUAGE=pl:Targi\\, kiermasz\n  i loteria\nDTSTART:20260504T180000\nLOCATION:Hala A\\; wejście 2\n"
        "CATEGORIES:music,indoor\\, free\nCATEGORIES:music\nURL:https://fair.example/?a=1;b=2\nBEGIN:VALARM\n"
        "SUMMARY:not this\nEND:VALARM"
    )

    (row,) = read_events(text, WARSAW).rows

    assert row.faults == ()
    assert row.cells["name"] == "Targi, kiermasz i loteria"
    assert row.cells["location"] == "Hala A; wejście 2"
    assert row.cells["categories"] == "music, indoor, free"
    assert row.cells["url"] == "https://fair.example/?a=1;b=2"


def test_cancelled_events_do_not_count_whatever_is_wrong_with_them() -> None:
    events = near(FAIR, "SUMMARY:Off\nDTSTART:20260503\nSTATUS:CANCELLED", "STATUS:cancelled\nRDATE:x")

    assert taken(events, "2026-05-03T10:00") == {"on": True, "what": "Fair", "days": 0, "kind": "trade"}


def test_an_event_with_several_categories_has_each_of_them() -> None:
    rest = "DTSTART;VALUE=DATE:20260503"
    music, sport = f"SUMMARY:Concert\n{rest}\nCATEGORIES:free,music", f"SUMMARY:Derby\n{rest}\nCATEGORIES:sport,free"

    events = near(music, sport, f"SUMMARY:Broken\n{rest}\nRRULE:FREQ=HOURLY", more=", where: { categories: [sport] }")

    assert taken(events, "2026-05-03T10:00")["what"] == "Derby"


def test_events_have_a_place_where_the_file_says_it() -> None:
    events = near(
        "SUMMARY:Here\nDTSTART:20260504T100000Z\nDURATION:PT2H\nGEO:52.20;21.00",
        "SUMMARY:There\nDTSTART:20260504T100000Z\nDURATION:PT1H\nGEO:50.06;19.94",
        "SUMMARY:Everywhere\nDTSTART;VALUE=DATE:20260509",
        more=", within_km: 10",
    )

    assert taken(events, "2026-05-04T10:30")["what"] == "Here"
    assert taken(events, "2026-05-09T10:00")["what"] == "Everywhere"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("name,begin\nFair,2026-05-04\n", 1),
        (calendar(FAIR).replace("END:VCALENDAR", ""), 1),
        (calendar(FAIR).replace("END:VEVENT\n", ""), 9),
        (calendar(FAIR) + "X-MORE:1\n", 11),
        (calendar(), 1),
        (calendar("SUMMARY:Off\nDTSTART:20260503\nSTATUS:CANCELLED"), 1),
    ],
)
def test_what_is_no_calendar_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(RowsError) as caught:
        read_events(text, WARSAW)

    assert caught.value.line == line
    assert "Fair" not in caught.value.message


@pytest.mark.parametrize("geo", ["52.23", "95;21", "north;east", "nan;21", ";"])
def test_a_place_that_is_none_is_refused_without_being_repeated(geo: str) -> None:
    with pytest.raises(ProjectError) as caught:
        near(f"{FAIR}\nGEO:{geo}", more=", within_km: 10")

    found = [str(problem) for problem in caught.value.problems]
    assert all("event 1: l" in line and "found something else" in line for line in found)


def test_years_that_cannot_be_reckoned_with_are_refused() -> None:
    for lines in ("DTSTART:99991231T235900Z\nDURATION:P2D", "DTSTART:99990101T000000Z\nDURATION:P9000000D"):
        (row,) = read_events(calendar(f"SUMMARY:x\n{lines}"), WARSAW).rows
        assert [message for _, message, _ in row.faults] == [
            "event 1: it begins or ends in a year that is not reckoned with"
        ]


def test_an_event_may_end_with_the_last_day_there_is() -> None:
    from_sheet = sources(
        TAKEN,
        "events: { kind: calendar, file: sources/events.csv }",
        events="name,begin,end,kind\nSale,2026-05-04,9999-12-31,x\n",
    )

    assert taken(from_sheet, "2030-01-01T10:00")["what"] == "Sale"


def test_changed_events_are_told_one_by_one_and_a_changed_stamp_is_not() -> None:
    files = shop()
    files["context.yaml"] += "what: { type: text, source: events.name }\n"
    files["sources.yaml"] = "events: { kind: calendar, file: sources/events.ics }\n"
    one, other = (f"{FAIR}\nDTSTAMP:20260101T00000{number}Z" for number in (0, 1))
    path = "sources/events.ics"
    derby = "SUMMARY:Derby\nDTSTART:20260509T173000"
    before, stamped, more, often = (
        load_files({**files, path: text})
        for text in (
            calendar(one),
            calendar(other),
            calendar(one, derby),
            calendar(one, f"{derby}\nRRULE:FREQ=WEEKLY;COUNT=3"),
        )
    )

    assert differences(before, more) == (
        f"{path}: row [Derby | 2026-05-09T17:30:00+02:00 | - | - | - | - | - | -] added",
    )
    row = "Derby | 2026-05-09T17:30:00+02:00 | - | - | - | - | - | -"
    assert differences(more, often) == (f"{path}: row [{row}] → [{row} | 3 times, up to 2026-05-23T17:30:00+02:00]",)
    assert not any("row" in line for line in differences(before, stamped))


def test_the_file_is_part_of_the_revision_and_read_again_after_a_restart(tmp_path: Path) -> None:
    files = shop()
    files["context.yaml"] += "what: { type: text, source: events.name }\n"
    files["sources.yaml"] = "events: { kind: calendar, file: sources/events.ics }\n"
    always = "SUMMARY:Fair\nDTSTART;VALUE=DATE:20260101\nDTEND;VALUE=DATE:99991231"
    one, other = (
        strategy_from_files({**files, "sources/events.ics": calendar(text)})[0]
        for text in (always, always.replace("Fair", "Derby"))
    )
    with serving(tmp_path / "shop.db", of=one):
        pass

    with serving(tmp_path / "shop.db", of=other) as service:
        kept = Strategies(service.runtime.storage).of(one.plan.revision)

        assert one.plan.revision != other.plan.revision
        assert fill(kept.sources).facts == {"context.what": "Fair"}
        assert fill(other.sources).facts == {"context.what": "Derby"}


def test_the_library_is_loaded_by_a_file_that_needs_it_alone() -> None:
    code = "import sys, opportune.strategy, opportune.cli; raise SystemExit('icalendar' in sys.modules)"

    assert run([sys.executable, "-c", code], check=False).returncode == 0
