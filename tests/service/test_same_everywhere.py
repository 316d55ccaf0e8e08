"""The same requests get the same records byte by byte: from a file or PostgreSQL, one process or four, or a table."""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from opportune.decide import Draws, State, canonical, decide, seed_of
from opportune.records import DecisionRequest
from opportune.service.contacts import read_contact
from opportune.service.course import Course
from opportune.service.profiles import Profiles
from opportune.service.training import trained
from opportune.storage import SqliteStorage, Storage, open_storage
from opportune.storage.copying import copy_storage
from tests.postgres import need_postgres

from .fleet import fleet
from .shop import Service, serving, strategy
from .still_process import MOMENT, StillSettings

CUSTOMERS = 40
ANSWERS = 120
AT_ONCE = 16
PATIENCE = {"Opportune-Deadline-Ms": "60000"}


def requests(count: int) -> list[dict[str, Any]]:
    """Contacts of all kinds: known and unknown persons and nobody, both channels, with and without context."""
    chance = random.Random(20260615)
    return [request(number, chance) for number in range(count)]


def request(number: int, chance: random.Random) -> dict[str, Any]:
    body: dict[str, Any] = {"id": f"r-{number}"}
    if chance.random() < 0.8:
        body["customer"] = f"c-{chance.randrange(CUSTOMERS + 10)}"
    if chance.random() < 0.3:
        body |= {"channel": "app", "placements": [{"name": "card"}]}
    else:
        body |= {"channel": "till", "placements": [{"name": "receipt", "size": chance.randint(1, 5)}]}
        if chance.random() < 0.3:
            body["placements"].append({"name": "screen"})
    context: dict[str, Any] = {}
    if chance.random() < 0.7:
        context["weather"] = chance.choice(["Sunny", "Rainy"])
    if chance.random() < 0.5:
        context["minutes"] = chance.randrange(600)
    body["context"] = context
    if chance.random() < 0.3:
        body["language"] = chance.choice(["en", "pl"])
    if chance.random() < 0.2:
        body["zone"] = "America/New_York"
    return body


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with customers and a model that has learned from them."""
    path = tmp_path_factory.mktemp("history") / "shop.db"
    chance = random.Random(7)
    with serving(path, StillSettings(kernel="numpy")) as service:
        for number in range(CUSTOMERS):
            attributes = {
                "age": chance.randrange(10, 90),
                "member": chance.random() < 0.5,
                "city": f"city {number % 7}",
            }
            service.call("PUT", f"/v1/customers/c-{number}", {"attributes": attributes})
        for number in range(ANSWERS):
            answer_one(service, request(number, chance) | {"id": f"h-{number}"}, chance)
        service.settle()
    return path


def answer_one(service: Service, body: dict[str, Any], chance: random.Random) -> None:
    answer = service.call("POST", "/v1/decisions", body).json()
    for shown in answer["placements"][0]["actions"][:1]:
        spoken = {"id": f"o-{body['id']}", "decision": answer["id"], "action": shown["action"]}
        service.call("POST", "/v1/outcomes", spoken | {"outcome": chance.choice(["accept", "reject"])})


def from_file(history: Path, folder: Path, bodies: Sequence[dict[str, Any]]) -> list[bytes]:
    """Ask the embedded service."""
    path = folder / "shop.db"
    shutil.copy(history, path)
    with serving(path, StillSettings(kernel="numpy")) as service:
        service.runner.run(ask_all(service.client, bodies))
        return records(service.runtime.storage, len(bodies))


def from_postgres(history: Path, workers: int, bodies: Sequence[dict[str, Any]]) -> list[bytes]:
    """Ask a service of several processes on a copy of the store."""
    url = need_postgres().database()
    with SqliteStorage(history, read_only=True) as source, open_storage(url) as target:
        assert copy_storage(source, target) == []

    async def ask() -> None:
        async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
            await ask_all(client, bodies)

    with fleet(url, workers, module="tests.service.still_service") as service:
        asyncio.run(ask())
        with open_storage(url, read_only=True) as storage:
            return records(storage, len(bodies))


def from_table(history: Path, bodies: Sequence[dict[str, Any]]) -> list[bytes]:
    """Decide a table of requests with what the store holds, without a service."""
    served = strategy()
    with SqliteStorage(history, read_only=True) as storage:
        learner = trained(storage, Course(storage), "numpy")
        profiles = Profiles(storage, served.registries.customer, 1_000)
        assert learner is not None
        found = []
        for body in bodies:
            asked, ignored = read_contact(served.plan, served.registries, msgspec.convert(body, DecisionRequest))
            known = profiles.read(asked.customer)[0] if asked.customer is not None else None
            state = State(
                model=learner.model,
                position=learner.position,
                person=None if known is None else known.person,
                profile={} if known is None else known.facts,
                profile_version=0 if known is None else known.version,
            )
            decision = decide(served.plan, state, asked, MOMENT, Draws(seed_of(served.plan, state, asked)))
            found.append(canonical(msgspec.structs.replace(decision, ignored=ignored)))
        return found


async def ask_all(client: httpx.AsyncClient, bodies: Sequence[dict[str, Any]]) -> None:
    """Ask for all decisions, many at once."""

    async def ask_some(some: Iterator[dict[str, Any]]) -> None:
        for body in some:
            answer = (await client.post("/v1/decisions", json=body, headers=PATIENCE)).raise_for_status()
            assert answer.json()["degraded"] is None

    rest = iter(bodies)
    await asyncio.gather(*(ask_some(rest) for _ in range(AT_ONCE)))


def records(storage: Storage, count: int) -> list[bytes]:
    """Canonical bytes of the records, in the order of the requests."""
    found = (storage.decision_of_request(f"r-{number}") for number in range(count))
    return [b"" if stored is None else canonical(stored.decision) for stored in found]


@pytest.mark.serial
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("count", [250, pytest.param(10_000, marks=pytest.mark.full)])
def test_the_same_requests_get_the_same_records(history: Path, tmp_path: Path, count: int) -> None:
    bodies = requests(count)

    found = {
        "a file, embedded": from_file(history, tmp_path, bodies),
        "PostgreSQL, one process": from_postgres(history, 1, bodies),
        "PostgreSQL, four processes": from_postgres(history, 4, bodies),
        "a table": from_table(history, bodies),
    }

    first = found["a file, embedded"]
    assert len(set(first)) == count
    for name, same in found.items():
        equal = sum(one == another for one, another in zip(first, same, strict=True))
        print(f"{name}: {equal} of {count} records are the same bytes")
    assert all(same == first for same in found.values())


def test_another_state_gives_other_records(history: Path, tmp_path: Path) -> None:
    bodies = requests(50)
    first = from_table(history, bodies)
    path = tmp_path / "taught.db"
    shutil.copy(history, path)
    chance = random.Random(8)
    with serving(path, StillSettings(kernel="numpy")) as service:
        for number in itertools.count():
            answer_one(service, request(number, chance) | {"id": f"more-{number}"}, chance)
            if service.runtime.learner.learned:
                break

    assert from_table(path, bodies) != first
