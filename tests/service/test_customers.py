"""PUT, PATCH and GET /v1/customers/{customer}, and the bulk import."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from opportune.errors import StoreBusyError
from opportune.service.revisions import strategy_from_folder

from .shop import PROJECT, Service, decision, serving


def stored(service: Service, customer: str = "c-1") -> dict[str, Any]:
    attributes: dict[str, Any] = service.call("GET", f"/v1/customers/{customer}").json()["attributes"]
    return attributes


def test_put_replaces_and_patch_merges(service: Service) -> None:
    service.call("PUT", "/v1/customers/c-1", {"attributes": {"age": 30, "city": "Gdynia"}})
    service.call("PATCH", "/v1/customers/c-1", {"attributes": {"age": 31, "city": None, "member": True}})
    merged = stored(service)
    service.call("PUT", "/v1/customers/c-1", {"attributes": {"member": False}})

    assert merged == {"age": 31, "member": True}
    assert stored(service) == {"member": False}


def test_versions_count_the_changes(service: Service) -> None:
    versions = [
        service.call("PUT", "/v1/customers/c-1", {"attributes": {"age": age}}).json()["version"] for age in (1, 2, 3)
    ]

    assert versions == [1, 2, 3]


def test_the_same_key_has_one_effect(service: Service) -> None:
    body = {"attributes": {"age": 30}}
    first = service.call("PUT", "/v1/customers/c-1", body, idempotency_key="k-1").json()
    second = service.call("PUT", "/v1/customers/c-1", body, idempotency_key="k-1").json()
    other = service.call("PUT", "/v1/customers/c-1", {"attributes": {"age": 31}}, idempotency_key="k-1")

    assert (first["version"], first["repeated"]) == (1, False)
    assert (second["version"], second["repeated"]) == (1, True)
    assert other.status_code == 409


def test_an_identifier_may_hold_slashes_and_any_letter(service: Service) -> None:
    service.call("PUT", "/v1/customers/shop%2Fłódź%20%C5%82", {"attributes": {"age": 30}})

    assert stored(service, "shop%2Fłódź%20%C5%82") == {"age": 30}


def test_identifiers_that_differ_in_a_line_feed_are_two(service: Service) -> None:
    for number, identifier in enumerate(("c-1", "c-1%0A", "%0Ac-1")):
        service.call("PUT", f"/v1/customers/{identifier}", {"attributes": {"age": number}})

    assert [stored(service, one)["age"] for one in ("c-1", "c-1%0A", "%0Ac-1")] == [0, 1, 2]


@pytest.mark.parametrize("path", ["/v1/customers/%ff", "/v1/customers/%C5"])
def test_an_identifier_that_is_no_text_is_refused(service: Service, path: str) -> None:
    response = service.call("PUT", path, {"attributes": {}})

    assert (response.status_code, response.json()["code"]) == (400, "invalid-path")


@pytest.mark.parametrize(
    "attributes",
    [
        {"age": -1},
        {"age": "30"},
        {"age": 30.5},
        {"age": True},
        {"city": "x" * 41},
        {"products": ["a"] * 6},
        {"products": "wine"},
        {"since": "2026-05-04"},
        {"height": 180},
    ],
)
def test_an_attribute_that_the_registry_does_not_allow_is_refused(service: Service, attributes: dict[str, Any]) -> None:
    response = service.call("PUT", "/v1/customers/c-1", {"attributes": attributes})

    assert (response.status_code, response.json()["code"]) == (422, "invalid-attribute")
    assert service.call("GET", "/v1/customers/c-1").status_code == 404


def test_many_customers_come_as_a_list(service: Service) -> None:
    rows = [{"id": f"c-{n}", "attributes": {"age": n}} for n in range(50)]
    rows[7]["attributes"] = {"age": -7}

    response = service.call("POST", "/v1/customers", rows)

    answer = response.json()
    assert (response.status_code, answer["recorded"], answer["refused"]) == (207, 49, 1)
    assert answer["items"][7]["status"] == "refused"
    assert stored(service, "c-49") == {"age": 49}


def test_many_customers_come_as_lines_and_a_broken_line_spoils_no_other(service: Service) -> None:
    lines = b"\n".join(
        [b'{"id":"c-1","attributes":{"age":1}}', b'{"id":"c-2","attributes":{', b"", b'{"id":"c-3","attributes":{}}']
    )

    response = service.call("POST", "/v1/customers", lines, content_type="application/x-ndjson")

    statuses = [item["status"] for item in response.json()["items"]]
    assert statuses == ["recorded", "refused", "recorded"]


def test_an_import_merges_unless_it_is_told_to_replace(service: Service) -> None:
    service.call("PUT", "/v1/customers/c-1", {"attributes": {"age": 30}})

    service.call("POST", "/v1/customers", [{"id": "c-1", "attributes": {"city": "Gdynia"}}])
    merged = stored(service)
    service.call("POST", "/v1/customers?mode=replace", [{"id": "c-1", "attributes": {"city": "Sopot"}}])

    assert merged == {"age": 30, "city": "Gdynia"}
    assert stored(service) == {"city": "Sopot"}
    assert service.call("POST", "/v1/customers?mode=both", []).json()["code"] == "invalid-query"


def test_an_import_with_a_key_has_one_effect(service: Service) -> None:
    rows = [{"id": f"c-{n}", "attributes": {"age": n}} for n in range(5)]
    service.call("POST", "/v1/customers", rows, idempotency_key="file-1")

    again = service.call("POST", "/v1/customers", rows, idempotency_key="file-1").json()

    assert again["repeated"] == 5


def test_events_are_typed_and_recorded_once(service: Service) -> None:
    event = {"id": "e-1", "type": "call_ended", "customer": "c-1", "attributes": {"minutes": 3.5}}

    first = service.call("POST", "/v1/events", event).json()
    batch = service.call("POST", "/v1/events", [event, {**event, "id": "e-2", "type": "call_endd"}])
    wrong = service.call("POST", "/v1/events", {**event, "id": "e-3", "attributes": {"minutes": "long"}})

    assert first["status"] == "recorded"
    assert [item["status"] for item in batch.json()["items"]] == ["repeated", "refused"]
    assert batch.json()["items"][1]["code"] == "unknown-event-type"
    assert wrong.json()["code"] == "invalid-attribute"


def test_the_body_of_a_profile_must_be_an_object(service: Service) -> None:
    for body in ([], 1, "x", None, {"attributes": []}, {}):
        response = service.call("PUT", "/v1/customers/c-1", json.dumps(body).encode())
        assert response.status_code == 422


def test_ignored_attributes_are_named_and_counted_on_every_way_in(tmp_path: Path) -> None:
    folder = shutil.copytree(PROJECT, tmp_path / "project")
    with (folder / "project.yaml").open("a") as file:
        file.write("unknown_attributes: ignore\nunknown_context: ignore\n")
    with serving(tmp_path / "shop.db", of=strategy_from_folder(folder)) as service:

        def counted() -> float:
            lines = service.call("GET", "/metrics").text.splitlines()
            return next(float(line.split()[1]) for line in lines if line.startswith("opportune_ignored_attributes_tot"))

        service.call("PUT", "/v1/customers/c-1", {"attributes": {"age": 30, "shoes": 44}})
        changed = service.call("PATCH", "/v1/customers/c-1", {"attributes": {"hat": 58}}).json()
        assert (changed["ignored"], counted()) == (["hat"], 2)

        rows = [{"id": "c-1", "attributes": {"hat": 1, "shoes": 2}}, {"id": "c-2", "attributes": {"age": -1}}]
        items = service.call("POST", "/v1/customers", [*rows, {"id": "c-3", "attributes": {"age": 1}}]).json()["items"]
        assert [item.get("ignored") for item in items] == [["hat", "shoes"], None, None]
        assert counted() == 4

        body = decision("r-1", context={"weathr": "Sunny"})
        service.call("POST", "/v1/decisions", body)
        service.call("POST", "/v1/decisions", body)
        assert counted() == 6

        service.call("POST", "/v1/decisions", {**body, "id": "late", "customer": "c-1"}, opportune_deadline_ms="1")
        late = decision("r-3", context={"weathr": "Sunny"})
        service.runtime.writer.write = _slow  # type: ignore[method-assign]
        fallen = service.call("POST", "/v1/decisions", late, opportune_deadline_ms="20").json()
        assert (fallen["degraded"], counted()) == ("store-busy", 8)


async def _slow(write: Any) -> Any:
    raise StoreBusyError("full")
