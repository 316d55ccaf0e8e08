"""`opportune plan`: recorded decisions, customers and imagined ones, decided before and after."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.test_diff import folder
from tests.evaluate.off_policy.recorded import CHANNELS, exploring, record
from tests.service.shop import PROJECT, files

STRICT = files()["actions/drinks/wine.yaml"].replace(">= 18", ">= 70")
OPEN = CHANNELS.format(floor=0.5)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    path = tmp_path_factory.mktemp("plan") / "shop.db"
    record(path, exploring(), 300)
    return path


@pytest.fixture
def shop(tmp_path):
    return folder(tmp_path / "shop", channels=OPEN)


@pytest.fixture
def strict(tmp_path):
    return folder(tmp_path / "strict", channels=OPEN, actions__drinks__wine=STRICT)


@pytest.fixture(scope="module")
def told(log, tmp_path_factory):
    """What a stricter rule does, told once for several tests."""
    place = folder(tmp_path_factory.mktemp("told"), channels=OPEN, actions__drinks__wine=STRICT)
    command = [sys.executable, "-m", "opportune.cli", "plan", str(place), "--store", str(log), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_recorded_decisions_are_decided_both_ways(told):
    seen = told["outlook"]
    assert told["source"] == "decisions"
    assert told["before"] == "revision 1"
    assert seen["contacts"] == 300
    assert 0 < seen["changed"] < 150
    wine = next(one for one in seen["actions"] if one["action"] == "wine")
    assert wine["lost"] > 0 == wine["gained"]
    assert len(seen["changes"]) == seen["changed"] == sum(seen["kinds"].values())


def test_what_answers_can_tell_is_told_by_the_journal(told):
    effects = told["outlook"]["effects"]

    assert [(one["goal"], one["told_by"]) for one in effects] == [("profit", "journal")]
    assert effects[0]["gain"]["low"] <= effects[0]["gain"]["value"] <= effects[0]["gain"]["high"]


def test_against_another_folder_the_model_foretells(run, log, shop, strict):
    (shop / "goals.yaml").write_text("profit: {unit: EUR, currency: EUR, weight: 2}\n")

    effects = run("plan", shop, strict, "--store", log, "--count", 50, "--json").json["outlook"]["effects"]

    assert [(one["goal"], one["told_by"]) for one in effects] == [("profit", "model")]


def test_the_published_strategy_itself_changes_nobody(run, log, shop):
    told = run("plan", shop, "--store", log, "--json").json

    assert told["differences"] == []
    assert told["outlook"]["changed"] == 0
    assert told["outlook"]["effects"][0]["gain"]["value"] == pytest.approx(0, abs=1e-6)


def test_a_span_and_a_count_bound_the_decisions(run, log, strict):
    few = run("plan", strict, "--store", log, "--count", 50, "--json").json
    none = run("plan", strict, "--store", log, "--from", "2030-01-01")
    half = run("plan", strict, "--store", log, "--to", "2026-05-04T10:30:00Z", "--json").json

    assert few["outlook"]["contacts"] == 50
    assert half["outlook"]["contacts"] == 150
    assert none.code == 2
    assert "no contact to decide" in none.err


@pytest.mark.parametrize("name", ["people.jsonl", "people.csv"])
def test_customers_of_a_file_are_decided(run, shop, strict, tmp_path, name):
    people = [{"id": f"c-{age:03}", "age": age, "context.weather": "Rainy"} for age in range(15, 95, 5)]
    path = tmp_path / name
    if name.endswith("csv"):
        path.write_text("id,age,context.weather\n" + "".join(f"{one['id']},{one['age']},Rainy\n" for one in people))
    else:
        path.write_text("".join(json.dumps(one) + "\n" for one in people))

    told = run("plan", shop, strict, "--customers", path, "--channel", "till", "--json").json

    assert told["source"] == "file"
    assert told["outlook"]["contacts"] == len(people)
    changed = {change["name"] for change in told["outlook"]["changes"]}
    assert changed <= {f"c-{age:03}" for age in range(20, 70, 5)}
    assert changed


def test_rows_that_cannot_be_read_are_left_out_and_counted(run, shop, strict, tmp_path):
    (tmp_path / "people.jsonl").write_text('{"id": "c-001", "age": 30}\n{"id": "c-002", "age": 400}\n')

    told = run("plan", shop, strict, "--customers", "people.jsonl", "--json").json

    assert (told["left_out"], told["outlook"]["persons"]) == (1, 1)


def test_without_anybody_customers_are_imagined_alike_every_time(run, shop, strict):
    options = ("plan", shop, strict, "--count", 60, "--at", "2026-05-04T12:00:00Z", "--json")
    first, again, others = run(*options), run(*options), run(*options, "--seed", 2)

    assert first.json["source"] == "imagined"
    assert first.out == again.out != others.out
    assert first.json["outlook"]["effects"] is None


def test_customers_of_the_store_are_decided(run, shop, strict, tmp_path):
    (tmp_path / "people.jsonl").write_text("".join(f'{{"id": "c-{age}", "age": {age}}}\n' for age in range(10, 90, 8)))
    assert run("publish", shop, "--store", "mine.db").code == 0
    assert run("import", shop, "people.jsonl", "--store", "mine.db").code == 0

    told = run("plan", strict, "--store", "mine.db", "--profiles", "--channel", "app", "--json").json

    assert told["source"] == "profiles"
    assert told["outlook"]["persons"] == 10


def test_thresholds_decide_the_exit_code(run, log, strict):
    few = ("plan", strict, "--store", log, "--count", 40)
    passed = run(*few, "--most-changed", "90%", "--most-empty", "0.5")
    failed = run(*few, "--most-changed", "0.1%", "--most-emptied", "100%")

    assert passed.code == 0
    assert "within the threshold" in passed.out
    assert failed.code == 1
    assert "too many" in failed.out


def test_the_text_names_what_changed_and_whom(run, log, strict):
    ended = run("plan", strict, "--store", log)

    assert "action 'wine', eligibility" in ended.out
    assert "300 recorded decisions" in ended.out
    assert "by recorded answers" in ended.out


def test_it_compares_with_a_revision_of_git(run, shop):
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "first")):
        names = ("-c", "user.name=c-001", "-c", "user.email=c-001@example.com")
        subprocess.run(["git", *names, *arguments], cwd=shop, check=True, capture_output=True)
    (shop / "actions/drinks/wine.yaml").write_text(STRICT)

    told = run("plan", shop, "--git", "HEAD", "--count", 40, "--json").json

    assert told["before"] == "HEAD"
    assert told["outlook"]["changed"] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--most-changed", "many"), "expected a share"),
        (("--most-empty", "101%"), "expected a share"),
        (("--imagined", "--profiles"), "found several"),
        (("--profiles",), "expected a store too"),
        (("--channel", "moon"), "expected one of till, app"),
        (("--context", "{"), "expected a JSON object"),
        (("--context", '{"moon": 1}'), "does not declare 'moon'"),
        (("--language", "de"), "expected en or pl"),
        (("--kernel", "abacus"), "expected auto, numpy or numba"),
        (("--at", "noon"), "expected a date or a moment"),
        (("--customers", "nowhere.csv"), "No such file"),
    ],
)
def test_what_cannot_be_done_is_refused(run, shop, strict, options, message):
    ended = run("plan", shop, strict, *options)

    assert ended.code in (1, 2)
    assert message in ended.err


def test_an_unsound_strategy_is_told_with_its_folder(run, shop, strict):
    (strict / "actions/drinks/wine.yaml").write_text(STRICT.replace("customer.age", "customer.agee"))

    ended = run("plan", shop, strict)

    assert ended.code == 1
    assert f"{strict.as_posix()}/actions/drinks/wine.yaml:" in ended.err


@pytest.mark.parametrize(
    "command", [("plan", PROJECT, PROJECT), ("funnel", PROJECT), ("goals", "sensitivity", PROJECT)]
)
def test_a_file_of_customers_without_rows_is_told_of(run: Run, command: tuple[object, ...]) -> None:
    Path("people.csv").write_text("id,age\n")

    ended = run(*command, "--customers", "people.csv")

    assert (ended.code, ended.err) == (
        1,
        "opportune: people.csv: it has no rows; name a file with one customer in each\n",
    )
