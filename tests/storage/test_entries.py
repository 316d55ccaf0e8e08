"""Entries of older schemas are read in today's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from opportune.storage import EventBody, EventPayload, Kind, RecordEvent, SqliteStorage, kinds, verify_storage
from opportune.storage.entries import from_microseconds, to_microseconds
from opportune.testing.storage import NOON, save_decision


class OldEventBody(msgspec.Struct):
    """Events as an imaginary earlier version wrote them: the type under another name."""

    name: str
    introduces: bytes | None


class OldEventPayload(msgspec.Struct):
    """The same for the payload: no kind of identifier, attributes under another name."""

    identifier: str
    values: dict[str, Any]


def _upcast(body: dict[str, Any], payload: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return (
        {"type": body["name"], "introduces": body["introduces"]},
        {"identifier": payload["identifier"], "identifier_kind": "customer", "attributes": payload["values"]},
    )


@pytest.fixture
def old_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store whose only entry was written in the earlier schema, opened by a program that knows the next one."""
    path = tmp_path / "store.db"
    with monkeypatch.context() as earlier:
        books = "opportune.storage.books.people"
        earlier.setattr(f"{books}.EventBody", lambda type, introduces: OldEventBody(name=type, introduces=introduces))
        earlier.setattr(
            f"{books}.EventPayload",
            lambda identifier, identifier_kind, attributes: OldEventPayload(identifier=identifier, values=attributes),
        )
        with SqliteStorage(path) as storage:
            storage.write([RecordEvent(id="e", type="call", identifier="c-001", attributes={"at": NOON, "n": 3})])
    monkeypatch.setitem(kinds.SCHEMAS, Kind.EVENT, 2)
    monkeypatch.setitem(kinds.UPCASTS, (Kind.EVENT, 1), _upcast)
    return path


def test_an_old_entry_is_read_in_the_schema_of_today(old_store: Path) -> None:
    with SqliteStorage(old_store) as storage:
        (entry,) = storage.journal()

    assert entry.schema == 1
    assert isinstance(entry.body, EventBody)
    assert entry.body.type == "call"
    assert entry.payload == EventPayload(
        identifier="c-001", identifier_kind="customer", attributes={"at": NOON, "n": 3}
    )


def test_old_entries_verify_and_new_ones_follow(old_store: Path) -> None:
    with SqliteStorage(old_store) as storage:
        storage.write([RecordEvent(id="f", type="visit", identifier="c-001", attributes={}), save_decision("a")])

        assert [entry.schema for entry in storage.journal()] == [1, 2, 1]
        assert verify_storage(storage) == []


@pytest.mark.parametrize("microseconds", [0, 1, -1, 1_700_000_000_123_456, -62_000_000_000_000_000])
def test_microseconds_come_back(microseconds: int) -> None:
    assert to_microseconds(from_microseconds(microseconds)) == microseconds
