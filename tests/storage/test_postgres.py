"""PostgreSQL keeps the contract of storages, and refuses servers that cannot."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from opportune.errors import DamageError, StoreBusyError, StoreError
from opportune.storage import Storage, open_storage, retire, verify_storage
from opportune.storage.changes import Wanted
from opportune.storage.cluster import Notice
from opportune.storage.postgres import PostgresStorage, applying, partitions
from opportune.storage.postgres.faults import store_error
from opportune.storage.postgres.finding import BEGIN, find
from opportune.storage.postgres.link import LinkError, Statement
from opportune.storage.postgres.reading import Reads
from opportune.testing.storage import LATER, NOON, StorageContract, accept, save_decision, save_profile
from tests.postgres import PostgresServer, need_postgres


class TestPostgresStorage(StorageContract):
    @pytest.fixture(autouse=True)
    def _urls(self) -> None:
        self.urls: dict[Path, str] = {}

    def open(self, folder: Path, **ports: Any) -> Storage:
        if folder not in self.urls:
            self.urls[folder] = need_postgres().schema()
        return PostgresStorage(self.urls[folder], **ports)


@pytest.fixture
def server() -> PostgresServer:
    return need_postgres()


@pytest.fixture(scope="module")
def filled() -> str:
    """A database with a store of a few entries, to make others from."""
    url = need_postgres().database()
    with PostgresStorage(url) as storage:
        storage.write([save_profile(f"p{number}", f"c-{number}", city="Gdynia") for number in range(20)])
        storage.write([save_decision(f"k{number}") for number in range(20)])
        storage.write([accept(f"o{number}", f"d-k{number}") for number in range(20)])
    return url.rpartition("/")[2]


@pytest.fixture
def url(server: PostgresServer, filled: str) -> str:
    """A closed store with a few entries."""
    return server.database(filled)


def _change(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True, options="-c search_path=opportune") as connection:
        connection.execute(sql.encode())


# Opening


def test_urls_open_the_store(url: str) -> None:
    for same in (url, url.replace("postgresql://", "postgres://")):
        with open_storage(same) as storage:
            assert storage.last_sequence() == 60


def test_a_reader_works_beside_writers(url: str) -> None:
    with PostgresStorage(url) as writer, open_storage(url, read_only=True) as reader:
        writer.write([save_decision("new")])

        assert reader.decision("d-new") is not None
        with pytest.raises(StoreError, match="reading only"):
            reader.write([save_decision("other")])


def test_a_reader_makes_no_tables(server: PostgresServer) -> None:
    with pytest.raises(StoreError, match="found none or older ones; run 'opportune migrate'"):
        PostgresStorage(server.database(), read_only=True)


def test_a_closed_store_refuses(url: str) -> None:
    storage = PostgresStorage(url)
    storage.close()

    with pytest.raises(StoreError, match="closed"):
        storage.last_sequence()
    with pytest.raises(StoreError, match="closed"):
        storage.write([save_decision("x")])
    with pytest.raises(StoreError, match="closed"):
        storage.cluster.processes()


def test_a_newer_schema_is_refused(url: str) -> None:
    _change(url, "insert into migrations values (9999, 'later', 'now')")

    with pytest.raises(StoreError, match="found 9999 of a newer version; upgrade Opportune"):
        PostgresStorage(url)


def test_tables_of_another_program_are_refused(server: PostgresServer) -> None:
    url = server.database()
    server.execute("create table mine(x int)", url.rpartition("/")[2])

    with pytest.raises(StoreError, match="found other tables; give another database"):
        PostgresStorage(f"{url}?options=-csearch_path%3Dpublic")
    with PostgresStorage(url) as beside:
        assert beside.last_sequence() == 0


def test_no_message_tells_the_password(server: PostgresServer) -> None:
    canary = "canary-7f3a"
    urls = [
        f"postgresql://opportune:{canary}@127.0.0.1:1/base",
        f"postgresql://opportune:{canary}@127.0.0.1:{server.port}/missing",
        f"postgresql://opportune:{canary}@127.0.0.1:port/base",
        f"postgresql://opportune:{canary}@[127.0.0.1/base",
        f"postgresql://opportune:{canary}@127.0.0.1/base?unknown=1",
        f"postgresql://opportune@127.0.0.1/base?password={canary}&options=-csearch_path%3DA",
    ]
    for url in urls:
        with pytest.raises(StoreError) as caught:
            PostgresStorage(url)
        assert canary not in str(caught.value)


def test_a_server_that_is_away_is_named_with_a_remedy() -> None:
    expected = r"postgresql://127\.0\.0\.1:1/base: expected a connection.*refused.*; start PostgreSQL, or correct"
    with pytest.raises(StoreError, match=expected):
        PostgresStorage("postgresql://somebody@127.0.0.1:1/base")


def test_a_search_path_that_is_no_name_is_refused() -> None:
    with pytest.raises(StoreError, match="expected as search_path one name"):
        PostgresStorage("postgresql://somebody@127.0.0.1:1/base?options=-csearch_path%3Da%2Cb")


def test_a_server_that_does_not_flush_is_refused(server: PostgresServer, url: str) -> None:
    with _setting(server, "fsync", "off"), pytest.raises(StoreError, match=r"found fsync=off.*set fsync = on"):
        PostgresStorage(url)


def test_a_server_that_tears_pages_is_warned_of(server: PostgresServer, url: str) -> None:
    with _setting(server, "full_page_writes", "off"), pytest.warns(RuntimeWarning, match="full_page_writes is off"):
        PostgresStorage(url).close()


def test_a_database_in_another_encoding_is_refused(server: PostgresServer) -> None:
    server.execute("create database ascii encoding 'SQL_ASCII' template template0")

    with pytest.raises(StoreError, match="expected a database in UTF8, found SQL_ASCII"):
        PostgresStorage(server.url("ascii"))


def test_an_old_server_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opportune.storage.postgres.server.VERSION_LEAST", 99)

    with pytest.raises(StoreError, match="expected PostgreSQL 99 or later, found"):
        PostgresStorage(url)


def test_commits_are_flushed_whatever_the_role_says(server: PostgresServer, url: str) -> None:
    _change(url, "alter role opportune set synchronous_commit = off")
    try:
        with PostgresStorage(url) as storage:
            assert storage._connect().one(Statement("show synchronous_commit")) == [("on",)]
    finally:
        _change(url, "alter role opportune reset synchronous_commit")


class _setting:  # noqa: N801
    """A setting of the server, for a while."""

    def __init__(self, server: PostgresServer, name: str, value: str) -> None:
        self._server, self._name, self._value = server, name, value

    def __enter__(self) -> None:
        self._set(f"alter system set {self._name} = {self._value}", self._value)

    def __exit__(self, *exception: object) -> None:
        self._set(f"alter system reset {self._name}", "on")

    def _set(self, sql: str, expected: str) -> None:
        self._server.execute(sql)
        self._server.execute("select pg_reload_conf()")
        with psycopg.connect(self._server.url(), autocommit=True) as connection:
            while connection.execute(f"show {self._name}".encode()).fetchone() != (expected,):
                time.sleep(0.01)


# Damage


@pytest.mark.parametrize(
    ("sql", "where"),
    [
        ("delete from journal where sequence = 30", "journal entry 30"),
        ("delete from journal where sequence = 60", "journal entry 60"),
        ("update journal set body = '\\x80' where sequence = 5", "journal entry 5"),
        ("update journal set id = 'other' where sequence = 21", "journal entry 21"),
        ("update payloads set body = '\\x80' where sequence = 5", "journal entry 5"),
        ("delete from payloads where sequence = 25", "journal entry 25"),
        ("insert into payloads values (70, '', '')", "database"),
        ("delete from ends where sequence = 60", "database"),
        ("update ends set digest = '\\x80'", "database"),
        ("delete from ends", "database"),
        ("insert into revision_entries select *, digest from journal where sequence = 30", "kept journal entry"),
        ("update head set room = 61", "database"),
        ("update keys set sequence = 3 where kind = 'decision' and id = 'k1'", "table keys"),
        ("delete from keys where id = 'o3'", "table keys"),
        ("delete from decisions where id = 'd-k3'", "table decisions"),
        ("delete from outcomes where decision = 'd-k3'", "table outcomes"),
        ("insert into outcomes values ('d-k3', 'a', 't', 'o', 45, 23)", "table outcomes"),
        ("insert into windows values ('d-k3', 'a', 't', 'o', 45)", "table windows"),
        ("insert into erasures values (30, 31)", "table erasures"),
        ("insert into merges values ('a', 'b')", "table merges"),
        ("update counters set value = 7 where name = 'outcomes'", "counter outcomes"),
        ("update profiles set attributes = '\\x80'", "person"),
        ("delete from identifiers where value = 'c-3'", "journal entry 4"),
    ],
)
def test_verify_names_what_was_tampered_with(url: str, sql: str, where: str) -> None:
    with PostgresStorage(url) as storage:
        _change(url, "alter table outcomes drop constraint outcomes_pkey")
        _change(url, sql)
        problems = verify_storage(storage)

    assert any(problem.where.startswith(where) for problem in problems), problems


@pytest.mark.parametrize(
    "sql",
    [
        "update journal set body = decode(repeat('00', length(body)), 'hex') where sequence = 25",
        "update payloads set body = decode(repeat('00', length(body)), 'hex') where sequence = 25",
        "update journal set recorded_at = 1 where sequence = 25",
        "delete from payloads where sequence = 25",
        "delete from journal where sequence = 25",
    ],
)
def test_a_damaged_decision_is_never_answered(url: str, sql: str) -> None:
    _change(url, sql)

    with PostgresStorage(url) as storage, pytest.raises(DamageError, match=r"base_\d+: journal entry 25.*verify"):
        storage.decision("d-k4")


def test_a_damaged_profile_is_never_answered(url: str) -> None:
    _change(url, "update profiles set attributes = attributes || '\\x00'")

    with PostgresStorage(url) as storage, pytest.raises(DamageError, match="does not fit its digest"):
        storage.profile("c-1")


def test_a_damaged_end_of_the_journal_is_refused_at_the_start(url: str) -> None:
    _change(url, "update journal set body = '\\x80' where sequence = 60")

    with pytest.raises(DamageError, match="journal entry 60"):
        PostgresStorage(url)


def test_a_damaged_page_is_refused(server: PostgresServer, url: str) -> None:
    with psycopg.connect(url) as connection:
        row = connection.execute("select pg_relation_filepath('opportune.profiles')").fetchone()
    assert row is not None
    server.stop("fast")
    file = server.data / row[0]
    content = bytearray(file.read_bytes())
    content[5_000] ^= 1
    file.write_bytes(content)
    server.start()

    with PostgresStorage(url) as storage:
        with pytest.raises(DamageError, match=r"invalid page.*run 'opportune verify'"):
            storage.profile("c-1")
        assert any("invalid page" in problem.message for problem in verify_storage(storage))


# Rights, names and large writes


def test_a_role_that_owns_its_schema_needs_no_other_right(server: PostgresServer) -> None:
    url = server.database()
    base = url.rpartition("/")[2]
    server.execute(f"create role owner_{base} login")
    server.execute(f"create schema opportune authorization owner_{base}", base)

    with PostgresStorage(url.replace("opportune@", f"owner_{base}@")) as storage:
        assert storage.write([save_decision("a")])


def test_a_role_without_rights_is_told_so(server: PostgresServer, url: str) -> None:
    server.execute("create role stranger login")

    with pytest.raises(StoreError, match="the role may not use the schema opportune; let the role own it"):
        PostgresStorage(url.replace("opportune@", "stranger@"))


def test_a_schema_may_have_a_name_that_means_something(server: PostgresServer) -> None:
    with PostgresStorage(f"{server.database()}?options=-csearch_path%3Dorder") as storage:
        assert storage.write([save_decision("a")])


def test_stores_in_two_schemas_of_a_database_know_nothing_of_each_other(server: PostgresServer) -> None:
    url = server.database()
    heard: list[Notice] = []
    with PostgresStorage(url) as one, PostgresStorage(f"{url}?options=-csearch_path%3Dother") as other:
        watch = other.cluster.watch(heard.append)
        leads = [storage.cluster.lead("learner") for storage in (one, other)]
        one.write([save_profile("p", age=1)])
        other.write([save_profile("q", "c-002", age=1)])
        while len(heard) < 2:
            time.sleep(0.01)
        watch.close()
        assert all(leads)
        for lead in leads:
            assert lead is not None
            lead.release()
        assert [entry.id for entry in other.journal()] == ["q"]

    assert [notice.persons for notice in heard[1:]] == [heard[1].persons]


def test_commits_leave_no_versions_of_a_row_behind_for_those_who_follow_to_read(url: str) -> None:
    with PostgresStorage(url) as storage, storage._scanning() as link:
        where = Statement("select ctid::text from head union all select ctid::text from counters order by 1")
        before = link.one(where)
        for number in range(9):
            storage.write([save_decision(f"a{number}")])

        assert set(before) <= set(link.one(where))


def test_counts_are_added_up_now_and_then(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "ADD_UP_ENTRIES", 16)
    with PostgresStorage(server.database()) as storage:
        for number in range(40):
            storage.write([save_decision(f"a{number}")])

        assert storage.counts().decisions == 40
        assert verify_storage(storage) == []
        with storage._scanning() as link:
            assert link.one(Statement("select count(*) from ends"))[0][0] < 20
            assert link.one(Statement("select count(*) from counters"))[0][0] < 20


# Partitions


@pytest.fixture
def small(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresStorage]:
    """A store whose partitions have a place for ten entries, or for a whole group."""
    monkeypatch.setattr(partitions, "ENTRIES_LEAST", 10)
    monkeypatch.setattr(partitions, "GROWTH_MOST", 1)
    with PostgresStorage(server.database(), clock=lambda: NOON) as storage:
        yield storage


def _partitions(storage: PostgresStorage) -> list[tuple[int, int]]:
    with storage._scanning() as link:
        return [
            (first, after)
            for first, after in link.one(Statement("select first, after_last from partitions order by first"))
        ]


def test_entries_go_on_in_the_next_partition(small: PostgresStorage) -> None:
    for group in range(5):
        small.write([save_decision(f"{group}-{number}") for number in range(7)])

    assert _partitions(small) == [(1, 11), (11, 21), (21, 31), (31, 41)]
    assert len(small.journal()) == 35
    assert small.decision("d-2-3") is not None
    assert verify_storage(small) == []


def test_a_partition_has_a_place_for_a_whole_group(small: PostgresStorage) -> None:
    small.write([save_decision(f"k{number}") for number in range(35)])

    assert _partitions(small) == [(1, 36)]
    assert verify_storage(small) == []


def test_the_next_partition_is_prepared_when_the_last_one_is_nearly_full(
    small: PostgresStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opportune.storage.postgres.storage._ROOM_LEAST", 5)
    small.write([save_decision(f"a{number}") for number in range(4)])
    small.prepare()
    before = _partitions(small)
    small.write([save_decision(f"b{number}") for number in range(2)])
    small.prepare()
    small.prepare()

    assert before == [(1, 11)]
    assert _partitions(small) == [(1, 11), (11, 21)]


def test_a_long_read_holds_up_neither_retention_nor_writers(small: PostgresStorage) -> None:
    for group in range(5):
        small.write([save_decision(f"{group}-{number}") for number in range(7)])

    with small.snapshot() as frozen:
        assert len(frozen.journal()) == 35
        begin = time.monotonic()
        retired = retire(small, LATER)
        assert time.monotonic() - begin < 2
        assert _partitions(small)[0] == (1, 11)
        assert len(frozen.journal()) == 35
    small.write([save_decision("last")])

    assert retired.entries == 34
    assert retire(small, LATER).entries == 1
    assert _partitions(small) == [(31, 41)]


def test_retention_drops_whole_partitions(small: PostgresStorage) -> None:
    for group in range(5):
        small.write([save_decision(f"{group}-{number}") for number in range(7)])

    retired = retire(small, NOON + timedelta(days=1))

    assert (retired.entries, retired.held) == (34, "")
    assert _partitions(small) == [(31, 41)]
    assert [entry.sequence for entry in small.journal()] == [35]
    assert verify_storage(small) == []


@pytest.mark.parametrize(
    ("entries", "period", "expected"),
    [
        (100, timedelta(days=30), partitions.ENTRIES_LEAST),
        (1_000_000, timedelta(days=30), 1_000_000),
        (1_000_000, timedelta(days=10), 3_000_000),
        (1_000_000, timedelta(days=60), 500_000),
        (1_000_000, timedelta(), 8_000_000),
    ],
)
def test_a_partition_is_as_wide_as_a_month_at_the_pace_of_the_last(
    entries: int, period: timedelta, expected: int
) -> None:
    assert partitions.width_of(entries, period.total_seconds()) == expected


@pytest.mark.parametrize(
    ("statement", "values"),
    [(Reads.ROW, "25"), (Reads.ROWS, "25, 1"), (Reads.LAST_ANSWERS, "24, 27")],
)
def test_look_ups_by_sequence_read_the_partitions_that_they_need(
    small: PostgresStorage, statement: Statement, values: str
) -> None:
    for group in range(6):
        small.write([save_decision(f"{group}-{number}") for number in range(7)])
    with small._scanning() as link:
        link.script(f"set plan_cache_mode = force_generic_plan; prepare looked as {statement.sql}")
        plan = "\n".join(
            line for (line,) in link.one(Statement(f"explain (analyze, costs off) execute looked({values})"))
        )

    assert "Subplans Removed" in plan
    scans = re.findall(r" on (?:journal|payloads)_(\d+) .*?\((never executed|actual)", plan)
    assert scans
    assert {int(first) for first, how in scans if how == "actual"} <= {21}


# Failures of the server


def test_a_server_that_was_restarted_is_not_noticed(server: PostgresServer, url: str) -> None:
    with PostgresStorage(url) as storage:
        storage.write([save_decision("before")])
        assert storage.last_sequence() == 61
        server.stop()
        server.start()

        assert storage.last_sequence() == 61
        storage.write([save_decision("after")])
        assert storage.decision("d-after") is not None


def test_a_server_that_is_away_refuses_at_once_and_heals(server: PostgresServer, url: str) -> None:
    with PostgresStorage(url) as storage:
        storage.write([save_decision("before")])
        server.stop()
        began = time.monotonic()
        try:
            for call in (
                storage.last_sequence,
                lambda: storage.write([save_decision("away")]),
                storage.cluster.processes,
            ):
                with pytest.raises(StoreError, match="start PostgreSQL"):
                    call()
            seconds = time.monotonic() - began
        finally:
            server.start()

        storage.write([save_decision("after")])
        assert storage.last_sequence() == 62
    assert seconds < 2


def test_a_server_that_flushes_no_more_after_its_restart_is_refused(server: PostgresServer, url: str) -> None:
    with PostgresStorage(url) as storage:
        storage.write([save_decision("before")])
        with _setting(server, "fsync", "off"):
            server.stop("fast")
            server.start()
            for key in ("first", "second"):
                with pytest.raises(StoreError, match="found fsync=off"):
                    storage.write([save_decision(key)])

        storage.write([save_decision("after")])
        assert storage.last_sequence() == 62


def test_a_read_that_is_refused_leaves_nothing_behind(url: str) -> None:
    with PostgresStorage(url) as storage:
        wanted = Wanted(payloads=[1])
        _change(url, "alter table keys rename to gone")
        with pytest.raises(StoreError, match="SQLSTATE 42P01"):
            storage._look_up(wanted)
        _change(url, "alter table gone rename to keys")

        assert storage._look_up(wanted).payloads == {1}


def test_a_server_that_hangs_refuses_in_time_and_heals(
    server: PostgresServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opportune.storage.postgres.storage.ANSWER_SECONDS", 0.5)
    with PostgresStorage(url) as storage:
        storage.write([save_decision("before")])
        assert storage.last_sequence() == 61
        server.pause()
        try:
            with pytest.raises(StoreBusyError, match=r"no answer for 0\.5 seconds; see whether the server hangs"):
                storage.last_sequence()
            with pytest.raises(StoreBusyError, match="no answer"):
                storage.write([save_decision("hung")])
        finally:
            server.resume()

        storage.write([save_decision("hung"), save_decision("after")])
        assert storage.last_sequence() == 63
        assert verify_storage(storage) == []


def test_a_commit_of_unknown_fate_says_so_and_may_be_sent_again(url: str) -> None:
    with PostgresStorage(url) as storage:
        storage.write([save_decision("before")])

        def end_session(_: Any) -> Any:
            _change(url, "select pg_terminate_backend(pid) from pg_locks where mode = 'RowShareLock' and pid != 0")
            return _plan(_)

        _plan: Any = None
        real = storage._transact

        def transact(wanted: Wanted, plan: Any) -> None:
            nonlocal _plan
            _plan = plan
            real(wanted, end_session)

        storage._transact = transact  # type: ignore[method-assign]
        with pytest.raises(StoreError, match="whether the writes were taken is not known; send them again"):
            storage.write([save_decision("lost")])
        storage._transact = real  # type: ignore[method-assign]
        storage.write([save_decision("lost")])

        assert storage.last_sequence() == 62


def test_a_writer_that_stands_still_holds_up_others_for_seconds_only(url: str) -> None:
    with PostgresStorage(url) as still, PostgresStorage(url) as other:
        link = still._connect()
        find(link, BEGIN, Wanted())
        began = time.monotonic()

        other.write([save_decision("new")])

        assert time.monotonic() - began < 4
        with pytest.raises(LinkError):
            link.one(Statement("select 1"))


def test_a_store_on_a_full_device_says_so() -> None:
    error = store_error("postgresql://host/base", LinkError("could not extend file", "53100"))

    assert str(error) == (
        "postgresql://host/base: no space left on the server's device; free some, no restart is needed"
    )


@pytest.mark.parametrize("code", ["40001", "53300", "55P03", "57014", "57P03"])
def test_what_may_succeed_later_is_busy(code: str) -> None:
    assert isinstance(store_error("postgresql://host/base", LinkError("no", code)), StoreBusyError)
