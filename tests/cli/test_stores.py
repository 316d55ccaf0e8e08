"""Commands that read a store: explain, replay, verify."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import httpx
import pytest

from opportune.service.revisions import strategy_from_folder
from tests.cli.conftest import Run, fill
from tests.service.process import running
from tests.service.shop import PROJECT, serving


def test_explain_finds_a_decision_by_its_id_and_by_its_request(run: Run, store: Path) -> None:
    by_request = run("explain", "r-49", "--store", store, "--json").json
    by_id = run("explain", by_request["decision"]["id"], "--store", store)
    unknown = run("explain", "d-404", "--store", store)

    assert by_request["explanation"]["scores"] == "recomputed"
    assert by_id.code == 0
    assert "customer.age is missing" in by_id.out or "missing" in by_id.out
    assert (unknown.code, "no decision" in unknown.err) == (1, True)


TIMED = "customer.since < timestamp('2026-01-01T00:00:00Z') && customer.city == 'Gdynia'"


def _reported(url: str, id: str, **said: object) -> None:
    httpx.post(f"{url}/v1/outcomes", json={"id": id, **said}).raise_for_status()


def test_another_kernel_explains_where_that_of_the_decision_is_not_installed(
    run: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(kernel: str) -> str:
        raise ValueError(kernel)

    pytest.importorskip("numba")
    recorded, told = (run("explain", "r-49", "--store", store, *form) for form in (("--json",), ()))
    monkeypatch.setattr("opportune.service.recalling.resolve_kernel", refuse)
    other, told_otherwise = (run("explain", "r-49", "--store", store, *form) for form in (("--json",), ()))

    assert recorded.json["explanation"]["kernel"] == recorded.json["decision"]["kernel"] == "numpy"
    assert (other.json["explanation"]["scores"], other.json["explanation"]["kernel"]) == ("recomputed", "numba")
    assert "last digits" not in told.out
    assert "scores by the kernel numba, decided by numpy: last digits may differ" in told_otherwise.out


def test_a_running_service_explains_as_its_store_does(run: Run) -> None:
    folder = Path(shutil.copytree(PROJECT, "shop"))
    coffee = folder / "actions" / "drinks" / "coffee.yaml"
    coffee.write_text(coffee.read_text().replace("customer.age >= 18", TIMED) + "mandatory: true\n")
    with running(Path("shop.db"), project=folder) as served:
        known = {"since": "2020-01-15T10:00:00.25Z", "city": "Gdynia", "age": 41}
        httpx.put(f"{served.url}/v1/customers/c-1", json={"attributes": known}).raise_for_status()
        body = {"id": "r/1 é", "channel": "till", "placements": [{"name": "receipt"}], "customer": "c-1"}
        name = httpx.post(f"{served.url}/v1/decisions", json=body).json()["id"]
        late = httpx.post(f"{served.url}/v1/decisions", json=body | {"id": "r-2", "customer": "c-2"}).json()["id"]
        said = {"decision": name, "action": "coffee"}
        _reported(served.url, "o-1", **said, outcome="accept")
        _reported(served.url, "o-2", **said, outcome="accept")
        _reported(served.url, "o-3", decision=name, withdraws="o-1")
        _reported(served.url, "o-4", **said, outcome="reject", replaces="o-2")
        both = [
            [run("explain", id, *place, *form) for place in (("--store", "shop.db"), ("--url", served.url))]
            for id in (name, "r/1 é", late, "d-404")
            for form in ((), ("--json",))
        ]
        two = run("explain", name, "--store", "shop.db", "--url", served.url)
    away = run("explain", name, "--url", served.url)

    assert [there for _, there in both] == [here for here, _ in both]
    assert [here.code for here, _ in both] == [0] * 6 + [1] * 2
    text = both[0][0].out
    assert "outcomes so far: coffee accept, coffee accept (again), an earlier report withdrawn, coffee reject" in text
    assert 'customer.since = timestamp("2020-01-15T10:00:00.250000Z")' in text
    assert [one["id"] for one in both[1][0].json["outcomes"]] == ["o-1", "o-2", "o-3", "o-4"]
    assert "no decision and no request has this id" in both[6][1].err
    assert (two.code, away.code) == (2, 2)
    assert "expected --store or --url, found both" in two.err
    assert "could not be reached" in away.err


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


def test_replay_with_another_kernel_says_why_digests_differ(run: Run, store: Path) -> None:
    pytest.importorskip("numba")
    replayed = run("replay", "--store", store, "--kernel", "numba")

    assert replayed.code == 1
    assert "DIFFERENT from the served model; learned again with the kernel numba" in " ".join(replayed.out.split())


def test_after_an_erasure_nothing_is_at_fault(run: Run, tmp_path: Path) -> None:
    store = tmp_path / "shop.db"
    with serving(store) as service:
        for number in range(4):
            service.call("PATCH", f"/v1/customers/c-{number}", {"attributes": {"age": 40}}).raise_for_status()
            answer = service.decide(f"r-{number}", customer=f"c-{number}")
            said = {"id": f"o-{number}", "decision": answer["id"], "action": "water", "outcome": "accept"}
            service.call("POST", "/v1/outcomes", said).raise_for_status()
            service.settle()
        service.call("POST", "/v1/customers/c-1/erasure", {"reason": "asked"}).raise_for_status()

    verified = run("verify", "--store", store)
    replayed = run("replay", "--store", store, "--kernel", "numpy")

    assert (verified.code, replayed.code) == (0, 0)
    assert "3 decisions not, as what they rest on is not kept" in verified.out
    assert "not compared, since decisions that it learned from were erased" in replayed.out


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


@pytest.mark.parametrize(
    "command",
    [
        "erase c-1 --reason asked",
        "merge c-1 cookie:5f0c",
        "split c-1 3",
        "consent record c-1 offers --given",
        "consent import said.csv",
        "off water",
        "on water",
        "rollback",
        "models promote simple",
        "models rebuild",
        "retire --keep-days 30",
        "retire --classes",
        "secret identity",
        "serve",
    ],
)
@pytest.mark.parametrize("store", ["shpo.db", "sqlite:///shpo.db"])
def test_a_store_of_a_misspelt_name_is_not_made(run: Run, command: str, store: str) -> None:
    ended = run(*command.split(), "--store", store)

    assert ended.code == 2
    assert "shpo.db: expected a store of Opportune, found nothing" in ended.err
    assert list(Path().iterdir()) == []
