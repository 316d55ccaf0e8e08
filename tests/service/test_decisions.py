"""POST and GET /v1/decisions."""

from __future__ import annotations

import json

import pytest

from opportune.service import recalling

from .shop import Service, decision


def actions(answer: dict, placement: int = 0) -> list[str]:
    return [shown["action"] for shown in answer["placements"][placement]["actions"]]


def test_an_anonymous_contact_gets_what_needs_no_knowledge(service: Service) -> None:
    answer = service.decide()

    assert sorted(actions(answer)) == ["call_back", "water"]
    assert answer["degraded"] is None


def test_an_unknown_customer_is_answered_as_anonymous(service: Service) -> None:
    answer = service.decide(customer="c-404")

    assert sorted(actions(answer)) == ["call_back", "water"]


def test_a_known_customer_gets_what_their_profile_allows(service: Service) -> None:
    service.call("PUT", "/v1/customers/c-1", {"attributes": {"age": 40}})

    answer = service.decide(customer="c-1", context={"weather": "Rainy"}, placements=[{"name": "receipt", "size": 9}])

    assert set(actions(answer)) == {"wine", "coffee", "water", "call_back"}


def test_a_profile_that_changed_counts_at_the_next_decision(service: Service) -> None:
    service.call("PUT", "/v1/customers/c-1", {"attributes": {"age": 12}})
    before = service.decide("r-1", customer="c-1", placements=[{"name": "receipt", "size": 9}])
    service.call("PATCH", "/v1/customers/c-1", {"attributes": {"age": 50}})

    after = service.decide("r-2", customer="c-1", placements=[{"name": "receipt", "size": 9}])

    assert "coffee" not in actions(before)
    assert "coffee" in actions(after)


def test_several_placements_show_no_action_twice(service: Service) -> None:
    answer = service.decide(placements=[{"name": "receipt"}, {"name": "screen"}])

    shown = actions(answer, 0) + actions(answer, 1)
    assert len(shown) == len(set(shown))


def test_content_comes_in_the_wanted_language(service: Service) -> None:
    answer = service.decide(language="pl", placements=[{"name": "receipt", "size": 9}])

    titles = {shown["action"]: shown["content"]["title"] for shown in answer["placements"][0]["actions"]}
    assert titles == {"water": "water", "call_back": "Oddzwonimy"}


def test_timing_stands_in_a_header_and_not_in_the_body(service: Service) -> None:
    response = service.call("POST", "/v1/decisions", decision())

    assert "decide;dur=" in response.headers["server-timing"]
    assert set(response.json()) == {"id", "revision", "degraded", "control", "placements"}


def test_a_kept_decision_explains_every_candidate_of_its_channel(service: Service) -> None:
    answer = service.decide(context={"weather": "Sunny"})

    kept = service.call("GET", f"/v1/decisions/{answer['id']}").json()

    assert kept["decision"]["facts"]["context.weather"] == "Sunny"
    stages = {one["action"]: one["stage"] for one in kept["explanation"]["placements"][0]["candidates"]}
    assert stages == {"water": "shown", "call_back": "shown", "coffee": "eligibility", "wine": "eligibility"}
    assert kept["explanation"]["scores"] == "recomputed"


def test_an_explanation_uses_the_model_as_it_was(service: Service) -> None:
    first = service.decide("r-1")
    for number in range(5):
        answer = service.decide(f"o-{number}")
        service.call(
            "POST",
            "/v1/outcomes",
            {"id": f"o-{number}", "decision": answer["id"], "action": "water", "outcome": "accept"},
        )
    service.settle()
    shown = next(one for one in first["placements"][0]["actions"] if one["action"] == "water")

    kept = service.call("GET", f"/v1/decisions/{first['id']}").json()

    explained = next(one for one in kept["explanation"]["placements"][0]["candidates"] if one["action"] == "water")
    assert explained["parts"]["propensity.accept"] == pytest.approx(shown["propensity"]["accept"], abs=1e-6)


def test_scores_are_as_recorded_where_too_much_was_learned_since_a_checkpoint(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scores(id: str) -> str:
        told: str = service.call("GET", f"/v1/decisions/{id}").json()["explanation"]["scores"]
        return told

    for number in range(3):
        answer = service.decide(f"r-{number}")
        outcome = {"id": f"o-{number}", "decision": answer["id"], "action": "water", "outcome": "accept"}
        service.call("POST", "/v1/outcomes", outcome)
        service.settle()

    assert [scores(f"r-{number}") for number in range(3)] == ["recomputed"] * 3
    monkeypatch.setattr(recalling, "FOLD_MAX", 2)
    assert [scores(f"r-{number}") for number in range(3)] == ["recomputed", "recomputed", "recorded"]


def test_all_problems_of_a_request_are_told_at_once(service: Service) -> None:
    body = decision(zone="Mars/Base", placements=[{"name": "recipt"}], context={"weathr": 1, "minutes": 1e9})

    response = service.call("POST", "/v1/decisions", body)

    problems = response.json()["problems"]
    assert response.status_code == 422
    assert [problem["where"] for problem in problems] == [
        "placements[0].name",
        "zone",
        "context",
        "context.minutes",
    ]
    assert problems[0]["remedy"] == "did you mean 'receipt'?"


def test_a_decision_is_read_by_the_id_of_its_request_too(service: Service) -> None:
    made = service.decide("r/1")["id"]

    by_request, by_id = (service.call("GET", f"/v1/decisions/{id}").json() for id in ("r%2F1", made))

    assert by_request == by_id
    for unknown in ("r-2", "r%00", "%0A", "x" * 300):
        assert service.call("GET", f"/v1/decisions/{unknown}").status_code == 404


def test_a_decision_is_read_with_what_became_of_it(service: Service) -> None:
    made = service.decide("r-1")["id"]
    before = service.call("GET", f"/v1/decisions/{made}").json()
    said = {"id": "o-1", "decision": made, "action": "water", "outcome": "accept"}
    service.call("POST", "/v1/outcomes", [said, {"id": "o-2", "decision": made, "withdraws": "o-1"}])

    after = service.call("GET", f"/v1/decisions/{made}").json()

    first, second = after["outcomes"]
    assert before["outcomes"] == []
    assert before["reportable"] == after["reportable"] == ["impression", "accept", "reject"]
    assert (first["id"], first["action"], first["outcome"], first["expiry"]) == ("o-1", "water", "accept", False)
    assert (second["id"], second["withdraws"], second["repeats"]) == ("o-2", "o-1", True)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"channel": "tll"}, "unknown-channel"),
        ({"placements": [{"name": "nowhere"}]}, "unknown-placement"),
        ({"placements": []}, "invalid-request"),
        ({"placements": [{"name": "receipt"}, {"name": "receipt"}]}, "invalid-request"),
        ({"placements": [{"name": "receipt", "size": 0}]}, "invalid-request"),
        ({"id": ""}, "invalid-request"),
        ({"id": "x" * 257}, "invalid-request"),
        ({"id": "a\0b"}, "invalid-request"),
        ({"customer": ""}, "invalid-request"),
        ({"zone": "Nowhere/At/All"}, "invalid-request"),
        ({"zone": "../../etc/passwd"}, "invalid-request"),
        ({"zone": "localtime"}, "invalid-request"),
        ({"zone": "right/UTC"}, "invalid-request"),
        ({"context": {"minutes": "five"}}, "invalid-attribute"),
        ({"context": {"minutes": 10**400}}, "malformed-json"),
        ({"context": {"weather": "Snowy"}}, "invalid-attribute"),
        ({"extra": 1}, "invalid-request"),
    ],
)
def test_a_wrong_request_is_refused_with_its_code(service: Service, fields: dict, code: str) -> None:
    response = service.call("POST", "/v1/decisions", json.dumps(decision() | fields).encode())

    assert 400 <= response.status_code < 500
    assert response.json()["code"] in (code, "invalid-attribute")
