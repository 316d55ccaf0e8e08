"""Retention per class: events and attribute values go when their time is over, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opportune.service import Settings
from opportune.service.class_retention import Dropped, drop_old
from opportune.service.revisions import strategy_from_files
from opportune.storage import Kind, RecordEvent, SaveProfile, SqliteStorage, Storage, verify_storage

from .shop import files, serving

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
ATTRIBUTES = "age: {type: integer}\ncity: {type: text, keep_days: 30}\nmember: {type: boolean, keep_days: 400}\n"
EVENTS = "call_ended: {keep_days: 10, attributes: {minutes: {type: number}}}\nvisit: {}\n"


@pytest.fixture(scope="module")
def project():
    return strategy_from_files(files(attributes=ATTRIBUTES, events=EVENTS))[0].project


class Clock:
    now = BEGIN

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def storage(tmp_path: Path, clock: Clock) -> Iterator[Storage]:
    with SqliteStorage(tmp_path / "shop.db", clock=clock) as one:
        one.write(
            [
                SaveProfile(id="1", identifier="c-1", attributes={"age": 40, "city": "Gdynia"}, replace=False),
                RecordEvent(id="2", type="call_ended", identifier="c-1", attributes={"minutes": 3.0}),
                RecordEvent(id="3", type="visit", identifier="c-1", attributes={}),
            ]
        )
        yield one


def payloads(storage: Storage) -> list[bool]:
    return [entry.payload is not None for entry in storage.journal(kinds=(Kind.EVENT, Kind.PROFILE))]


def test_nothing_goes_before_its_time(project, storage: Storage) -> None:
    assert drop_old(storage, project, BEGIN + timedelta(days=10)) == Dropped()
    assert payloads(storage) == [True, True, True]


def test_an_event_goes_when_its_type_is_kept_no_longer(project, storage: Storage) -> None:
    dropped = drop_old(storage, project, BEGIN + timedelta(days=11))

    assert (dropped.events, dropped.changes, dropped.values) == (1, 0, 0)
    assert payloads(storage) == [True, False, True]


def test_a_value_goes_from_profile_and_journal_and_others_stay_in_the_profile(project, storage: Storage) -> None:
    dropped = drop_old(storage, project, BEGIN + timedelta(days=31))

    profile = storage.profile("c-1")
    assert (dropped.events, dropped.changes, dropped.values) == (1, 1, 1)
    assert profile is not None
    assert profile.attributes == {"age": 40}
    assert payloads(storage)[:3] == [False, False, True]
    assert verify_storage(storage) == []


def test_a_value_that_was_set_again_stays(project, storage: Storage, clock: Clock) -> None:
    clock.now = BEGIN + timedelta(days=20)
    storage.write([SaveProfile(id="4", identifier="c-1", attributes={"city": "Sopot"}, replace=False)])

    dropped = drop_old(storage, project, BEGIN + timedelta(days=31))

    profile = storage.profile("c-1")
    assert (dropped.changes, dropped.values) == (1, 0)
    assert profile is not None
    assert profile.attributes == {"age": 40, "city": "Sopot"}


def test_a_second_run_finds_nothing(project, storage: Storage) -> None:
    later = BEGIN + timedelta(days=31)
    drop_old(storage, project, later)

    dropped = drop_old(storage, project, later)

    assert (dropped.events, dropped.changes, dropped.values) == (0, 0, 0)


def test_a_long_backlog_goes_in_several_rounds(project, storage: Storage) -> None:
    storage.write(
        [RecordEvent(id=f"e{n}", type="call_ended", identifier="c-1", attributes={"minutes": 1.0}) for n in range(700)]
    )
    later = BEGIN + timedelta(days=31)

    first = drop_old(storage, project, later, most=500)
    second = drop_old(storage, project, later, after=first.until, most=500)

    assert first.more
    assert not second.more
    assert first.events + second.events == 701


def test_a_running_service_does_without_what_went(project, tmp_path: Path) -> None:
    clock = Clock()
    strategy = strategy_from_files(files(attributes=ATTRIBUTES, events=EVENTS))[0]
    with SqliteStorage(tmp_path / "shop.db", clock=clock) as one:
        one.write([SaveProfile(id="1", identifier="c-1", attributes={"age": 40, "city": "Gdynia"}, replace=False)])
    clock.now = BEGIN + timedelta(days=31)
    settings = Settings(kernel="numpy", clock=clock, sweep_seconds=0.02)

    with serving(tmp_path / "shop.db", settings, strategy) as service:
        for _ in range(100):
            known = service.call("GET", "/v1/customers/c-1").json()["attributes"]
            if known == {"age": 40}:
                break
            service.wait(0.02)

    assert known == {"age": 40}
