"""A customer's own time zone is one, or it is refused on every way in; what was stored before stays a doubt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opportune.service.revisions import strategy_from_files
from opportune.storage import SaveProfile, Storage

from .shop import Service, files, serving

PATH = "/v1/customers/c-1"
WRONG = "Mordor/Barad-dur"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    attributes = files()["attributes.yaml"] + "\ntime_zone: {type: text}\n"
    with serving(tmp_path / "shop.db", of=strategy_from_files(files(attributes=attributes))[0]) as one:
        yield one


def zone(name: str | None, **more: Any) -> dict[str, Any]:
    return {"attributes": {"time_zone": name, **more}}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    "name", [WRONG, "", "Europe", "../etc/passwd", "right/UTC", "posix/UTC", "x" * 200, "Europe/Warsaw\0"]
)
def test_a_zone_that_is_none_is_refused(service: Service, method: str, name: str) -> None:
    response = service.call(method, PATH, zone(name, age=300))

    problems = {problem["where"]: problem for problem in response.json()["problems"]}
    assert (response.status_code, response.json()["code"]) == (422, "invalid-attribute")
    assert problems.keys() == {"customer.time_zone", "customer.age"}
    told = problems["customer.time_zone"]
    assert told["message"] == "expected the IANA name of a time zone, such as Europe/Warsaw"
    assert told["remedy"] == "write such a name, or leave the attribute out: the project's zone counts then"
    assert WRONG not in response.text
    assert service.call("GET", PATH).status_code == 404


def test_of_zones_that_are_too_long_or_no_texts_the_type_is_told(service: Service) -> None:
    for name, words in (("x" * 201, "at most 200 characters"), (7, "expected text")):
        (problem,) = service.call("PUT", PATH, zone(name)).json()["problems"]  # type: ignore[arg-type]
        assert words in problem["message"]


def test_a_right_one_is_taken_and_removed(service: Service) -> None:
    assert service.call("PUT", PATH, zone("Asia/Tokyo")).status_code == 200
    assert service.call("PATCH", PATH, zone(None)).status_code == 200
    assert service.call("GET", PATH).json()["attributes"] == {}


def test_in_a_list_it_spoils_its_own_row_alone(service: Service) -> None:
    rows = [{"id": "c-1", **zone("Asia/Tokyo")}, {"id": "c-2", **zone(WRONG)}, {"id": "c-3", **zone(None)}]

    response = service.call("POST", "/v1/customers", rows)

    answer = response.json()
    assert (response.status_code, answer["recorded"], answer["refused"]) == (207, 2, 1)
    assert answer["items"][1]["code"] == "invalid-attribute"
    assert answer["items"][1]["problems"][0]["where"] == "customer.time_zone"
    assert WRONG not in response.text


def test_who_is_identified_by_another_shape_of_event_is_no_way_round(service: Service) -> None:
    call = {"type": "identify", "messageId": "i", "userId": "c-1", "traits": {"time_zone": WRONG}}

    response = service.call("POST", "/v1/events", call)

    assert (response.status_code, response.json()["code"]) == (422, "invalid-attribute")


def test_what_was_stored_before_is_a_doubt_and_its_profile_can_be_changed(service: Service) -> None:
    storage: Storage = service.runtime.storage
    old = SaveProfile(id="p", identifier="c-1", attributes={"time_zone": WRONG, "age": 30}, replace=False)
    storage.write([old])

    changed = service.call("PATCH", PATH, {"attributes": {"age": 31}})
    answer = service.decide(customer="c-1")
    kept = service.call("GET", f"/v1/decisions/{answer['id']}").json()["decision"]

    assert (changed.status_code, answer["degraded"]) == (200, None)
    assert kept["facts"]["customer.age"] == 31
    assert kept["doubts"] == ["customer.time_zone: unreadable"]
    assert service.call("GET", PATH).json()["attributes"]["time_zone"] == WRONG
