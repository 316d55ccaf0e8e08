"""Events over HTTP, in all shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opportune.service.revisions import strategy_from_files

from .shop import Service, files, serving

VISITORS = "cookie: {trust: anonymous}\n"
OWN = {"id": "e-1", "type": "call_ended", "customer": "c-1", "attributes": {"minutes": 3.5}}
CLOUD = {"specversion": "1.0", "id": "7", "source": "/switch", "type": "call_ended", "subject": "c-1"}
TRACK = {"type": "track", "messageId": "m-1", "userId": "c-1", "event": "Call Ended", "properties": {"minutes": 2}}


def statuses(answer: Any) -> list[str]:
    return [item["status"] for item in answer.json()["items"]]


def happened(service: Service, customer: str = "c-1") -> list[dict[str, Any]]:
    entries = service.call("GET", f"/v1/customers/{customer}/history").json()["entries"]
    return [entry for entry in entries if entry["kind"] == "event"]


def test_a_batch_may_mix_shapes_and_each_item_is_judged_by_itself(service: Service) -> None:
    wrong = {**CLOUD, "id": "8", "data": {"minutes": "long"}}

    answer = service.call("POST", "/v1/events", [OWN, CLOUD, TRACK, wrong, {"id": "x"}, 5])

    assert answer.status_code == 207
    assert statuses(answer) == ["recorded"] * 3 + ["refused"] * 3
    assert [item.get("code") for item in answer.json()["items"][3:]] == ["invalid-attribute"] + ["invalid-request"] * 2
    assert len(happened(service)) == 3


def test_the_same_message_again_has_no_second_effect(service: Service) -> None:
    batch = {"batch": [TRACK, {**TRACK, "messageId": "m-2"}]}
    service.call("POST", "/v1/events", batch)

    assert statuses(service.call("POST", "/v1/events", batch)) == ["repeated", "repeated"]
    assert statuses(service.call("POST", "/v1/events", [OWN] * 3)) == ["recorded", "repeated", "repeated"]
    assert len(happened(service)) == 3


def test_a_cloud_event_comes_structured_in_a_batch_or_in_headers(service: Service) -> None:
    one = service.call("POST", "/v1/events", CLOUD, content_type="application/cloudevents+json; charset=UTF-8")
    many = service.call("POST", "/v1/events", [CLOUD], content_type="application/cloudevents-batch+json")
    headers = {f"ce_{name}": value for name, value in CLOUD.items()}
    bare = service.call("POST", "/v1/events", {}, **headers)

    assert one.json()["status"] == "recorded"
    assert statuses(many) == ["repeated"]
    assert bare.json()["status"] == "repeated"


def test_a_cloud_event_in_headers_needs_no_data(service: Service) -> None:
    headers = {f"ce_{name}": value for name, value in CLOUD.items()}

    answer = service.call("POST", "/v1/events", b"", **headers)

    assert answer.json()["status"] == "recorded"
    assert service.call("POST", "/v1/events", CLOUD).json()["status"] == "repeated"


def test_a_cloud_event_in_headers_needs_no_type_of_data_where_it_has_none(service: Service) -> None:
    headers = {f"ce_{name}": value for name, value in CLOUD.items()}

    bare = service.call("POST", "/v1/events", **headers)
    typeless = service.call("POST", "/v1/events", b'{"minutes": 1}', content_type="", **headers)

    assert (bare.status_code, typeless.status_code) == (200, 415)
    assert service.call("POST", "/v1/events", CLOUD).json()["status"] == "repeated"


def test_what_another_shape_says_beyond_the_strategy_is_named(service: Service) -> None:
    answer = service.call("POST", "/v1/events", {**CLOUD, "data": {"minutes": 1, "cell": 4}})

    assert answer.json()["ignored"] == ["cell"]
    assert service.call("POST", "/v1/events", {**OWN, "attributes": {"cell": 4}}).json()["code"] == "invalid-attribute"


def test_identify_writes_the_profile_and_alias_joins_a_visitor_to_one_customer_alone(tmp_path: Path) -> None:
    calls = [
        {"type": "identify", "messageId": "i-1", "userId": "c-1", "traits": {"age": 41}},
        {"type": "identify", "messageId": "i-9", "userId": "c-9", "traits": {"age": 19}},
        {**TRACK, "messageId": "m-3", "userId": None, "anonymousId": "k"},
        {"type": "alias", "messageId": "a-1", "userId": "c-1", "previousId": "k"},
        {"type": "alias", "messageId": "a-9", "userId": "c-9", "previousId": "k"},
        {"type": "alias", "messageId": "a-2", "userId": "c-9", "previousId": "c-1"},
    ]
    with serving(tmp_path / "shop.db", of=strategy_from_files(files(identifiers=VISITORS))[0]) as service:
        answer = service.call("POST", "/v1/events", {"batch": calls})

        assert statuses(answer) == ["recorded"] * 4 + ["refused", "recorded"]
        assert answer.json()["items"][4]["code"] == "identity-conflict"
        ages = [service.call("GET", f"/v1/customers/{one}").json()["attributes"] for one in ("c-1", "c-9", "cookie:k")]
        assert ages == [{"age": 41}, {"age": 19}, {"age": 41}]
        assert len(happened(service)) == 1
        assert service.call("GET", "/v1/customers/c-1/merges").json()["merges"][0]["author"] == "alias"


def test_an_alias_needs_a_kind_for_visitors(service: Service) -> None:
    call = {"type": "alias", "messageId": "a", "userId": "c-1", "previousId": "c-9"}

    (refused,) = service.call("POST", "/v1/events", [call]).json()["items"]

    assert [problem["where"] for problem in refused["problems"]] == ["previousId"]


def test_all_problems_of_an_event_are_told(service: Service) -> None:
    event = {**OWN, "id": "", "customer": "x" * 300, "attributes": {"minutes": "a", "cell": 1}}

    found = service.call("POST", "/v1/events", event).json()["problems"]

    assert {problem["where"] for problem in found} >= {"id", "customer", "event.minutes", "event"}


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_moment_that_utc_does_not_have_is_told_as_such(service: Service, moment: str) -> None:
    told = "expected a time in the years 1 to 9999 of UTC, found another"
    event = {"type": "call_ended", "occurred_at": moment}
    request = {"id": "d", "channel": "till", "placements": [{"name": "receipt"}], "customer": "c-1", "events": [event]}

    for answer in (
        service.call("POST", "/v1/events", {**event, "id": "e"}),
        service.call("POST", "/v1/events", {**CLOUD, "time": moment}),
        service.call("POST", "/v1/decisions", request),
    ):
        (problem,) = answer.json()["problems"]
        assert answer.status_code == 422
        assert problem["where"].endswith("occurred_at")
        assert problem["message"] == told


def test_keys_written_twice_are_refused_in_a_batch_too(service: Service) -> None:
    body = b'[{"id":"e","type":"call_ended","attributes":{"minutes":1,"minutes":2}}]'

    assert service.call("POST", "/v1/events", body).json()["code"] == "duplicate-key"


def test_an_event_makes_somebody_of_a_customer_whom_a_decision_did_not_find(service: Service) -> None:
    service.decide("r-1", customer="c-7")
    service.call("POST", "/v1/events", [{**OWN, "customer": "c-7"}])
    second = service.decide("r-2", customer="c-7")

    record = service.call("GET", f"/v1/decisions/{second['id']}").json()["decision"]
    assert record["person"] is not None


def test_a_thousand_events_at_once_keep_their_order(service: Service) -> None:
    events = [{**OWN, "id": f"e-{n}"} for n in range(1000)]

    answer = service.call("POST", "/v1/events", events).json()

    sequences = [item["sequence"] for item in answer["items"]]
    assert answer["recorded"] == 1000
    assert sequences == sorted(sequences)
    assert service.call("POST", "/v1/events", [*events, OWN]).json()["code"] == "too-large"


def test_what_is_told_of_wrong_items_is_bounded(service: Service) -> None:
    wrong = {**OWN, "attributes": {f"cell{number}": 1 for number in range(700)}}
    kinds = {**OWN, "identifiers": {f"kind{number}": "x" for number in range(700)}}

    for event in (wrong, kinds):
        problems = service.call("POST", "/v1/events", event).json()["problems"]
        assert len(problems) == 21
        assert problems[-1]["message"] == "and 680 more"
    items = service.call("POST", "/v1/events", [wrong] * 30).json()["items"]
    assert sum(len(item["problems"]) for item in items) < 260
    assert all(item["problems"] for item in items)
