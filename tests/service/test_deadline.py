"""Whatever becomes of the store, a contact is answered in time, and safely."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from opportune.errors import StoreBusyError, StoreError
from opportune.records import Origin
from opportune.service import keeping
from opportune.service.revisions import strategy_from_files
from opportune.storage import Kind, SqliteStorage, verify_storage

from .shop import Service, decision, files, serving


class TroubledStorage(SqliteStorage):
    """A store that can be told to hang or to fail."""

    def __init__(self, path: Path) -> None:
        self.released = threading.Event()
        self.released.set()
        self.failure: Exception | None = None
        super().__init__(path)

    def _trouble(self) -> None:
        self.released.wait(30)
        if self.failure is not None:
            raise self.failure

    def _transact(self, wanted: Any, plan: Any) -> None:
        self._trouble()
        super()._transact(wanted, plan)

    def _profiles(self, identifier_kind: str, identifier: str) -> Any:
        self._trouble()
        return super()._profiles(identifier_kind, identifier)


@pytest.fixture
def storage(tmp_path: Path) -> TroubledStorage:
    return TroubledStorage(tmp_path / "shop.db")


@pytest.fixture
def service(storage: TroubledStorage) -> Iterator[Service]:
    with serving(storage) as one:
        yield one
        storage.failure = None
        storage.released.set()


def timed(service: Service, body: dict[str, Any], deadline: str) -> tuple[dict[str, Any], float]:
    begin = monotonic()
    response = service.call("POST", "/v1/decisions", body, opportune_deadline_ms=deadline)
    assert response.status_code == 200
    return response.json(), monotonic() - begin


@pytest.mark.parametrize("customer", [None, "c-1"])
def test_a_hung_store_leads_to_the_fallback_within_the_deadline(
    service: Service, storage: TroubledStorage, customer: str | None
) -> None:
    storage.released.clear()

    answer, seconds = timed(service, decision(customer=customer), "50")

    assert answer["degraded"] == "store-slow"
    assert [(shown["action"], shown["how"]) for shown in answer["placements"][0]["actions"]] == [("water", "fallback")]
    assert 0.05 <= seconds < 0.5


def test_without_the_timer_a_hung_store_holds_the_answer(service: Service, storage: TroubledStorage) -> None:
    storage.released.clear()

    async def unanswered() -> bool:
        call = asyncio.create_task(service.acall("POST", "/v1/decisions", decision(), opportune_deadline_ms="60000"))
        done, _ = await asyncio.wait({call}, timeout=0.5)
        storage.released.set()
        await call
        return not done

    assert service.runner.run(unanswered())


@pytest.mark.parametrize(
    ("failure", "reason"), [(StoreError("gone"), "store-unavailable"), (StoreBusyError("busy"), "store-busy")]
)
def test_a_store_that_fails_leads_to_the_fallback(
    service: Service, storage: TroubledStorage, failure: Exception, reason: str
) -> None:
    storage.failure = failure

    answer, _ = timed(service, decision(customer="c-1"), "2000")

    assert answer["degraded"] == reason


def test_an_outcome_is_not_acknowledged_by_a_store_that_fails(service: Service, storage: TroubledStorage) -> None:
    answer = service.decide()
    storage.failure = StoreError("no space left")
    body = {"id": "o-1", "decision": answer["id"], "action": "water", "outcome": "accept"}

    refused = service.call("POST", "/v1/outcomes", body)
    storage.failure = None
    taken = service.call("POST", "/v1/outcomes", body)

    assert (refused.status_code, refused.json()["code"]) == (503, "store-unavailable")
    assert refused.headers["retry-after"] == "5"
    assert taken.json()["status"] == "recorded"


def test_a_fallback_obeys_the_rules_that_can_be_told(service: Service, storage: TroubledStorage) -> None:
    storage.released.clear()

    answer, _ = timed(service, decision(placements=[{"name": "receipt"}, {"name": "screen"}]), "50")

    assert [len(placement["actions"]) for placement in answer["placements"]] == [1, 0]


def test_a_fallback_is_recorded_when_the_store_comes_back_and_its_outcome_is_tagged(
    service: Service, storage: TroubledStorage
) -> None:
    storage.released.clear()
    # The first one is in the writer's hands already; the second still waits and is withdrawn.
    timed(service, decision("r-1"), "50")
    answer, _ = timed(service, decision("r-2"), "50")
    storage.released.set()
    service.until(lambda: storage.decision(answer["id"]))

    body = {"id": "o-1", "decision": answer["id"], "action": "water", "outcome": "accept"}
    response = service.call("POST", "/v1/outcomes", body)

    assert response.status_code == 200
    kept = service.call("GET", f"/v1/decisions/{answer['id']}").json()["decision"]
    assert kept["degraded"] == "store-slow"
    assert [entry.origin for entry in storage.journal(kinds=(Kind.OUTCOME,))] == [Origin.FALLBACK]


def test_an_outcome_of_a_fallback_waits_for_the_record_of_its_decision(
    service: Service, storage: TroubledStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.released.clear()
    answer, _ = timed(service, decision("r-1"), "20")
    body = {"id": "o-1", "decision": answer["id"], "action": "water", "outcome": "accept"}

    async def told() -> tuple[int, int]:
        with monkeypatch.context() as soon:
            soon.setattr(keeping, "SETTLED_SECONDS", 0.01)
            busy = await service.acall("POST", "/v1/outcomes", body)
        call = asyncio.create_task(service.acall("POST", "/v1/outcomes", body))
        await asyncio.sleep(0.02)
        storage.released.set()
        return busy.status_code, (await call).status_code

    assert answer["degraded"] == "store-slow"
    assert service.runner.run(told()) == (503, 200)
    assert [entry.origin for entry in storage.journal(kinds=(Kind.OUTCOME,)) if entry.id == "o-1"] == [Origin.FALLBACK]


def test_a_broken_model_leads_to_the_fallback(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(encoded: object) -> object:
        raise FloatingPointError("secret 4711")

    monkeypatch.setattr(service.runtime.learner.model, "predict", broken)

    answer, _ = timed(service, decision(), "2000")

    assert answer["degraded"] == "internal-error"
    assert [shown["action"] for shown in answer["placements"][0]["actions"]] == ["water"]


def test_what_a_late_decision_took_comes_back_and_is_no_contact(tmp_path: Path) -> None:
    texts = files(
        contact_policies="some: {at_most: 9, within: {days: 7}, per: person}\n",
        stocks="beans: {units: 5, lease: {days: 14}, confirmed_by: [accept]}\n",
    )
    texts["actions/drinks/coffee.yaml"] += "uses: {beans: 1}\n"
    storage = TroubledStorage(tmp_path / "shop.db")
    with serving(storage, of=strategy_from_files(texts)[0]) as service:
        service.call("PATCH", "/v1/customers/c-1", {"attributes": {"age": 40}})
        warm = service.decide("warm", customer="c-1")
        storage.released.clear()
        answer, _ = timed(service, decision("late", customer="c-1"), "1000")
        storage.released.set()
        service.until(lambda: "released" in {one.state for one in storage.reservations("beans", 10)})
        service.settle()
        recorded = storage.decision(answer["id"])
        taken = {reservation.decision: reservation.state for reservation in storage.reservations("beans", 10)}
        contacts = storage.contacts("c-1", datetime(2000, 1, 1, tzinfo=UTC)).contacts
        learned = service.runtime.learner.learned
        faults = verify_storage(storage)

    assert answer["degraded"] == "store-slow"
    assert recorded is not None
    assert recorded.decision.degraded is None
    assert taken[answer["id"]] == "released"
    assert {one.decision for one in contacts if one.what == "shown"} == {warm["id"]}
    assert learned == 0
    assert faults == []


def test_actions_of_a_late_decision_that_nobody_saw_teach_nothing(service: Service, storage: TroubledStorage) -> None:
    storage.released.clear()
    on_app = {"channel": "app", "placements": [{"name": "card"}]}
    answer, _ = timed(service, decision("late", **on_app), "50")
    storage.released.set()
    service.until(lambda: storage.journal(kinds=(Kind.OUTCOME,)))
    service.settle()

    recorded = storage.decision(answer["id"])
    assert answer["degraded"] == "store-slow"
    assert recorded is not None
    assert recorded.decision.degraded is None
    assert storage.due_windows(datetime.now(UTC) + timedelta(days=400), 10) == []
    assert {entry.body.outcome for entry in storage.journal(kinds=(Kind.OUTCOME,))} == {"unseen"}
    assert service.runtime.learner.learned == 0
