"""Publishing, going back and listing over HTTP, beside decisions; and what a service begins with."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from opportune.errors import InputError
from opportune.service import Settings, embedded
from opportune.service.proof import prove_models
from opportune.service.publishing import Offer, publish
from opportune.service.redeciding import prove_decisions
from opportune.service.starting import begin_with
from opportune.storage import Kind, SqliteStorage, verify_storage

from .shop import Service, another, files, serving, strategy
from .variants import variant

NUMPY = Settings(kernel="numpy")


def published(service: Service, texts: dict[str, str], **fields: Any) -> dict[str, Any]:
    answer = service.call("POST", "/v1/revisions", {"files": texts, **fields})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def answer_all(service: Service, name: str, count: int = 6) -> None:
    for number in range(count):
        answer = service.decide(f"{name}-{number}", placements=[{"name": "receipt", "size": 9}])
        for shown in answer["placements"][0]["actions"]:
            body = {"id": f"{name}-{number}-{shown['action']}", "decision": answer["id"], "action": shown["action"]}
            service.call("POST", "/v1/outcomes", body | {"outcome": "accept" if number % 2 else "reject"})
    service.settle()


def evidence(service: Service) -> dict[str, float]:
    (model,) = service.call("GET", "/v1/models").json()["models"]
    return {name.split("/")[1]: counts["accept"] for name, counts in model["evidence"].items() if "/till/" in name}


def test_a_published_strategy_is_served_at_once_and_can_be_taken_back(service: Service) -> None:
    first = service.decide("before")["revision"]
    lever = published(service, dict(variant("lever").project.files), author="ada", reason="more water")
    second = service.decide("after")["revision"]
    back = service.call("POST", "/v1/revisions/rollback", {"author": "bob", "reason": "too much"}).json()

    assert (lever["number"], lever["repeated"], lever["changes"]) == (2, False, ["action 'water', lever: 1 → 2"])
    assert second == lever["hash"] != first
    assert (back["number"], back["returns_to"], back["hash"]) == (3, 1, first)
    assert service.decide("last")["revision"] == first
    lines = service.call("GET", "/v1/revisions").json()["revisions"]
    assert [(line["number"], line["author"], line["reason"], line["live"]) for line in lines] == [
        (1, "", "", False),
        (2, "ada", "more water", False),
        (3, "bob", "too much", True),
    ]
    one = service.call("GET", "/v1/revisions/2").json()
    assert one["files"] == dict(variant("lever").project.files)
    assert one["revision"]["hash"] == second


def test_what_is_live_already_changes_nothing(service: Service) -> None:
    again = published(service, dict(strategy().project.files))

    assert (again["number"], again["repeated"]) == (1, True)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"files": {}}, 422, "project-refused"),
        ({"files": {"project.yaml": "name: [}"}}, 422, "project-refused"),
        ({}, 422, "invalid-request"),
        ({"files": {"project.yaml": 1}}, 422, "invalid-request"),
        ({"files": files(), "author": "x" * 201}, 422, "invalid-request"),
    ],
)
def test_a_refused_strategy_leaves_the_one_before(
    service: Service, body: dict[str, Any], status: int, code: str
) -> None:
    answer = service.call("POST", "/v1/revisions", body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert service.decide("still")["revision"] == strategy().plan.revision
    assert len(service.call("GET", "/v1/revisions").json()["revisions"]) == 1


def test_problems_are_told_with_their_places(service: Service) -> None:
    texts = files()
    texts["goals.yaml"] += "\nzzz: {}\n"
    texts["actions/drinks/water.yaml"] += "\nlever: much\n"
    problems = service.call("POST", "/v1/revisions", {"files": texts}).json()["problems"]

    assert [problem["where"].split(": ")[0] for problem in problems] == [
        "actions/drinks/water.yaml:10:8",
        "goals.yaml:3:1",
    ]


@pytest.mark.parametrize("number", [7, 0, -1, 10**12])
def test_unknown_numbers_are_refused(service: Service, number: int) -> None:
    assert service.call("POST", "/v1/revisions/rollback", {"number": number}).status_code in (404, 422)
    assert service.call("GET", f"/v1/revisions/{number}").status_code == 404


def test_there_is_nothing_before_the_first(service: Service) -> None:
    answer = service.call("POST", "/v1/revisions/rollback", {})

    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_going_back_twice_goes_back_further(service: Service) -> None:
    for word in ("one", "two"):
        published(service, dict(another(word).project.files))
    back = [service.call("POST", "/v1/revisions/rollback", {}).json()["returns_to"] for _ in range(2)]

    assert back == [2, 1]


def test_what_was_learned_goes_along_over_renames_and_back(service: Service) -> None:
    answer_all(service, "first")
    before = evidence(service)
    published(service, dict(variant("renamed").project.files))
    renamed = evidence(service)
    answer_all(service, "second")
    service.call("POST", "/v1/revisions/rollback", {})
    service.settle()
    after = evidence(service)

    assert before["water"] == renamed["sparkling"] == 6
    assert after["water"] == 12
    assert service.runtime.learner.skipped == 0


@pytest.mark.parametrize("name", ["fewer predictors", "more predictors", "more outcomes", "moved", "group renamed"])
def test_predictors_and_outcomes_may_change_while_it_learns(tmp_path: Path, name: str) -> None:
    with serving(tmp_path / "shop.db") as service:
        answer_all(service, "first")
        published(service, dict(variant(name).project.files))
        assert evidence(service)["water"] == 6
        answer_all(service, "second")
        digest = service.runtime.learner.model.digest()
        service.call("POST", "/v1/revisions/rollback", {})
        answer_all(service, "third")
    with serving(tmp_path / "shop.db") as service:
        assert evidence(service)["water"] == 18
        assert service.runtime.learner.model.digest() != digest
    with SqliteStorage(tmp_path / "shop.db", read_only=True) as storage:
        assert verify_storage(storage) == []
        assert prove_models(storage)[1] == []
        counts, problems = prove_decisions(storage)
        assert (counts.compared, problems) == (18, [])


def test_a_learner_that_is_behind_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "PATIENCE_SECONDS", 0.0)
    with serving(tmp_path / "shop.db", replace(NUMPY, lessons_per_slice=1)) as service:
        answers = [service.decide(f"r-{number}") for number in range(60)]
        batch = [
            {"id": f"o-{number}", "decision": answer["id"], "action": "water", "outcome": "accept"}
            for number, answer in enumerate(answers)
        ]

        async def both() -> tuple[Any, dict[str, Any], int]:
            learned = asyncio.create_task(service.acall("POST", "/v1/outcomes", batch))
            texts = dict(variant("fewer predictors").project.files)
            done = await service.acall("POST", "/v1/revisions", {"files": texts})
            answer = (await service.acall("POST", "/v1/decisions", _contact("ahead"))).json()
            position = service.runtime.storage.decision(answer["id"]).decision.position  # type: ignore[union-attr]
            await learned
            return done, answer, position

        done, answer, position = service.runner.run(both())
        service.settle()
        assert done.status_code == 200
        assert answer["revision"] == variant("fewer predictors").plan.revision
        assert service.runtime.teacher.lag == 0
        assert service.runtime.live.current.learned is service.runtime.learner.taught
        assert service.runtime.learner.learned == 60
        assert position <= service.runtime.learner.position
    with SqliteStorage(tmp_path / "shop.db", read_only=True) as storage:
        assert prove_decisions(storage)[1] == []


def _contact(id: str) -> dict[str, Any]:
    return {"id": id, "channel": "till", "placements": [{"name": "receipt"}]}


def test_requests_that_would_be_refused_are_counted(service: Service) -> None:
    for number in range(3):
        service.decide(f"r-{number}", channel="app", placements=[{"name": "card"}])
    service.decide("till")
    texts = files()
    texts["channels.yaml"] = texts["channels.yaml"][: texts["channels.yaml"].index("app:")]
    for path, text in texts.items():
        if path.startswith("actions/"):
            texts[path] = text.split("  app:")[0]
    trial = published(service, texts)["trial"]

    assert trial["decided"] == 1
    assert list(trial["refused"].values()) == [3]
    assert "no such channel" in next(iter(trial["refused"]))


# What a service begins with


def test_a_new_folder_is_published_and_an_old_one_is_not(tmp_path: Path) -> None:
    one, two = files(), dict(another("two").project.files)
    with SqliteStorage(tmp_path / "shop.db") as storage:
        with pytest.raises(InputError, match="no revision that can be used"):
            begin_with(storage, None, "a", kernel="numpy")
        first = begin_with(storage, one, "b", author="ada", kernel="numpy")
        second = begin_with(storage, two, "c", kernel="numpy")
        old = begin_with(storage, one, "d", kernel="numpy")
        none = begin_with(storage, None, "e", kernel="numpy")
        assert [note.number for note in storage.revisions()] == [1, 2]

    assert (first.notes, second.notes, none.notes) == ((), (), ())
    assert old.strategy.plan.revision == none.strategy.plan.revision == second.strategy.plan.revision
    assert "the folder is revision 1; revision 2 is in use and is served" in old.notes[0]


def flip(path: Path, number: int) -> None:
    """Change one byte of the bundle of a revision."""
    connection = apsw.Connection(str(path))
    name, body = connection.execute(
        "select b.hash, b.body from bundles b join revisions r using (hash) where r.number = ?", (number,)
    ).fetchall()[0]
    spoiled = bytearray(body)
    spoiled[len(spoiled) // 2] ^= 1
    connection.execute("update bundles set body = ? where hash = ?", (bytes(spoiled), name))
    connection.close()


def test_a_damaged_bundle_never_replaces_the_last_good_one(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with serving(path) as service:
        answer_all(service, "first")
        published(service, dict(variant("lever").project.files))
        answer_all(service, "second")
    flip(path, 2)
    with SqliteStorage(path) as storage:
        start = begin_with(storage, None, "x", kernel="numpy")
    assert start.strategy.plan.revision == strategy().plan.revision
    assert "revision 2 cannot be used" in start.notes[0]
    assert "revision 1 goes on" in start.notes[0]
    with serving(path, of=start.strategy) as service:
        assert service.decide("good")["revision"] == strategy().plan.revision
        assert service.runtime.live.current.number == 1
        assert evidence(service)["water"] == 12
        refused = service.call("POST", "/v1/revisions/rollback", {"number": 2})
        assert refused.status_code == 503
        again = service.call("POST", "/v1/revisions", {"files": dict(variant("lever").project.files)})
        assert again.status_code == 503
        assert service.decide("still")["revision"] == strategy().plan.revision
        new = published(service, dict(another("mended").project.files))
        assert service.decide("new")["revision"] == new["hash"]


PUBLISH_AND_DIE = """
import sys
from pathlib import Path
from opportune.service.publishing import Offer, publish
from opportune.storage import SqliteStorage
sys.path.insert(0, sys.argv[2])
from tests.reliability.revisions import marked_files
with SqliteStorage(Path(sys.argv[1])) as storage:
    first = int(sys.argv[3])
    for number in range(first, first + 1000):
        done = publish(storage, Offer(marked_files(number % 9)), f"p-{number}", "numpy")
        sys.stdout.write(f"{done.number} {done.hash}\\n")
        sys.stdout.flush()
"""


@pytest.mark.parametrize("attempts", [2, pytest.param(20, marks=pytest.mark.full)])
def test_a_kill_during_publishing_leaves_it_whole_or_not_at_all(tmp_path: Path, attempts: int) -> None:
    path = tmp_path / "shop.db"
    root = str(Path(__file__).parents[2])
    acknowledged: dict[int, str] = {}
    for attempt in range(attempts):
        command = [sys.executable, "-c", PUBLISH_AND_DIE, str(path), root, str(len(acknowledged) + attempt)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(2 + attempt % 3):
                number, name = process.stdout.readline().split()
                acknowledged[int(number)] = name
            process.send_signal(signal.SIGKILL)
            rest = process.stdout.read().split("\n")[:-1]
            acknowledged |= {int(line.split()[0]): line.split()[1] for line in rest}
            process.wait(10)
        with SqliteStorage(path) as storage:
            notes = storage.revisions()
            assert [note.number for note in notes] == list(range(1, len(notes) + 1))
            assert {note.number: note.hash for note in notes}.items() >= acknowledged.items()
            assert len(notes) - len(acknowledged) in (0, 1)
            acknowledged = {note.number: note.hash for note in notes}
            for note in notes:
                assert storage.revision(note.number) is not None
            assert verify_storage(storage) == []
            assert begin_with(storage, None, "x", kernel="numpy").notes == ()
    with SqliteStorage(path, read_only=True) as storage:
        assert len(storage.journal(kinds=(Kind.REVISION,))) == len(acknowledged)


def test_two_publishers_do_not_undo_each_other(tmp_path: Path) -> None:
    """Who examined an older revision is refused once another one was published meanwhile."""
    from opportune.service.course import Course
    from opportune.service.publishing import revision_of

    with SqliteStorage(tmp_path / "shop.db") as storage:
        publish(storage, Offer(files()), "a", "numpy")
        course = Course(storage)
        late = revision_of(course, another("late"), "b")
        publish(storage, Offer(dict(another("other").project.files)), "c", "numpy")
        (refused,) = storage.write([late])

        assert isinstance(refused, InputError)
        assert refused.code == "revision-superseded"
        assert [note.number for note in storage.revisions()] == [1, 2]
