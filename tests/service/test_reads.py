"""Reads of a past under way: kept though nobody waits any more, never for another strategy, and never piled up."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from opportune.records import Contact
from opportune.service import histories
from opportune.service.histories import Histories
from opportune.service.needs import Needs
from opportune.service.revisions import strategy_from_files
from opportune.storage import Storage

from .shop import Service, decision, files, serving
from .test_histories import FEATURES, facts, happen

NOW = datetime(2026, 5, 4, tzinfo=UTC)
SHOWN = Contact(1, "shown", "coffee", "card", "till", "receipt", "d")


class Gated:
    """A store whose reads end when it is opened."""

    def __init__(self) -> None:
        self.gate = threading.Event()

    def persons_of(self, identifier: str, kind: str) -> tuple[str, ...]:
        return (identifier,)

    def happened(self, *_: Any) -> Any:
        self.gate.wait(5)
        return SimpleNamespace(last=7, contacts=(SHOWN,), events=())

    def consents(self, *_: Any) -> tuple[()]:
        return ()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as found:
        yield found


def test_a_past_that_was_read_for_one_strategy_is_not_kept_for_the_next(threads: ThreadPoolExecutor) -> None:
    async def run() -> tuple[Contact, ...]:
        store = Gated()
        known = Histories(cast(Storage, store), threads, 100)
        before, after = Needs(consents=True), Needs(contacts=True, horizon_seconds=None)
        first = asyncio.create_task(known.of(before, "c", "c", NOW))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(known.of(after, "d", "d", NOW))
        await asyncio.sleep(0.05)
        store.gate.set()
        await asyncio.gather(first, second)
        return (await known.of(after, "c", "c", NOW)).contacts

    assert asyncio.run(run()) == (SHOWN,)


def test_what_was_forgotten_while_it_was_read_is_read_again(threads: ThreadPoolExecutor) -> None:
    async def run() -> int:
        store, needs = Gated(), Needs(contacts=True)
        known = Histories(cast(Storage, store), threads, 100)
        first = asyncio.create_task(known.of(needs, "c", "c", NOW))
        await asyncio.sleep(0.05)
        known.forget_key("c")
        store.gate.set()
        await first
        await known.of(needs, "c", "c", NOW)
        return known.reads

    assert asyncio.run(run()) == 2


def test_reads_that_nobody_waits_for_do_not_pile_up(
    threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histories, "READS_MAX", 3)

    async def ask(known: Histories, name: str) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await known.of(Needs(contacts=True), name, name, NOW)

    async def run() -> int:
        store = Gated()
        known = Histories(cast(Storage, store), threads, 100)
        await asyncio.gather(*(ask(known, f"c-{number}") for number in range(20)))
        await asyncio.sleep(0)
        left = len(known._reads)
        store.gate.set()
        await known.close()
        return left

    assert asyncio.run(run()) == 3


def test_a_read_that_takes_longer_than_the_deadline_helps_the_next_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path / "shop.db", of=strategy_from_files(files(features=FEATURES))[0]) as service:
        happen(service, "e-1")
        read = service.runtime.storage.happened

        def slowly(*arguments: Any) -> Any:
            found = read(*arguments)
            time.sleep(0.5)
            return found

        monkeypatch.setattr(service.runtime.storage, "happened", slowly)
        first = _hurried(service, "r-1")
        # What comes while the store is read counts too.
        happen(service, "e-2")
        service.wait(1)
        second = _hurried(service, "r-2")

        assert first["degraded"] == "store-slow"
        assert second["degraded"] is None
        assert facts(service, second)["calls_7d"] == 2
        assert service.runtime.histories.reads == 1


def _hurried(service: Service, id: str) -> dict[str, Any]:
    body = decision(id, customer="c-1")
    answer: dict[str, Any] = service.call("POST", "/v1/decisions", body, opportune_deadline_ms="200").json()
    return answer
