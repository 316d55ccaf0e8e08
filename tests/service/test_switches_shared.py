"""An emergency switch holds in every process within a second, and one person's cap over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import httpx
import pytest

from tests.postgres import need_postgres

from .fleet import Fleet
from .shop import decision, files

pytestmark = pytest.mark.serial

CAP = 3
EFFECT_SECONDS = 1.0


@pytest.fixture
def several(tmp_path: Path) -> Iterator[Fleet]:
    """Two deciding processes that serve a strategy with a contact policy."""
    texts = files(contact_policies=f"calm: {{at_most: {CAP}, within: {{days: 1}}, counts: shown, actions: [coffee]}}\n")
    for path, text in texts.items():
        (tmp_path / "shop" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "shop" / path).write_text(text)
    service = Fleet(need_postgres().database(), 2, project=tmp_path / "shop")
    try:
        yield service
    finally:
        service.stop()


def asked(client: httpx.Client, id: str, **fields: object) -> list[str]:
    answer = client.post("/v1/decisions", json=decision(id, **fields)).json()
    assert answer["degraded"] is None
    return [one["action"] for one in answer["placements"][0]["actions"]]


def test_a_switch_holds_in_every_process_within_a_second(several: Fleet) -> None:
    clients = [several.client() for _ in range(8)]
    assert any("water" in asked(client, f"before-{n}") for n, client in enumerate(clients))

    clients[0].post("/v1/limits/switches", json={"target": "water", "off": True}).raise_for_status()
    begin, late, number = monotonic(), [], 0
    while monotonic() - begin < 2 * EFFECT_SECONDS:
        for client in clients:
            number += 1
            at = monotonic() - begin
            if "water" in asked(client, f"after-{number}"):
                late.append(at)

    print(f"{number} decisions; the last that still showed it began after {max(late, default=0.0):.2f} s")
    assert not [at for at in late if at > EFFECT_SECONDS]
    for client in clients:
        client.close()


def test_a_person_has_one_cap_over_all_processes(several: Fleet) -> None:
    with several.client() as client:
        client.patch("/v1/customers/c-1", json={"attributes": {"age": 40}}).raise_for_status()

    def ask(number: int) -> list[str]:
        with several.client() as client:
            return asked(client, f"r-{number}", customer="c-1")

    with ThreadPoolExecutor(8) as threads:
        counted = Counter(action for shown in threads.map(ask, range(40)) for action in shown)

    assert counted["coffee"] == CAP
    assert counted.total() > 40
