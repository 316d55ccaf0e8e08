"""SQLite keeps the contract of storages, and guards its files."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw
import pytest

from opportune.errors import DamageError, StoreBusyError, StoreError
from opportune.storage import (
    AdoptModel,
    ErasePayloads,
    Kind,
    RecordEvent,
    SqliteStorage,
    Storage,
    open_storage,
    verify_storage,
)
from opportune.storage.sqlite import file
from opportune.storage.sqlite.checkpoints import PASS_COMMITS, PASS_PAGES, WAL_PAGES
from opportune.storage.sqlite.file import check_library
from opportune.testing.storage import StorageContract, accept, fill, forget, merge, save_decision, save_profile


class TestSqliteStorage(StorageContract):
    def open(self, folder: Path, **ports: Any) -> Storage:
        return SqliteStorage(folder / "store.db", **ports)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed store with a few entries."""
    path = tmp_path / "store.db"
    with SqliteStorage(path) as storage:
        storage.write([save_profile(f"p{number}", f"c-{number}", city="Gdynia") for number in range(20)])
        storage.write([save_decision(f"k{number}") for number in range(20)])
        storage.write([accept(f"o{number}", f"d-k{number}") for number in range(20)])
        storage.write([merge("m", "c-1", "c-2")])
        storage.write([AdoptModel(id="a", name="bayes", position=60, hash="h", state=b"state")])
    return path


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """A closed store that knows of everything about some persons, and forgot others."""
    path = tmp_path / "told.db"
    with SqliteStorage(path) as storage:
        fill(storage)
        storage.write([forget("f"), merge("last", "c-003", "c-004")])
    return path


def _change(path: Path, sql: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(sql)
    connection.close()


def test_a_second_writing_process_is_refused(path: Path) -> None:
    code = f"from opportune.storage import open_storage; open_storage({str(path)!r})"
    with SqliteStorage(path):
        second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)

    assert second.returncode == 1
    assert "StoreBusyError" in second.stderr
    assert "another process writes to this store" in second.stderr


def test_a_reader_works_beside_the_writer(path: Path) -> None:
    with SqliteStorage(path) as writer, SqliteStorage(path, read_only=True) as reader:
        writer.write([save_decision("new")])

        assert reader.decision("d-new") is not None
        with pytest.raises(StoreError, match="reading only"):
            reader.write([save_decision("other")])


def test_the_lock_ends_with_the_store(path: Path) -> None:
    with SqliteStorage(path), pytest.raises(StoreBusyError):
        SqliteStorage(path)
    with SqliteStorage(path) as storage:
        assert storage.last_sequence() == 62


def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    _change(path, "create table mine(x)")

    with pytest.raises(StoreError, match="expected a store of Opportune"):
        SqliteStorage(path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("These are notes. " * 1_000)

    with pytest.raises(DamageError, match=r"notes\.txt: expected a store of Opportune"):
        SqliteStorage(path)


def test_a_newer_schema_is_refused(path: Path) -> None:
    _change(path, "pragma user_version = 9999")

    with pytest.raises(StoreError, match="found 9999 of a newer version; upgrade Opportune"):
        SqliteStorage(path)


def test_reading_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        SqliteStorage(tmp_path / "none.db", read_only=True)


def test_an_old_library_is_refused() -> None:
    with pytest.raises(StoreError, match=r"expected 3\.51\.3 or later, found 3\.46\.1"):
        check_library("3.46.1")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://host/base", "found the scheme 'mysql'"),
        ("sqlite://store.db", "add the third slash"),
        ("sqlite:///", "add the third slash"),
    ],
)
def test_a_url_without_backend_is_refused(url: str, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        open_storage(url)


def test_urls_and_paths_open_the_same_store(path: Path) -> None:
    for url in (f"sqlite:///{path}", str(path)):
        with open_storage(url) as storage:
            assert storage.last_sequence() == 62


def test_a_closed_store_refuses(path: Path) -> None:
    storage = SqliteStorage(path)
    storage.close()

    with pytest.raises(StoreError, match="closed"):
        storage.last_sequence()
    with pytest.raises(StoreError, match="closed"):
        storage.write([save_decision("x")])


@pytest.mark.parametrize(
    ("sql", "where"),
    [
        ("delete from journal where sequence = 30", "journal entry 30"),
        ("update journal set body = x'80' where sequence = 5", "journal entry 5"),
        ("update journal set id = 'other' where sequence = 21", "journal entry 21"),
        ("update payloads set body = zeroblob(9) where sequence = 5", "journal entry 5"),
        ("delete from payloads where sequence = 25", "journal entry 25"),
        ("update keys set sequence = 3 where kind = 'decision' and id = 'k1'", "table keys"),
        ("delete from keys where id = 'o3'", "table keys"),
        ("delete from decisions where id = 'd-k3'", "table decisions"),
        ("delete from outcomes where decision = 'd-k3'", "table outcomes"),
        ("insert into outcomes values ('d-k3', 'a', 't', 'o', 45, 23)", "table outcomes"),
        ("insert into windows values ('d-k3', 'a', 't', 'o', 45)", "table windows"),
        ("insert into erasures values (30, 31)", "table erasures"),
        ("update counters set value = 7 where name = 'outcomes'", "counter outcomes"),
        ("update profiles set attributes = x'80'", "person"),
        ("delete from identifiers where value = 'c-3'", "journal entry 4"),
        ("delete from identifiers where value = 'c-3'", "table identifiers"),
        ("update identifiers set person = 'somebody' where value = 'c-3'", "table identifiers"),
        (
            "insert into identifiers select 'customer', 'c-x', person, sequence, salt from identifiers limit 1",
            "table i",
        ),
        ("insert into identifiers select 'card', value, person, null, null from identifiers", "table identifiers"),
        ("update identifiers set salt = null where value = 'c-3'", "table identifiers"),
        ("delete from merges", "table merges"),
        ("insert into merges select 'nobody', kept from merges", "table merges"),
        ("update merges set kept = (select person from identifiers where value = 'c-5')", "table merges"),
        ("delete from profiles where person = (select person from identifiers where value = 'c-5')", "table profiles"),
        ("update models set position = 9", "states of model bayes"),
        ("delete from models", "states of model bayes"),
        ("update models set state = x'00'", "state of model"),
    ],
)
def test_verify_names_what_was_tampered_with(path: Path, sql: str, where: str) -> None:
    _change(path, sql)

    with SqliteStorage(path) as storage:
        problems = verify_storage(storage)

    assert any(problem.where.startswith(where) for problem in problems), problems


@pytest.mark.parametrize(
    ("sql", "where"),
    [
        ("delete from links", "table links"),
        ("update links set undone = 9", "table links"),
        ("update links set other = one", "table links"),
        ("delete from units", "table units"),
        ("update units set unit = null", "table units"),
        ("delete from consents", "table consents"),
        ("update consents set given = 0", "consent of person"),
        ("update consents set text_version = '9'", "consent of person"),
        ("delete from tombstones", "table tombstones"),
        ("update tombstones set at = 0", "table tombstones"),
        ("update profiles set marks = x'', digest = digest", "person"),
        ("delete from merges", "table merges"),
        ("update counters set value = 2 where name = 'forgotten'", "counter forgotten"),
    ],
)
def test_verify_names_what_was_tampered_with_about_persons(told: Path, sql: str, where: str) -> None:
    with SqliteStorage(told) as storage:
        assert verify_storage(storage) == []
    _change(told, sql)

    with SqliteStorage(told) as storage:
        problems = verify_storage(storage)

    assert any(problem.where.startswith(where) for problem in problems), problems


def test_a_damaged_consent_is_never_told(told: Path) -> None:
    _change(told, "update consents set given = 0")

    with SqliteStorage(told) as storage, pytest.raises(DamageError, match="consent of person"):
        storage.consents("c-003")


def test_verify_reports_progress(path: Path) -> None:
    steps: list[tuple[int, int]] = []
    with SqliteStorage(path) as storage:
        assert verify_storage(storage, lambda done, total: steps.append((done, total))) == []

    assert steps[-1] == (62, 62)


@pytest.mark.parametrize(
    "sql",
    [
        "update journal set body = zeroblob(length(body)) where sequence = 25",
        "update payloads set body = zeroblob(length(body)) where sequence = 25",
        "update journal set recorded_at = 1 where sequence = 25",
        "delete from payloads where sequence = 25",
        "delete from journal where sequence = 25",
    ],
)
def test_a_damaged_decision_is_never_answered(path: Path, sql: str) -> None:
    _change(path, sql)

    with SqliteStorage(path) as storage, pytest.raises(DamageError, match=r"store\.db: journal entry 25.*verify"):
        storage.decision("d-k4")


def test_a_damaged_profile_is_never_answered(path: Path) -> None:
    _change(path, "update profiles set attributes = cast(replace(attributes, 'Gdynia', 'Gdansk') as blob)")

    with SqliteStorage(path) as storage, pytest.raises(DamageError, match="does not fit its digest"):
        storage.profile("c-1")


def test_a_damaged_end_of_the_journal_is_refused_at_the_start(path: Path) -> None:
    _change(path, "update journal set body = x'80' where sequence = 62")

    with pytest.raises(DamageError, match="journal entry 62"):
        SqliteStorage(path)


def test_a_full_disk_refuses_and_heals(path: Path) -> None:
    with SqliteStorage(path) as storage:
        assert isinstance(storage, SqliteStorage)
        assert storage._writer is not None
        pages = storage._writer.pragma("page_count")
        storage._writer.pragma("max_page_count", pages)
        with pytest.raises(StoreError, match="no space left"):
            storage.write([save_decision(f"full{number}") for number in range(100)])
        storage._writer.pragma("max_page_count", pages * 100)

        storage.write([save_decision("healed")])

        assert storage.last_sequence() == 63
        assert verify_storage(storage) == []


def test_the_log_of_changes_begins_anew_and_so_it_does_after_somebody_read_an_old_state(path: Path) -> None:
    wal = path.with_name(path.name + "-wal")

    def write_until(pages: int, name: str) -> int:
        """Write so many pages; give how many the WAL had at most."""
        most = written = number = 0
        while written < pages:
            storage.write([RecordEvent(id=f"{name}-{number}", type="t", attributes={"text": "x" * 100_000})])
            written += 13
            number += 1
            most = max(most, wal.stat().st_size // 8_192)
        return most

    with SqliteStorage(path) as storage:
        assert write_until(5 * WAL_PAGES, "alone") < 2 * WAL_PAGES
        reader = SqliteStorage(path, read_only=True, frozen=True)
        reader.last_sequence()
        assert write_until(3 * WAL_PAGES, "read") > 2 * WAL_PAGES
        reader.close()
        write_until(2 * WAL_PAGES, "after")
        size = wal.stat().st_size
        write_until(3 * WAL_PAGES, "again")
        assert wal.stat().st_size == size


def test_small_commits_are_moved_into_the_file_before_they_are_many_pages(path: Path) -> None:
    with SqliteStorage(path) as storage:
        for number in range(PASS_COMMITS):
            storage.write([save_decision(f"small{number}")])
        with apsw.Connection(str(path)) as looking:
            for _ in range(500):
                _, written, moved = looking.execute("pragma wal_checkpoint(noop)").get
                if moved:
                    break
                time.sleep(0.01)

        assert 0 < moved <= written < PASS_PAGES


def test_a_decision_is_found_without_a_look_at_all_the_others(path: Path) -> None:
    """Left to itself, SQLite looks for what was erased through the whole journal."""
    with SqliteStorage(path) as storage:
        read, steps = storage._read, []

        def explained(sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
            steps.extend(row[3] for row in read(f"explain query plan {sql}", values))
            return read(sql, values)

        storage._read = explained  # type: ignore[method-assign]
        decision = next(entry.decision for entry in storage.journal() if entry.kind == Kind.DECISION)
        assert decision is not None
        now = datetime.now(UTC)
        steps.clear()
        assert storage.decision(decision) is not None
        assert storage.said(decision) is not None
        storage.outcomes_of(decision)
        storage.about([decision])
        storage.due_windows(now, 100)
        storage.contacts("c-1", now)

    scanned = {step.split()[1] for step in steps if step.startswith("SCAN")}
    # All of these have one row, or as many as were asked for; of what is erased one row is enough.
    assert scanned <= {"anchor", "erasures", "(subquery-3)", "json_each", "p"}
    assert "SEARCH journal USING INDEX journal_kind (kind=? AND sequence>? AND sequence<?)" in steps


def test_erased_bytes_leave_the_files(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with SqliteStorage(path) as storage:
        canary = "canary-7f3a"
        storage.write([save_decision("a", facts={"customer.note": canary})])
        found_before = [file for file in tmp_path.iterdir() if canary.encode() in file.read_bytes()]
        storage.write([ErasePayloads(id="x", sequences=(1,))])
        found_after = [file for file in tmp_path.iterdir() if canary.encode() in file.read_bytes()]

    assert found_before
    assert found_after == []


def test_a_backup_on_a_read_only_device_is_read_without_companions(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = path.rename(path.with_name("back up?#100%.db"))
    monkeypatch.setattr(file, "_is_on_read_only_device", lambda path: True)

    with SqliteStorage(odd, read_only=True) as storage:
        assert verify_storage(storage) == []
        beside = {one.name for one in odd.parent.iterdir() if one.name.startswith(odd.name)}

    assert beside == {odd.name}


def test_what_a_writer_left_beside_a_file_is_read_on_a_read_only_device_too(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "_is_on_read_only_device", lambda path: True)

    with SqliteStorage(path) as writer:
        writer.write([save_decision("last")])
        with SqliteStorage(path, read_only=True) as storage:
            assert storage.decision("d-last") is not None


@pytest.mark.parametrize(
    ("may", "words"),
    [
        (set(), "expected a file that this user may read"),
        ({("file", os.R_OK)}, "expected a folder that can be written, .*copy the file with its -wal"),
        ({("file", os.R_OK), ("folder", os.W_OK)}, "expected a file that this user may write"),
    ],
)
@pytest.mark.parametrize("error", [apsw.CantOpenError, apsw.ReadOnlyError])
def test_a_file_that_cannot_be_opened_is_told_with_the_reason(
    path: Path, monkeypatch: pytest.MonkeyPatch, may: set[tuple[str, int]], words: str, error: type[apsw.Error]
) -> None:
    def refuse(path: Path, flags: int) -> apsw.Connection:
        raise error

    monkeypatch.setattr(file, "connect", refuse)
    names = {path: "file", path.parent: "folder"}
    monkeypatch.setattr(file.os, "access", lambda path, mode: (names[path], mode) in may)

    with pytest.raises(StoreError, match=f"store.db: {words}"):
        SqliteStorage(path, read_only=True)
