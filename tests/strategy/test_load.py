"""Loading: typed sections from files, and the hash that names them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opportune.errors import ProjectError
from opportune.records import ValueType
from opportune.strategy import content_hash, load, load_files
from opportune.strategy.sections.outcomes import Amount
from opportune.strategy.starter import STARTER


def test_a_folder_becomes_typed_sections() -> None:
    project = load(STARTER)

    assert project.settings.languages == ("en", "pl")
    assert project.attributes["age"].type is ValueType.INTEGER
    assert project.attributes["data_used_percent"].range == (0, None)
    assert project.segments["new_customer"].rule == "days_since(customer.customer_since) < 90"
    assert project.channels["app"].response_window is not None
    assert project.channels["app"].response_window.length == timedelta(hours=1)
    assert project.actions["plus_plan"].values["margin"]["accept"] == Amount(number=60, currency="EUR", decimals=2)
    assert project.group_of["help_pages"] == "care"
    assert project.action_file("help_pages") == "actions/care/help_pages.yaml"


def test_groups_and_actions_are_sorted_by_name() -> None:
    project = load(STARTER)

    assert list(project.groups) == ["care", "plans"]
    assert list(project.actions) == ["explain_invoice", "help_pages", "family_sim", "plus_plan", "travel_pack"]


def test_days_of_validity_begin_in_the_zone_of_the_project() -> None:
    validity = load(STARTER).actions["travel_pack"].valid

    assert validity.instants("Europe/Warsaw") == (datetime(2025, 12, 31, 23, tzinfo=UTC), None)


def test_the_last_day_of_validity_is_included() -> None:
    action = load_files({**load(STARTER).files, "actions/care/help_pages.yaml": HELP_UNTIL}).actions["help_pages"]

    assert action.valid.instants("Europe/Warsaw") == (None, datetime(2026, 3, 29, 22, tzinfo=UTC))


HELP_UNTIL = """
kind: service
title: Help
valid: {until: 2026-03-29}
treatments: {app: {card: {}}}
"""


def test_a_placement_explores_as_the_project_where_it_says_nothing_itself() -> None:
    files = dict(load(STARTER).files)
    files["channels.yaml"] = files["channels.yaml"].replace("size: 1\n", "size: 1\n      exploration: {scale: 0.5}\n")
    files["project.yaml"] = files["project.yaml"].replace("floor: 0.02", "floor: 0.1")

    exploration = load_files(files).exploration("app", "home")

    assert (exploration.method, exploration.scale, exploration.floor) == ("thompson", 0.5, 0.1)


def test_a_project_loads_from_its_own_texts() -> None:
    project = load(STARTER)

    again = load_files(project.files)

    assert again == project
    assert content_hash(again) == content_hash(project)


def test_the_hash_depends_on_every_path_and_text() -> None:
    project = load(STARTER)
    text = project.files["goals.yaml"]
    moved = {**project.files, "actions/care/contact.yaml": project.files["actions/care/help_pages.yaml"]}

    hashes = {
        content_hash(project),
        content_hash(load_files({**project.files, "goals.yaml": text + "# more\n"})),
        content_hash(load_files(moved)),
    }

    assert len(hashes) == 3


def test_a_file_that_no_strategy_has_is_not_part_of_the_hash(tmp_path: Path) -> None:
    project = load(STARTER)

    assert content_hash(load_files({**project.files, "deploy/notes.yaml": "a: 1"})) == content_hash(project)


def test_problems_come_in_the_order_of_files_and_lines() -> None:
    files = {**load(STARTER).files, "goals.yaml": "b: {}\na: {}\n", "outcomes.yaml": "x: 1\n"}

    with pytest.raises(ProjectError) as caught:
        load_files(files)

    assert [str(problem) for problem in caught.value.problems] == [
        "goals.yaml:1:1: b: missing key 'unit'; add 'unit:'",
        "goals.yaml:2:1: a: missing key 'unit'; add 'unit:'",
        "outcomes.yaml:1:4: x: expected a map, found number 1; write 'key: value' lines, indented below the key",
    ]


def test_too_much_is_refused_before_it_is_read() -> None:
    with pytest.raises(ProjectError, match="split the project"):
        load_files({"goals.yaml": "#" * 1_000_001})
