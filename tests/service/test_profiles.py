"""Profiles in memory: forgotten by whoever changes them, here or elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opportune.service.profiles import NOBODY, Profiles
from opportune.storage import SaveProfile, SqliteStorage, Storage
from opportune.storage.cluster import identifier_mark

from .shop import strategy


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with SqliteStorage(tmp_path / "shop.db") as one:
        yield one


@pytest.fixture
def profiles(storage: Storage) -> Profiles:
    return Profiles(storage, strategy().registries.customer, 3)


def save(storage: Storage, identifier: str, age: int) -> None:
    storage.write(
        [SaveProfile(id=f"{identifier}-{age}", identifier=identifier, attributes={"age": age}, replace=False)]
    )


def known(profiles: Profiles, identifier: str) -> str:
    profile, changes = profiles.read(identifier)
    profiles.keep(identifier, profile, changes)
    return profile.person or ""


def test_a_profile_is_kept_until_its_person_changes(storage: Storage, profiles: Profiles) -> None:
    save(storage, "c-1", 40)
    person = known(profiles, "c-1")
    kept = profiles.get("c-1")
    assert kept is not None
    assert kept.facts == {"customer.age": 40}

    profiles.forget_changed(["somebody"], ["else"])
    assert profiles.get("c-1") is kept
    profiles.forget_changed([person], [])

    assert profiles.get("c-1") is None


def test_an_unknown_identifier_is_forgotten_by_its_mark(profiles: Profiles) -> None:
    known(profiles, "c-1")
    assert profiles.get("c-1") is NOBODY

    profiles.forget_changed([], [identifier_mark("customer", "c-1")])

    assert profiles.get("c-1") is None


def test_all_identifiers_of_a_person_are_forgotten_together(storage: Storage, profiles: Profiles) -> None:
    save(storage, "c-1", 40)
    profile, changes = profiles.read("c-1")
    profiles.keep("c-1", profile, changes)
    profiles.keep("card-1", profile, changes)

    profiles.forget("card-1")

    assert profiles.get("c-1") is None


def test_a_read_during_which_the_person_changed_is_not_kept(storage: Storage, profiles: Profiles) -> None:
    save(storage, "c-1", 40)
    save(storage, "c-2", 50)
    profile, changes = profiles.read("c-1")
    other, other_changes = profiles.read("c-2")
    assert profile.person is not None

    profiles.forget_changed([profile.person], [])
    profiles.keep("c-1", profile, changes)
    profiles.keep("c-2", other, other_changes)

    assert profiles.get("c-1") is None
    assert profiles.get("c-2") is other


def test_a_read_during_which_anything_may_have_changed_is_not_kept(profiles: Profiles) -> None:
    profile, changes = profiles.read("c-1")

    profiles.forget_all()
    profiles.keep("c-1", profile, changes)

    assert profiles.get("c-1") is None


def test_the_one_used_longest_ago_makes_room(profiles: Profiles) -> None:
    for name in ("c-1", "c-2", "c-3"):
        known(profiles, name)
    profiles.get("c-1")

    known(profiles, "c-4")

    assert profiles.get("c-2") is None
    assert profiles.get("c-1") is NOBODY
    assert len(profiles._by_mark) == 3
