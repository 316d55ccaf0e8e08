"""A device that fails to flush gets no write acknowledged, and the store heals when it works again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opportune.errors import StoreError
from opportune.storage import Entry, GroupWriter, SqliteStorage, verify_storage
from opportune.testing.storage import save_decision

from .recording import RecordingFiles


@pytest.fixture
def files() -> Iterator[RecordingFiles]:
    with RecordingFiles() as files:
        yield files


def test_a_failed_flush_acknowledges_nothing_and_heals(files: RecordingFiles, tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "store.db") as storage:
        storage.write([save_decision("before")])
        files.failing = True
        for number in range(3):
            with pytest.raises(StoreError):
                storage.write([save_decision(f"during{number}")])
        files.failing = False

        storage.write([save_decision("after")])

        assert storage.decision("d-before") is not None
        assert storage.decision("d-after") is not None
        assert verify_storage(storage) == []


def test_a_write_may_be_sent_again_after_a_failed_flush(files: RecordingFiles, tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "store.db") as storage:
        files.failing = True
        with pytest.raises(StoreError, match=r"store.db: the device does not .*the device failed.*quotas"):
            storage.write([save_decision("a")])
        files.failing = False

        storage.write([save_decision("a")])

        assert storage.counts().decisions == 1


def test_after_a_failed_flush_nothing_rests_on_the_old_wal(files: RecordingFiles, tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "store.db") as storage:
        files.failing = True
        with pytest.raises(StoreError):
            storage.write([save_decision("a")])
        files.failing = False
        storage.write([save_decision("b")])

        # A copy of the files as they are, opened anew, has all that was acknowledged.
        copy = tmp_path / "copy"
        copy.mkdir()
        for name in ("store.db", "store.db-wal"):
            (copy / name).write_bytes((tmp_path / name).read_bytes())
        with SqliteStorage(copy / "store.db") as copied:
            assert copied.decision("d-b") is not None


def test_followers_of_the_journal_miss_nothing_around_a_failed_flush(files: RecordingFiles, tmp_path: Path) -> None:
    seen: list[int] = []

    def note(entries: list[Entry]) -> None:
        seen.extend(entry.sequence for entry in entries)

    with SqliteStorage(tmp_path / "store.db") as storage:
        writer = GroupWriter(storage, note)
        writer.submit(save_decision("a")).result(10)
        files.failing = True
        with pytest.raises(StoreError):
            writer.submit(save_decision("b")).result(10)
        files.failing = False
        last = writer.submit(save_decision("c")).result(10)
        writer.close()

    assert seen == list(range(1, last.sequence + 1))
