"""Through the whole service: of forty stocks never more is given than there is, whoever is killed, and in the end all.

Eight client processes ask and accept while processes of the service are killed. What clients were shown, what the store
says is taken, and what the journal proves must agree, and never exceed a stock.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

import pytest

from opportune.storage import open_storage, verify_storage
from tests.postgres import need_postgres
from tests.service.fleet import Fleet
from tests.service.shop import files

CLIENT = str(Path(__file__).with_name("take_stock.py"))
STOCKS = 40
CLIENTS = 8
KILL_SECONDS = 2.0
FIRST_KILL_SECONDS = 0.3
SETTLED_SECONDS = 60.0


def strategy(folder: Path, units: int) -> Path:
    """Write a strategy of forty actions, each with a stock of its own."""
    texts = files()
    texts["channels.yaml"] = (
        "till:\n  outcomes: [impression, accept, reject]\n  placements:\n    receipt: {size: 1, fallback: []}\n"
    )
    for path in [path for path in texts if path.startswith(("actions/", "tests/"))]:
        del texts[path]
    texts["actions/gifts/group.yaml"] = "title: Gifts\n"
    texts["stocks.yaml"] = "".join(
        f"stock_{number}: {{units: {units}, lease: {{minutes: 1}}}}\n" for number in range(STOCKS)
    )
    for number in range(STOCKS):
        texts[f"actions/gifts/gift_{number}.yaml"] = (
            f"kind: offer\ntitle: Gift {number}\nvalues: {{profit: {{accept: 1}}}}\nuses: {{stock_{number}: 1}}\n"
            "treatments:\n  till:\n    card: {content: {en: {title: A gift}, pl: {title: Prezent}}}\n"
        )
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


class Clients:
    """Processes that take; what each was shown is counted."""

    def __init__(self, address: Path, attempts: int, abandoned: float, name: str, count: int = CLIENTS) -> None:
        self.shown: Counter[str] = Counter()
        self.running = [
            subprocess.Popen(
                [sys.executable, CLIENT, str(address), f"{name}-{number}", str(attempts // count), str(abandoned)],
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(count)
        ]
        self._guard = threading.Lock()
        self._readers = [threading.Thread(target=self._count, args=(client,)) for client in self.running]
        for reader in self._readers:
            reader.start()

    def _count(self, client: subprocess.Popen[str]) -> None:
        assert client.stdout is not None
        for line in client.stdout:
            with self._guard:
                self.shown[line.strip()] += 1

    @property
    def are_busy(self) -> bool:
        """Whether any attempts are left."""
        return any(client.poll() is None for client in self.running)

    def join(self) -> None:
        """Wait for all."""
        for reader in self._readers:
            reader.join()
        for client in self.running:
            assert client.wait(10) == 0
            assert client.stdout is not None
            client.stdout.close()


def kill_again_and_again(service: Fleet, clients: Clients, chance: random.Random) -> int:
    """Kill a process of the service soon, and then every two seconds while clients are busy."""
    kills, wait = 0, FIRST_KILL_SECONDS
    while clients.are_busy:
        sleep(wait)
        wait = KILL_SECONDS
        victims = service.children("decider") + service.children("learner")
        if victims and clients.are_busy:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(victims), signal.SIGKILL)
                kills += 1
    return kills


@pytest.mark.parametrize(
    ("attempts", "units", "abandoned"),
    [(1_000, 12, 0.0), pytest.param(100_000, 1_000, 2.0, marks=[pytest.mark.full, pytest.mark.timeout(3_000)])],
)
def test_no_kill_gives_out_too_much_and_in_the_end_all_is_given(
    tmp_path: Path, attempts: int, units: int, abandoned: float
) -> None:
    address = tmp_path / "address"
    url = need_postgres().database()
    service = Fleet(url, 2, project=strategy(tmp_path / "shop", units))
    try:
        address.write_text(service.url)
        clients = Clients(address, attempts, abandoned, "storm")
        kills = kill_again_and_again(service, clients, random.Random(20261122))
        clients.join()
        begin = monotonic()
        settled = settle(url, address, units, begin)
    finally:
        service.stop()
    with open_storage(url, read_only=True) as storage:
        counts = storage.stocks()
        problems = verify_storage(storage)
    granted = {action: count for action, count in clients.shown.items() if action != "-"}
    print(
        f"{sum(clients.shown.values())} attempts, {kills} kills, {sum(granted.values())} grants seen in the storm,"
        f" all of {STOCKS} x {units} confirmed {settled:.1f} s after it"
    )
    assert kills >= 1
    assert all(count.taken <= units and count.unmet == 0 for count in counts)
    assert [count.confirmed for count in counts] == [units] * STOCKS
    assert settled <= SETTLED_SECONDS
    assert problems == []
    if not abandoned:
        assert max(granted.values()) <= units


def settle(url: str, address: Path, units: int, begin: float) -> float:
    """Go on asking until everything is confirmed; give the seconds that it took."""
    number = 0
    with open_storage(url, read_only=True) as storage:
        while True:
            confirmed = sum(count.confirmed for count in storage.stocks())
            if confirmed == STOCKS * units or monotonic() - begin > 2 * SETTLED_SECONDS:
                return monotonic() - begin
            number += 1
            left = STOCKS * units - confirmed
            Clients(address, min(200, 2 * left), 0.0, f"after-{number}", count=2 if left > 1 else 1).join()
            sleep(0.2)
