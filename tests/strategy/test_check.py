"""Checking: what a sound project gives, and what depends on more than its files."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from opportune.errors import ProjectError
from opportune.strategy import CheckedProject, check, check_directory, check_files, load
from opportune.strategy.starter import STARTER


@pytest.fixture(scope="module")
def checked() -> CheckedProject:
    return check_directory(STARTER)


def with_file(path: str, text: str) -> dict[str, str]:
    return {**load(STARTER).files, path: text}


def test_rules_are_kept_by_group_action_and_layer(checked: CheckedProject) -> None:
    assert [rule.source for rule in checked.group_rules["plans"]["eligibility"]] == ["customer.age >= 18"]
    assert [len(checked.action_rules["family_sim"][layer]) for layer in ("eligibility", "applicability")] == [2, 0]
    assert checked.mandatory["explain_invoice"].source == "context.mood == 'annoyed'"
    assert [rule.source for rule in checked.context_weights["plus_plan"]] == ["context.topic == 'data'"]
    assert checked.never.source == "false"


def test_a_rule_reads_what_its_segments_read(checked: CheckedProject) -> None:
    (rule,) = checked.action_rules["family_sim"]["suitability"]

    assert "customer.customer_since" in rule.variables


def test_equal_rules_are_one_object() -> None:
    files = load(STARTER).files
    text = files["actions/plans/plus_plan.yaml"].replace(
        "customer.plan in ['prepaid', 'basic']", "\"!owns('roaming')\""
    )

    checked = check_files({**files, "actions/plans/plus_plan.yaml": text})

    rules = checked.action_rules
    assert rules["plus_plan"]["eligibility"][0] is rules["travel_pack"]["eligibility"][0]


def test_segments_come_after_those_that_they_use() -> None:
    text = "old: customer.age > 60\nyoung_prepaid: '!segment.old && segment.prepaid'\n"
    text += "prepaid: customer.plan == 'prepaid'\nnew_customer: segment.old\nat_risk: segment.young_prepaid\n"

    names = list(check_files(with_file("segments.yaml", text)).segments)

    assert names.index("young_prepaid") > max(names.index("old"), names.index("prepaid"))
    assert names.index("at_risk") > names.index("young_prepaid")


def test_only_what_a_segment_asks_counts_as_its_use_of_another() -> None:
    text = "grown: 'segment // of all\n\n  . old && string(customer.age) != \"segment.grown\"'\n"
    text += "old: |\n  customer.age > 60 // as segment.grown, but older\n"
    text += "prepaid: customer.plan == 'prepaid'\nnew_customer: segment.old\nat_risk: segment.grown\n"

    names = list(check_files(with_file("segments.yaml", text)).segments)

    assert names.index("old") < names.index("grown") < names.index("at_risk")


def test_tests_get_values_of_the_types_of_their_attributes(checked: CheckedProject) -> None:
    customer = checked.personas[0].customer

    assert customer["customer_since"] == datetime(2020, 1, 15, tzinfo=UTC)
    assert customer["data_used_percent"] == 95.0


def test_an_action_that_is_over_is_a_problem_only_at_a_given_moment() -> None:
    text = (
        load(STARTER)
        .files["actions/plans/travel_pack.yaml"]
        .replace("2026-01-01\n", "2026-01-01\n  until: 2026-02-01\n")
    )
    project = with_file("actions/plans/travel_pack.yaml", text)

    check_files(project)
    check_files(project, now=datetime(2026, 2, 1, 22, tzinfo=UTC))
    with pytest.raises(ProjectError, match="nobody can get it any more: it ended 2026-02-01"):
        check_files(project, now=datetime(2026, 2, 1, 23, tzinfo=UTC))


def test_an_action_that_is_switched_off_may_contradict_itself() -> None:
    text = "kind: offer\ntitle: Old\nactive: false\neligibility: customer.age < 3\ntreatments: {app: {card: {}}}\n"

    assert "old" in check_files(with_file("actions/plans/old.yaml", text)).project.actions


def test_a_rule_may_ask_for_those_of_whom_a_value_with_a_range_is_missing() -> None:
    segments = load(STARTER).files["segments.yaml"]

    checked = check_files(with_file("segments.yaml", f"{segments}\nunasked: '!known(customer.age)'\n"))
    with pytest.raises(ProjectError, match=r"never true: .* and customer.age <= 120 exclude each other"):
        check_files(with_file("segments.yaml", f"{segments}\nold: known(customer.age) && !(customer.age < 121)\n"))

    assert "unasked" in checked.segments


def test_what_follows_from_an_unreadable_file_is_not_reported_too() -> None:
    with pytest.raises(ProjectError) as caught:
        check_files({**load(STARTER).files, "attributes.yaml": "a: [", "outcomes.yaml": "b: ["})

    assert [problem.file for problem in caught.value.problems] == ["attributes.yaml", "outcomes.yaml"]


def test_a_loaded_project_can_be_checked_later() -> None:
    assert check(load(STARTER)).project.settings.name == "starter"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("slates.yaml", "one: { at_least: 1, of: { actions: [family_sim, travel_pack] } }\n"),
        ("quality.yaml", "missing: { warn_above: 1, inputs: { customer.age: 1 } }\n"),
        ("contact_policies.yaml", "rare: { at_most: 1, within: { days: 60 } }\n"),
        ("stocks.yaml", "sim_cards: { money: 1000, currency: JPY }\n"),
        ("contact_policies.yaml", 'sundays: { quiet: { from: "00:00", until: "00:00", days: [sun] } }\n'),
    ],
)
def test_what_lies_just_inside_of_a_bound_is_sound(path: str, text: str) -> None:
    files = with_file(path, text) | {"project.yaml": load(STARTER).files["project.yaml"] + "retention_days: 60\n"}

    assert check_files(files).project.files[path] == text


def test_a_feature_with_a_title_like_a_protected_attribute_is_sound() -> None:
    files = with_file("features.yaml", "calls: { count: call, title: reason }\n")
    files["events.yaml"] = "call: { attributes: { reason: { type: text, special: health } } }\n"

    assert check_files(files).project.features["calls"].title == "reason"


def test_a_sheet_that_no_table_names_is_a_problem() -> None:
    files = with_file("tables/who.csv", "customer.plan,action\nbasic,plus_plan\n")

    with pytest.raises(ProjectError) as caught:
        check_files(files)

    assert [str(problem) for problem in caught.value.problems] == [
        "tables/who.csv: no table reads this sheet; name it in tables.yaml, or remove it"
    ]
