"""A service whose store is away at its start: what it answers meanwhile is recorded once the store is there."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from opportune.errors import DamageError, OpportuneError, StoreAwayError, StoreBusyError, StoreError
from opportune.service import waiting
from opportune.service.http.server import bind
from opportune.service.revisions import strategy_from_files
from opportune.service.waiting import WaitingService
from opportune.storage import Kind, SqliteStorage, Storage, verify_storage

from .shop import decision, files

CALL = {"type": "call_ended", "attributes": {"minutes": 2.0}}


class Away:
    """Stands between the service and a store: opening or writing fails as often as the script says."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_there = threading.Event()
        self.opening: list[OpportuneError] = []
        self.writing: list[OpportuneError] = []

    @contextmanager
    def open(self, url: str) -> Iterator[Storage]:
        if not self.is_there.is_set():
            raise StoreAwayError("the server cannot be reached")
        if self.opening:
            raise self.opening.pop(0)
        with SqliteStorage(self.path) as storage:
            write = storage.write

            def failing(writes: Any) -> Any:
                if self.writing:
                    raise self.writing.pop(0)
                return write(writes)

            storage.write = failing  # type: ignore[method-assign,assignment]
            yield storage


class Early:
    """A waiting service, the address at which it answers, and its store."""

    def __init__(self, service: WaitingService, url: str, store: Away, begun: threading.Event) -> None:
        self.service, self.url, self.store, self.begun = service, url, store, begun

    def ask(self, id: str, **fields: Any) -> dict[str, Any]:
        response = httpx.post(f"{self.url}/v1/decisions", json=decision(id, **fields))
        assert response.status_code == 200
        answer: dict[str, Any] = response.json()
        return answer

    def come(self) -> None:
        """Let the store come, others serve, and all records be written or given up."""
        self.store.is_there.set()
        assert self.begun.wait(10)
        self.service.end("")
        for thread in threading.enumerate():
            if thread.name == "opportune-late":
                thread.join(10)


@pytest.fixture
def early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Early]:
    store = Away(tmp_path / "shop.db")
    monkeypatch.setattr(waiting, "open_storage", store.open)
    monkeypatch.setattr(waiting, "RETRY_SECONDS", 0.01)
    interval = sys.getswitchinterval()
    ports: list[int] = []
    ready, begun = threading.Event(), threading.Event()

    def tell(port: int) -> None:
        ports.append(port)
        ready.set()

    with bind("127.0.0.1", 0) as bound:
        texts = files()
        texts["project.yaml"] += "unknown_context: ignore\n"
        service = WaitingService(strategy_from_files(texts)[0], bound)
        service.start("", lambda storage: begun.set(), tell)
        assert ready.wait(10)
        one = Early(service, f"http://127.0.0.1:{ports[0]}", store, begun)
        yield one
        if not begun.is_set():
            one.come()
        service._listening.close()
    sys.setswitchinterval(interval)


def events(path: Path) -> dict[str, str | None]:
    """Give the ids of all events with the identifier that their person came by."""
    with SqliteStorage(path, read_only=True) as storage:
        assert verify_storage(storage) == []
        told = {entry.id: entry.person for entry in storage.journal(kinds=(Kind.EVENT,))}
        known = {storage.person_of(name): name for name in ("c-1", "c-2")}
        return {id: None if person is None else known[person] for id, person in told.items()}


def test_an_answer_of_the_start_is_recorded_with_all_that_its_request_told(early: Early) -> None:
    answer = early.ask("r-1", customer="c-1", events=[{**CALL, "id": "own"}, CALL], context={"unheard_of": 1})
    nobody = early.ask("r-2", events=[{**CALL, "id": "of-nobody"}])
    early.come()

    told = events(early.store.path)
    with SqliteStorage(early.store.path, read_only=True) as storage:
        kept = storage.decision(answer["id"])
    assert answer["degraded"] == nobody["degraded"] == "store-unavailable"
    assert kept is not None
    assert (kept.decision.degraded, kept.decision.ignored) == ("store-unavailable", ("unheard_of",))
    assert (told.pop("own"), told.pop("of-nobody")) == ("c-1", None)
    assert list(told.values()) == ["c-1"]


@pytest.mark.parametrize("failure", [StoreAwayError("away"), StoreBusyError("busy"), StoreError("reset")])
def test_records_of_the_start_are_tried_again_where_the_store_goes_once_more(
    early: Early, monkeypatch: pytest.MonkeyPatch, failure: StoreError
) -> None:
    monkeypatch.setattr(waiting, "GROUP_MAX", 2)
    answers = [early.ask(f"r-{number}", events=[{**CALL, "id": f"e-{number}"}]) for number in range(5)]
    early.store.is_there.set()
    assert early.begun.wait(10)
    early.store.opening = [failure]
    early.store.writing = [failure, failure]
    early.come()

    with SqliteStorage(early.store.path, read_only=True) as storage:
        assert [one["id"] for one in answers if storage.decision(one["id"]) is None] == []
    assert set(events(early.store.path)) == {f"e-{number}" for number in range(5)}


def test_records_of_the_start_are_given_up_where_the_store_is_damaged(early: Early) -> None:
    answer = early.ask("r-1")
    early.store.is_there.set()
    assert early.begun.wait(10)
    early.store.writing = [DamageError("it contradicts itself")]
    early.come()

    with SqliteStorage(early.store.path, read_only=True) as storage:
        assert storage.decision(answer["id"]) is None


def test_no_more_records_are_kept_than_there_is_room_for(early: Early, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "RECORDS_MAX", 2)
    answers = [early.ask(f"r-{number}") for number in range(3)]
    early.come()

    with SqliteStorage(early.store.path, read_only=True) as storage:
        assert [storage.decision(one["id"]) is not None for one in answers] == [True, True, False]


def test_all_but_decisions_is_refused_until_the_store_is_there(early: Early) -> None:
    event = {"id": "e-1", "type": "call_ended"}
    refused = [
        httpx.post(f"{early.url}/v1/events", json=[event]),
        httpx.patch(f"{early.url}/v1/customers/c-1", json={"attributes": {}}),
        httpx.get(f"{early.url}/v1/decisions/r-1"),
        httpx.get(f"{early.url}/readyz"),
    ]

    assert [(one.status_code, one.json()["code"]) for one in refused] == [(503, "not-ready")] * 4
