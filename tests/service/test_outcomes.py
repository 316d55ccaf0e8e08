"""POST /v1/outcomes."""

from __future__ import annotations

from typing import Any

import pytest

from opportune.records import Origin
from opportune.storage import Kind

from .shop import Service


def outcome(service: Service, **fields: Any) -> dict[str, Any]:
    answer = service.decide()
    return {"id": "o-1", "decision": answer["id"], "action": "water", "outcome": "accept", **fields}


def origins(service: Service) -> list[Origin | None]:
    return [entry.origin for entry in service.runtime.storage.journal(kinds=(Kind.OUTCOME,))]


def test_an_outcome_is_recorded_once(service: Service) -> None:
    body = outcome(service)

    first = service.call("POST", "/v1/outcomes", body)
    second = service.call("POST", "/v1/outcomes", body)

    assert (first.status_code, first.json()["status"]) == (200, "recorded")
    assert (second.status_code, second.json()["status"]) == (200, "repeated")
    assert first.json()["sequence"] == second.json()["sequence"]


def test_the_same_id_with_another_body_is_a_conflict(service: Service) -> None:
    body = outcome(service)
    service.call("POST", "/v1/outcomes", body)

    response = service.call("POST", "/v1/outcomes", {**body, "outcome": "reject"})

    assert (response.status_code, response.json()["code"]) == (409, "id-conflict")


def test_what_the_engine_showed_is_tagged_as_its_choice(service: Service) -> None:
    service.call("POST", "/v1/outcomes", outcome(service))

    assert origins(service) == [Origin.ENGINE]


def test_what_the_channel_chose_itself_is_tagged_and_learned(service: Service) -> None:
    body = outcome(service, action="wine")

    response = service.call("POST", "/v1/outcomes", body)
    service.settle()

    assert response.status_code == 200
    assert origins(service) == [Origin.CHANNEL]
    evidence = service.runtime.model_report().evidence
    assert evidence["drinks/wine/till/card"]["accept"] == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"decision": "d-404"}, "unknown-decision"),
        ({"action": "watr"}, "unknown-action"),
        ({"outcome": "acept"}, "unknown-outcome"),
        ({"action": "wine", "treatment": "poster"}, "unknown-treatment"),
        ({"action": "wine", "placement": "door"}, "unknown-placement"),
        ({"id": ""}, "invalid-request"),
        ({"occurred_at": "2026-05-04T18:00:00"}, "invalid-request"),
        ({"occurred_at": "yesterday"}, "invalid-request"),
    ],
)
def test_a_wrong_outcome_is_refused_with_its_code(service: Service, fields: dict[str, Any], code: str) -> None:
    response = service.call("POST", "/v1/outcomes", outcome(service, **fields))

    assert (response.status_code, response.json()["code"]) == (422, code)


def test_an_outcome_of_no_decision_is_told_what_to_send(service: Service) -> None:
    (problem,) = service.call("POST", "/v1/outcomes", outcome(service, decision="")).json()["problems"]

    assert (problem["where"], problem["message"]) == ("decision", "expected a decision or a token, found neither")
    assert "an answer without an id has no outcomes" in problem["remedy"]


def test_a_batch_judges_every_item_by_itself(service: Service) -> None:
    good = outcome(service)
    batch = [good, {**good, "id": "o-2", "decision": "d-404"}, {"id": "o-3"}, good]

    response = service.call("POST", "/v1/outcomes", batch)

    answer = response.json()
    assert response.status_code == 207
    assert (answer["recorded"], answer["repeated"], answer["refused"]) == (1, 1, 2)
    assert [item["status"] for item in answer["items"]] == ["recorded", "refused", "refused", "repeated"]
    assert [item.get("code") for item in answer["items"]] == [None, "unknown-decision", "invalid-request", None]


def test_a_batch_without_refusals_is_plainly_fine(service: Service) -> None:
    assert service.call("POST", "/v1/outcomes", [outcome(service)]).status_code == 200
    assert service.call("POST", "/v1/outcomes", []).status_code == 200


def test_too_long_a_batch_is_refused(service: Service) -> None:
    response = service.call("POST", "/v1/outcomes", [outcome(service)] * 1001)

    assert (response.status_code, response.json()["code"]) == (413, "too-large")


def test_an_outcome_of_a_decision_from_before_a_restart_finds_it(service: Service) -> None:
    body = outcome(service)
    service.runtime._recent._decisions.clear()

    response = service.call("POST", "/v1/outcomes", body)

    assert response.status_code == 200
    assert origins(service) == [Origin.ENGINE]
