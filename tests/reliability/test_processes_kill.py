"""Killing single processes, or the store, under load: nothing acknowledged is lost, nothing is learned twice."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

import httpx
import pytest

from opportune.service.proof import prove_models
from opportune.storage import Kind, open_storage, verify_storage
from tests.postgres import PostgresServer, find_programs, need_postgres
from tests.service.fleet import Fleet, fleet, is_alive, signal_to, wait_for
from tests.service.shop import decision

pytestmark = pytest.mark.serial

CLIENTS = 4
BACK_SECONDS = 5.0
"""Time after a kill, or after the store is there again, until answers are good."""


class Sender(threading.Thread):
    """Decides and answers without a pause, each until it is acknowledged; remembers what was."""

    def __init__(self, service: Fleet, name: str, chance: random.Random) -> None:
        super().__init__(name=name)
        self.service, self.chance = service, chance
        self.acknowledged: set[str] = set()
        self.ending = threading.Event()
        self.last_good = monotonic()

    def run(self) -> None:
        number = 0
        while not self.ending.is_set():
            with self.service.client() as client:
                try:
                    while not self.ending.is_set():
                        self._send(client, f"{self.name}-{number}")
                        number += 1
                except (httpx.TransportError, httpx.HTTPStatusError):
                    # The same ids again, on another connection.
                    sleep(0.01)

    def _send(self, client: httpx.Client, name: str) -> None:
        answer = client.post("/v1/decisions", json=decision(name)).raise_for_status().json()
        if answer["degraded"] is not None:
            # Its record may still be on its way: its outcome could be refused.
            sleep(0.01)
            return
        self.last_good = monotonic()
        result = "accept" if self.chance.random() < 0.5 else "reject"
        outcome = {"id": f"o-{name}", "decision": answer["id"], "action": "water", "outcome": result}
        for _ in range(self.chance.randint(1, 2)):
            client.post("/v1/outcomes", json=outcome).raise_for_status()
            self.acknowledged.add(outcome["id"])


@contextmanager
def load(service: Fleet, chance: random.Random) -> Iterator[list[Sender]]:
    """Send all the time; what happens to the service is up to the caller."""
    senders = [Sender(service, f"s{number}", random.Random(chance.random())) for number in range(CLIENTS)]
    for sender in senders:
        sender.start()
    try:
        yield senders
    finally:
        for sender in senders:
            sender.ending.set()
        for sender in senders:
            sender.join(30)


def back(senders: list[Sender]) -> float:
    """Wait until every sender got a good answer; give the seconds."""
    begin = monotonic()
    return wait_for(lambda: all(sender.last_good > begin for sender in senders), 60)


def kill_one(service: Fleet, role: str, workers: int, chance: random.Random) -> None:
    """Kill a process of a service that is whole."""

    def alive(role: str) -> list[int]:
        return [pid for pid in service.children(role) if is_alive(pid)]

    try:
        wait_for(lambda: len(alive("decider")) == workers and len(alive("learner")) == 1, 60, 0.1)
    except AssertionError:
        print("".join(service.lines[-20:]), service.processes())
        raise
    signal_to(chance.choice(alive(role)), signal.SIGKILL)


def settled(service: Fleet) -> int:
    """Wait until all is learned and a process serves it; give how many answers its model has learned."""
    learned = 0

    def is_settled() -> bool:
        nonlocal learned
        with service.client() as client:
            models = client.get("/v1/models").json()["models"]
        # Asked once: the next call may be answered by a process that adopts this model only in a moment.
        learned = int(sum(sum(counts.values()) for counts in models[0]["evidence"].values()))
        return learned == storage.counts().outcomes

    with open_storage(service.store, read_only=True) as storage:
        wait_for(is_settled, 30, 0.2)
    return learned


def judge(store: str, acknowledged: set[str], learned: int) -> set[str]:
    """Check everything that is stored; give what was acknowledged and is not there."""
    with open_storage(store, read_only=True) as storage:
        stored, after = [], 0
        while page := storage.journal(after, kinds=(Kind.OUTCOME,)):
            stored += [entry.id for entry in page]
            after = page[-1].sequence
        assert verify_storage(storage) == []
        assert prove_models(storage)[1] == []
    assert learned == len(set(stored)) == len(stored)
    return acknowledged - set(stored)


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize(("kills", "workers"), [(2, 2), pytest.param(150, 4, marks=pytest.mark.full)])
def test_killed_processes_lose_nothing_and_teach_nothing_twice(kills: int, workers: int) -> None:
    chance = random.Random(20260611)
    waits = []
    with fleet(need_postgres().database(), workers) as service:
        with load(service, chance) as senders:
            for number in range(kills):
                sleep(chance.uniform(0.05, 0.4))
                kill_one(service, "learner" if number % 5 == 4 else "decider", workers, chance)
                waits.append(back(senders))
        learned = settled(service)
        store = service.store
        assert service.stop() == 0

    acknowledged = set().union(*(sender.acknowledged for sender in senders))
    lost = judge(store, acknowledged, learned)
    print(
        f"{kills} kills: {len(acknowledged)} acknowledged, {len(lost)} lost, {learned} learned, "
        f"good answers again after {max(waits):.2f} s at most"
    )
    assert len(acknowledged) > 10 * kills
    assert lost == set()
    assert max(waits) <= BACK_SECONDS


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize(("stops", "workers"), [(2, 2), pytest.param(50, 4, marks=pytest.mark.full)])
def test_a_store_that_crashes_loses_nothing_and_teaches_nothing_twice(stops: int, workers: int) -> None:
    chance = random.Random(20260612)
    waits = []
    need_postgres()
    programs = find_programs()
    assert programs is not None
    server = PostgresServer(programs)
    try:
        with fleet(server.database(), workers) as service:
            with load(service, chance) as senders:
                for _ in range(stops):
                    sleep(chance.uniform(0.1, 0.8))
                    server.stop("immediate")
                    server.start()
                    waits.append(back(senders))
            learned = settled(service)
            store = service.store
            assert service.stop() == 0
        acknowledged = set().union(*(sender.acknowledged for sender in senders))
        lost = judge(store, acknowledged, learned)
    finally:
        server.remove()
    print(
        f"{stops} crashes of the store: {len(acknowledged)} acknowledged, {len(lost)} lost, {learned} learned, "
        f"good answers again after {max(waits):.2f} s at most"
    )
    assert len(acknowledged) > 10 * stops
    assert lost == set()
    assert max(waits) <= BACK_SECONDS


def test_processes_that_acknowledge_before_they_write_are_noticed() -> None:
    # Each kill may come when nothing is under way.
    assert any(_early_ones_lose(random.Random(seed)) for seed in range(5))


def _early_ones_lose(chance: random.Random) -> bool:
    with fleet(need_postgres().database(), 2, module="tests.reliability.early_service") as service:
        with load(service, chance) as senders:
            for _ in range(3):
                sleep(0.3)
                kill_one(service, "decider", 2, chance)
                back(senders)
        learned = settled(service)
        store = service.store

    acknowledged = set().union(*(sender.acknowledged for sender in senders))
    return judge(store, acknowledged, learned) != set()
