"""`opportune events follow` against librdkafka's own mock of a cluster, and a real service."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest
from confluent_kafka import Consumer, Producer

from tests.service.process import Running, running

pytestmark = [pytest.mark.serial, pytest.mark.full]

QUICK = ["--option", "session.timeout.ms=3500", "--option", "heartbeat.interval.ms=300", "--option", "log_level=0"]


@pytest.fixture
def cluster() -> Iterator[tuple[Producer, str]]:
    """A mock cluster, its producer and its address."""
    producer = Producer({"bootstrap.servers": "", "test.mock.num.brokers": 1, "log_level": 0})
    brokers = producer.list_topics(timeout=10).brokers.values()
    yield producer, ",".join(f"{one.host}:{one.port}" for one in brokers)
    producer.flush(1)


def follow(service: Running, brokers: str, folder: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "opportune.cli", "events", "follow", "calls", "--brokers", brokers]
    letters = ["--dead-letters", str(folder / "dead.jsonl")] if "--dead-letters" not in more else []
    return subprocess.Popen(
        [*command, "--url", service.url, *letters, *QUICK, *more], stdout=subprocess.PIPE, text=True, cwd=folder
    )


def calls(service: Running) -> list[str]:
    entries = httpx.get(f"{service.url}/v1/customers/c-1/history?limit=1000").json().get("entries", [])
    return [entry["id"] for entry in entries if entry["kind"] == "event"]


def test_a_follower_that_is_killed_loses_nothing_and_doubles_nothing(
    cluster: tuple[Producer, str], tmp_path: Path
) -> None:
    producer, brokers = cluster
    for number in range(300):
        value = {"type": "call_ended", "customer": "c-1", "attributes": {"minutes": number}}
        producer.produce("calls", json.dumps(value).encode(), partition=number % 4)
    producer.flush(10)
    with running(tmp_path / "shop.db") as service:
        first = follow(service, brokers, tmp_path)
        until = monotonic() + 20
        while not calls(service) and monotonic() < until:
            sleep(0.01)
        first.kill()
        first.communicate()
        for number in range(300, 400):
            value = {"type": "call_ended" if number % 10 else "odd", "customer": "c-1"}
            producer.produce("calls", json.dumps(value).encode(), partition=number % 4)
        producer.flush(10)
        second = follow(service, brokers, tmp_path, "--until-idle", "6", "--json")
        told = json.loads(second.communicate(timeout=60)[0])

        found = calls(service)
        assert len(found) == len(set(found)) == 390
        assert told["refused"] == len((tmp_path / "dead.jsonl").read_text().splitlines()) == 10
        assert second.returncode == 1


def test_dead_letters_may_go_to_a_topic_and_a_signal_ends_it(cluster: tuple[Producer, str], tmp_path: Path) -> None:
    producer, brokers = cluster
    producer.produce("calls", b"{", key=b"k")
    producer.flush(10)
    with running(tmp_path / "shop.db") as service:
        one = follow(service, brokers, tmp_path, "--dead-letters", "topic:dead")
        reader = Consumer({"bootstrap.servers": brokers, "group.id": "r", "auto.offset.reset": "earliest"})
        reader.subscribe(["dead"])
        found, until = [], monotonic() + 30
        while not found and monotonic() < until:
            found = [one for one in reader.consume(1, 1) if one.error() is None]
        reader.close()
        one.send_signal(signal.SIGTERM)
        out, _ = one.communicate(timeout=20)

    assert json.loads(found[0].value())["problems"][0]["where"] == "body"
    assert found[0].key() == b"k"
    assert "1 refused" in out
