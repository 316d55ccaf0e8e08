"""What processes that share a PostgreSQL store tell one another."""

from __future__ import annotations

import os
import queue
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from opportune.storage import MergePersons, SaveRevision
from opportune.storage.cluster import LiveModel, Notice, ProcessReport, identifier_mark
from opportune.storage.postgres import PostgresStorage
from opportune.testing.storage import accept, save_decision, save_profile
from tests.postgres import PostgresServer, need_postgres

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MODEL = LiveModel(name="bayes", revision="r1", position=7, hash="h", state=b"state" * 999)


@pytest.fixture
def server() -> PostgresServer:
    return need_postgres()


@pytest.fixture
def url(server: PostgresServer) -> str:
    return server.database()


@pytest.fixture
def storage(url: str) -> Iterator[PostgresStorage]:
    with PostgresStorage(url) as storage:
        yield storage


@pytest.fixture
def other(url: str, storage: PostgresStorage) -> Iterator[PostgresStorage]:
    """The same store, as another process has it."""
    with PostgresStorage(url) as other:
        yield other


@pytest.fixture
def notices(other: PostgresStorage) -> Iterator[Callable[[], Notice]]:
    """Gives the next notice that the other process hears, after the first one of all."""
    heard: queue.Queue[Notice] = queue.Queue()
    watch = other.cluster.watch(heard.put)
    assert heard.get(timeout=10) == Notice(missed=True)
    yield lambda: heard.get(timeout=10)
    watch.close()


def _process(id_: str, host: str = "host-1", pid: int = 1) -> ProcessReport:
    return ProcessReport(
        id=id_,
        host=host,
        pid=pid,
        role="decider",
        address="",
        revision=1,
        model="bayes",
        position=5,
        lag=2,
        started_at=NOON,
        seen_at=NOON,
    )


def test_a_watch_listens_on_a_descriptor_of_any_number(server: PostgresServer) -> None:
    heard: list[Notice] = []
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2_048, most[1]), most[1]))
    taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(1_100)]
    try:
        with PostgresStorage(server.database()) as storage:
            watch = storage.cluster.watch(heard.append)
            end = time.monotonic() + 10
            while not heard and time.monotonic() < end:
                time.sleep(0.01)
            watch.close()
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, most)

    assert heard


def test_a_commit_tells_whose_profile_changed(storage: PostgresStorage, notices: Callable[[], Notice]) -> None:
    storage.write([save_profile("p", "c-001", age=1)])
    first = notices()
    storage.write([save_profile("q", "c-001", age=2)])

    person = storage.person_of("c-001")
    assert first == Notice(last=1, persons=(person or "",), identifiers=(identifier_mark("customer", "c-001"),))
    assert notices() == Notice(last=2, persons=(person or "",))


def test_no_notice_names_an_identifier(storage: PostgresStorage, notices: Callable[[], Notice]) -> None:
    storage.write([save_profile("p", "canary-7f3a", age=1)])

    assert "canary" not in str(notices())


def test_a_merge_tells_of_both_persons(storage: PostgresStorage, notices: Callable[[], Notice]) -> None:
    storage.write([save_profile("p", "c-001", age=1), save_profile("q", "c-002", age=2)])
    persons = {storage.person_of("c-001"), storage.person_of("c-002")}
    notices()

    storage.write([MergePersons(id="m", identifier="c-001", other="c-002")])

    assert set(notices().persons) == persons


def test_a_commit_tells_of_outcomes_and_of_a_new_revision(
    storage: PostgresStorage, notices: Callable[[], Notice]
) -> None:
    storage.write([save_decision("a"), accept("o", "d-a")])
    storage.write([SaveRevision(id="r", hash="r1", bundle=b"bundle")])

    assert notices() == Notice(last=2, outcomes=True)
    assert notices() == Notice(last=3, revision=1)


def test_of_decisions_alone_nobody_is_told(storage: PostgresStorage, notices: Callable[[], Notice]) -> None:
    storage.write([save_decision("a")])
    storage.write([accept("o", "d-a")])

    assert notices().last == 2


def test_of_more_persons_than_a_notice_holds_it_says_that_some_are_missing(
    storage: PostgresStorage, notices: Callable[[], Notice]
) -> None:
    storage.write([save_profile(f"p{number}", f"c-{number}", age=1) for number in range(300)])

    assert notices() == Notice(last=300, missed=True)


def test_stores_in_one_database_do_not_hear_one_another(
    url: str, storage: PostgresStorage, notices: Callable[[], Notice]
) -> None:
    with PostgresStorage(f"{url}?options=-csearch_path%3Dsecond") as second:
        second.write([save_profile("p", age=1)])
        assert storage.last_sequence() == 0
    storage.cluster.post(MODEL)

    assert notices() == Notice(model=7)


def test_a_watch_goes_on_after_the_server_was_away(
    server: PostgresServer, storage: PostgresStorage, notices: Callable[[], Notice]
) -> None:
    server.stop()
    server.start()

    assert notices() == Notice(missed=True)
    storage.write([save_profile("p", age=1)])
    assert notices().last == 1


def test_a_watch_notices_a_server_that_hung(
    server: PostgresServer, storage: PostgresStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opportune.storage.postgres.watch._BEAT_SECONDS", 0.2)
    heard: queue.Queue[Notice] = queue.Queue()
    watch = storage.cluster.watch(heard.put)
    heard.get(timeout=10)
    server.pause()
    time.sleep(1)  # longer than the watch waits for an answer
    server.resume()

    assert heard.get(timeout=10) == Notice(missed=True)
    watch.close()


def test_a_watch_may_be_closed_twice_and_without_a_server(server: PostgresServer, storage: PostgresStorage) -> None:
    watch = storage.cluster.watch(lambda notice: None)
    server.stop()
    watch.close()
    watch.close()
    server.start()


def test_one_process_leads_at_a_time(storage: PostgresStorage, other: PostgresStorage) -> None:
    first = storage.cluster.lead("learner")
    assert first is not None
    assert first.held()

    assert other.cluster.lead("learner") is None
    assert storage.cluster.lead("learner") is None
    chores = other.cluster.lead("chores")
    assert chores is not None
    chores.release()

    first.release()
    assert not first.held()
    second = other.cluster.lead("learner")
    assert second is not None
    second.release()


def test_a_role_ends_with_its_process(url: str, storage: PostgresStorage) -> None:
    code = (
        "import sys, time\nfrom opportune.storage.postgres import PostgresStorage\n"
        f"print(PostgresStorage({url!r}).cluster.lead('learner').held(), flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        assert storage.cluster.lead("learner") is None
        process.kill()
        began = time.monotonic()
        while (role := storage.cluster.lead("learner")) is None:
            assert time.monotonic() - began < 5
            time.sleep(0.05)
    role.release()


def test_a_leader_notices_that_the_server_ended_its_session(server: PostgresServer, storage: PostgresStorage) -> None:
    role = storage.cluster.lead("learner")
    assert role is not None
    server.stop()
    server.start()

    assert not role.held()
    again = storage.cluster.lead("learner")
    assert again is not None
    again.release()
    role.release()


def test_a_leader_that_hears_nothing_for_a_second_does_not_lead(
    server: PostgresServer, storage: PostgresStorage
) -> None:
    role = storage.cluster.lead("learner")
    assert role is not None
    server.pause()
    began = time.monotonic()
    held = role.held()
    seconds = time.monotonic() - began
    server.resume()
    role.release()

    assert not held
    assert seconds < 3


def test_a_leader_that_stands_still_is_relieved(url: str, storage: PostgresStorage) -> None:
    code = (
        "import os, signal\nfrom opportune.storage.postgres import PostgresStorage\n"
        f"role = PostgresStorage({url!r}).cluster.lead('learner')\n"
        "print(role.held(), flush=True)\nos.kill(os.getpid(), signal.SIGSTOP)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        began = time.monotonic()
        while (role := storage.cluster.lead("learner")) is None:
            assert time.monotonic() - began < 8
            time.sleep(0.1)
        process.kill()
    role.release()


def test_the_model_posted_last_is_the_live_one_and_everybody_hears_of_it(
    storage: PostgresStorage, other: PostgresStorage, notices: Callable[[], Notice]
) -> None:
    assert other.cluster.live("bayes") is None

    storage.cluster.post(MODEL)
    storage.cluster.post(msgspec.structs.replace(MODEL, position=9))

    assert [notices().model, notices().model] == [7, 9]
    assert other.cluster.live("bayes") == msgspec.structs.replace(MODEL, position=9)


def test_live_models_are_lost_in_a_crash_and_nothing_else(server: PostgresServer, storage: PostgresStorage) -> None:
    storage.write([save_decision("a")])
    storage.cluster.post(MODEL)
    server.stop("immediate")
    server.start()

    assert storage.cluster.live("bayes") is None
    assert storage.last_sequence() == 1


def test_processes_are_listed_by_the_clock_of_the_server(storage: PostgresStorage, other: PostgresStorage) -> None:
    storage.cluster.report(_process("b", host="host-2"))
    storage.cluster.report(_process("gone"))
    other.cluster.report(_process("a", pid=3))
    other.cluster.report(_process("a", pid=3))
    other.cluster.withdraw("gone")

    listed = storage.cluster.processes()

    assert [process.id for process in listed] == ["a", "b"]
    assert abs(listed[0].seen_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_process_that_fell_silent_is_not_listed(server: PostgresServer, url: str, storage: PostgresStorage) -> None:
    storage.cluster.report(_process("a"))
    server.execute("update opportune.processes set seen_at = now() - interval '61 seconds'", url.rpartition("/")[2])

    assert storage.cluster.processes() == []
