"""Sources of the context in a running service: what decisions know, and services that they never wait for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from time import perf_counter
from typing import Any

import pytest

from opportune.service import Settings
from opportune.service.revisions import Strategy, strategy_from_files
from opportune.service.starting import begin_with
from opportune.storage import SqliteStorage
from tests.service.shop import Service, files, serving

MONDAY = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
CONTEXT = """
town: {{ type: text }}
hour: {{ type: integer, source: time.hour }}
rain: {{ type: number, source: weather.rain }}
"""
WEATHER = """
weather:
  kind: http
  url: "http://{host}/{{context.town}}"
  values: {{ rain: /rain }}
  timeout_ms: 2000
"""


def strategy(host: str) -> Strategy:
    texts = files()
    texts["context.yaml"] += CONTEXT.format()
    texts["sources.yaml"] = WEATHER.format(host=host)
    return strategy_from_files(texts)[0]


def facts(service: Service, id: str, **fields: Any) -> tuple[dict[str, Any], list[str]]:
    """Decide, and give the context that was known and what was in doubt."""
    answer = service.decide(id, **fields)
    decision = service.call("GET", f"/v1/decisions/{answer['id']}").json()["decision"]
    known = {name: value for name, value in decision["facts"].items() if name.startswith("context.")}
    return known, decision.get("doubts", [])


@contextmanager
def weather(seconds: float = 0.0) -> Iterator[tuple[str, list[str]]]:
    """Answer on the loopback after some seconds, or when the test is over."""
    asked: list[str] = []
    over = Event()

    class Weather(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            over.wait(seconds)
            body = json.dumps({"rain": 2.5}).encode()
            with suppress(OSError):
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Weather) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}", asked
        finally:
            over.set()
            server.shutdown()
            thread.join()


def settings(*hosts: str) -> Settings:
    return Settings(kernel="numpy", clock=lambda: MONDAY, source_hosts=frozenset(hosts))


def test_the_first_contact_does_not_wait_and_later_ones_know(tmp_path: Path) -> None:
    with weather() as (host, asked), serving(tmp_path / "shop.db", settings(host), strategy(host)) as service:
        first = facts(service, "r-1", context={"town": "Warsaw"})
        service.until(lambda: asked)
        tries = (facts(service, f"later-{number}", context={"town": "Warsaw"}) for number in range(500))
        second = next(found for found in tries if not found[1])

    hour = MONDAY.hour + 2
    assert first == ({"context.town": "Warsaw", "context.hour": hour}, ["context.rain: late"])
    assert second == ({"context.town": "Warsaw", "context.hour": hour, "context.rain": 2.5}, [])
    assert asked == ["/Warsaw"]


def test_what_the_request_says_is_not_asked(tmp_path: Path) -> None:
    with weather() as (host, asked), serving(tmp_path / "shop.db", settings(host), strategy(host)) as service:
        known, doubts = facts(service, "r-1", context={"town": "Warsaw", "rain": 7.0, "hour": 3})
        service.wait(0.05)

    assert (known["context.rain"], known["context.hour"], doubts, asked) == (7.0, 3, [], [])


def test_hosts_that_the_operator_did_not_name_are_not_asked(tmp_path: Path) -> None:
    with weather() as (host, asked), serving(tmp_path / "shop.db", settings(), strategy(host)) as service:
        _, doubts = facts(service, "r-1", context={"town": "Warsaw"})
        service.wait(0.05)

    assert (doubts, asked) == (["context.rain: late"], [])


def test_a_source_that_nobody_will_ask_is_told_at_the_start_and_when_it_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "source 'weather' is never asked, and what it fills is always late: its host 127.0.0.1:9 is"
    texts = dict(strategy("127.0.0.1:9").project.files)
    with SqliteStorage(tmp_path / "start.db") as storage:
        alone = begin_with(storage, texts, "a", kernel="numpy").notes
        monkeypatch.setenv("OPPORTUNE_SOURCE_HOSTS", "127.0.0.1:9, other.example")
        allowed = begin_with(storage, texts, "b", kernel="numpy").notes
    with serving(tmp_path / "shop.db", settings()) as service:
        advice = service.call("POST", "/v1/revisions", {"files": texts}).json()["advice"]

    assert [note.startswith(said) for note in alone] == [True]
    assert allowed == ()
    assert any(one.startswith(said) for one in advice)


SCORE = """
credit:
  kind: http
  url: "http://{host}/{{customer.city}}/{{context.street}}"
  values: {{ score: /rain }}
  discloses: [customer.city, context.street]
  timeout_ms: 2000
"""


def disclosing(host: str) -> Strategy:
    texts = files(consents="profiling: { basis: objection, profiling: true }\n")
    texts["attributes.yaml"] += "\nborn: { type: timestamp }\n"
    texts["project.yaml"] += "\nminors: { attribute: born, below: 18, unknown: adult }\n"
    texts["context.yaml"] += CONTEXT.format()
    texts["context.yaml"] += "street: { type: text, personal: true }\n"
    texts["context.yaml"] += "score: { type: number, source: credit.score, personal: true }\n"
    texts["sources.yaml"] = WEATHER.format(host=host) + SCORE.format(host=host)
    return strategy_from_files(texts)[0]


def test_no_service_hears_of_who_objects_or_is_a_minor(tmp_path: Path) -> None:
    here = {"town": "Warsaw", "street": "Long-Street"}
    with weather() as (host, asked), serving(tmp_path / "shop.db", settings(host), disclosing(host)) as service:
        for name, born in (("told", "1990-05-04"), ("objector", "1990-05-04"), ("minor", "2015-05-04")):
            attributes = {"city": f"city-of-{name}", "born": f"{born}T00:00:00Z"}
            service.call("PATCH", f"/v1/customers/{name}", {"attributes": attributes})
        service.call("PUT", "/v1/customers/objector/consents", {"purpose": "profiling", "given": False})
        for name in ("objector", "minor"):
            assert "context.score" not in facts(service, f"r-{name}", customer=name, context=here)[0]
        service.wait(0.2)
        assert asked == ["/Warsaw"]
        facts(service, "r-told", customer="told", context=here)
        service.until(lambda: len(asked) > 1)

    assert asked == ["/Warsaw", "/city-of-told/Long-Street"]


def test_a_service_that_hangs_costs_decisions_nothing(tmp_path: Path) -> None:
    with weather(seconds=30.0) as (host, _), serving(tmp_path / "shop.db", settings(host), strategy(host)) as service:
        begin = perf_counter()
        answers = [service.decide(f"r-{number}", context={"town": f"t-{number}"}) for number in range(20)]
        seconds = perf_counter() - begin

    assert not any(answer.get("degraded") for answer in answers)
    assert seconds < 20
