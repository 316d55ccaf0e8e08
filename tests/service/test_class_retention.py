"""Retention per class: events and attribute values go when their time is over, and nothing else does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from opportune.service import Settings
from opportune.service.class_retention import Dropped, drop_old
from opportune.service.retaining import Retaining
from opportune.service.revisions import strategy_from_files
from opportune.storage import (
    DropValues,
    Kind,
    Receipt,
    RecordEvent,
    SaveProfile,
    SqliteStorage,
    Storage,
    verify_storage,
)
from opportune.testing.storage.writes import merge, split

from .shop import files, serving

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LEVELS = "household: {attributes: {city: {type: text}}}\n"
ATTRIBUTES = "age: {type: integer}\ncity: {type: text, keep_days: 30}\nmember: {type: boolean, keep_days: 400}\n"
EVENTS = "call_ended: {keep_days: 10, attributes: {minutes: {type: number}}}\nvisit: {}\n"


@pytest.fixture(scope="module")
def project():
    return strategy_from_files(files(attributes=ATTRIBUTES, events=EVENTS, levels=LEVELS))[0].project


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


def patch(key: str, identifier: str, **attributes: object) -> SaveProfile:
    return SaveProfile(id=key, identifier=identifier, attributes=attributes, replace=False)


def known(storage: Storage, identifier: str) -> dict[str, object]:
    profile = storage.profile(identifier)
    return {} if profile is None else profile.attributes


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
    second = drop_old(storage, project, later, after=first.place, most=500)

    assert first.place
    assert not second.place
    assert first.events + second.events == 701


def test_what_is_kept_longer_goes_in_its_time_after_a_long_backlog(
    project, storage: Storage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opportune.service.retaining.ENTRIES_AT_ONCE", 1)
    monkeypatch.setattr("opportune.service.class_retention.PAGE", 1)
    retaining = Retaining(storage, Settings(clock=clock))
    for day in (11, 31):
        clock.now = BEGIN + timedelta(days=day)
        for _ in range(4):
            asyncio.run(retaining.apply_classes(project))

    assert payloads(storage)[:3] == [False, False, True]


def test_values_that_one_change_set_go_each_in_its_time(project, storage: Storage, clock: Clock) -> None:
    storage.write([patch("4", "c-2", city="Sopot", member=True, age=7)])

    told = []
    for day in (31, 401):
        clock.now = BEGIN + timedelta(days=day)
        drop_old(storage, project, clock.now)
        told.append(known(storage, "c-2"))

    assert told == [{"age": 7, "member": True}, {"age": 7}]


def test_a_value_that_a_merge_hides_goes_too_and_the_one_that_hides_it_stays(
    project, storage: Storage, clock: Clock
) -> None:
    storage.write([patch("4", "c-2", city="Sopot"), merge("m", "c-3", "c-2")])
    clock.now = BEGIN + timedelta(days=20)
    storage.write([patch("5", "c-3", city="Hel")])

    drop_old(storage, project, BEGIN + timedelta(days=31))
    told = known(storage, "c-2")
    storage.write([split("s", "m")])

    assert (told, known(storage, "c-2"), known(storage, "c-3")) == ({"city": "Hel"}, {}, {"city": "Hel"})
    assert verify_storage(storage) == []


def test_a_value_dated_ahead_goes_too(project, storage: Storage) -> None:
    ahead = replace(patch("4", "c-2", city="Sopot"), occurred_at=BEGIN + timedelta(days=900))
    storage.write([ahead])

    drop_old(storage, project, BEGIN + timedelta(days=31))

    assert known(storage, "c-2") == {}


def test_what_a_household_has_of_the_same_name_stays(project, storage: Storage) -> None:
    storage.write([replace(patch("4", "h-1", city="Sopot"), identifier_kind="household")])

    drop_old(storage, project, BEGIN + timedelta(days=31))

    profile = storage.profile("h-1", "household")
    assert profile is not None
    assert profile.attributes == {"city": "Sopot"}
    assert payloads(storage)[3]


def test_nobody_is_made_of_who_was_erased_meanwhile(storage: Storage) -> None:
    gone = DropValues(id="d", identifier="c-9", names=("city",), until=9)

    assert storage.write([gone]) == [Receipt(sequence=0, repeated=True)]
    assert storage.person_of("c-9") is None


def test_a_value_that_is_set_meanwhile_stays(storage: Storage) -> None:
    storage.write([patch("4", "c-1", city="Hel")])

    storage.write([DropValues(id="d", identifier="c-1", names=("age", "city"), until=3)])

    assert known(storage, "c-1") == {"city": "Hel"}


def test_a_running_service_does_without_what_went(project, tmp_path: Path) -> None:
    clock = Clock()
    strategy = strategy_from_files(files(attributes=ATTRIBUTES, events=EVENTS))[0]
    with SqliteStorage(tmp_path / "shop.db", clock=clock) as one:
        one.write([SaveProfile(id="1", identifier="c-1", attributes={"age": 40, "city": "Gdynia"}, replace=False)])
    clock.now = BEGIN + timedelta(days=31)
    settings = Settings(kernel="numpy", clock=clock, sweep_seconds=0.02)

    with serving(tmp_path / "shop.db", settings, strategy) as service:
        for _ in range(500):
            known = service.call("GET", "/v1/customers/c-1").json()["attributes"]
            if known == {"age": 40}:
                break
            service.wait(0.02)

    assert known == {"age": 40}
