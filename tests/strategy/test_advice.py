"""What is no fault of a strategy and worth knowing all the same."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from opportune.strategy import Project, load_files
from opportune.strategy.advice import of_change, of_project, of_time
from opportune.strategy.event_recurrence import LAST_YEAR
from opportune.strategy.files import read_texts
from opportune.strategy.starter import STARTER

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
MARKET = """BEGIN:VCALENDAR
BEGIN:VEVENT
UID:1
SUMMARY:Market
DTSTART;VALUE=DATE:20260504
RRULE:%s
END:VEVENT
END:VCALENDAR
"""


def project(**added: str) -> Project:
    files, _ = read_texts(STARTER)
    for name, text in added.items():
        files[f"{name}.yaml"] = files.get(f"{name}.yaml", "") + text
    return load_files(files)


def chained(after: str = "") -> Project:
    files, _ = read_texts(STARTER)
    files["outcomes.yaml"] += f"\nclick: {{sign: positive}}\nbought: {{sign: positive{after}}}\n"
    return load_files(files)


def test_an_outcome_that_comes_after_another_one_from_now_on_asks_for_a_rebuild() -> None:
    plain, in_a_row = chained(), chained(", after: click")

    assert of_change(plain, in_a_row) == (
        "outcome 'bought' now comes after 'click': what models learned of it before answers another question;"
        " run 'opportune models rebuild'",
    )
    assert "no longer comes after 'click'" in of_change(in_a_row, plain)[0]


def test_an_attribute_in_single_braces_is_told() -> None:
    files, _ = read_texts(STARTER)
    path = "actions/care/help_pages.yaml"
    texts = "Find {customer.age}, { context.topic | upcase }, {customer.nobody}, {click}, {{ customer.plan }}"
    files[path] = files[path].replace("Find answers", texts)

    assert of_project(load_files(files), NOW) == (
        "a text of action 'help_pages' shows '{customer.age}' as it is written;"
        " write {{ customer.age }} where the value is meant",
        "a text of action 'help_pages' shows '{ context.topic | upcase }' as it is written;"
        " write {{ context.topic }} where the value is meant",
    )


def test_words_of_one_language_in_texts_of_all_are_told() -> None:
    words = "{ type: text, if_missing: one of our shops }"
    said = of_project(project(context=f"shop: {words}\nnear: {{ type: text, if_missing: '' }}\n"), NOW)

    assert said == (
        "'if_missing' of 'context.shop' says the same words in texts of all languages (en, pl);"
        " write a map from language to text where that is not meant",
    )
    assert (
        of_project(project(context=f"shop: {words.replace('one of our shops', '{en: a shop, pl: sklep}')}\n"), NOW)
        == ()
    )


def test_silence_that_is_learned_late_is_told() -> None:
    files, _ = read_texts(STARTER)
    files["channels.yaml"] = files["channels.yaml"].replace("hours: 1\n", "hours: 1\n    minutes: 1\n", 1)
    path = "actions/care/help_pages.yaml"
    files[path] += "response_windows:\n  app: { days: 3, default: no_answer }\n"

    channel, action = of_project(load_files(files), NOW)

    assert channel.startswith("channel 'app': the response window is longer than an hour;")
    assert action.startswith("action 'help_pages' in channel 'app': the response window is longer than an hour;")


def test_a_new_outcome_or_an_equal_one_asks_for_nothing() -> None:
    assert of_change(project(), chained(", after: click")) == ()
    assert of_change(chained(), chained()) == ()


def test_trees_without_their_package_are_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = project(models="main: {}\nforest: {kind: trees}\n")

    assert of_project(found, NOW) == ()
    monkeypatch.setattr("opportune.strategy.advice.has_lightgbm", lambda: False)
    (told,) = of_project(found, NOW)
    assert "model 'forest' predicts by the rates" in told
    assert "install opportune[trees]" in told
    assert of_project(project(), NOW) == ()


@pytest.mark.parametrize(
    ("rule", "is_told"),
    [
        ("FREQ=WEEKLY", True),
        ("FREQ=YEARLY;UNTIL=20360504", True),
        ("FREQ=YEARLY;UNTIL=20360503", False),
        ("FREQ=YEARLY;UNTIL=20351231", False),
        ("FREQ=YEARLY;COUNT=10", False),
        ("FREQ=YEARLY;COUNT=11", True),
        ("FREQ=WEEKLY\nSTATUS:CANCELLED", False),
    ],
)
def test_events_that_recur_longer_than_is_reckoned_with_are_told_in_time(rule: str, is_told: bool) -> None:
    files, _ = read_texts(STARTER)
    files["sources.yaml"] = "fairs: {kind: calendar, file: sources/fairs.ics}\n"
    files["sources/fairs.ics"] = MARKET % rule
    files["context.yaml"] += "fair: {type: text, source: fairs.name}\n"
    found = load_files(files)

    assert of_time(found, datetime(LAST_YEAR - 2, 12, 31, tzinfo=UTC)) == ()
    told = of_time(found, datetime(LAST_YEAR - 1, 1, 1, tzinfo=UTC))
    assert bool(told) is is_told
    assert all(one.startswith("source 'fairs': events of 'sources/fairs.ics' recur after 2035") for one in told)
