"""Champion and challengers from the command line, on a store and on a running service."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from opportune.service import Settings
from tests.cli.conftest import Run
from tests.service.process import running
from tests.service.shop import PROJECT, Service, serving
from tests.service.test_changes import teach, with_models


@pytest.fixture
def shop(run: Run, tmp_path: Path) -> Path:
    """A store with two models that have learned, and two versions of what they learned."""
    path = tmp_path / "shop.db"
    with serving(path, Settings(kernel="numpy"), with_models()) as service:
        teach(service, 0, 20)
        service.runner.run(service.runtime.teacher.keep())
        teach(service, 20, 80)
    return path


def test_models_are_listed_compared_and_promoted(run: Run, shop: Path) -> None:
    listed = run("models", "list", "--store", shop)
    promoted = run("models", "promote", "simple", "--store", shop, "--author", "ada", "--reason", "plain", "--json")
    after = run("models", "list", "--store", shop, "--json").json
    compared = run("models", "compare", "--store", shop)
    data = run("models", "compare", "--store", shop, "--json").json

    assert (listed.code, promoted.code, compared.code) == (0, 0, 0)
    assert [line.split()[:2] for line in listed.out.splitlines()[1:3]] == [["*", "main"], ["simple", "bayes"]]
    # Why there are fewer answers than were given.
    assert "one person teaches about an action by at most" in listed.out
    assert promoted.json["champion"] is None
    assert [(one["name"], one["champion"], one["named"]) for one in after] == [
        ("main", False, True),
        ("simple", True, False),
    ]
    assert data["champion"] == "simple"
    overall = {one["model"]: one for one in data["figures"] if not one["outcome"]}
    assert list(overall) == ["simple", "main"]
    assert overall["simple"]["difference"] is None
    assert overall["main"]["difference"]["low"] < overall["main"]["difference"]["high"]
    assert "accept" in compared.out
    assert len(run("models", "compare", "--store", shop, "--actions").out.splitlines()) > len(compared.out.splitlines())


def test_versions_are_listed_and_restored(run: Run, shop: Path) -> None:
    versions = run("models", "versions", "--store", shop, "--json").json
    shown = run("models", "versions", "--store", shop)
    restored = run("models", "restore", versions[-1]["number"], "--store", shop, "--reason", "forged answers")
    answers = [one["answers"] for one in run("models", "list", "--store", shop, "--json").json]
    replayed = run("replay", "--store", shop, "--json").json

    assert len(versions) == 2
    assert str(versions[0]["number"]) in shown.out
    assert (restored.code, answers) == (0, [20, 20])
    assert (replayed["digest"], replayed["equal"]) == (versions[-1]["hash"], True)
    assert run("verify", "--store", shop).code == 0


def test_an_order_to_a_store_that_nobody_serves_says_so(run: Run, shop: Path) -> None:
    promoted = run("models", "promote", "simple", "--store", shop)

    assert "nobody serves the store now" in promoted.out
    assert "processes" not in promoted.out


def test_a_restore_that_changes_the_champion_says_so(run: Run, shop: Path) -> None:
    version = run("models", "versions", "--store", shop, "--json").json[0]
    same = run("models", "restore", version["number"], "--store", shop)
    run("models", "promote", "simple", "--store", shop)
    other = run("models", "restore", version["number"], "--store", shop)

    assert version["champion"] == "main"
    assert "Note:" not in same.out
    assert "Note: simple decided before; in that version main did, and does again." in other.out
    assert "'opportune models promote simple'" in other.out


def test_a_comparison_shows_the_level_of_chance(run: Run, shop: Path) -> None:
    shown = run("models", "compare", "--store", shop, "--actions")
    figures = run("models", "compare", "--store", shop, "--json").json["figures"]

    assert "of the rate" in shown.out
    assert "by chance" in shown.out
    for one in figures:
        assert f"{one['log_loss_constant']:.4f}" in shown.out
        assert f"{one['calibration_chance']:.3f}" in shown.out


def test_trees_that_are_not_there_yet_are_pointed_out(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(PROJECT, tmp_path / "shop"))
    (folder / "models.yaml").write_text("main: {kind: bayes}\nforest: {kind: trees}\n")
    (folder / "project.yaml").write_text((folder / "project.yaml").read_text() + "\nchampion: main\n")
    assert "Note:" not in run("check", folder).out
    run("publish", folder, "--store", tmp_path / "shop.db")
    here = run("models", "list", "--store", tmp_path / "shop.db").out
    monkeypatch.setattr("opportune.service.contests.has_lightgbm", lambda: False)
    monkeypatch.setattr("opportune.strategy.advice.has_lightgbm", lambda: False)
    elsewhere = run("models", "list", "--store", tmp_path / "shop.db").out

    assert "no trees yet, so it predicts by the rates of the actions" in here
    assert "LightGBM" not in here
    assert "LightGBM is not installed here, see opportune[trees]" in elsewhere
    assert "Note: model 'forest' predicts by the rates" in run("check", folder).out
    assert "forest" in run("check", folder, "--json").json["advice"][0]


def test_a_rebuild_that_is_due_is_pointed_out_until_it_is_done(run: Run, tmp_path: Path) -> None:
    folder, store = Path(shutil.copytree(PROJECT, tmp_path / "shop")), tmp_path / "shop.db"
    outcomes = (folder / "outcomes.yaml").read_text()
    (folder / "outcomes.yaml").write_text(outcomes + "\nbought: {sign: positive}\n")
    run("publish", folder, "--store", store)
    (folder / "outcomes.yaml").write_text(outcomes + "\nbought: {sign: positive, after: accept}\n")
    published = run("publish", folder, "--store", store)
    before = run("models", "list", "--store", store)
    run("models", "rebuild", "--store", store)
    after = run("models", "list", "--store", store)

    told = "Note: outcome 'bought' now comes after 'accept': what models learned of it before answers another question"
    assert published.code == 0, published.err
    assert told in published.out
    assert told in before.out
    assert "Note:" not in after.out


def test_a_rebuild_goes_on_from_final_truths(run: Run, shop: Path) -> None:
    done = run("models", "rebuild", "--store", shop, "--json")
    answers = [one["answers"] for one in run("models", "list", "--store", shop, "--json").json]

    assert (done.code, done.json["decisions"], answers) == (0, 80, [80, 80])
    replayed = run("replay", "--store", shop, "--json").json
    assert (replayed["digest"], replayed["equal"]) == (done.json["model"], True)
    assert run("verify", "--store", shop).code == 0


def test_what_does_not_exist_is_refused_with_a_remedy(run: Run, shop: Path) -> None:
    unknown = run("models", "promote", "other", "--store", shop)
    version = run("models", "restore", "1", "--store", shop)
    both = run("models", "list", "--store", shop, "--url", "http://127.0.0.1:1")
    empty = run("models", "list", "--store", "missing.db")

    assert (unknown.code, version.code, both.code, empty.code) == (1, 1, 2, 2)
    assert "name one of main, simple" in unknown.err
    assert "models versions" in version.err
    assert "found both" in both.err


def test_orders_to_a_running_service_take_effect_at_once(run: Run, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PROJECT, tmp_path / "shop"))
    (folder / "models.yaml").write_text("main: {kind: bayes}\nsimple: {kind: bayes}\n")
    (folder / "project.yaml").write_text((folder / "project.yaml").read_text() + "\nchampion: main\n")
    with running(tmp_path / "served.db", project=folder) as served:
        promoted = run("models", "promote", "simple", "--url", served.url)
        listed = run("models", "list", "--url", served.url, "--json").json
        versions = run("models", "versions", "--url", served.url)
        unknown = run("models", "promote", "other", "--url", served.url)
        missing = run("models", "restore", "7", "--url", served.url)
        rebuilt = run("models", "rebuild", "--url", served.url, "--author", "ada", "--json")

    assert "simple decides" in promoted.out
    assert [one["champion"] for one in listed] == [False, True]
    assert (versions.code, unknown.code, missing.code) == (0, 1, 1)
    # Who was promoted goes on to decide.
    assert (rebuilt.code, rebuilt.json["champion"], rebuilt.json["decisions"]) == (0, "simple", 0)
    assert "name one of main, simple" in unknown.err


def test_they_are_compared_over_http(shop: Path) -> None:
    with serving(shop, Settings(kernel="numpy"), with_models()) as service:
        assert _figures(service) == ["main", "simple"]
        done = service.call("POST", "/v1/models/promotions", {"model": "simple", "id": "p-1"}).json()
        again = service.call("POST", "/v1/models/promotions", {"model": "simple", "id": "p-1"}).json()
        other = service.call("POST", "/v1/models/promotions", {"model": "main", "id": "p-1"})
        assert (done["champion"], again["entry"], other.status_code) == ("simple", done["entry"], 409)
        assert _figures(service) == ["simple", "main"]
        versions = service.call("GET", "/v1/models/versions").json()["versions"]
        back = service.call("POST", "/v1/models/restorations", {"version": versions[0]["number"]}).json()
        assert back["champion"] == "main"
        assert back["live_ms"] < 1_000
        report = service.call("GET", "/v1/models").json()["models"][0]
        assert (report["name"], [one["name"] for one in report["models"]]) == ("main", ["main", "simple"])


def _figures(service: Service) -> list[str]:
    found = service.call("GET", "/v1/models/comparison").json()
    return [one["model"] for one in found["figures"] if not one["outcome"]]
