"""Persona tests that say what is known of a household: rules, features and limits read it as in a service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opportune.outcomes import new_model
from opportune.strategy import check_files
from opportune.strategy.compile import compile_plan, registries
from opportune.strategy.compile_features import compile_features
from opportune.strategy.files import read_texts
from opportune.strategy.persona import PersonaResult, run_persona, unexplored
from opportune.strategy.starter import STARTER
from tests.cli.conftest import Run
from tests.cli.conftest import run as run

RULES = """kind: service
title: Help for families
eligibility: [household.size >= 3, feature.family_calls >= 2]
values: { loyalty: { accept: 9 } }
treatments:
  app: { card: { content: { en: { title: Family, text: "We help." }, pl: { title: Rodzina, text: "Pomagamy." } } } }
"""
TEST = """- name: a family
  at: 2026-05-04T10:00:00Z
  units: { %s }
  events: [{ event: call, ago: { days: 1 } }, { event: call, ago: { days: 2 } }]
  history: [{ action: family_help, ago: { hours: 2 } }, { action: help_pages, ago: { hours: 1 } }]
  channel: app
  placement: home
  expect: { present: [help_pages] }
"""


def homes(units: str, over: str = "") -> dict[str, str]:
    """Give the starter with households, an action for large ones that called, and one test."""
    return dict(read_texts(STARTER)[0]) | {
        "levels.yaml": "household: { attributes: { size: { type: integer, range: [1, 20] } } }\n",
        "events.yaml": "call: { attributes: { minutes: { type: integer } } }\n",
        "features.yaml": "family_calls: { count: call, per: household, within: { days: 7 } }\n",
        "actions/care/family_help.yaml": RULES,
        "contact_policies.yaml": over,
        "tests/homes.yaml": TEST % units,
    }


def result(units: str, over: str = "") -> PersonaResult:
    checked = check_files(homes(units, over))
    plan = unexplored(compile_plan(checked))
    persona = next(one for one in checked.personas if one.name == "a family")
    model = new_model(plan, "numpy")
    return run_persona(plan, registries(checked.project), model, persona, compile_features(checked))


@pytest.mark.parametrize(
    ("units", "first"),
    [
        ("household: { size: 4 }", "family_help"),
        ("household: { size: 2 }", "help_pages"),
        ("household: {}", "help_pages"),
        ("", "help_pages"),
    ],
)
def test_rules_and_features_know_the_household_that_a_test_states(units: str, first: str) -> None:
    assert result(units).ranking == (first,)


def test_limits_over_households_count_what_the_person_was_shown() -> None:
    limit = "once: { at_most: 1, within: { days: 1 }, over: household, per: action, exempt: [] }\n"

    assert result("household: { size: 4 }", limit).ranking == ()


def test_a_contact_on_the_command_line_states_a_household(run: Run, tmp_path: Path) -> None:
    for path, text in homes("household: { size: 4 }").items():
        (tmp_path / "shop" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "shop" / path).write_text(text, encoding="utf-8")
    contact = {"channel": "app", "units": {"household": {"size": 4}}, "events": [{"event": "call"}, {"event": "call"}]}

    found = run("decide", "shop", json.dumps(contact)).out
    wrong = run("decide", "shop", json.dumps({**contact, "units": {"household": {"sise": 4}}}))

    assert "\nfound out: household.size = 4, feature.family_calls = 2\n" in found
    assert "rules passed with feature.family_calls = 2, household.size = 4" in found
    assert (wrong.code, "units.household: unknown attribute 'sise'; did you mean 'size'?" in wrong.err) == (1, True)
