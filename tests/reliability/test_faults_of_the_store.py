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

import pytest

from tests.postgres import need_postgres
from tests.service.shop import PROJECT

from .faults import Callers, StoreFaults, store_faults
from .hiccups import hiccups

pytestmark = pytest.mark.serial

RATE = 300
IN_TIME_SHARE = 0.999
NORMAL_SECONDS = 5.0
FAULTS = {
    "slow": {"store-slow", "none"},
    "hang": {"store-slow", "none"},
    "reset": {"store-unavailable", "store-slow", "none"},
    "refuse": {"store-unavailable", "store-slow", "none"},
}
"""Fault of the store → reasons that answers may have meanwhile."""


class Firm:
    """A service on a PostgreSQL store that can go wrong."""

    def __init__(self, port: int, process: subprocess.Popen[str], store: StoreFaults) -> None:
        self.port = port
        self.process = process
        self.store = store


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
            yield Firm(int(found[1]), process, store)
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
    with firm() as one, Callers(one.port, RATE) as callers:
        callers.call(1.0)
        yield one


def _seconds_until_normal(callers: Callers) -> float:
    begin = time.monotonic()
    while time.monotonic() - begin < NORMAL_SECONDS:
        if callers.call(0.5).is_normal:
            return time.monotonic() - begin - 0.5
    return float("inf")


@pytest.mark.parametrize("seconds", [2.0, pytest.param(20.0, marks=pytest.mark.full)])
@pytest.mark.parametrize("fault", FAULTS)
def test_every_decision_is_answered_in_time(shop: Firm, fault: str, seconds: float) -> None:
    with Callers(shop.port, RATE) as callers:
        callers.call(0.3)
        shop.store.set(fault)
        with hiccups() as host:
            spell = callers.call(seconds)
        shop.store.set("pass")
        healed = _seconds_until_normal(callers)
    print(f"{fault}: {spell}; host {host.longest * 1e3:.0f} ms; normal after {healed:.1f} s")

    assert spell.is_answered
    assert spell.in_time(host.longest) >= IN_TIME_SHARE
    assert set(spell.reasons) <= FAULTS[fault]
    assert healed <= NORMAL_SECONDS


def test_without_the_deadline_a_hung_store_holds_the_answers(shop: Firm) -> None:
    with Callers(shop.port, RATE, deadline_ms=60_000) as callers:
        shop.store.set("hang")
        spell = callers.call(1.0)
        shop.store.set("pass")
        _seconds_until_normal(callers)

    assert spell.in_time(0.1) < IN_TIME_SHARE
    assert not spell.is_answered
