"""Killing the service at any moment loses nothing acknowledged and teaches nothing twice; it starts again by itself."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from time import sleep

import httpx
import pytest

from opportune.service.proof import prove_models
from opportune.storage import Kind, SqliteStorage, verify_storage

from .process import Running
from .shop import decision

pytestmark = pytest.mark.serial

CLIENTS = 4
READY_SECONDS = 3.0


class Sender(threading.Thread):
    """Decides and answers without a pause, until the service is gone; remembers what was acknowledged."""

    def __init__(self, service: Running, name: str, chance: random.Random) -> None:
        super().__init__(name=name)
        self.service, self.chance = service, chance
        self.acknowledged: set[str] = set()

    def run(self) -> None:
        try:
            with httpx.Client(base_url=self.service.url, timeout=5) as client:
                for number in range(100_000):
                    self._send(client, f"{self.name}-{number}")
        except httpx.TransportError:
            return

    def _send(self, client: httpx.Client, id: str) -> None:
        answer = client.post("/v1/decisions", json=decision(id)).json()
        result = "accept" if self.chance.random() < 0.5 else "reject"
        outcome = {"id": f"o-{id}", "decision": answer["id"], "action": "water", "outcome": result}
        # A retry at once is a copy that must have no effect of its own.
        for _ in range(self.chance.randint(1, 2)):
            if client.post("/v1/outcomes", json=outcome).status_code == 200:
                self.acknowledged.add(f"o-{id}")


def killed_round(store: Path, number: int, chance: random.Random) -> tuple[set[str], float]:
    """Run the service under load and kill it; give the acknowledged ids and the time it took to be ready."""
    service = Running(store)
    senders = [Sender(service, f"{number}-{n}", random.Random(chance.random())) for n in range(CLIENTS)]
    for sender in senders:
        sender.start()
    sleep(chance.uniform(0.02, 0.5))
    service.kill()
    for sender in senders:
        sender.join()
    return set().union(*(sender.acknowledged for sender in senders)), service.ready_seconds


@pytest.mark.parametrize("rounds", [5, pytest.param(40, marks=pytest.mark.full)])
def test_a_kill_loses_nothing_and_teaches_nothing_twice(tmp_path: Path, rounds: int) -> None:
    store = tmp_path / "shop.db"
    chance = random.Random(20260504)
    acknowledged: set[str] = set()
    waits = []

    for number in range(rounds):
        acks, ready_seconds = killed_round(store, number, chance)
        acknowledged |= acks
        waits.append(ready_seconds)
    last = Running(store)
    models = httpx.get(last.url + "/v1/models").json()["models"]
    last.stop()

    with SqliteStorage(store, read_only=True) as storage:
        stored, after = [], 0
        while page := storage.journal(after, kinds=(Kind.OUTCOME,)):
            stored += [entry.id for entry in page]
            after = page[-1].sequence
        problems = verify_storage(storage)
        stretches, unequal = prove_models(storage)
    learned = sum(sum(counts.values()) for counts in models[0]["evidence"].values())
    print(
        f"{rounds} kills: {len(acknowledged)} acknowledged, {len(stored)} stored, ready in {max(waits):.2f} s at most"
    )
    assert len(acknowledged) > rounds
    assert acknowledged - set(stored) == set()
    assert learned == len(set(stored)) == len(stored)
    assert problems == []
    assert unequal == []
    assert stretches >= 1
    assert sorted(waits)[len(waits) // 2] <= READY_SECONDS
