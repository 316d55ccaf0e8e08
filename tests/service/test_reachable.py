"""Nobody in a store gets out of reach by another way of writing identifiers."""

from __future__ import annotations

from pathlib import Path

import pytest

from opportune.errors import ProjectError
from opportune.service.publishing import Offer, publish
from opportune.service.revisions import strategy_from_files
from opportune.storage import ErasePerson, MergePersons, SaveProfile, SqliteStorage, Storage

from .shop import files, serving

WRITTEN = "email: {normalize: email, trust: claimed}\nphone: {normalize: phone, region: PL, trust: claimed}\n"
PHONES = WRITTEN.partition("\n")[2]
SMALL = WRITTEN.replace("email, trust", "email, lower_case: true, trust")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A store whose strategy keeps the capitals of addresses."""
    with SqliteStorage(tmp_path / "shop.db") as storage:
        _publish(storage, WRITTEN)
    return tmp_path / "shop.db"


def _publish(storage: Storage, identifiers: str) -> int:
    return publish(storage, Offer(files(identifiers=identifiers)), str(hash(identifiers)), "numpy").number


def _know(storage: Storage, *addresses: str) -> None:
    for one in addresses:
        storage.write([SaveProfile(id=one, identifier=one, identifier_kind="email", attributes={}, replace=False)])


def test_another_way_of_writing_is_refused_while_somebody_would_be_lost(place: Path) -> None:
    with SqliteStorage(place) as storage:
        _know(storage, "anna@example.com", "Ben@example.com")

        with pytest.raises(ProjectError, match="email: identifiers of this kind in the store: 1 are written otherwise"):
            _publish(storage, SMALL)

        assert _publish(storage, WRITTEN + "mail: {normalize: email, lower_case: true, trust: claimed}\n") == 2


def test_it_is_taken_where_nobody_is_lost(place: Path) -> None:
    with SqliteStorage(place) as storage:
        _know(storage, "anna@example.com")

        assert _publish(storage, SMALL.replace("PL", "DE")) == 2


def test_a_kind_stays_while_somebody_is_known_by_it_alone(place: Path) -> None:
    with SqliteStorage(place) as storage:
        _know(storage, "anna@example.com")

        with pytest.raises(ProjectError, match="email: people in the store: 1 are known only by kinds"):
            _publish(storage, PHONES)

        storage.write([ErasePerson(id="forget", identifier="anna@example.com", identifier_kind="email")])
        assert _publish(storage, PHONES) == 2


def test_a_kind_may_go_where_all_have_another_identifier(place: Path) -> None:
    with SqliteStorage(place) as storage:
        _know(storage, "anna@example.com")
        merge = MergePersons(
            id="same",
            identifier="+48601100200",
            identifier_kind="phone",
            other="anna@example.com",
            other_kind="email",
        )
        storage.write([merge])

        assert _publish(storage, PHONES) == 2


def test_a_running_service_refuses_it_too(place: Path) -> None:
    with SqliteStorage(place) as storage:
        _know(storage, "Ben@example.com")

    with serving(place, of=strategy_from_files(files(identifiers=WRITTEN))[0]) as service:
        refused = service.call("POST", "/v1/revisions", {"files": files(identifiers=SMALL)})

    assert [one["where"] for one in refused.json()["problems"]] == ["identifiers.yaml: email"]
