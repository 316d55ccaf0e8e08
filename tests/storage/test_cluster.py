"""What processes tell one another, on the store of one process."""

from __future__ import annotations

import queue
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from opportune.storage import SqliteStorage
from opportune.storage.cluster import LiveModel, Notice, ProcessReport, identifier_mark
from opportune.storage.local_cluster import LocalCluster

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MODEL = LiveModel(name="bayes", revision="r1", position=7, hash="h", state=b"state")


def process(id_: str = "p-1", host: str = "host-1", pid: int = 1) -> ProcessReport:
    """A decider by its own word."""
    return ProcessReport(
        id=id_,
        host=host,
        pid=pid,
        role="decider",
        address="127.0.0.1:8080",
        revision=1,
        model="bayes",
        position=5,
        lag=2,
        started_at=NOON,
        seen_at=NOON,
    )


def test_a_store_of_one_process_has_a_cluster_of_its_own(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "store.db") as storage:
        assert not storage.cluster.shared


def test_the_first_notice_says_that_some_may_be_missed() -> None:
    notices: queue.Queue[Notice] = queue.Queue()
    cluster = LocalCluster()
    watch = cluster.watch(notices.put)
    cluster.post(MODEL)

    assert notices.get(timeout=5) == Notice(missed=True)
    assert notices.get(timeout=5) == Notice(model=7)
    watch.close()


def test_a_closed_watch_is_told_nothing() -> None:
    notices: queue.Queue[Notice] = queue.Queue()
    cluster = LocalCluster()
    watch = cluster.watch(notices.put)
    notices.get(timeout=5)
    watch.close()
    watch.close()

    cluster.post(MODEL)

    assert notices.empty()


def test_the_one_process_leads_until_it_gives_up() -> None:
    leadership = LocalCluster().lead("learner")

    assert leadership.held()
    leadership.release()
    assert not leadership.held()


def test_the_model_posted_last_is_the_live_one() -> None:
    cluster = LocalCluster()
    assert cluster.live("bayes") is None

    cluster.post(MODEL)
    cluster.post(msgspec.structs.replace(MODEL, position=9))

    live = cluster.live("bayes")
    assert live is not None
    assert live.position == 9


def test_processes_are_listed_until_they_withdraw_or_fall_silent() -> None:
    now = NOON
    cluster = LocalCluster(lambda: now)
    cluster.report(process("silent"))
    now = NOON + timedelta(seconds=50)
    cluster.report(process("gone", pid=2))
    cluster.report(process("b", host="host-2"))
    cluster.report(process("a", pid=3))
    cluster.withdraw("gone")
    now = NOON + timedelta(seconds=70)

    listed = cluster.processes()

    assert [report.id for report in listed] == ["a", "b"]
    assert listed[0].seen_at == NOON + timedelta(seconds=50)


def test_a_mark_tells_kinds_and_values_apart() -> None:
    marks = {identifier_mark(*pair) for pair in (("a", "b"), ("ab", ""), ("", "ab"), ("b", "a"), ("a", "\ud800"))}

    assert len(marks) == 5
