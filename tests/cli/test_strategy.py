"""Commands of whoever writes a strategy: init, check, test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.service.shop import PROJECT


def test_init_starts_a_strategy_that_checks_and_passes_its_tests(run: Run) -> None:
    assert run("init", "shop").code == 0
    assert run("check", "shop").code == 0
    assert run("test", "shop").code == 0


def test_init_says_a_command_that_can_be_pasted(run: Run) -> None:
    assert run("init", "My Shop").out.endswith("Next: opportune check 'My Shop'\n")


def test_init_overwrites_nothing(run: Run) -> None:
    run("init", "shop", "--json")

    ended = run("init", "shop")

    assert ended.code == 1
    assert ended.err == "shop: here is a strategy already; name a folder that is new or empty\n"


def test_check_lists_all_problems_with_their_places(run: Run) -> None:
    run("init", "shop")
    Path("shop/segments.yaml").write_text("young: customer.aeg < 26\n")
    Path("shop/goals.yaml").write_text("profit: {unit: EUR, wieght: 2}\n")

    ended = run("check", "shop")
    as_json = run("check", "shop", "--json")

    assert ended.code == as_json.code == 1
    assert "segments.yaml:1:" in ended.err
    assert "goals.yaml:1:" in ended.err
    assert {problem["file"] for problem in as_json.json["problems"]} >= {"segments.yaml", "goals.yaml"}


def test_check_of_a_good_project_says_what_it_found(run: Run) -> None:
    assert run("check", PROJECT, "--json").json["actions"] == 4
    assert "no problems" in run("check", PROJECT).out


def test_a_failing_persona_test_says_what_was_expected_and_found(run: Run) -> None:
    run("init", "shop")
    tests = Path("shop/tests")
    text = next(tests.glob("*.yaml")).read_text()
    first = text.index("expect:")
    (tests / "wrong.yaml").write_text(
        re.sub(r"(?m)^- name: .*$", "- name: an impossible wish", text[:first], count=1)
        + "expect:\n    present: [plus_plan, family_sim, travel_pack, explain_invoice]\n"
    )

    ended = run("test", "shop")

    assert ended.code == 1
    assert re.search(r"failed tests/wrong\.yaml:\d+: an impossible wish: expected plus_plan .*; plus_plan", ended.out)
    assert re.search(r"\d+ passed, 1 failed", ended.out)


WRONG_TESTS = """
- name: the family card leads
  at: 2026-05-04T10:00:00Z
  customer: &customer { age: 34, plan: basic, data_used_percent: 95, products: [], customer_since: 2020-01-15T00:00Z }
  context: { topic: data, mood: calm }
  channel: app
  placement: home
  propensities: { plus_plan: 0.3, family_sim: 0.1 }
  expect:
    ranking: [family_sim]
- name: everybody needs a second card
  at: 2026-05-04T10:00:00Z
  customer: { age: 16, plan: basic, products: [] }
  channel: app
  placement: home
  expect:
    ranking: [family_sim]
- name: the bigger plan is for somebody else
  at: 2026-05-04T10:00:00Z
  customer: *customer
  channel: app
  placement: home
  propensities: { plus_plan: 0.3, family_sim: 0.1 }
  expect:
    absent:
      plus_plan: {}
      family_sim: { stage: eligibility, because: too small }
"""


def test_failing_persona_tests_say_why_and_where(run: Run) -> None:
    run("init", "shop")
    Path("shop/tests/wrong.yaml").write_text(WRONG_TESTS)

    said = run("test", "shop").out.splitlines()
    found = run("test", "shop", "--json").json

    assert re.fullmatch(
        r"failed tests/wrong\.yaml:2: the family card leads: expected the answer to begin with \[family_sim\], found"
        r" \[plus_plan\]; family_sim was outranked: its priority is 0\.\d+, plus_plan has 0\.\d+",
        said[0],
    )
    assert said[1].endswith("found [help_pages]; family_sim dropped at eligibility: Contracts are for adults")
    assert said[2].endswith(
        "the bigger plan is for somebody else: expected plus_plan to be absent, found it in place 1"
    )
    assert "expected family_sim to be dropped at eligibility, found outranked: " in said[3]
    assert "expected the reason of family_sim to say 'too small'" in said[4]
    assert said[5] == "8 passed, 3 failed."
    assert [(test["file"], test["line"]) for test in found["tests"] if test["failures"]] == [
        ("tests/wrong.yaml", 2), ("tests/wrong.yaml", 11), ("tests/wrong.yaml", 18)
    ]  # fmt: skip


NOTHING = """
- name: a child who calls about nothing gets no offer
  at: 2026-05-04T10:00:00Z
  customer: { age: 16, plan: prepaid, products: [] }
  channel: call_centre
  placement: agent
  expect:
    ranking: []
- name: the app has nothing for a child
  at: 2026-05-04T10:00:00Z
  customer: { age: 16, plan: prepaid, products: [] }
  channel: app
  placement: home
  expect:
    ranking: []
"""


def test_an_answer_without_actions_can_be_expected(run: Run) -> None:
    run("init", "shop")
    Path("shop/tests/nothing.yaml").write_text(NOTHING)

    said = run("test", "shop").out.splitlines()

    assert said == [
        "failed tests/nothing.yaml:9: the app has nothing for a child: expected an answer without actions, found"
        " [help_pages]",
        "9 passed, 1 failed.",
    ]


@pytest.mark.parametrize("host", ["name with blanks", "192.0.2.1"])
def test_serve_asks_for_another_host_where_the_host_is_at_fault(run: Run, host: str) -> None:
    run("init", "shop")

    ended = run("serve", "shop", "--host", host, "--open-to-network", "--port", "0")

    assert ended.code == 2
    assert ended.err.rstrip().endswith("choose another with --host")


def test_serve_never_starts_with_a_broken_project(run: Run) -> None:
    run("init", "shop")
    Path("shop/goals.yaml").write_text("profit: {}\n")

    ended = run("serve", "shop", "--port", "0")

    assert ended.code == 1
    assert "goals.yaml:1:" in ended.err
    assert not Path("opportune.db").exists()
