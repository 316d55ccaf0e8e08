"""Whatever befalls PostgreSQL, every decision is answered in time, and the service is itself again by itself."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import httpx
import pytest

from opportune.storage import open_storage
from tests.postgres import need_postgres
from tests.service.shop import PROJECT, decision

from .faults import Callers, StoreFaults, steady_rate, store_faults
from .hiccups import hiccups

pytestmark = pytest.mark.serial

IN_TIME_SHARE = 0.999
NORMAL_SECONDS = 5.0
HOPS = 2
"""Processes that a call passes, each of which the machine may keep waiting: caller and service."""
TRIES = 3
"""A short spell counts if one of so many does: whatever else runs on the machine must not decide."""
FAULTS = {
    "slow": {"store-slow", "overloaded", "none"},
    "hang": {"store-slow", "overloaded", "none"},
    "reset": {"store-unavailable", "store-slow", "overloaded", "none"},
    "refuse": {"store-unavailable", "store-slow", "overloaded", "none"},
}
"""Fault of the store → reasons that answers may have meanwhile."""


class Firm:
    """A service on a PostgreSQL store that can go wrong."""

    def __init__(self, port: int, process: subprocess.Popen[str], store: StoreFaults, url: str) -> None:
        self.port = port
        self.url = url
        self.process = process
        self.store = store
        self.rate = 0.0


def _drain(stream: IO[str]) -> None:
    for _ in stream:
        pass


@contextmanager
def firm(fault: str = "pass") -> Iterator[Firm]:
    """Serve the shop through a proxy before its store, which goes wrong from the beginning if wanted."""
    server = need_postgres()
    url = server.database()
    with store_faults("127.0.0.1", server.port) as store:
        store.set(fault)
        through = re.sub(r":\d+/", f":{store.port}/", url)
        command = [sys.executable, "-m", "opportune.cli", "serve", str(PROJECT), "--store", through, "--port", "0"]
        process = subprocess.Popen([*command, "--kernel", "numpy"], stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        lines: list[str] = []
        reader: threading.Thread | None = None
        try:
            for line in process.stderr:
                lines.append(line)
                found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
                if found:
                    break
            else:
                raise AssertionError("the service did not start: " + "".join(lines))
            reader = threading.Thread(target=_drain, args=(process.stderr,))
            reader.start()
            yield Firm(int(found[1]), process, store, url)
        finally:
            store.set("pass")
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if reader is not None:
                reader.join()
            process.stderr.close()


@pytest.fixture(scope="module")
def shop() -> Iterator[Firm]:
    with firm() as one:
        one.rate = steady_rate(one.port)
        yield one


def _seconds_until_normal(callers: Callers) -> float:
    begin = time.monotonic()
    while time.monotonic() - begin < NORMAL_SECONDS:
        if callers.call(0.5).is_normal:
            return time.monotonic() - begin - 0.5
    return float("inf")


@pytest.mark.parametrize(("seconds", "tries"), [(2.0, TRIES), pytest.param(20.0, 1, marks=pytest.mark.full)])
@pytest.mark.parametrize("fault", FAULTS)
def test_every_decision_is_answered_in_time(shop: Firm, fault: str, seconds: float, tries: int) -> None:
    for attempt in range(tries):
        if attempt:
            shop.rate = steady_rate(shop.port)
        with Callers(shop.port, shop.rate) as callers:
            callers.call(0.3)
            shop.store.set(fault)
            with hiccups() as host:
                spell = callers.call(seconds)
            shop.store.set("pass")
            healed = _seconds_until_normal(callers)
        print(f"{fault}: {shop.rate:.0f}/s: {spell}; host {host.longest * 1e3:.0f} ms; normal after {healed:.1f} s")
        assert spell.is_answered
        assert set(spell.reasons) <= FAULTS[fault]
        if spell.in_time(HOPS * host.longest) >= IN_TIME_SHARE and healed <= NORMAL_SECONDS:
            break

    assert spell.in_time(HOPS * host.longest) >= IN_TIME_SHARE
    assert healed <= NORMAL_SECONDS


def test_what_was_answered_while_the_store_was_away_is_recorded_when_it_is_back(shop: Firm) -> None:
    with Callers(shop.port, shop.rate) as callers:
        shop.store.set("refuse")
        spell = callers.call(1.0)
        shop.store.set("pass")
        _seconds_until_normal(callers)
        answered = callers.answered
    until = time.monotonic() + 10
    while _metric(shop.port, "opportune_late_records") and time.monotonic() < until:
        time.sleep(0.1)
    missing = _missing_in_the_end(shop.url, answered)

    assert spell.reasons.get("store-unavailable", 0) > 0
    assert _metric(shop.port, "opportune_late_records_lost") == 0
    assert missing == []


def test_a_store_that_is_away_at_the_start_is_waited_for() -> None:
    assert any(_begins_without_its_store() <= NORMAL_SECONDS for _ in range(TRIES))


def _begins_without_its_store() -> float:
    """Start where the store is away, let it come, and give the seconds from then until the engine decides."""
    with firm("refuse") as away:
        early = [_ask(away.port, f"early-{number}") for number in range(20)]
        refused = httpx.post(f"http://127.0.0.1:{away.port}/v1/outcomes", json={})
        away.store.set("pass")
        begin = time.monotonic()
        answers: list[tuple[str | None, float, str]] = []
        while time.monotonic() - begin < TRIES * NORMAL_SECONDS:
            answers.append(_ask(away.port, f"later-{len(answers)}"))
            if answers[-1][0] is None:
                break
        healed = time.monotonic() - begin
        print(f"normal {healed:.1f} s after the store was there, {len(answers)} calls meanwhile")
        missing = _missing_in_the_end(away.url, [name for _, _, name in early + answers])

    assert {reason for reason, _, _ in early} == {"store-unavailable"}
    assert (refused.status_code, refused.json()["code"]) == (503, "not-ready")
    assert answers[-1][0] is None
    assert {reason for reason, _, _ in answers} <= {"store-unavailable", "store-slow", "overloaded", None}
    assert missing == []
    return healed


def _missing_in_the_end(url: str, names: list[str]) -> list[str]:
    """Which decisions are not recorded, when none is missing any more, or after ten seconds."""
    until = time.monotonic() + 10
    with open_storage(url, read_only=True) as storage:
        while True:
            missing = [name for name in names if storage.decision(name) is None]
            if not missing or time.monotonic() > until:
                return missing
            time.sleep(0.1)


def _ask(port: int, name: str) -> tuple[str | None, float, str]:
    """Ask on a connection of its own, once more where that was closed; give reason, seconds and the decision's id."""
    begin = time.monotonic()
    for attempt in range(2):
        try:
            answer = httpx.post(f"http://127.0.0.1:{port}/v1/decisions", json=decision(name), timeout=5)
            break
        except httpx.TransportError:
            assert attempt == 0
    assert answer.status_code == 200
    return answer.json()["degraded"], time.monotonic() - begin, answer.json()["id"]


def _metric(port: int, name: str) -> float:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    return float(re.search(rf"^{name} (\S+)$", text, re.M)[1])  # type: ignore[index]


def test_without_the_deadline_a_hung_store_holds_the_answers(shop: Firm) -> None:
    with Callers(shop.port, shop.rate, deadline_ms=60_000) as callers:
        shop.store.set("hang")
        spell = callers.call(1.0)
        shop.store.set("pass")
        _seconds_until_normal(callers)

    assert spell.in_time(0.1) < IN_TIME_SHARE
    assert not spell.is_answered
