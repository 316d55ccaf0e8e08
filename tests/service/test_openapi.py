"""/openapi.json is complete, and what the service answers fits it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from opportune.cli.main import COMMANDS
from opportune.service.http import ROUTES
from opportune.service.http.problems import CODES
from opportune.service.http.routes import DEADLINE, FOR, IDEMPOTENCY_KEY, MODE
from opportune.service.revisions import strategy_from_files

from .shop import Service, decision, files, serving

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.fixture
def document(service: Service) -> dict[str, Any]:
    described: dict[str, Any] = service.call("GET", "/openapi.json").json()
    return described


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref":
                yield item
            else:
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_it_lists_every_route_and_no_other(document: dict[str, Any]) -> None:
    listed = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}

    assert document["openapi"] == "3.1.0"
    assert listed == {(route.method, route.path) for route in ROUTES}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    names = {reference.removeprefix("#/components/schemas/") for reference in references(document)}

    assert names
    assert names <= set(document["components"]["schemas"])


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_route_describes_body_parameters_answers_and_errors(document: dict[str, Any], route: Any) -> None:
    operation = document["paths"][route.path][route.method.lower()]

    assert operation["summary"]
    assert ("requestBody" in operation) == (route.takes is not None)
    assert {str(status) for status in route.gives} <= set(operation["responses"])
    codes = " ".join(answer["description"] for answer in operation["responses"].values())
    assert all(re.search(rf"\b{code}\b", codes) for code in route.refuses)
    named = [parameter["name"] for parameter in operation.get("parameters", ())]
    assert named == re.findall(r"{(\w+)}", route.path) + [parameter.name for parameter in route.parameters]


def test_operations_have_names_of_their_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]

    assert len(names) == len(set(names))


def test_answers_fit_their_description(service: Service, document: dict[str, Any]) -> None:
    answer = service.decide(context={"weather": "Sunny"})
    outcome = {"id": "o-1", "decision": answer["id"], "action": "water", "outcome": "accept"}
    calls = [
        ("POST", "/v1/decisions", "/v1/decisions", decision("r-2", context={"weather": "Rainy"})),
        ("GET", "/v1/decisions/{id}", f"/v1/decisions/{answer['id']}", None),
        ("POST", "/v1/outcomes", "/v1/outcomes", outcome),
        ("POST", "/v1/outcomes", "/v1/outcomes", [outcome, {}]),
        ("POST", "/v1/outcomes", "/v1/outcomes", {}),
        ("POST", "/v1/events", "/v1/events", {"id": "e-1", "type": "call_ended"}),
        ("PUT", "/v1/customers/{customer}", "/v1/customers/c-1", {"attributes": {"age": 3}}),
        ("GET", "/v1/customers/{customer}", "/v1/customers/c-1", None),
        ("GET", "/v1/customers/{customer}", "/v1/customers/c-1?for=analyst", None),
        ("POST", "/v1/customers/{customer}/merge", "/v1/customers/c-1/merge", {"id": "m-1", "other": "c-2"}),
        ("GET", "/v1/customers/{customer}/history", "/v1/customers/c-1/history?limit=3&for=agent", None),
        ("GET", "/v1/decisions/{id}", f"/v1/decisions/{answer['id']}?for=agent", None),
        ("GET", "/v1/customers/{customer}", "/v1/customers/c-404", None),
        ("POST", "/v1/customers", "/v1/customers", [{"id": "c-1", "attributes": {"age": -1}}]),
        ("GET", "/v1/models", "/v1/models", None),
        ("GET", "/v1/status", "/v1/status", None),
        ("GET", "/healthz", "/healthz", None),
        ("GET", "/readyz", "/readyz", None),
        ("DELETE", "/v1/models", "/v1/models", None),
    ]

    for method, template, path, body in calls:
        response = service.call(method, path, body)
        operation = document["paths"][template][method.lower() if method != "DELETE" else "get"]
        described = operation["responses"][str(response.status_code)]
        media = response.headers["content-type"]
        schema = {**described["content"][media]["schema"], "components": document["components"]}
        jsonschema_rs.validator_for(schema).validate(response.json())


BODIES: dict[str, Any] = {
    "POST /v1/sessions/{session}": {"id": "s-1", "identifiers": {"phone": "12"}},
    "POST /v1/decisions": decision(identifiers={"phone": "12"}),
    "POST /v1/events": {"id": "e-1", "type": "call_ended", "identifiers": {"phone": "12"}},
    "POST /v1/identify": {"identifiers": {"phone": "12", "cookie": "c"}, "proof": "p"},
    "PUT /v1/customers/{customer}": {"attributes": {}},
    "PATCH /v1/customers/{customer}": {"attributes": {}},
    "POST /v1/customers/{customer}/merge": {"id": "m-1", "other": "c-2"},
    "POST /v1/customers/{customer}/split": {"id": "m-2", "merge": 1},
    "PUT /v1/customers/{customer}/units": {"id": "u-1", "level": "household", "unit": "h-1"},
    "PUT /v1/customers/{customer}/consents": {"purpose": "ads", "given": True},
    "POST /v1/customers/{customer}/erasure": {"reason": "asked"},
    "PUT /v1/units/{level}/{unit}": {"attributes": {}},
    "PATCH /v1/units/{level}/{unit}": {"attributes": {}},
    "POST /v1/units/{level}/{unit}/erasure": {"reason": "asked"},
}


@pytest.mark.parametrize("name", ["phone:12", "household:h-1", "x" * 300, "%00"])
def test_refusals_of_identifiers_are_described(tmp_path: Path, name: str) -> None:
    more = {
        "identifiers": "phone: {normalize: phone, region: PL, trust: claimed}\ncookie: {trust: anonymous}\n",
        "levels": "household: {attributes: {size: {type: integer}}}\n",
        "consents": "ads: {basis: objection, groups: [drinks]}\n",
    }
    wrong = []
    with serving(tmp_path / "shop.db", of=strategy_from_files(files(**more))[0]) as service:
        document = service.call("GET", "/openapi.json").json()
        for route in ROUTES:
            title = f"{route.method} {route.path}"
            if title not in BODIES and not re.search("{(customer|unit|id)}", route.path):
                continue
            path = route.path.replace("{level}", "household") + ("?purpose=ads" if route.method == "DELETE" else "")
            response = service.call(route.method, re.sub("{.*?}", name, path), BODIES.get(title))
            described = document["paths"][route.path][route.method.lower()]["responses"]
            known = described.get(str(response.status_code), {"description": ""})["description"]
            if response.status_code != 200 and response.json()["code"] not in known:
                wrong.append(f"{title}: {response.json()['code']}")

    assert wrong == []


CLOUD_EVENT = {"specversion": "1.0", "id": "1", "source": "/calls", "type": "call_ended", "subject": "c-1"}
SEGMENT = {"type": "track", "event": "Call Ended", "messageId": "m-1", "userId": "c-1", "properties": {"minutes": 2}}


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("application/json", {"id": "e-1", "type": "call_ended"}),
        ("application/json", [{"id": "e-1", "type": "call_ended"}, CLOUD_EVENT, SEGMENT]),
        ("application/json", SEGMENT),
        ("application/json", {"batch": [SEGMENT], "sentAt": "2026-05-04T18:00:00Z"}),
        ("application/cloudevents+json", {**CLOUD_EVENT, "time": "2026-05-04T18:00:00Z", "data": {"minutes": 2}}),
        ("application/cloudevents-batch+json", [CLOUD_EVENT]),
    ],
)
def test_events_in_the_shapes_of_others_fit_their_description(
    service: Service, document: dict[str, Any], media: str, body: Any
) -> None:
    schema = document["paths"]["/v1/events"]["post"]["requestBody"]["content"][media]["schema"]
    validator = jsonschema_rs.validator_for({**schema, "components": document["components"]})

    assert service.call("POST", "/v1/events", json.dumps(body).encode(), content_type=media).status_code == 200
    assert validator.is_valid(body)
    assert not validator.is_valid({"id": "e-1"})


def test_an_event_of_no_type_in_a_contact_is_described(service: Service, document: dict[str, Any]) -> None:
    events = [{"type": "no_such_type"}]

    for path, template, body in (
        ("/v1/decisions", "/v1/decisions", decision(events=events)),
        ("/v1/sessions/s-1", "/v1/sessions/{session}", {"id": "n-1", "events": events}),
    ):
        code = service.call("POST", path, body).json()["code"]
        assert code == "unknown-event-type"
        assert code in document["paths"][template]["post"]["responses"]["422"]["description"]


@pytest.mark.parametrize(
    ("path", "body", "other"),
    [
        ("/v1/models/promotions", {"model": "main", "id": "c-1"}, {"reason": "better"}),
        ("/v1/limits/switches", {"target": "coffee", "off": True, "id": "c-1"}, {"off": False}),
    ],
)
def test_an_id_that_was_used_is_described(
    service: Service, document: dict[str, Any], path: str, body: dict[str, Any], other: dict[str, Any]
) -> None:
    assert service.call("POST", path, body).status_code == 200
    assert service.call("POST", path, body | other).json()["code"] == "id-conflict"
    assert "id-conflict" in document["paths"][path]["post"]["responses"]["409"]["description"]


def test_the_reference_names_every_route_parameter_and_code() -> None:
    text = (REFERENCE / "http.md").read_text()
    headings = re.findall(r"(?m)^#+ (.*)$", text)

    assert [f"{route.method} {route.path}" for route in ROUTES if f"{route.method} {route.path}" not in headings] == []
    assert [code for code in CODES if f"`{code}`" not in text] == []
    assert [one.name for one in (DEADLINE, FOR, IDEMPOTENCY_KEY, MODE) if f"`{one.name}`" not in text] == []


def test_the_reference_names_every_command_and_option() -> None:
    import typer

    from opportune.cli.main import _register, app

    text = (REFERENCE / "cli.md").read_text()
    app.registered_commands.clear()
    app.registered_groups.clear()
    _register([])
    group = typer.main.get_command(app)

    for name in COMMANDS:
        section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        command = group.commands[name]  # type: ignore[attr-defined]
        parts = [command, *getattr(command, "commands", {}).values()]
        options = {option for part in parts for one in part.params for option in one.opts if option.startswith("--")}
        assert section
        assert {option for option in options if f"`{option}" not in section} == set()
