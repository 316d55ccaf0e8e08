"""A decision that would be late is refused over the connection it came by, whatever way its bytes came."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from .process import Running, exchange, running
from .shop import decision

pytestmark = pytest.mark.serial

BODY = json.dumps(decision()).encode()
HEAD = b"POST /v1/decisions HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\n"


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    one = Running(tmp_path_factory.mktemp("full") / "shop.db", module="tests.service.full_service")
    yield one
    one.stop()


def test_a_refusal_is_a_problem_that_says_when_to_come_again(full: Running) -> None:
    answer = httpx.post(f"{full.url}/v1/decisions", json=decision())

    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("parts", "refused", "healthy"),
    [
        ((WHOLE,), 1, 0),
        ((WHOLE * 3,), 3, 0),
        ((WHOLE + HEALTH,), 1, 1),
        ((HEALTH + WHOLE + HEALTH,), 1, 2),
        ((WHOLE[:-40], WHOLE[-40:] + HEALTH), 1, 1),
        ((WHOLE[:30], WHOLE[30:] + HEALTH), 1, 1),
        ((WHOLE[: -len(BODY)], BODY, HEALTH), 1, 1),
        ((HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",), 1, 0),
    ],
)
def test_what_follows_a_refused_request_is_read_as_it_is(
    full: Running, parts: tuple[bytes, ...], refused: int, healthy: int
) -> None:
    answer = b""
    with socket.create_connection(("127.0.0.1", full.port), timeout=5) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            connection.sendall(part)
        while answer.count(b"HTTP/1.1 ") < refused + healthy or not answer.endswith(b"}"):
            answer += connection.recv(65536)

    assert answer.count(b"HTTP/1.1 503 ") == refused
    assert answer.count(b"HTTP/1.1 200 ") == healthy


def test_a_caller_who_wants_the_connection_closed_finds_it_closed(full: Running) -> None:
    answer = exchange(full.port, HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}", half_close=False)

    assert answer.startswith(b"HTTP/1.1 503 ")


def test_outcomes_health_and_metrics_are_still_answered(full: Running) -> None:
    outcome = httpx.post(f"{full.url}/v1/outcomes", json={"id": "o", "decision": "d", "action": "a", "outcome": "x"})
    metrics = httpx.get(f"{full.url}/metrics").text

    assert outcome.json()["code"] == "unknown-decision"
    assert httpx.get(f"{full.url}/healthz").status_code == 200
    assert 'opportune_overload_refusals_total{kind="decision"}' in metrics


def test_a_free_service_lets_the_same_requests_in(tmp_path: Path) -> None:
    with running(tmp_path / "shop.db") as free:
        answer = exchange(free.port, WHOLE * 2 + HEALTH)

    assert answer.count(b"HTTP/1.1 200 ") == 3
