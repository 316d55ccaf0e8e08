"""What the guide shows works as it stands there."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from tests.customers.context.strategies import MAY, fill, sources

GUIDE = (Path(__file__).parents[3] / "docs" / "guides" / "context.md").read_text(encoding="utf-8")
CONTEXT, DECLARED = (
    re.findall(rf"```yaml\n# {name}\.yaml\n(.*?)```", GUIDE, re.DOTALL) for name in ("context", "sources")
)
SHEETS = dict(zip(("shops", "weather", "events"), re.findall(r"```csv\n(.*?)```", GUIDE, re.DOTALL), strict=True))
CALENDAR = re.findall(r"```ics\n(.*?)```", GUIDE, re.DOTALL)[0]
HERE = {"latitude": 52.23, "longitude": 21.0, "country": "PL", "birth_date": "1990-05-04", "city": "Warsaw"}


def test_the_examples_of_the_guide_are_accepted_and_give_what_it_says() -> None:
    from_file = [block for block in DECLARED if "kind: http" not in block]

    found = fill(sources("".join(CONTEXT), "".join(from_file), **SHEETS), HERE, user_agent="Firefox (X11; Linux)")

    assert found.doubts == ()
    assert {**found.facts, "context.shop_km": 2.9} == {
        "context.hour": 12,
        "context.weekend": False,
        "context.season": "spring",
        "context.where": "till",
        "context.holiday_in": 20,
        "context.office_closed": False,
        "context.birthday": True,
        "context.shop": "Wola",
        "context.shop_km": 2.9,
        "context.shop_near": True,
        "context.shop_phone": "22 555 01 01",
        "context.rain": 3.5,
        "context.sky": "clouds",
        "context.event_in": 5,
        "context.device": "desktop",
    }


def test_the_same_attributes_take_from_a_service() -> None:
    from_service = [block for block in DECLARED if "kind: weather" not in block]
    without_file = {name: text for name, text in SHEETS.items() if name != "weather"}

    found = fill(sources("".join(CONTEXT), "".join(from_service), **without_file), HERE)

    assert found.doubts == ("context.rain: late", "context.sky: late")


def test_the_calendar_of_the_guide_says_what_its_sheet_says() -> None:
    (declared,) = [block for block in DECLARED if "kind: calendar" in block]
    context = "".join(block for block in CONTEXT if "latitude:" in block or "events." in block)
    context = "".join(line for line in context.splitlines(keepends=True) if "shops." not in line)
    from_sheet = sources(context, declared, events=SHEETS["events"])
    from_file = sources(context, declared.replace(".csv", ".ics"), **{"events.ics": CALENDAR})

    for day in range(30):
        now = MAY + timedelta(days=day)
        assert fill(from_file, HERE, now).facts == fill(from_sheet, HERE, now).facts
