"""`opportune status`: who is there, and is all well?"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from opportune.service.course import Course
from opportune.service.publishing import revision_of
from opportune.service.status import status_of
from opportune.storage import SqliteStorage, Storage, open_storage
from opportune.storage.cluster import ProcessReport
from tests.postgres import need_postgres
from tests.service.process import running
from tests.service.shop import strategy

from .conftest import Run

NOW = datetime.now(UTC)


def report(role: str, pid: int, **fields: int) -> ProcessReport:
    found = ProcessReport(
        id=f"{role}-{pid}",
        host="web-1",
        pid=pid,
        role=role,
        address="127.0.0.1:8080" if role != "learner" else "",
        revision=1,
        model="bayes",
        position=4,
        lag=0,
        started_at=NOW,
        seen_at=NOW,
    )
    return msgspec.structs.replace(found, **fields)


def publish(storage: Storage) -> None:
    storage.write([revision_of(Course(storage), strategy(), "first")])


def test_it_shows_the_process_that_serves_a_file(run: Run, tmp_path: Path) -> None:
    with running(tmp_path / "shop.db") as service:
        ended = run("status", "--url", service.url)

    assert ended.code == 0
    assert "embedded" in ended.out
    assert f"127.0.0.1:{service.port}" in ended.out
    assert "All is well: revision 1" in ended.out


def test_it_shows_every_process_of_a_shared_store(run: Run) -> None:
    url = need_postgres().database()
    with open_storage(url) as storage:
        publish(storage)
        for one in (report("decider", 7), report("decider", 8), report("learner", 9)):
            storage.cluster.report(one)

        ended = run("status", "--store", url, "--json")

    assert ended.code == 0
    assert [(one["pid"], one["role"], one["health"]) for one in ended.json["processes"]] == [
        (7, "decider", "ok"),
        (8, "decider", "ok"),
        (9, "learner", "ok"),
    ]


def test_no_learner_is_a_problem(run: Run) -> None:
    url = need_postgres().database()
    with open_storage(url) as storage:
        publish(storage)
        storage.cluster.report(report("decider", 7))

        ended = run("status", "--store", url)

    assert ended.code == 1
    assert "no process learns" in ended.out


def test_another_revision_is_a_problem_after_a_while(tmp_path: Path) -> None:
    before = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
    late = datetime(2026, 6, 1, 12, 0, 6, tzinfo=UTC)
    with SqliteStorage(tmp_path / "shop.db", clock=lambda: before) as storage:
        publish(storage)
        storage.cluster.report(report("embedded", 7, revision=0))
        at_once, later = status_of(storage, before), status_of(storage, late)

    assert at_once.problems == ()
    assert later.processes[0].health == "lost"
    with SqliteStorage(tmp_path / "shop.db", clock=lambda: late) as storage:
        storage.cluster.report(report("embedded", 7, revision=0))
        behind = status_of(storage, late)
    assert behind.processes[0].health == "behind"
    assert "expected revision 1, found 0" in behind.problems[0]


def test_a_file_is_asked_through_its_service(run: Run, store: Path) -> None:
    ended = run("status", "--store", store)

    assert ended.code == 2
    assert "use --url" in ended.err


def test_where_nobody_answers_it_says_so(run: Run) -> None:
    ended = run("status", "--url", "http://127.0.0.1:1")

    assert ended.code == 2
    assert "no service answers" in ended.err


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "localhost:8080", "ftp://127.0.0.1", "http://", "http://[::1"])
@pytest.mark.parametrize("command", [["status"], ["revisions"], ["events", "follow", "calls", "--brokers", "k:9092"]])
def test_an_address_that_cannot_be_one_is_told(run: Run, command: list[str], url: str) -> None:
    ended = run(*command, "--url", url)

    assert ended.code == 2
    assert "expected an address that begins with http:// or https://" in re.sub(r"[\s│]+", " ", ended.err)


def test_a_service_of_another_version_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opportune.client.Client.explain", lambda client, decision: {"explanation": None})

    ended = run("explain", "r-1", "--url", "http://127.0.0.1:1")

    assert ended.code == 2
    assert "the service answers as another version of Opportune does" in ended.err


def test_a_file_is_not_served_by_several_processes(run: Run, tmp_path: Path) -> None:
    ended = run("serve", tmp_path / "nothing", "--store", tmp_path / "shop.db", "--workers", "2")
    assert ended.code in (1, 2)

    from tests.service.shop import PROJECT

    ended = run("serve", PROJECT, "--store", tmp_path / "shop.db", "--workers", "2", "--port", "0")

    assert ended.code == 2
    assert "--workers 2" in ended.err
    assert "opportune copy" in ended.err
