"""`opportune goals`: what goals cost each other, what decides winners, what a lever does."""

from __future__ import annotations

import pytest

from tests.cli.test_diff import folder
from tests.evaluate.off_policy.recorded import CHANNELS, exploring, record

GOALS = """
profit: {unit: EUR, currency: EUR}
service: {unit: points, weight: 0.5}
"""
CALL_BACK = """
kind: service
title: Somebody calls back
eligibility: customer.member
values: {profit: {accept: 1}, service: {shown: 2}}
treatments: {till: {line: {}}, app: {card: {}}}
"""


@pytest.fixture
def changes():
    return {"channels": CHANNELS.format(floor=0.5), "goals": GOALS, "actions__help__call_back": CALL_BACK}


@pytest.fixture
def shop(tmp_path, changes):
    return folder(tmp_path / "shop", **changes)


@pytest.fixture
def store(tmp_path, changes):
    rest = {name: text for name, text in changes.items() if name != "channels"}
    record(tmp_path / "shop.db", exploring(**rest), 160)
    return tmp_path / "shop.db"


def test_recorded_answers_tell_what_they_can(run, store):
    told = run("goals", "tradeoff", "service", "--store", store, "--steps", 2, "--to", 2, "--json").json
    curve = told["tradeoff"]

    assert told["asked"]["source"] == "decisions"
    assert told["asked"]["position"] > 160
    assert [point["factor"] for point in curve["points"]] == [0, 1, 2]
    assert curve["contacts"] == 160
    assert curve["told_by"] == {"profit": "answers", "service": "answers"}
    assert [one["goal"] for one in curve["present"]] == ["profit"]
    services = [point["amounts"]["service"]["value"] for point in curve["points"]]
    assert services == sorted(services)
    assert services[0] < services[-1]


def test_without_answers_the_model_tells(run, store):
    told = run("goals", "tradeoff", "service", "--store", store, "--steps", 2, "--no-answers", "--json").json

    assert told["tradeoff"]["told_by"] == {"profit": "model", "service": "model"}


def test_people_are_imagined_where_there_is_no_store(run, shop, tmp_path):
    page = tmp_path / "page.html"
    ended = run("goals", "tradeoff", "service", shop, "--count", 20, "--html", page, "--language", "pl")

    assert ended.code == 0
    assert "contacts of imagined customers of 20 persons" in ended.out
    assert "Around the weight as it is, one more of service (points) means:" in ended.out
    assert "told by a model that has learned nothing" in ended.out
    assert '<html lang="pl">' in page.read_text(encoding="utf-8")


def test_what_was_learned_decides_winners(run, store):
    told = run("goals", "sensitivity", "--store", store, "--json").json["sensitivity"]

    decided = {one["factor"]: one["decided"] for one in told["factors"]}
    assert told["firsts"] == 160
    assert decided["propensity"] > 0
    assert decided["exploration"] > 0


def test_factors_are_told_of_imagined_people(run, shop):
    ended = run("goals", "sensitivity", shop, "--count", 20)

    assert ended.code == 0
    assert "The model has learned nothing" in ended.out
    assert "goal:profit" in ended.out
    assert "By action" in ended.out


def test_a_lever_is_found_or_it_is_said_that_there_is_none(run, store):
    found = run("goals", "lever", "wine", "--share", "20%", "--store", store, "--count", 50)
    none = run("goals", "lever", "wine", "--share", "1", "--store", store, "--count", 50)

    assert found.code == 0
    assert "is the lowest that gives it" in found.out
    assert "profit:" in found.out
    assert none.code == 1
    assert "No lever gives it 100.0%" in none.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tradeoff", "profitt", "SHOP"), "no goal 'profitt'; did you mean 'profit'?"),
        (("tradeoff", "profit", "SHOP", "--from", "2", "--to", "1"), "expected factors from 0 to 1000"),
        (("tradeoff", "profit"), "there is no strategy"),
        (("lever", "wien", "SHOP"), "no action 'wien'; did you mean 'wine'?"),
        (("lever", "wine", "SHOP", "--share", "0"), "expected a share above 0"),
        (("sensitivity", "SHOP", "--kernel", "c"), "--kernel"),
    ],
)
def test_wrong_use_is_told(run, shop, arguments, message):
    ended = run("goals", *(shop if one == "SHOP" else one for one in arguments))

    assert ended.code == 2
    assert message in ended.err
