"""Erasure for good on PostgreSQL: no byte in the server's folder, with the settings that the guide asks for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from opportune.service.erasure_list import ErasureList
from opportune.service.restoring import restore
from opportune.storage import copy_storage, open_storage
from tests.postgres import PostgresServer, find_programs
from tests.reliability.erasure_world import CANARIES, CUSTOMER, found_in, hits, live, others, plant, strategy, was_there
from tests.service.shop import serving

pytestmark = [pytest.mark.full, pytest.mark.serial]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PostgresServer]:
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    one = PostgresServer(programs, wal_recycle="off", min_wal_size="32MB")
    try:
        yield one
    finally:
        one.remove()


def settle(url: str) -> None:
    """Let the server drop what its log of writes no longer needs."""
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(2):
            connection.execute("select pg_switch_wal()")
            connection.execute("checkpoint")


def test_no_byte_of_forty_facts_is_left_and_a_backup_brings_none_back(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, backup = server.database(), str(tmp_path / "backup.db")
    listed = tmp_path / "erasures"
    monkeypatch.setenv("OPPORTUNE_ERASURES", str(listed))
    with open_storage(url) as storage:
        plant(storage)
    with serving(open_storage(url), of=strategy()) as service:
        others(service)
        live(service)
    with open_storage(url, read_only=True) as storage, open_storage(backup, for_copy=True) as target:
        assert copy_storage(storage, target) == []
    assert hits(server.data)

    with serving(open_storage(url), of=strategy()) as service:
        assert found_in(service.call("GET", f"/v1/customers/{CUSTOMER}/export").text) == list(CANARIES)
        erased = service.call("POST", f"/v1/customers/{CUSTOMER}/erasure", {"reason": "asked by letter"})
        assert erased.json()["listed"], erased.text
        was_there(service)
    settle(url)
    assert hits(server.data.parent, listed) == {}

    restored = server.database()
    with open_storage(backup, read_only=True) as old, open_storage(restored, for_copy=True) as target:
        assert restore(old, target, ErasureList(listed)).erased_again == 1
    with serving(open_storage(restored), of=strategy()) as service:
        was_there(service)
        assert service.call("GET", f"/v1/customers/{CUSTOMER}").status_code == 404
    settle(restored)
    assert hits(server.data.parent) == {}
