"""Of who was forgotten no byte is left in any file, also where an earlier state is restored and all is sent again."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator
from itertools import count
from pathlib import Path

import apsw
import msgspec
import pytest

from opportune.errors import StoreError
from opportune.storage import Kind, Receipt, SaveProfile, SqliteStorage, Storage, Write, verify_storage
from opportune.storage.changes import Changes, Found, Wanted
from opportune.storage.entries import StoredRow
from opportune.storage.postgres import PostgresStorage
from opportune.storage.sqlite import checkpoints, file
from opportune.testing.storage import NOON, consent, event, fill, forget, join, merge, naming, save_profile
from tests.postgres import PostgresServer, find_programs, need_postgres

CANARIES = ("canary-first", "canary-second", "canary-cookie")


def _hits(folder: Path) -> dict[str, int]:
    """File → how often a canary is found in its bytes."""
    files = (path for path in folder.rglob("*") if path.is_file())
    counts = {str(path.relative_to(folder)): path.read_bytes().count(b"canary-") for path in files}
    return {name: count for name, count in counts.items() if count}


def _plant(storage: Storage) -> None:
    """Write of the canaries, small and large, among many others."""
    fill(storage, CANARIES)
    # Contacts of another customer named the person.
    named = {"customer": CANARIES[0], "cookie": CANARIES[2]}
    storage.write([naming(storage, f"named-{kind}", "c-003", **{kind: value}) for kind, value in named.items()])
    for number in range(8):
        storage.write([save_profile(f"x{number}-{n}", f"c-{number}-{n}", city="Gdynia") for n in range(60)])
        note = f"canary-note {number} " * (10 if number % 2 else 3_000)
        storage.write([SaveProfile(id=f"n{number}", identifier=CANARIES[1], attributes={"note": note}, replace=False)])
        storage.write([event(f"n{number}", CANARIES[0], attributes={"text": note})])


def _send_again(storage: Storage) -> None:
    """Send what was sent before, under the same ids and under others, dated as before."""
    storage.write([event("e1", CANARIES[0]), consent("k1", CANARIES[0]), join("j1", CANARIES[1])])
    late: list[Write] = [
        event("again-1", CANARIES[0], occurred_at=NOON),
        consent("again-2", CANARIES[1], occurred_at=NOON),
        join("again-3", CANARIES[0], "canary-house", occurred_at=NOON),
        SaveProfile(id="again-4", identifier=CANARIES[1], attributes={"a": 1}, replace=True, occurred_at=NOON),
    ]
    assert all(isinstance(receipt, Receipt) and receipt.repeated for receipt in storage.write(late))


def test_no_byte_is_left_in_the_files_of_a_store(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with SqliteStorage(path) as storage:
        _plant(storage)
        assert _hits(tmp_path)
        storage.write([forget("f", CANARIES[2], identifier_kind="cookie")])
        # At once, not only by compaction.
        assert _hits(tmp_path) == {}
        storage.compact()
        _send_again(storage)
        assert _hits(tmp_path) == {}
    with SqliteStorage(path) as storage:
        assert verify_storage(storage) == []
        assert _hits(tmp_path) == {}


def test_pages_that_move_at_the_same_time_do_not_keep_what_is_erased(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "store.db") as storage:
        _plant(storage)
        assert storage._checkpointer is not None
        pages = count(1_000_000, 500)
        ended = threading.Event()

        def move() -> None:
            while not ended.wait(0.000_1):
                storage._checkpointer.note(next(pages))

        mover = threading.Thread(target=move)
        mover.start()
        try:
            for number in range(40):
                note = f"canary-{number} " * 3_000
                storage.write([SaveProfile(id=f"p{number}", identifier="c", attributes={"note": note}, replace=False)])
                storage.write([forget(f"f{number}", "c")])
                wal = tmp_path / "store.db-wal"
                assert wal.read_bytes().count(b"canary-") == 0
        finally:
            ended.set()
            mover.join()


def test_what_a_reader_holds_up_goes_when_it_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "_BUSY_SECONDS", 0)
    monkeypatch.setattr(checkpoints, "OWED_SECONDS", 0.05)
    with SqliteStorage(tmp_path / "store.db") as storage:
        reader = storage.snapshot()
        reader.last_sequence()
        # The end of a long WAL is written over late only.
        storage.write([event(f"before-{number}", attributes={"text": "x" * 100_000}) for number in range(200)])
        _plant(storage)
        for number, canary in enumerate(CANARIES[1:]):
            storage.write([forget(f"f{number}", canary, identifier_kind="cookie" if number else "customer")])
        assert _hits(tmp_path)
        reader.close()
        # Nothing else is written.
        assert _left_in_the_end(tmp_path) == {}


def test_what_a_killed_process_owed_goes_at_the_next_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "_BUSY_SECONDS", 0)
    killed = tmp_path / "killed"
    killed.mkdir()
    with SqliteStorage(tmp_path / "store.db") as storage, storage.snapshot() as reader:
        reader.last_sequence()
        _plant(storage)
        for number, canary in enumerate(CANARIES[1:]):
            storage.write([forget(f"f{number}", canary, identifier_kind="cookie" if number else "customer")])
        # What is on the disk if it dies now.
        for name in ("store.db", "store.db-wal"):
            shutil.copyfile(tmp_path / name, killed / name)
    with SqliteStorage(killed / "store.db", read_only=True):
        assert _hits(killed)
    with SqliteStorage(killed / "store.db") as storage:
        assert _left_in_the_end(killed) == {}
        assert verify_storage(storage) == []


def test_what_a_failed_pass_left_in_the_wal_goes_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SqliteStorage(tmp_path / "store.db") as storage:
        _plant(storage)
        with monkeypatch.context() as patch:
            patch.setattr(storage, "_truncate_wal", _fail)
            with pytest.raises(StoreError, match="no space left"):
                storage.write([forget("f", CANARIES[0])])
        assert _left_in_the_end(tmp_path) == {}


def _fail(_: apsw.Connection) -> bool:
    raise apsw.FullError


def _left_in_the_end(folder: Path) -> dict[str, int]:
    """What is found when nothing is any more, or after ten seconds."""
    until = time.monotonic() + 10
    while (left := _hits(folder)) and time.monotonic() < until:
        time.sleep(0.02)
    return left


def test_a_restored_backup_forgets_again(tmp_path: Path) -> None:
    path, backup = tmp_path / "store.db", tmp_path / "backup.db"
    with SqliteStorage(path) as storage:
        _plant(storage)
    shutil.copyfile(path, backup)
    with SqliteStorage(path) as storage:
        storage.write([forget("f", CANARIES[0])])
        records = storage.erasures()
    backup.replace(path)
    assert _hits(tmp_path)

    with SqliteStorage(path) as storage:
        assert storage.erase_again(records) == 1
        storage.compact()
        _send_again(storage)
        assert verify_storage(storage) == []
        assert _hits(tmp_path) == {}
        assert storage.person_of(CANARIES[0]) is None
    assert _hits(tmp_path) == {}


def test_what_comes_while_the_journal_is_searched_goes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SqliteStorage(tmp_path / "store.db") as storage:
        _plant(storage)
        transact = storage._transact

        def come_first(wanted: Wanted, plan: Callable[[Found], Changes]) -> None:
            monkeypatch.setattr(storage, "_transact", transact)
            storage.write([naming(storage, "meanwhile", "c-003", phone="canary-phone")])
            storage.write([event("e", "canary-phone", identifier_kind="phone")])
            storage.write([merge("meanwhile", CANARIES[0], "canary-phone", other_kind="phone")])
            transact(wanted, plan)

        monkeypatch.setattr(storage, "_transact", come_first)
        storage.write([forget("f", CANARIES[0])])

        assert storage.person_of("canary-phone", "phone") is None
        assert _hits(tmp_path) == {}
        assert verify_storage(storage) == []


def test_what_was_searched_beforehand_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SqliteStorage(tmp_path / "store.db") as storage:
        _plant(storage)
        searched = storage.search(CANARIES[0])
        storage.write([naming(storage, "meanwhile", "c-003", cookie=CANARIES[2])])
        began, rows = [], storage._rows

        def note(after: int, limit: int, kinds: Collection[Kind]) -> list[StoredRow]:
            began.append(after)
            return rows(after, limit, kinds)

        monkeypatch.setattr(storage, "_rows", note)
        storage.write([msgspec.structs.replace(forget("f", CANARIES[0]), searched=searched)])

        assert began
        assert min(began) == searched.until
        assert _hits(tmp_path) == {}
        assert verify_storage(storage) == []


def test_who_was_merged_after_the_search_is_searched_for_too(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "store.db") as storage:
        _plant(storage)
        storage.write([naming(storage, "before", "c-003", phone="canary-phone")])
        storage.write([event("e", "canary-phone", identifier_kind="phone")])
        searched = storage.search(CANARIES[0])
        storage.write([merge("meanwhile", CANARIES[0], "canary-phone", other_kind="phone")])

        storage.write([msgspec.structs.replace(forget("f", CANARIES[0]), searched=searched)])

        assert _hits(tmp_path) == {}
        assert verify_storage(storage) == []


def test_a_list_of_another_secret_needs_that_secret(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "one.db") as storage:
        _plant(storage)
        storage.write([forget("f", CANARIES[0])])
        records, secret = storage.erasures(), storage.secret("erasures")
    with SqliteStorage(tmp_path / "other.db") as storage:
        _plant(storage)
        with pytest.raises(StoreError, match="made with another secret"):
            storage.erase_again(records)
        assert storage.erase_again(records, secret) == 1
        assert storage.person_of(CANARIES[0]) is None
        _send_again(storage)
        assert storage.person_of(CANARIES[0]) is None
        assert verify_storage(storage) == []


@pytest.mark.parametrize("fault", ["payloads", "identifiers"])
def test_a_store_that_leaves_something_is_found_out(tmp_path: Path, fault: str) -> None:
    """The search finds what a store would leave whose rows were not taken away."""
    with SqliteStorage(tmp_path / "store.db") as storage:
        _plant(storage)
        kept = [row for row in storage._everything(fault) if any("canary" in str(value) for value in row)]
        storage.write([forget("f", CANARIES[0])])
        storage._take(fault, kept)
        storage.compact()

        assert _hits(tmp_path)
        assert verify_storage(storage)


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server that does not use the files of its log again."""
    need_postgres()
    programs = find_programs()
    assert programs is not None
    server = PostgresServer(programs, wal_recycle="off")
    yield server
    server.remove()


def test_no_byte_is_left_in_the_files_of_a_server(server: PostgresServer) -> None:
    url = server.database()
    with PostgresStorage(url) as storage:
        _plant(storage)
        server.execute("analyze", url.rpartition("/")[2])
        server.execute("checkpoint")
        assert _hits(server._folder)
        storage.write([forget("f", CANARIES[0])])

        assert storage.compact() == ()

        _send_again(storage)
        server.execute("checkpoint")
        assert _hits(server._folder) == {}
        assert verify_storage(storage) == []
    with PostgresStorage(url) as storage:
        assert storage.person_of(CANARIES[0]) is None
    assert _hits(server._folder) == {}


def test_what_only_an_administrator_can_clear_is_said() -> None:
    server = need_postgres()
    url = server.database()
    database = url.rpartition("/")[2]
    server.execute("create role plain_writer login")
    server.execute(f"alter database {database} owner to plain_writer")
    with PostgresStorage(url.replace("opportune@", "plain_writer@")) as storage:
        fill(storage, CANARIES)
        denied, again = storage.compact()
    with PostgresStorage(url) as storage:
        assert storage.compact() == (again,)

    assert "select pg_switch_wal()" in denied
    assert "wal_recycle = off" in again
