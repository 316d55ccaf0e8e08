"""Commands that read a store: explain, replay, verify."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from opportune.service.revisions import strategy_from_folder
from tests.cli.conftest import Run, fill
from tests.service.shop import PROJECT, serving


def test_explain_finds_a_decision_by_its_id_and_by_its_request(run: Run, store: Path) -> None:
    by_request = run("explain", "r-49", "--store", store, "--json").json
    by_id = run("explain", by_request["decision"]["id"], "--store", store)
    unknown = run("explain", "d-404", "--store", store)

    assert by_request["explanation"]["scores"] == "recomputed"
    assert by_id.code == 0
    assert "customer.age is missing" in by_id.out or "missing" in by_id.out
    assert (unknown.code, "no decision" in unknown.err) == (1, True)


def test_verify_learns_every_stretch_again(run: Run, store: Path) -> None:
    ended = run("verify", "--store", store, "--json")

    assert ended.code == 0
    assert ended.json["problems"] == []
    assert ended.json["stretches"] >= 1


def test_verify_notices_a_model_that_is_not_its_journal(run: Run, store: Path) -> None:
    with serving(store) as service:
        fill(service, 1)
        service.runtime.learner.model.learn({}, 0, 0, True)
        fill(service, 60)

    ended = run("verify", "--store", store)

    assert ended.code == 1
    assert "leads to another state" in ended.err


def test_replay_folds_to_the_served_model_and_judges_it(run: Run, store: Path) -> None:
    found = run("replay", "--store", store, "--kernel", "numpy", "--json").json
    text = run("replay", "--store", store, "--kernel", "numpy").out

    assert found["equal"] is True
    assert found["report"]["answers"] == 50
    assert "equal to the served model" in text


def test_explain_says_what_became_of_it(run: Run, store: Path) -> None:
    said = run("explain", "r-49", "--store", store).out

    assert re.search(r"decision d-\w+, at 20", said)
    assert "channel till, no customer known" in said
    assert "outcomes so far: water accept" in said
    assert "no single change" in said or "would pass with" in said


def test_replay_compares_over_revisions(run: Run, tmp_path: Path) -> None:
    def serve_from(folder: Path, name: str) -> None:
        strategy = strategy_from_folder(folder)
        with serving(tmp_path / "two.db", of=strategy) as service:
            for number in range(4):
                answer = service.decide(f"{name}-{number}")
                body = {"id": f"o-{name}-{number}", "decision": answer["id"], "action": "water", "outcome": "accept"}
                service.call("POST", "/v1/outcomes", body)
            service.wait(0.05)

    shutil.copytree(PROJECT, "shop")
    serve_from(Path("shop"), "first")
    Path("shop/tests").mkdir()
    Path("shop/tests/none.yaml").write_text("[]\n")
    serve_from(Path("shop"), "second")
    renamed = run("replay", "--store", "two.db", "--kernel", "numpy", "--json")
    goals = Path("shop/goals.yaml")
    goals.write_text(goals.read_text() + "\n# another word\n")
    serve_from(Path("shop"), "third")
    changed = run("replay", "--store", "two.db", "--kernel", "numpy")

    assert (renamed.json["revisions"], renamed.json["equal"]) == (2, True)
    assert "12 outcomes, 3 revisions" in changed.out
    assert "equal to the served model" in changed.out


@pytest.mark.parametrize("command", [("verify",), ("replay",), ("explain", "x"), ("decide", PROJECT)])
@pytest.mark.parametrize(
    ("store", "said"), [("none.db", "found nothing"), ("folder", "found a folder"), ("text.db", "found another file")]
)
def test_what_is_no_store_is_named(run: Run, command: tuple[object, ...], store: str, said: str) -> None:
    Path("folder").mkdir()
    Path("text.db").write_text("not a store at all" * 100)

    ended = run(*command, "--store", store)

    assert ended.code == 2
    assert f"{store}: expected a store of Opportune, {said}" in ended.err
    assert "; " in ended.err


def test_a_store_that_is_none_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other.db").write_text("not a store at all" * 100)

    for command in (("verify",), ("replay",), ("explain", "x")):
        ended = run(*command, "--store", tmp_path / "other.db")
        assert ended.code == 2
        assert ended.err.startswith("opportune: ")
