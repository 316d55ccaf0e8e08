"""`opportune uplift`: what actions change, told from a store."""

import pytest

from tests.evaluate.off_policy.recorded import exploring, record
from tests.service.shop import files


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


def test_one_action_has_the_figures_that_it_has_among_all(run, log):
    among_all = run("uplift", "--store", log, "--json").json["actions"]

    alone = run("uplift", "--store", log, "--action", "coffee", "--json").json["actions"]

    assert alone == [one for one in among_all if one["action"] == "coffee"]


def test_a_rate_of_which_nothing_is_known_is_told_in_words(run, log):
    ended = run("uplift", "--store", log, "--to", "2026-05-04T08:00:30Z")

    assert ended.code == 1
    assert "accept not known where shown" in ended.out
    assert "nan" not in ended.out


def test_an_action_that_no_draw_showed_is_named(run, tmp_path):
    wine = files()["actions/drinks/wine.yaml"].replace("customer.age >= 18", "customer.age >= 118")
    record(tmp_path / "shop.db", exploring(actions__drinks__wine=wine), 3)

    ended = run("uplift", "--store", tmp_path / "shop.db", "--action", "wine")

    assert ended.code == 1
    assert "no decision showed 'wine' by chance" in ended.out


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
