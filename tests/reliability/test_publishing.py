"""Publishing and going back under load: nothing fails, no answer mixes two revisions, all is live within a second."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import time
from typing import Any

import httpx
import pytest

from opportune.service import Settings
from opportune.service.publishing import Offer
from opportune.service.revisions import strategy_from_files
from opportune.storage import open_storage
from tests.postgres import need_postgres
from tests.service.fleet import Fleet
from tests.service.process import Running
from tests.service.shop import Service, serving

from .revisions import Seen, Watcher, marked_files

LIVE_SECONDS = 1.0
NUMPY = Settings(kernel="numpy")


def hashes(count: int) -> dict[str, int]:
    """Give content hash → number of the marked revisions."""
    return {strategy_from_files(marked_files(number))[0].plan.revision: number for number in range(count)}


@dataclass(frozen=True, slots=True)
class Done:
    """One revision: when its answer came (wall clock), how long that took and how long after the commit it was live."""

    hash: str
    at: float
    gate_seconds: float
    live_seconds: float


async def alternate(client: httpx.AsyncClient, rounds: int, pause: float) -> list[Done]:
    """Publish and go back in turns."""
    loop = asyncio.get_running_loop()
    done = []
    for number in range(1, rounds + 1):
        for path, body in (
            ("/v1/revisions", {"files": marked_files(number % 8 + 1), "reason": f"round {number}"}),
            ("/v1/revisions/rollback", {"number": 1}),
        ):
            begin = loop.time()
            response = await client.post(path, json=body, timeout=30)
            assert response.status_code == 200, response.text
            answer = response.json()
            assert not answer["repeated"]
            done.append(Done(answer["hash"], time(), loop.time() - begin, answer["live_ms"] / 1e3))
            await asyncio.sleep(pause)
    return done


def slowest_to_be_live(seen: list[Seen], done: list[Done]) -> float:
    """Give the longest time after a commit at which a request was still answered by the revision before, in seconds.

    A commit is as far behind the answer of its publisher as that says; how long the disk took does not count.
    """
    slowest = max(one.live_seconds for one in done)
    # Until the next one was asked for: it may go back to the revision before.
    ends = [*(one.at - one.gate_seconds for one in done[1:]), float("inf")]
    for former, one, end in zip(done, done[1:], ends[1:], strict=False):
        late = [seen.sent_at - one.at for seen in seen if one.at < seen.sent_at < end and seen.revision == former.hash]
        slowest = max(slowest, one.live_seconds + max(late, default=0.0))
    return slowest


async def drive(url: str, rounds: int, rate: float, pause: float) -> tuple[list[Seen], list[Done]]:
    """Send decisions to a service while revisions come and go."""
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    async with httpx.AsyncClient(base_url=url, timeout=10, limits=limits) as client:
        numbers = hashes(9)
        watcher = Watcher(client, numbers, rate)
        task = asyncio.create_task(alternate(client, rounds, pause))
        await watcher.watch(task.done)
        return watcher.seen, await task


def publish_marked(store: str) -> None:
    """Make the first marked revision the current one, before anybody serves it."""
    from opportune.service.publishing import publish

    with open_storage(store) as storage:
        publish(storage, Offer(marked_files(0)), "first", "numpy")


LONG = pytest.mark.full


@pytest.mark.serial
@pytest.mark.parametrize(
    ("form", "rounds", "rate"),
    [
        pytest.param("one process", 3, 40.0, id="short"),
        pytest.param("four on PostgreSQL", 2, 30.0, id="short-four"),
        pytest.param("one process", 100, 0.0, id="full", marks=LONG),
        pytest.param("four on PostgreSQL", 100, 0.0, id="full-four", marks=LONG),
    ],
)
def test_publishing_under_load_drops_and_mixes_nothing(
    tmp_path: Path, form: str, rounds: int, rate: float, tell: Callable[[str], None]
) -> None:
    is_one = form == "one process"
    store = str(tmp_path / "shop.db") if is_one else need_postgres().database()
    publish_marked(store)
    service = Running(store, project=None) if is_one else Fleet(store, 4, project=None)
    try:
        rate = rate or capacity(service.url) / 2
        seen, done = asyncio.run(drive(service.url, rounds, rate, 0.2 if rounds < 10 else 0.1))
    finally:
        service.stop()
    with open_storage(store, read_only=True) as storage:
        published = storage.revisions()
    slowest = slowest_to_be_live(seen, done)
    times = sorted(one.milliseconds for one in seen)
    tell(
        f"{form}, {len(done)} revisions at {rate:.0f} decisions/s: {len(seen)} answers, failed"
        f" {sum(one.status != 200 for one in seen)}, mixed {sum(bool(one.fault) for one in seen)}, slowest to be"
        f" live {slowest * 1e3:.0f} ms, slowest gate {max(one.gate_seconds for one in done) * 1e3:.0f} ms,"
        f" decisions p50 {times[len(times) // 2]:.1f} ms, p99 {times[int(len(times) * 0.99)]:.1f} ms"
    )

    assert Counter(one.status for one in seen) == {200: len(seen)}
    assert [one.fault for one in seen if one.fault] == []
    assert len({one.revision for one in seen}) > min(2, rounds)
    assert len(published) == 1 + len(done) == 1 + 2 * rounds
    assert slowest <= LIVE_SECONDS


def capacity(url: str, seconds: float = 4.0, clients: int = 16) -> float:
    """Measure how many decisions a second the service answers to clients that never pause."""

    async def measure() -> float:
        async with httpx.AsyncClient(base_url=url, timeout=10) as client:
            loop = asyncio.get_running_loop()
            until, count = loop.time() + seconds, 0

            async def one(name: int) -> None:
                nonlocal count
                number = 0
                while loop.time() < until:
                    from .revisions import decision_body

                    await client.post("/v1/decisions", json=decision_body(f"c-{name}-{number}"))
                    number += 1
                    count += 1

            await asyncio.gather(*map(one, range(clients)))
            return count / seconds

    return asyncio.run(measure())


def in_process(service: Service, rounds: int) -> list[Seen]:
    """Watch a service in this process while revisions come and go."""

    async def run() -> list[Seen]:
        watcher = Watcher(service.client, hashes(9), 200.0)
        task = asyncio.create_task(alternate(service.client, rounds, 0.05))
        await watcher.watch(task.done)
        await task
        return watcher.seen

    return service.runner.run(run())


def test_in_one_process_every_answer_is_of_one_revision(tmp_path: Path) -> None:
    first = strategy_from_files(marked_files(0))[0]
    with serving(tmp_path / "shop.db", NUMPY, of=first) as service:
        seen = in_process(service, 2)

    assert [one for one in seen if one.fault or one.status != 200] == []
    assert len({one.revision for one in seen}) == 3


def test_a_publish_in_two_steps_is_caught(tmp_path: Path) -> None:
    """Negative control: where rules move first and weights later, the detector sees mixed answers."""
    assert any(_mixes(tmp_path / f"{number}.db") for number in range(5))


def _mixes(store: Path) -> bool:
    first = strategy_from_files(marked_files(0))[0]
    with serving(store, NUMPY, of=first) as service:
        runtime: Any = service.runtime
        whole = runtime._swap

        def in_two_steps(strategy: Any, learned: Any, number: int) -> None:
            before = runtime.live.current
            half = replace(before.strategy.plan, gate=strategy.plan.gate, revision=strategy.plan.revision)
            runtime.live.current = replace(before, strategy=replace(before.strategy, plan=half))
            asyncio.get_running_loop().call_later(0.03, whole, strategy, learned, number)

        runtime._swap = in_two_steps
        seen = in_process(service, 2)

    return any(one.fault for one in seen)
