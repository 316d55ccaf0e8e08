"""Every error of every route has one shape, and repeats nothing of what was sent."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest

from opportune.service.http import ROUTES
from opportune.service.http.problems import CODES

from .shop import Service, decision

CANARY = "Zebra47Quokka"
WITH_BODY = [route for route in ROUTES if route.takes is not None]


def path_of(path: str) -> str:
    return path.replace("{id}", "d-404").replace("{customer}", "c-404")


def is_problem(response: httpx.Response, code: str) -> bool:
    body: dict[str, Any] = response.json()
    return (
        response.headers["content-type"] == "application/problem+json"
        and set(body) == {"type", "title", "status", "code", "detail", "problems"}
        and body["code"] == code
        and body["status"] == response.status_code == CODES[code][0]
        and body["type"].endswith(code)
        and all(set(problem) == {"where", "message", "remedy"} for problem in body["problems"])
    )


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_wrong_method_names_the_right_ones(service: Service, route: Any) -> None:
    response = service.call("TRACE", path_of(route.path))

    assert is_problem(response, "method-not-allowed")
    assert route.method in response.headers["allow"]


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/decisions", "/v1/decisions/", "/v1/decisions/a/b", "/%00"])
def test_an_unknown_path_is_a_problem_like_any_other(service: Service, path: str) -> None:
    assert is_problem(service.call("GET", path), "not-found")


@pytest.mark.parametrize("path", ["/v1/decisions/d-404", "/v1/customers/c-404"])
def test_what_is_not_stored_is_not_found(service: Service, path: str) -> None:
    assert is_problem(service.call("GET", path), "not-found")


@pytest.mark.parametrize("route", WITH_BODY, ids=lambda route: f"{route.method} {route.path}")
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed-json"),
        (b"{", "malformed-json"),
        (b"NaN", "malformed-json"),
        (b'{"id": Infinity}', "malformed-json"),
        (b'{"id": 1e400}', "malformed-json"),
        (b'{"id": "\\ud800"}', "malformed-json"),
        (b'{"id": "\xff"}', "malformed-json"),
        (b"\xef\xbb\xbf{}", "malformed-json"),
        (b'{"a": 1, "a": 2}', "duplicate-key"),
        (b'{"a": {"b" : 1, "\\u0062": 2}}', "duplicate-key"),
        (b"[" * 50_000, "too-deep"),
        (b"[" * 30 + b"]" * 30, "too-deep"),
    ],
)
def test_a_body_that_is_not_strict_json_is_refused(service: Service, route: Any, body: bytes, code: str) -> None:
    response = service.call(route.method, path_of(route.path), body)

    assert is_problem(response, code)


@pytest.mark.parametrize(
    "twice",
    [
        b'"customer": "c-1", "customer": null, "session": "s"',
        b'"customer":null,"customer":"c-1"',
        b'"session":"s","s\\u0065ssion":"s"',
        b'"context":{"a":1,"a":2}',
        b'"context":{"a":{"b":1,"b":1}}',
        b'"context":{},"context":{}',
        b'"language":null,"language":null',
        b'"id" :"other"',
    ],
)
def test_no_key_of_a_decision_request_may_be_there_twice(service: Service, twice: bytes) -> None:
    body = b'{"id":"twice","channel":"web","placements":[{"name":"home"}],' + twice + b"}"
    nested = b'{"id":"twice","channel":"web","placements":[{"name":"home","size":1,"size":null}]}'

    assert is_problem(service.call("POST", "/v1/decisions", body), "duplicate-key")
    assert is_problem(service.call("POST", "/v1/decisions", nested), "duplicate-key")


@pytest.mark.parametrize("route", WITH_BODY, ids=lambda route: f"{route.method} {route.path}")
def test_other_types_and_encodings_are_refused(service: Service, route: Any) -> None:
    path, body = path_of(route.path), b"{}"

    for headers in (
        {"content_type": "text/plain"},
        {"content_type": ""},
        {"content_type": "application/json; charset=utf-16"},
        {"content_encoding": "gzip"},
    ):
        sent = gzip.compress(body) if "content_encoding" in headers else body
        assert is_problem(service.call(route.method, path, sent, **headers), "unsupported-media-type")


@pytest.mark.parametrize(
    "parameters", ["charset=utf-8", 'charset="UTF-8"', "charset=utf-8; profile=x", "v=1;charset=utf8"]
)
def test_other_parameters_of_the_type_are_passed_over(service: Service, parameters: str) -> None:
    sent = json.dumps(decision()).encode()

    assert (
        service.call("POST", "/v1/decisions", sent, content_type=f"application/json; {parameters}").status_code == 200
    )


@pytest.mark.parametrize("route", WITH_BODY, ids=lambda route: f"{route.method} {route.path}")
def test_too_long_a_body_is_refused(service: Service, route: Any) -> None:
    body = b" " * (route.body_bytes_max + 1)

    assert is_problem(service.call(route.method, path_of(route.path), body), "too-large")


@pytest.mark.parametrize("value", ["soon", "0", "nan", "inf", "-5", "1e9", ""])
def test_a_deadline_that_is_no_time_is_refused(service: Service, value: str) -> None:
    response = service.call("POST", "/v1/decisions", decision(), opportune_deadline_ms=value)

    assert is_problem(response, "invalid-header")


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_that_is_none_is_refused(service: Service, key: str) -> None:
    response = service.call("PUT", "/v1/customers/c-1", {"attributes": {}}, idempotency_key=key)

    assert is_problem(response, "invalid-header")


def test_a_service_that_is_not_ready_says_when_to_come_again(service: Service) -> None:
    service.runtime.ready = False

    for method, path, body in (("GET", "/readyz", None), ("POST", "/v1/decisions", decision())):
        response = service.call(method, path, body)
        assert is_problem(response, "not-ready")
        assert response.headers["retry-after"] == "1"
    assert service.call("GET", "/healthz").status_code == 200


def test_no_error_repeats_what_was_sent(service: Service) -> None:
    wrong = [
        ("POST", "/v1/decisions", decision(CANARY * 30)),
        ("POST", "/v1/decisions", decision(channel=CANARY)),
        ("POST", "/v1/decisions", decision(zone=CANARY)),
        ("POST", "/v1/decisions", decision(context={CANARY: CANARY})),
        ("POST", "/v1/decisions", decision(context={"weather": CANARY})),
        ("POST", "/v1/decisions", decision(placements=[{"name": CANARY}])),
        ("POST", "/v1/decisions", decision(**{CANARY: CANARY})),
        ("POST", "/v1/decisions", decision(context=CANARY)),
        ("POST", "/v1/outcomes", {"id": CANARY, "decision": CANARY, "action": CANARY, "outcome": CANARY}),
        ("POST", "/v1/events", {"id": CANARY, "type": CANARY}),
        ("PUT", f"/v1/customers/{CANARY}", {"attributes": {"age": CANARY}}),
        ("PUT", f"/v1/customers/{CANARY}", {"attributes": {CANARY: 1}}),
        ("POST", f"/v1/customers?{CANARY}={CANARY}", []),
        ("POST", "/v1/customers", [{"id": CANARY, "attributes": {"city": CANARY * 9}}]),
        ("POST", "/v1/outcomes", f'{{"id": {CANARY}}}'.encode()),
        ("GET", f"/v1/decisions/{CANARY}", None),
        ("GET", f"/{CANARY}", None),
    ]

    for method, path, body in wrong:
        response = service.call(method, path, body)
        assert response.status_code >= 207
        assert CANARY not in response.text + json.dumps(dict(response.headers))


def test_refused_and_ignored_attributes_are_counted(service: Service) -> None:
    service.call("POST", "/v1/decisions", decision(context={"weathr": "Rainy"}))
    service.runtime.strategy.registries.context.ignores_unknown = True
    try:
        answer = service.decide("r-2", context={"weathr": "Rainy"})
    finally:
        service.runtime.strategy.registries.context.ignores_unknown = False

    metrics = service.call("GET", "/metrics").text
    assert answer["degraded"] is None
    assert 'opportune_refusals_total{code="invalid-attribute"} 1.0' in metrics
    assert "opportune_ignored_attributes_total 1.0" in metrics
    kept = service.call("GET", f"/v1/decisions/{answer['id']}").json()
    assert kept["decision"]["ignored"] == ["weathr"]


def test_metrics_name_routes_and_nobody(service: Service) -> None:
    service.call("PUT", f"/v1/customers/{CANARY}", {"attributes": {"city": CANARY}})
    service.decide(CANARY, customer=CANARY, session=CANARY)
    service.call("GET", f"/{CANARY}")

    text = service.call("GET", "/metrics").text

    assert 'opportune_requests_total{route="/v1/decisions",status="200"} 1.0' in text
    assert 'route="unknown",status="404"' in text
    assert "opportune_model_position" in text
    assert CANARY not in text
