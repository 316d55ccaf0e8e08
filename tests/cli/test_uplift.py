"""`opportune uplift`: what actions change, told from a store."""

import pytest

from tests.evaluate.off_policy.recorded import exploring, record


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    path = tmp_path_factory.mktemp("uplift") / "shop.db"
    record(path, exploring(floor=0.5), 900)
    return path


def test_every_action_gets_its_effect(run, log):
    ended = run("uplift", "--store", log, "--json")

    effects = {one["action"]: one["effects"][0] for one in ended.json["actions"]}
    assert ended.code == 0
    # Half of those shown water accept it, and a third or less of those shown anything else.
    assert effects["water"]["effect"]["low"] > 0.1
    assert effects["call_back"]["effect"]["high"] < 0
    assert effects["water"]["shrunk"]["value"] < effects["water"]["effect"]["value"]


def test_the_report_says_in_words_what_can_be_said(run, log):
    ended = run("uplift", "--store", log, "--action", "water")

    assert ended.code == 0
    assert "water: showing it changes the outcome by +0." in ended.out
    assert "coffee" not in ended.out


def test_too_few_choices_give_no_number(run, log):
    ended = run("uplift", "--store", log, "--to", "2026-05-04T09:00:00Z")

    assert ended.code == 1
    assert "no number: shown" in ended.out


def test_a_name_that_was_probably_meant_is_proposed(run, log):
    ended = run("uplift", "--store", log, "--outcome", "acept")

    assert ended.code == 2
    assert "--outcome: the strategy has none of this name; did you mean 'accept'?" in ended.err


def test_a_span_without_decisions_says_which_there_are(run, log):
    ended = run("uplift", "--store", log, "--from", "2031-01-01")

    assert ended.code == 2
    assert "--from: no decision was made then; the journal has those of 2026-05-04" in ended.err


@pytest.mark.parametrize("option", ["--outcome", "--action"])
def test_unknown_names_are_told(run, log, option):
    ended = run("uplift", "--store", log, option, "watre")

    assert ended.code == 2
    assert f"{option}: the strategy has none of this name" in ended.err
