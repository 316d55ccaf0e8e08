"""Of no stock is more given out than there is, whoever dies in the middle; and in the end all of it is.

Many processes take of the same stocks through PostgreSQL. They are killed again and again, and others take their
places; leases of the dead come back. The journal is then read from its beginning, and what was taken counted after
every entry.
"""

from __future__ import annotations

import queue
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opportune.errors import ConflictError
from opportune.storage import (
    DecisionBody,
    OutcomeBody,
    Receipt,
    ReleaseBody,
    ReleaseLeases,
    Storage,
    open_storage,
    verify_storage,
)
from opportune.testing.storage import accept
from tests.postgres import need_postgres

from .grab_stock import PERIOD, STOCKS, attempt

CLIENT = str(Path(__file__).with_name("grab_stock.py"))
SETTLED_SECONDS = 60


@dataclass
class Clients:
    """Processes that take; one that is killed has a successor."""

    command: list[str]
    mode: str
    attempts: int = 0
    started: int = 0
    kills: int = 0
    running: list[subprocess.Popen[str]] = field(default_factory=list)
    readers: list[threading.Thread] = field(default_factory=list)
    done: queue.SimpleQueue[int] = field(default_factory=queue.SimpleQueue)

    def start(self) -> None:
        self.started += 1
        client = subprocess.Popen(
            [*self.command[:3], f"{self.mode}-{self.started}", *self.command[3:], self.mode],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.running.append(client)
        self.readers.append(threading.Thread(target=self._count, args=(client,)))
        self.readers[-1].start()

    def _count(self, client: subprocess.Popen[str]) -> None:
        assert client.stdout is not None
        with client.stdout as lines:
            for line in lines:
                with suppress(ValueError):  # the line was cut when it was killed
                    self.done.put(int(line))

    def wait(self, seconds: float, attempts: int) -> None:
        """Wait so long, or until there were so many attempts."""
        end = time.monotonic() + seconds
        while self.attempts < attempts and time.monotonic() < end:
            with suppress(queue.Empty):
                self.attempts += self.done.get(timeout=max(0.001, end - time.monotonic()))

    def kill(self, client: subprocess.Popen[str]) -> None:
        assert client.poll() is None, "a client ended by itself"
        client.kill()
        client.wait()
        self.running.remove(client)
        self.kills += 1


def release_due(storage: Storage) -> None:
    """Give back what the dead had reserved."""
    now = datetime.now(UTC)
    due = dict.fromkeys(lease.decision for lease in storage.due_leases(now, 500))
    if due:
        (result,) = storage.write([ReleaseLeases(id=f"release-{time.time_ns()}", decisions=tuple(due), until=now)])
        # Somebody may have answered in between.
        assert isinstance(result, Receipt | ConflictError)


def take(url: str, processes: int, attempts: int, limit: int, pause: float, mode: str) -> Clients:
    """Let clients take of the stocks, and kill one of them after every pause; at the end all."""
    chance = random.Random(7)
    clients = Clients([sys.executable, CLIENT, url, str(limit)], mode)
    for _ in range(processes):
        clients.start()
    with open_storage(url) as storage:
        while clients.attempts < attempts:
            clients.wait(pause, attempts)
            release_due(storage)
            clients.kill(chance.choice(clients.running))
            clients.start()
    for client in list(clients.running):
        clients.kill(client)
    for reader in clients.readers:
        reader.join()
    return clients


def settle(storage: Storage, limit: int) -> float:
    """Go on wanting until everything is given out; return the seconds that this took."""
    begun = time.monotonic()
    number = 0
    while time.monotonic() < begun + 2 * SETTLED_SECONDS:
        release_due(storage)
        counts = storage.stocks([(stock, PERIOD) for stock in STOCKS])
        if all(count.confirmed == limit for count in counts):
            break
        wanted = [count.stock for count in counts for _ in range(limit - count.taken)][:200]
        keys = [f"last-{number + n}" for n in range(len(wanted))]
        number += len(wanted)
        results = storage.write([attempt(key, stock, limit) for key, stock in zip(keys, wanted, strict=True)])
        taken = [key for key, result in zip(keys, results, strict=True) if isinstance(result, Receipt)]
        storage.write([accept(f"o-{key}", f"d-{key}") for key in taken])
        if not wanted:
            time.sleep(0.1)
    return time.monotonic() - begun


def over_grants(storage: Storage, limit: int) -> int:
    """Count by the journal alone how far beyond their limit stocks ever were, all together."""
    taken: Counter[str] = Counter()
    most: Counter[str] = Counter()
    after = 0
    while page := storage.journal(after, 1_000):
        for entry in page:
            match entry.body:
                case DecisionBody():
                    taken.update({reserve.stock: reserve.units for reserve in entry.body.reserves})
                    changed = [reserve.stock for reserve in entry.body.reserves]
                case OutcomeBody() | ReleaseBody():
                    for one in entry.body.moved:
                        taken[one.stock] += one.units * (one.after.takes - one.before.takes)
                    changed = [one.stock for one in entry.body.moved]
                case _:
                    continue
            for stock in changed:
                most[stock] = max(most[stock], taken[stock])
        after = page[-1].sequence
    return sum(max(0, found - limit) for found in most.values())


@pytest.mark.parametrize(
    ("processes", "attempts", "limit", "pause"),
    [(2, 400, 5, 1.0), pytest.param(8, 100_000, 1_000, 2.0, marks=pytest.mark.full)],
)
def test_nothing_is_given_out_twice_and_everything_once(
    processes: int, attempts: int, limit: int, pause: float
) -> None:
    url = need_postgres().database()

    clients = take(url, processes, attempts, limit, pause, "full")

    with open_storage(url) as storage:
        seconds = settle(storage, limit)
        counts = storage.stocks()
        print(f"{clients.attempts} attempts, {clients.kills} kills, all given out {seconds:.1f} s after the last one")
        assert clients.attempts >= attempts
        assert {count.stock: (count.taken, count.confirmed) for count in counts} == dict.fromkeys(STOCKS, (limit,) * 2)
        assert seconds <= SETTLED_SECONDS
        assert over_grants(storage, limit) == 0
        assert verify_storage(storage) == []


def test_clients_that_read_and_then_take_give_out_too_much() -> None:
    server = need_postgres()

    # Their turns have to fall between one another's reads and writes, which is up to the machine.
    assert any(_gives_too_much(server.database()) for _ in range(10))


def _gives_too_much(url: str) -> bool:
    take(url, 2, 500, 6, 10.0, "naive")
    with open_storage(url) as storage:
        return over_grants(storage, 6) > 0
