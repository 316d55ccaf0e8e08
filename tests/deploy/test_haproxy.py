"""With HAProxy in front, every decision is answered in time: whatever is stopped, killed or away."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx
import msgspec
import numpy as np
import pytest

from benchmarks.load import Load, http_post
from opportune.client import Client
from opportune.service.deciding import AnswerBody
from opportune.service.published import MAP, publish_fallback, published_answers
from tests.reliability.hiccups import hiccups
from tests.service.process import Running, running
from tests.service.shop import decision, strategy

from .proxy import CONFIGURATION, Proxy, environment, need_haproxy, proxied

DEADLINE_SECONDS = 0.1
SLACK_SECONDS = 0.02
IN_TIME_SHARE = 0.999
IN_TIME_SHARE_BRIEFLY = 0.98
"""Of a short run, in which a hiccup of the machine weighs more."""
RATE = 200
SECONDS = 1.5
FULL_SECONDS = 20.0
CONNECTIONS = 64
RESENT_SHARE_MAX = 0.002
"""Calls whose connection was closed without an answer, which clients of HTTP send once more."""
AWAY = "service-away"
NOBODY = (1, 1)
"""Ports at which nobody listens."""


@pytest.fixture
def fallback(tmp_path: Path) -> Path:
    """The published fallback of the shop."""
    publish_fallback(strategy().plan, tmp_path / "fallback", datetime.now(UTC))
    return tmp_path / "fallback" / MAP


@pytest.fixture
def services(tmp_path: Path) -> Iterator[tuple[Running, Running]]:
    """Two processes; what the test stopped goes on at the end, so that it can end."""
    with running(tmp_path / "one.db") as one, running(tmp_path / "two.db") as two:
        yield one, two
        for service in (one, two):
            if service.process.poll() is None:
                service.process.send_signal(signal.SIGCONT)


class Callers:
    """Decisions at a steady rate through the proxy."""

    def __init__(self, port: int) -> None:
        self._load = Load("127.0.0.1", port, CONNECTIONS, resends=True)
        self.reasons: Counter[str] = Counter()
        self.resent = 0
        self._sent = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._load.close()

    def call(self, seconds: float) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Ask for so long; give all latencies, whatever the answer; an answer that never came took for ever."""
        self.reasons.clear()
        result = self._load.run(self._request, self._is_answer, RATE, seconds)
        self.resent += result.resent
        missing = np.full(result.unanswered + result.errors, np.inf)
        return np.concatenate([result.latencies, missing])

    def _request(self, number: int) -> bytes:
        self._sent += 1
        body = json.dumps(decision(f"call-{self._sent}", customer=f"c-{self._sent % 50}")).encode()
        return http_post("/v1/decisions", body, "shop")

    def _is_answer(self, answer: bytes) -> bool:
        found = re.search(rb'"degraded":(null|"([a-z-]+)")', answer)
        self.reasons[answer[9:12].decode() if found is None else (found[2] or b"none").decode()] += 1
        return answer.startswith(b"HTTP/1.1 200") and found is not None


def test_the_shipped_configuration_is_valid(tmp_path: Path, fallback: Path) -> None:
    told = environment(tmp_path, 8000, (8081, 8082), fallback)
    checked = subprocess.run(
        [need_haproxy(), "-c", "-f", str(CONFIGURATION)], env=told, capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr


@pytest.mark.serial
@pytest.mark.parametrize(
    ("seconds", "share"),
    [(SECONDS, IN_TIME_SHARE_BRIEFLY), pytest.param(FULL_SECONDS, IN_TIME_SHARE, marks=pytest.mark.full)],
)
def test_every_decision_is_answered_in_time_whatever_befalls_the_processes(
    tmp_path: Path, services: tuple[Running, Running], fallback: Path, seconds: float, share: float
) -> None:
    one, two = (service.process for service in services)
    phases: list[tuple[str, Callable[[], object], str | None]] = [
        ("both serve", lambda: None, "none"),
        ("one is stopped", lambda: one.send_signal(signal.SIGSTOP), "none"),
        ("it goes on", lambda: one.send_signal(signal.SIGCONT), "none"),
        ("one is killed", lambda: one.send_signal(signal.SIGKILL), "none"),
        ("the other is stopped too", lambda: two.send_signal(signal.SIGSTOP), AWAY),
        ("it goes on alone", lambda: two.send_signal(signal.SIGCONT), None),
        ("both are killed", lambda: two.send_signal(signal.SIGKILL), AWAY),
    ]
    latencies = []
    with (
        proxied(tmp_path, [service.port for service in services], fallback) as proxy,
        Callers(proxy.port) as callers,
        hiccups() as host,
    ):
        callers.call(0.5)
        for name, happens, expected in phases:
            timer = threading.Timer(seconds / 10, happens)
            timer.start()
            found = callers.call(seconds)
            latencies.append(found)
            print(f"{name}: {dict(callers.reasons)}, slowest {found.max() * 1e3:.0f} ms")
            assert set(callers.reasons) <= {"none", AWAY, "store-slow", "overloaded"}, name
            assert expected is None or callers.reasons.most_common(1)[0][0] == expected, name
        assert callers.resent <= RESENT_SHARE_MAX * len(np.concatenate(latencies))
    taken = np.concatenate(latencies)
    in_time = np.mean(taken <= DEADLINE_SECONDS + SLACK_SECONDS)
    print(
        f"{in_time:.4%} of {len(taken)} in time; slowest {taken.max() * 1e3:.0f} ms; host {host.longest * 1e3:.0f} ms"
    )
    assert np.isfinite(taken).all()
    assert np.mean(taken <= DEADLINE_SECONDS + SLACK_SECONDS + host.longest) >= share


@pytest.mark.serial
def test_without_the_second_try_and_the_fallback_answers_are_missing(
    tmp_path: Path, services: tuple[Running, Running], fallback: Path
) -> None:
    def plain(text: str) -> str:
        dropped = ("retries", "retry-on", "http-error", "http-after-response", "http-response")
        return "".join(line for line in text.splitlines(True) if not line.strip().startswith(dropped))

    ports = [service.port for service in services]
    with proxied(tmp_path, ports, fallback, plain) as proxy, Callers(proxy.port) as callers:
        callers.call(0.5)
        services[0].process.send_signal(signal.SIGSTOP)
        callers.call(1.0)

    assert set(callers.reasons) > {"none"}
    assert callers.reasons["504"] > 0


@pytest.mark.parametrize(("begun", "answer"), [(b"", b""), (b"POST /v1/dec", b"HTTP/1.1 408")])
def test_a_connection_that_was_opened_ahead_gets_no_answer_that_nobody_asked_for(
    tmp_path: Path, fallback: Path, begun: bytes, answer: bytes
) -> None:
    def hurried(text: str) -> str:
        return text.replace("timeout http-request 5s", "timeout http-request 100ms")

    with (
        proxied(tmp_path, NOBODY, fallback, hurried) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as unused,
    ):
        unused.sendall(begun)

        assert unused.recv(12) == answer


def test_nobody_there_is_answered_from_the_file(tmp_path: Path, fallback: Path) -> None:
    wanted = published_answers(strategy().plan, datetime.now(UTC))

    with proxied(tmp_path, NOBODY, fallback) as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        both = httpx.post(f"{url}/v1/decisions", json=decision(placements=[{"name": "receipt"}, {"name": "screen"}]))
        alone = httpx.post(f"{url}/v1/decisions", json=decision(placements=[{"name": "screen"}]))
        unknown = httpx.post(f"{url}/v1/decisions", json=decision(channel="nowhere"))
        outcome = httpx.post(f"{url}/v1/outcomes", json={})
        with Client(url) as client:
            given = client.decide("till", [{"name": "receipt", "size": 1}])

    assert (both.status_code, both.json()["placements"]) == (200, _plain(wanted["till"])["placements"])
    assert (alone.status_code, alone.json()) == (200, _plain(wanted["till/screen"]))
    for refused in (unknown, outcome):
        assert (refused.status_code, refused.json()["code"]) == (503, AWAY)
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["content-type"] == "application/problem+json"
    assert (given.id, given.degraded) == ("", AWAY)
    assert [action.action for action in given.placements[0].actions] == ["water"]


class _Slow(BaseHTTPRequestHandler):
    """Takes requests, and half a second for everything but the question whether it does."""

    def do_GET(self) -> None:
        if self.path != "/readyz":
            time.sleep(0.5)
        self.send_response(200)
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()

    def log_message(self, *told: object) -> None:
        """Stay silent."""


@pytest.fixture
def slow() -> Iterator[int]:
    """Port of a service that takes its time."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/customers/c-1", 503),
        ("POST", "/v1/outcomes", 503),
        ("POST", "/v1/models/rebuilds", 200),
        ("POST", "/v1/revisions/rollback", 200),
        ("POST", "/v1/customers/c-1/erasure", 200),
        ("GET", "/v1/customers/c-1/export.html?language=pl", 200),
    ],
)
def test_what_takes_minutes_is_waited_for(
    tmp_path: Path, fallback: Path, slow: int, method: str, path: str, status: int
) -> None:
    def impatient(text: str) -> str:
        return text.replace("timeout server 30s", "timeout server 100ms")

    with proxied(tmp_path, (slow, slow), fallback, impatient) as proxy:
        content = b"{}" if method == "POST" else None
        answer = httpx.request(method, f"http://127.0.0.1:{proxy.port}{path}", content=content)

    assert answer.status_code == status


def test_a_new_fallback_counts_after_a_reload_that_refuses_nobody(tmp_path: Path, fallback: Path) -> None:
    with proxied(tmp_path, NOBODY, fallback) as proxy:
        fallback.write_text(fallback.read_text().replace('"water"', '"tea"'))
        proxy.reload()
        shown = _shown_until(proxy, "tea")

    assert shown[-1] == "tea"
    assert set(shown) <= {"water", "tea"}


def _shown_until(proxy: Proxy, action: str) -> list[str]:
    shown = [""]
    until = time.monotonic() + 10
    while shown[-1] != action and time.monotonic() < until:
        answer = httpx.post(f"http://127.0.0.1:{proxy.port}/v1/decisions", json=decision())
        shown.append(answer.json()["placements"][0]["actions"][0]["action"])
    return shown[1:]


def _plain(answer: AnswerBody) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(msgspec.json.encode(answer))
    return plain
