"""Erasure for good: found before by the export, nowhere after it, and never again; SQLite.

Forty facts of one person are planted wherever something of a person can go. Before the erasure the export tells all
of them. After it no byte of them is in any file, whatever happens next.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from opportune.service.erasure_list import list_of
from opportune.storage import open_storage, verify_storage
from tests.reliability.erasure_world import (
    CANARIES,
    CUSTOMER,
    found_in,
    hits,
    live,
    others,
    plant,
    strategy,
    was_there,
)
from tests.service.shop import Service, serving

REASON = {"reason": "asked by letter", "author": "privacy desk"}


class World:
    """A store in a folder of its own, backups in another."""

    def __init__(self, folder: Path) -> None:
        self.data, self.backups = folder / "data", folder / "backups"
        self.data.mkdir()
        self.backups.mkdir()
        self.store = self.data / "shop.db"

    def serve(self):
        with open_storage(str(self.store)) as storage:
            listed = list_of(storage)
            assert listed is not None
            listed.apply(storage)
        return serving(self.store, of=strategy())

    def backup(self) -> Path:
        target = self.backups / "shop.db"
        shutil.copy(self.store, target)
        return target


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which everything happened, made once."""
    made = World(tmp_path_factory.mktemp("lived"))
    with open_storage(str(made.store)) as storage:
        plant(storage)
    with made.serve() as service:
        others(service)
        live(service)
    return made.data


@pytest.fixture
def world(lived: Path, tmp_path: Path) -> World:
    made = World(tmp_path)
    shutil.copytree(lived, made.data, dirs_exist_ok=True)
    return made


def erase(service: Service) -> None:
    answer = service.call("POST", f"/v1/customers/{CUSTOMER}/erasure", REASON)
    assert answer.status_code == 200, answer.text
    assert answer.json()["compacted"]
    assert answer.json()["listed"]
    assert not found_in(answer.text)


def test_the_export_tells_all_forty_and_after_the_erasure_no_file_has_any(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    backup = world.backup()
    with world.serve() as service:
        export = service.call("GET", f"/v1/customers/{CUSTOMER}/export").text
        page = service.call("GET", f"/v1/customers/{CUSTOMER}/export.html?language=pl").text
        assert found_in(export) == list(CANARIES)
        assert found_in(page) == list(CANARIES)

        erase(service)

        assert hits(world.data) == {}
        assert service.call("GET", f"/v1/customers/{CUSTOMER}/export").status_code == 422
        was_there(service)
        assert service.call("POST", "/v1/models/rebuilds", {"author": "a", "reason": "b"}).status_code == 200
        assert service.call("GET", f"/v1/customers/{CUSTOMER}").status_code == 404
    assert hits(world.data) == {}

    with world.serve() as service:
        others(service)
    with open_storage(str(world.store)) as storage:
        assert verify_storage(storage) == []
        assert storage.counts().customers >= 20
    assert hits(world.data) == {}

    # An older backup in the place of the store, and the list beside it.
    assert hits(backup)
    for name in ("shop.db", "shop.db-wal", "shop.db-shm"):
        (world.data / name).unlink(missing_ok=True)
    shutil.copy(backup, world.store)
    with world.serve() as service:
        was_there(service)
        assert service.call("GET", f"/v1/customers/{CUSTOMER}").status_code == 404
    assert hits(world.data) == {}
    told = "".join(capfd.readouterr())
    assert not [word for word in CANARIES if word in told]


def test_plain_deletion_would_leave_bytes_behind(world: World) -> None:
    """The control: what is only deleted stays in free space of the file."""
    with closing(sqlite3.connect(world.store)) as plain, plain:
        plain.execute("pragma secure_delete = off")
        for table in ("payloads", "profiles", "identifiers", "consents"):
            plain.execute(f"delete from {table}")

    assert hits(world.data)


def test_without_the_list_a_backup_would_bring_the_person_back(world: World) -> None:
    """The control."""
    backup = world.backup()
    with world.serve() as service:
        erase(service)
    for name in ("shop.db", "shop.db-wal", "shop.db-shm", "shop.db.erasures"):
        (world.data / name).unlink(missing_ok=True)
    shutil.copy(backup, world.store)

    with world.serve() as service:
        assert service.call("GET", f"/v1/customers/{CUSTOMER}").status_code == 200


def test_who_comes_back_after_an_erasure_is_somebody_new(world: World) -> None:
    with world.serve() as service:
        erase(service)

        service.call("PATCH", f"/v1/customers/{CUSTOMER}", {"attributes": {"age": 50}}).raise_for_status()

        known = service.call("GET", f"/v1/customers/{CUSTOMER}").json()
        history = service.call("GET", f"/v1/customers/{CUSTOMER}/history").json()
    assert known["attributes"] == {"age": 50}
    assert [entry["kind"] for entry in history["entries"]] == ["profile"]
