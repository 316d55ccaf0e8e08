"""What limits count is proved by the journal, and exact whoever decides at the same moment."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import apsw
import psycopg
import pytest

from opportune.errors import DamageError
from opportune.storage import MergeBody, Receipt, SqliteStorage, Storage, SwitchAction, open_storage, verify_storage
from opportune.storage.cluster import Notice
from opportune.storage.entries import to_microseconds
from opportune.storage.postgres import PostgresStorage, applying
from opportune.testing.storage import NOON, accept, merge, reservation, reserving, save_decision, save_profile
from tests.postgres import need_postgres

CAP = 4
TRIES = 10
YESTERDAY = NOON - timedelta(days=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store in which everything that limits count was counted."""
    path = tmp_path / "store.db"
    with SqliteStorage(path, clock=lambda: NOON) as storage:
        storage.write([save_profile("p")])
        person = storage.person_of("c-001")
        storage.write([reserving(key, reservation(2, 9), person=person) for key in "abc"])
        storage.write([accept("o", "d-a"), SwitchAction(id="s", target="group:cards", off=True, reason="recall")])
    return path


def _change(path: Path, sql: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(sql)
    connection.close()


@pytest.mark.parametrize(
    ("sql", "where"),
    [
        ("update stocks set taken = taken + 1", "table stocks"),
        ("update stocks set confirmed = 0", "table stocks"),
        ("update stocks set unmet = 1", "table stocks"),
        ("update stocks set period = '2026-04'", "table stocks"),
        ("delete from stocks", "table stocks"),
        ("update reservations set state = 'expired' where decision = 'd-b'", "table reservations"),
        ("update reservations set units = 1 where decision = 'd-b'", "table reservations"),
        ("update reservations set lease_until = 1 where decision = 'd-b'", "table reservations"),
        ("update reservations set terms = x'80' where decision = 'd-b'", "table reservations"),
        ("delete from reservations where decision = 'd-b'", "table reservations"),
        ("update switches set is_off = 0", "switch of group:cards"),
        ("update switches set reason = 'none'", "switch of group:cards"),
        ("delete from switches", "table switches"),
    ],
)
def test_verify_names_what_was_tampered_with(path: Path, sql: str, where: str) -> None:
    _change(path, sql)

    with SqliteStorage(path) as storage:
        problems = verify_storage(storage)

    assert any(problem.where == where for problem in problems), problems


def test_what_stocks_count_is_told_in_units_and_not_in_rows(path: Path) -> None:
    _change(path, "update stocks set confirmed = confirmed + 1")

    with SqliteStorage(path) as storage:
        (problem,) = [one for one in verify_storage(storage) if one.where == "table stocks"]

    # Three reservations of 2 units, one of them confirmed.
    assert problem.message == "it does not agree with the journal: expected 8 units in all states, found 9"


def test_a_damaged_contact_or_switch_is_never_answered(path: Path) -> None:
    with SqliteStorage(path) as storage:
        _change(path, "update journal set body = zeroblob(length(body)) where sequence = 3")
        _change(path, "update switches set is_off = 0")

        with pytest.raises(DamageError, match="journal entry 3: its body does not fit its digest; run 'opportune ver"):
            storage.contacts("c-001", YESTERDAY)
        with pytest.raises(DamageError, match="switch of group:cards"):
            storage.switches()


def test_old_counts_go_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "ADD_UP_ENTRIES", 8)
    url = need_postgres().database()
    with PostgresStorage(url) as storage:
        for number in range(20):
            storage.write([reserving(f"k{number}", reservation(1, 99))])
        with psycopg.connect(url) as connection:
            rows = connection.execute("select count(*) from opportune.stocks").fetchone()

        assert rows is not None
        assert rows[0] < 10
        assert storage.stocks()[0].taken == 20
        assert verify_storage(storage) == []


def test_a_switch_is_told_to_all_processes() -> None:
    url = need_postgres().database()
    told: queue.Queue[Notice] = queue.Queue()
    with PostgresStorage(url) as storage:
        watch = storage.cluster.watch(told.put)
        first = told.get(timeout=5)
        storage.write([SwitchAction(id="s", target="group:cards", off=True)])
        second = told.get(timeout=5)
        watch.close()

    assert first.missed
    assert second == Notice(last=1, switches=True)


def _show(url: str, name: str, end: float, checks: bool) -> None:
    """Decide for one person under either identifier, as long as its cap is not reached."""
    with open_storage(url) as storage:
        number = 0
        while time.monotonic() < end:
            number += 1
            identifier = f"c-00{1 + number % 2}"
            contacts = storage.contacts(identifier, YESTERDAY)
            if len(contacts.contacts) < CAP:
                person = storage.person_of(identifier)
                time.sleep(0.001)
                seen = contacts.last if checks else None
                storage.write([reserving(f"{name}-{number}", reservation(1, 999), seen=seen, person=person)])


def _beyond_the_cap(url: str, checks: bool) -> int:
    """Let many decide for two who turn out to be one; count the decisions beyond the cap by the journal."""
    with open_storage(url) as storage:
        storage.write([save_profile(f"p{n}", f"c-00{n}") for n in (1, 2)])
        end = time.monotonic() + 0.7
        deciders = [threading.Thread(target=_show, args=(url, f"t{n}", end, checks)) for n in range(4)]
        for decider in deciders:
            decider.start()
        time.sleep(0.05)
        (merged,) = storage.write([merge("m")])
        assert isinstance(merged, Receipt)
        for decider in deciders:
            decider.join()
        return _counted(storage)


def _counted(storage: Storage) -> int:
    shown: Counter[str] = Counter()
    today: dict[str, str] = {}
    beyond = 0
    for entry in storage.journal():
        person = entry.person or ""
        if isinstance(entry.body, MergeBody) and entry.body.absorbed:
            today[entry.body.absorbed] = person
            shown[person] += shown.pop(entry.body.absorbed, 0)
        elif entry.kind == "decision":
            beyond += shown[today.get(person, person)] >= CAP
            shown[today.get(person, person)] += 1
    return beyond


def test_one_person_with_two_identifiers_has_one_cap() -> None:
    assert _beyond_the_cap(need_postgres().database(), checks=True) == 0


def test_deciders_that_do_not_say_what_they_saw_break_the_cap() -> None:
    # Their turns have to fall between one another's reads and writes, which is up to the machine.
    assert any(_beyond_the_cap(need_postgres().database(), checks=False) for _ in range(TRIES))


def test_a_reservation_of_an_earlier_moment_is_measured_by_its_own_terms(tmp_path: Path) -> None:
    """A strategy that lowers its limit takes nothing back, and gives nothing more out."""
    lease = to_microseconds(NOON + timedelta(days=1))
    with SqliteStorage(tmp_path / "store.db", clock=lambda: NOON) as storage:
        storage.write([reserving(key, reservation(1, 3, lease_until=lease)) for key in "abc"])
        storage.write([reserving("d", reservation(1, 1, lease_until=lease)), accept("o", "d-c")])

        assert [(count.taken, count.confirmed) for count in storage.stocks()] == [(3, 1)]
        assert [row.decision for row in storage.reservations("headsets")] == ["d-c", "d-b", "d-a"]
        storage.write([save_decision("d")])
        assert storage.reservations_of("d-d") == []
