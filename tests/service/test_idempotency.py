"""The same id sent many times at once has one effect and one answer."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from opportune.storage import Kind

from .shop import Service, decision

COPIES = 200


def copies(service: Service, method: str, path: str, body: Any, **headers: str) -> list[Any]:
    async def all_at_once() -> list[Any]:
        return await asyncio.gather(*(service.acall(method, path, body, **headers) for _ in range(COPIES)))

    return service.runner.run(all_at_once())


def entries(service: Service, kind: Kind) -> int:
    return len(service.runtime.storage.journal(kinds=(kind,)))


def test_copies_of_a_decision_get_one_answer(service: Service) -> None:
    # All of them have the time to be decided, whatever else the machine does.
    responses = copies(service, "POST", "/v1/decisions", decision(), opportune_deadline_ms="60000")

    assert {response.status_code for response in responses} == {200}
    assert len({response.content for response in responses}) == 1
    assert entries(service, Kind.DECISION) == 1


def test_a_retry_gets_the_first_answer_whatever_happened_meanwhile(service: Service) -> None:
    first = service.decide("r-1", customer="c-1")
    service.call("PUT", "/v1/customers/c-1", {"attributes": {"age": 44}})

    assert service.decide("r-1", customer="c-1") == first


def test_the_same_decision_id_with_another_body_is_refused(service: Service) -> None:
    service.decide("r-1")

    response = service.call("POST", "/v1/decisions", decision("r-1", context={"minutes": 5}))

    assert (response.status_code, response.json()["code"]) == (409, "id-conflict")


def test_copies_of_an_outcome_are_learned_once(service: Service) -> None:
    answer = service.decide()
    body = {"id": "o-1", "decision": answer["id"], "action": "water", "outcome": "accept"}

    responses = copies(service, "POST", "/v1/outcomes", body)
    service.settle()

    assert Counter(response.json()["status"] for response in responses) == {"recorded": 1, "repeated": COPIES - 1}
    assert entries(service, Kind.OUTCOME) == 1
    assert service.runtime.model_report().evidence["drinks/water/till/card"]["accept"] == 1


def test_copies_of_an_event_and_of_a_profile_have_one_effect(service: Service) -> None:
    event = {"id": "e-1", "type": "call_ended", "customer": "c-1"}
    copies(service, "POST", "/v1/events", event)
    copies(service, "PUT", "/v1/customers/c-1", {"attributes": {"age": 30}}, idempotency_key="k-1")

    assert entries(service, Kind.EVENT) == 1
    assert entries(service, Kind.PROFILE) == 1
