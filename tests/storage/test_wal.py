"""What a process left in the WAL is taken whole or refused; only a torn last transaction, never acknowledged, goes."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from opportune.errors import DamageError
from opportune.storage import SqliteStorage, verify_storage
from opportune.storage.sqlite.wal import PAGE_BYTES, lost_frame
from opportune.testing.storage import save_profile

WRITES = 20
HEADER, FRAME = 32, 24 + PAGE_BYTES
LEFT = ("store.db", "store.db-wal", "store.db-shm")


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a store as a killed process leaves them."""
    made, left = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("left")
    with SqliteStorage(made / "store.db") as storage:
        for number in range(WRITES):
            storage.write([save_profile(f"p{number}", f"c-{number}")])
        for name in LEFT:
            shutil.copy(made / name, left / name)
    return left


@pytest.fixture
def store(left: Path, tmp_path: Path) -> Path:
    """Those files, to be damaged."""
    for name in LEFT:
        shutil.copy(left / name, tmp_path / name)
    return tmp_path / "store.db"


def companion(store: Path, name: str) -> Path:
    return store.with_name(f"{store.name}-{name}")


def flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def last_transaction(wal: bytes) -> int:
    """Offset of its first frame."""
    ends = [place for place in range(HEADER, len(wal), FRAME) if any(wal[place + 4 : place + 8])]
    return ends[-2] + FRAME


@pytest.mark.parametrize("has_index", [True, False])
def test_a_sound_wal_is_taken_whole(store: Path, has_index: bool) -> None:
    if not has_index:
        companion(store, "shm").unlink()

    with SqliteStorage(store) as storage:
        assert storage.last_sequence() == WRITES


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("has_index", [True, False])
def test_a_flipped_bit_in_it_is_refused_again_and_again(store: Path, seed: int, has_index: bool) -> None:
    wal = companion(store, "wal")
    until = HEADER if seed < 3 else last_transaction(wal.read_bytes())
    flip(wal, random.Random(seed).randrange(until * 8))
    if not has_index:
        companion(store, "shm").unlink()
    before = wal.read_bytes()

    for read_only in (False, True, False) if until > HEADER else (False, False):
        with pytest.raises(DamageError, match=r"store\.db-wal: damaged at page \d+, and what stands behind was acknow"):
            SqliteStorage(store, read_only=read_only)
    assert wal.read_bytes() == before


def test_one_that_was_cut_short_is_refused(store: Path) -> None:
    wal = companion(store, "wal")
    wal.write_bytes(wal.read_bytes()[:-FRAME])

    for _ in range(2):
        with pytest.raises(DamageError, match=r"store\.db-wal: cut short"):
            SqliteStorage(store)


def test_a_lost_one_is_missed(store: Path) -> None:
    companion(store, "wal").unlink()

    for _ in range(2):
        with pytest.raises(DamageError, match=r"store\.db-wal: lost"):
            SqliteStorage(store)


def test_the_message_tells_how_to_go_on_with_what_is_left(store: Path) -> None:
    wal = companion(store, "wal")
    flip(wal, (last_transaction(wal.read_bytes()) - 5) * 8)
    with pytest.raises(DamageError) as caught:
        SqliteStorage(store)
    _, path, _, pragma, _ = str(caught.value).split("'")

    with closing(sqlite3.connect(path)) as connection:
        connection.execute(pragma).fetchall()

    with SqliteStorage(store) as storage:
        assert storage.last_sequence() == WRITES - 2
        assert verify_storage(storage) == []


def test_a_torn_last_transaction_is_left_out(store: Path) -> None:
    wal = companion(store, "wal")
    flip(wal, (last_transaction(wal.read_bytes()) + FRAME - 1) * 8)
    companion(store, "shm").unlink()

    with SqliteStorage(store) as storage:
        assert storage.last_sequence() == WRITES - 1


def test_a_wal_that_is_about_to_begin_anew_lacks_nothing(store: Path) -> None:
    wal = companion(store, "wal")

    assert lost_frame(wal, lambda: 0, alone=False) == 0
    assert lost_frame(wal, lambda: 0, alone=True) == 1


def test_a_wal_that_began_anew_keeps_older_pages_behind_its_end(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "store.db") as storage:
        for number in range(WRITES):
            storage.write([save_profile(f"p{number}", f"c-{number}")])
        storage._usable_writer().execute("pragma wal_checkpoint(restart)").fetchall()
        storage.write([save_profile("last")])
        (tmp_path / "left").mkdir()
        for name in LEFT:
            shutil.copy(tmp_path / name, tmp_path / "left" / name)

    with SqliteStorage(tmp_path / "left" / "store.db") as storage:
        assert storage.last_sequence() == WRITES + 1
