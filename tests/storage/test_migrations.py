"""A store of any earlier version is brought up to this one, whole or not at all."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from opportune.errors import StoreError, UnknownError
from opportune.storage import SaveProfile, SqliteStorage, Storage, retire, verify_storage
from opportune.storage.migrating import migrations
from opportune.testing.storage import LATER, accept, event, forget, merge, save_profile, split

from .stores import MERGED, VERSIONS, make_store

MIGRATE = str(Path(__file__).with_name("migrate_and_die.py"))
NEWEST = migrations("sqlite")[-1][0]


@pytest.fixture(params=VERSIONS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A store of an earlier version."""
    path = tmp_path / "store.db"
    make_store(path, request.param)
    return path


def test_there_is_a_store_of_every_earlier_version() -> None:
    assert list(range(1, NEWEST)) == VERSIONS


def test_an_old_store_is_brought_up_when_it_is_opened(old: Path) -> None:
    with apsw.Connection(str(old)) as connection:
        version = connection.pragma("user_version")
    connection.close()
    with SqliteStorage(old) as storage:
        migrated = storage.migrated
        before = storage.journal()
        assert verify_storage(storage) == []
    with SqliteStorage(old) as storage:
        assert storage.migrated == ()
        assert storage.journal() == before

    assert [int(name[:4]) for name in migrated] == [number for number, _, _ in migrations("sqlite") if number > version]
    assert [entry.sequence for entry in before] == list(range(1, 11))


def test_a_store_that_was_brought_up_works_like_a_new_one(old: Path) -> None:
    with SqliteStorage(old) as storage:
        repeated, silence = storage.write([save_profile("p1", age=41, city="Gdynia"), accept("o3", "d-b")])
        storage.write([merge("m", "c-001", "c-002"), merge("n", "c-004", "c-003"), save_profile("p3", "c-005")])
        profile = storage.profile("c-002")
        assert getattr(repeated, "repeated", None) is True
        assert getattr(silence, "repeated", None) is False
        assert profile is not None
        assert profile.attributes == {"age": 41, "city": "Gdynia"}
        assert [entry.id for entry in storage.history("c-002")] == ["m", "o3", "o1", "c", "b", "a", "p2", "p1"]
        assert verify_storage(storage) == []
        assert retire(storage, LATER).entries == 5
        assert verify_storage(storage) == []


def _attributes(storage: Storage) -> list[dict[str, object]]:
    profiles = [storage.profile(f"c-00{number}") for number in range(1, 7)]
    return [profile.attributes for profile in profiles if profile is not None]


def test_merges_of_earlier_versions_stand_and_cannot_be_undone(tmp_path: Path) -> None:
    make_store(tmp_path / "store.db", 5, MERGED)
    first, second = {"a1": 1, "a2": 2, "a3": 3, "city": "city 3"}, {"a4": 4, "a5": 5, "b": 9, "city": "city 4"}
    alone = {"a6": 6, "city": "city 6"}
    with SqliteStorage(tmp_path / "store.db") as storage:
        assert _attributes(storage) == [first] * 3 + [second] * 2 + [alone]
        assert storage.person_of("c-009") == storage.person_of("c-005")
        assert verify_storage(storage) == []

        refusals = storage.write([split("s1", "m3"), split("s2", "9"), split("s3", "m1")])
        assert [type(refusal) for refusal in refusals] == [UnknownError] * 3

        storage.write([SaveProfile(id="n1", identifier="c-002", attributes={"a3": 0}, replace=False)])
        storage.write([merge("n2", "c-006", "c-005"), event("n3", "c-005")])
        united = {**second, **alone}
        assert _attributes(storage) == [first | {"a3": 0}] * 3 + [united] * 3
        assert verify_storage(storage) == []
        storage.write([split("n4", "n2")])
        assert _attributes(storage) == [first | {"a3": 0}] * 3 + [second] * 2 + [alone]
        assert verify_storage(storage) == []
        storage.write([forget("n5", "c-002")])
        assert _attributes(storage) == [second] * 2 + [alone]
        assert storage.counts().customers == 2
        assert verify_storage(storage) == []
        assert retire(storage, LATER).entries > 0
        assert verify_storage(storage) == []


@pytest.mark.parametrize(
    "sql",
    [
        "insert into identifiers values ('customer', 'c-9', 'person-1', null, null)",
        "delete from identifiers where value = 'c-002'",
        "update identifiers set person = 'person-1' where value = 'c-003'",
    ],
)
def test_identifiers_of_the_first_version_are_guarded_too(tmp_path: Path, sql: str) -> None:
    path = tmp_path / "store.db"
    make_store(path, 1)
    SqliteStorage(path).close()
    connection = apsw.Connection(str(path))
    connection.execute(sql)
    connection.close()

    with SqliteStorage(path) as storage:
        assert verify_storage(storage)


def test_reading_an_old_store_says_how_to_bring_it_up(old: Path) -> None:
    with pytest.raises(
        StoreError, match=f"expected schema {NEWEST}, found [1-5] of an earlier version; run 'opportune mig"
    ):
        SqliteStorage(old, read_only=True)


def _halves(folder: Path, rounds: int, mode: str) -> int:
    """Kill migrations at random steps; count those that left a store neither old nor new."""
    chance = random.Random(4)
    steps = int(subprocess.run(_command(folder, "count", 0), check=True, capture_output=True, text=True).stdout)
    halves = 0
    for number in range(rounds):
        path = folder / f"{number}.db"
        make_store(path, 1)
        command = [sys.executable, MIGRATE, str(path), mode, str(chance.randrange(1, steps))]
        assert subprocess.run(command, check=False).returncode == -9
        halves += not _is_whole(path)
    return halves


def _command(folder: Path, mode: str, steps: int) -> list[str]:
    path = folder / "whole.db"
    make_store(path, 1)
    return [sys.executable, MIGRATE, str(path), mode, str(steps)]


def _is_whole(path: Path) -> bool:
    connection = apsw.Connection(str(path))
    version = connection.pragma("user_version")
    tables = {name for (name,) in connection.execute("select name from sqlite_schema")}
    connection.close()
    if ("anchor" in tables, "copies" in tables, "merges" in tables) != (version == NEWEST,) * 3:
        return False
    try:
        with SqliteStorage(path) as storage:
            return verify_storage(storage) == [] and storage.last_sequence() == 10
    except StoreError:
        return False


@pytest.mark.parametrize("rounds", [3, pytest.param(50, marks=pytest.mark.full)])
def test_a_migration_that_is_killed_is_never_half_done(tmp_path: Path, rounds: int) -> None:
    assert _halves(tmp_path, rounds, "whole") == 0


def test_a_migration_without_a_transaction_is_found_half_done(tmp_path: Path) -> None:
    assert _halves(tmp_path, 5, "careless") > 0
