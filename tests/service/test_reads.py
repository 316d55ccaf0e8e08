"""Reads of a past under way: kept though nobody waits any more, never for another strategy, and never piled up."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
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
from opportune.service.pasts import Past
from opportune.service.revisions import strategy_from_files
from opportune.storage import Entry, Kind, Storage

from .shop import Service, decision, files, serving
from .test_histories import FEATURES, facts, happen

NOW = datetime(2026, 5, 4, tzinfo=UTC)
NEEDS = Needs(contacts=True)
SHOWN = Contact(1, "shown", "coffee", "card", "till", "receipt", "d")
ERASURE = cast(Entry, SimpleNamespace(kind=Kind.ERASURE, person=None, sequence=8))


def report(person: str, sequence: int) -> Entry:
    """Stand for the journal entry of an outcome: what is known of its person does not go on with it."""
    return cast(Entry, SimpleNamespace(kind=Kind.OUTCOME, person=person, sequence=sequence, payload=None, body=None))


class Gated:
    """A store whose reads end when it is opened."""

    def __init__(self, is_open: bool = False, others: tuple[str, ...] = ()) -> None:
        self.gate = threading.Event()
        if is_open:
            self.gate.set()
        self.others = others
        """Who is one person with everybody who is asked for."""
        self.asked = 0

    def persons_of(self, identifier: str, kind: str) -> tuple[str, ...]:
        return (identifier, *self.others)

    def happened(self, *_: Any) -> Any:
        self.asked += 1
        self.gate.wait(5)
        return SimpleNamespace(last=7, contacts=(SHOWN,), events=())

    def consents(self, *_: Any) -> tuple[()]:
        return ()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as found:
        yield found


def test_a_past_that_was_read_for_one_strategy_is_not_kept_for_the_next(threads: ThreadPoolExecutor) -> None:
    async def run(person: str) -> list[tuple[Contact, ...]]:
        store = Gated()
        known = Histories(cast(Storage, store), threads, 100)
        before, after = Needs(consents=True), Needs(contacts=True, horizon_seconds=None)
        first = asyncio.create_task(known.of(before, "c", "c", NOW))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(known.of(after, person, person, NOW))
        await asyncio.sleep(0.05)
        store.gate.set()
        await first
        return [(await second).contacts, (await known.of(after, "c", "c", NOW)).contacts]

    # Another person makes the strategy change; the same one may not wait for what was begun before either.
    for person in "dc":
        assert asyncio.run(run(person)) == [(SHOWN,), (SHOWN,)]


@pytest.mark.parametrize(
    "forget",
    [
        lambda known: known.forget_key("c"),
        lambda known: known.forget("c"),
        lambda known: known.forget_all(),
        lambda known: known.take([ERASURE]),
    ],
    ids=["key", "person", "all", "erasure"],
)
def test_what_was_forgotten_while_it_was_read_is_read_again(
    threads: ThreadPoolExecutor, forget: Callable[[Histories], None]
) -> None:
    async def run() -> int:
        store, needs = Gated(), Needs(contacts=True)
        known = Histories(cast(Storage, store), threads, 100)
        first = asyncio.create_task(known.of(needs, "c", "c", NOW))
        await asyncio.sleep(0.05)
        forget(known)
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

    async def run() -> tuple[int, int]:
        store = Gated()
        known = Histories(cast(Storage, store), threads, 100)
        await asyncio.gather(*(ask(known, f"c-{number}") for number in range(20)))
        await asyncio.sleep(0)
        left = list(known._reads)
        store.gate.set()
        await asyncio.gather(*(read.task for read in left))
        threads.submit(int).result()
        return len(left), store.asked

    left, asked = asyncio.run(run())
    assert left == 3
    # Both threads may have begun with some that were given up later.
    assert asked <= 3 + 2


def test_who_still_waits_for_a_read_gets_it_though_another_gave_up(
    threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histories, "READS_MAX", 0)

    async def run() -> tuple[Past, int]:
        store = Gated()
        known = Histories(cast(Storage, store), threads, 100)
        patient = asyncio.create_task(known.of(NEEDS, "c", "c", NOW))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await known.of(NEEDS, "c", "c", NOW)
        store.gate.set()
        return await patient, store.asked

    past, asked = asyncio.run(run())
    assert past.contacts == (SHOWN,)
    assert asked == 1


def test_what_is_in_memory_for_one_strategy_does_not_serve_the_next(threads: ThreadPoolExecutor) -> None:
    async def run() -> tuple[Contact, ...]:
        known = Histories(cast(Storage, Gated(is_open=True)), threads, 100)
        await known.of(Needs(consents=True), "c", "c", NOW)
        return (await known.of(NEEDS, "c", "c", NOW)).contacts

    assert asyncio.run(run()) == (SHOWN,)


@pytest.mark.parametrize(("sequences", "reads"), [((6,), 2), ((7,), 2), ((8,), 3), ((8, 9), 3)])
def test_only_what_the_store_had_not_told_makes_a_past_unknown(
    threads: ThreadPoolExecutor, sequences: tuple[int, ...], reads: int
) -> None:
    """The second of two reads: what came during the first one is behind both by then."""

    async def run() -> tuple[int, int]:
        store = Gated()
        known = Histories(cast(Storage, store), threads, 100)
        for person, came in (("a", (1, 2, 3)), ("b", sequences)):
            store.gate.clear()
            reading = asyncio.create_task(known.of(NEEDS, person, person, NOW))
            await asyncio.sleep(0.02)
            known.take([report(person, one) for one in came])
            store.gate.set()
            await reading
            await asyncio.sleep(0)
        left = len(known._reads) + len(known._meanwhile)
        await known.of(NEEDS, "b", "b", NOW)
        return known.reads, left

    assert asyncio.run(run()) == (reads, 0)


def test_more_than_can_be_remembered_during_a_read_makes_it_be_read_again(
    threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histories, "MEANWHILE_MAX", 2)

    async def run() -> int:
        store = Gated()
        known = Histories(cast(Storage, store), threads, 100)
        reading = asyncio.create_task(known.of(NEEDS, "c", "c", NOW))
        await asyncio.sleep(0.02)
        known.take([report("c", 8), report("x", 9), report("x", 10)])
        store.gate.set()
        await reading
        await known.of(NEEDS, "c", "c", NOW)
        return known.reads

    assert asyncio.run(run()) == 2


def test_the_past_that_was_used_longest_ago_makes_room(threads: ThreadPoolExecutor) -> None:
    async def run() -> tuple[list[str], int]:
        known = Histories(cast(Storage, Gated(is_open=True)), threads, 4)
        for person in ("a", "b", "a", "c"):
            await known.of(NEEDS, person, person, NOW)
        return [person for person in "abc" if known.holds(person)], known.entries

    assert asyncio.run(run()) == (["a", "c"], 4)


def test_a_past_that_is_too_long_for_memory_is_kept_alone(threads: ThreadPoolExecutor) -> None:
    async def run() -> tuple[int, int]:
        known = Histories(cast(Storage, Gated(is_open=True)), threads, 1)
        for person in ("a", "b", "b"):
            await known.of(NEEDS, person, person, NOW)
        return known.persons, known.reads

    assert asyncio.run(run()) == (1, 2)


def test_who_became_one_person_has_one_past_in_memory(threads: ThreadPoolExecutor) -> None:
    async def run() -> tuple[int, int]:
        store = Gated(is_open=True)
        known = Histories(cast(Storage, store), threads, 100)
        for person in ("c", "d"):
            await known.of(NEEDS, person, person, NOW)
        # Another process let both become one; here it shows when one of them is read again.
        store.others = ("d",)
        known.forget("c")
        await known.of(NEEDS, "c", "c", NOW)
        return known.persons, known.entries

    assert asyncio.run(run()) == (1, 2)


@pytest.mark.parametrize("way", ["person", "other", "key", "all", "report", "erasure"])
def test_a_past_that_is_forgotten_is_gone_for_all_who_are_one_person(threads: ThreadPoolExecutor, way: str) -> None:
    async def run() -> Histories:
        known = Histories(cast(Storage, Gated(is_open=True, others=("d",))), threads, 100)
        await known.of(NEEDS, "c", "c", NOW)
        # The store had told that already.
        known.take([report("d", 7)])
        assert (known.holds("c"), known.holds("d"), known.persons, known.entries) == (True, True, 1, 2)
        match way:
            case "person" | "other":
                known.forget("c" if way == "person" else "d")
            case "key":
                known.forget_key("c")
            case "all":
                known.forget_all()
            case "report":
                known.take([report("d", 8)])
            case "erasure":
                known.take([ERASURE])
        return known

    known = asyncio.run(run())
    assert not known.holds("c")
    assert not known.holds("d")
    assert (known.persons, known.entries, known._by_key) == (0, 0, {})


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
        # What comes while the store is read counts too, and that of others does not.
        happen(service, "e-2")
        happen(service, "e-3", "c-2")
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
