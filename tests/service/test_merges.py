"""POST /v1/customers/{customer}/merge and GET /v1/customers/{customer}/history."""

from __future__ import annotations

from typing import Any

import pytest

from .shop import Service


def put(service: Service, customer: str, **attributes: Any) -> None:
    service.call("PUT", f"/v1/customers/{customer}", {"attributes": attributes})


def merge(service: Service, customer: str, other: str, key: str = "m-1") -> dict[str, Any]:
    answer: dict[str, Any] = service.call("POST", f"/v1/customers/{customer}/merge", {"id": key, "other": other}).json()
    return answer


def history(service: Service, customer: str, query: str = "") -> dict[str, Any]:
    answer: dict[str, Any] = service.call("GET", f"/v1/customers/{customer}/history{query}").json()
    return answer


def test_merged_customers_are_decided_for_as_one(service: Service) -> None:
    for customer, city in (("c-1", "Gdynia"), ("c-2", "Sopot"), ("c-3", "Hel")):
        put(service, customer, city=city)
    merge(service, "c-2", "c-3", "m-0")
    ids = [service.decide(f"r-{one}", customer=one)["id"] for one in ("c-1", "c-2", "c-3")]
    answer = merge(service, "c-1", "c-2")
    ids += [service.decide(f"s-{one}", customer=one)["id"] for one in ("c-1", "c-2", "c-3")]

    decisions = [service.call("GET", f"/v1/decisions/{one}").json()["decision"] for one in ids]
    assert answer == {"status": "recorded", "version": 3}
    assert len({one["person"] for one in decisions[:3]}) == 2
    assert {one["person"] for one in decisions[3:]} == {decisions[0]["person"]}
    assert {one["facts"]["customer.city"] for one in decisions[3:]} == {"Gdynia"}


def test_the_same_merge_has_one_effect(service: Service) -> None:
    put(service, "c-1", age=1)
    put(service, "c-2", age=2)
    first, retry, other = (
        merge(service, "c-1", "c-2"),
        merge(service, "c-1", "c-2"),
        merge(service, "c-2", "c-1", "m-2"),
    )
    conflict = service.call("POST", "/v1/customers/c-1/merge", {"id": "m-1", "other": "c-9"})

    assert (first["status"], retry["status"], other["status"]) == ("recorded", "repeated", "repeated")
    assert first["version"] == retry["version"] == other["version"]
    assert (conflict.status_code, conflict.json()["code"]) == (409, "id-conflict")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"id": "m-1", "other": "c-9"}, "unknown-customer"),
        ({"id": "m-1", "other": ""}, "invalid-request"),
        ({"id": "", "other": "c-9"}, "invalid-request"),
        ({"id": "m-1"}, "invalid-request"),
    ],
)
def test_a_wrong_merge_is_refused(service: Service, body: dict[str, str], code: str) -> None:
    response = service.call("POST", "/v1/customers/c-8/merge", body)

    assert (response.status_code, response.json()["code"]) == (422, code)
    assert "c-9" not in response.text


def test_a_history_tells_all_that_happened_to_both(service: Service) -> None:
    put(service, "c-1", age=30)
    put(service, "c-2", city="Sopot")
    answer = service.decide(customer="c-2")
    service.call("POST", "/v1/outcomes", {"id": "o", "decision": answer["id"], "action": "water", "outcome": "accept"})
    service.call("POST", "/v1/events", {"id": "e", "type": "call_ended", "customer": "c-1"})
    merge(service, "c-1", "c-2")

    told = history(service, "c-2")
    assert [entry["kind"] for entry in told["entries"]] == [
        *("merge", "event", "outcome", "decision", "profile", "profile"),
    ]
    details = [entry["details"] for entry in told["entries"]]
    assert details[0] == {"version": 2, "identifier": "c-1", "other": "c-2"}
    assert (details[2]["action"], details[2]["outcome"], details[2]["sign"]) == ("water", "accept", "positive")
    assert details[3]["placements"].keys() == {"receipt"}
    assert details[4]["attributes"] == {"city": "Sopot"}
    assert told["before"] is None


def test_a_history_comes_in_pages(service: Service) -> None:
    for age in range(5):
        put(service, "c-1", age=age)
    pages = [history(service, "c-1", "?limit=2")]
    while pages[-1]["before"] is not None:
        pages.append(history(service, "c-1", f"?limit=2&before={pages[-1]['before']}"))

    ages = [entry["details"]["attributes"]["age"] for page in pages for entry in page["entries"]]
    assert ages == [4, 3, 2, 1, 0]


def test_a_history_leaves_out_what_a_role_may_not_see(service: Service) -> None:
    put(service, "c-1", age=30, city="Gdynia")
    everything = history(service, "c-1")["entries"][0]
    seen = history(service, "c-1", "?for=agent")["entries"][0]

    assert everything["details"]["attributes"] == {"age": 30, "city": "Gdynia"}
    assert len(seen["details"]["attributes"]) + seen["withheld"] == 2


@pytest.mark.parametrize("query", ["?limit=0", "?limit=x", "?before=-1", "?limit=1&limit=2", "?for=me", "?page=1"])
def test_a_wrong_query_is_refused(service: Service, query: str) -> None:
    assert history(service, "c-1", query)["code"] == "invalid-query"


def test_nobody_has_no_history(service: Service) -> None:
    assert history(service, "c-404")["code"] == "not-found"


def test_an_identifier_may_end_like_a_path(service: Service) -> None:
    put(service, "c-1%2Fhistory", age=3)
    put(service, "c-1%2Fmerge", age=4)

    assert service.call("GET", "/v1/customers/c-1%2Fhistory").json()["attributes"] == {"age": 3}
    assert service.call("GET", "/v1/customers/c-1%2Fmerge").json()["attributes"] == {"age": 4}
    assert merge(service, "c-1%2Fmerge", "c-1%2Fhistory")["status"] == "recorded"


def test_a_customer_is_not_merged_with_itself(service: Service) -> None:
    put(service, "c-1", city="Gdynia")
    answer = service.call("POST", "/v1/customers/c-1/merge", {"id": "m-1", "other": "c-1"})

    assert (answer.status_code, answer.json()["problems"][0]["where"]) == (422, "other")
