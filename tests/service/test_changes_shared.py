"""Changes of models where several processes decide: everywhere within a second, and whole after a kill."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import copytree

import httpx
import pytest

from opportune.service.proof import prove_models
from opportune.storage import ChangeModels, open_storage, verify_storage
from tests.postgres import need_postgres

from .fleet import Fleet, answer_once, signal_to, wait_for
from .shop import PROJECT, decision

EVERYWHERE_SECONDS = 2.0
"""A second, and as much again for a machine with other work."""

pytestmark = pytest.mark.serial


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Fleet]:
    """Two processes that decide, with two models."""
    folder = Path(copytree(PROJECT, tmp_path / "shop"))
    (folder / "models.yaml").write_text("main: {kind: bayes}\nsimple: {kind: bayes, settings: {base_rate: 0.6}}\n")
    (folder / "project.yaml").write_text((folder / "project.yaml").read_text() + "\nchampion: main\n")
    fleet = Fleet(need_postgres().schema(), 2, project=folder)
    try:
        yield fleet
    finally:
        fleet.stop()


def champions(service: Fleet, clients: list[httpx.Client]) -> set[str]:
    """The models that decide now, by what their decisions say."""
    ids = [client.post("/v1/decisions", json=decision(os.urandom(6).hex())).json()["id"] for client in clients]
    with open_storage(service.store, read_only=True) as storage:
        found = [storage.decision(one) for one in ids]
    return {stored.decision.model for stored in found if stored is not None}


def test_a_promotion_is_everywhere_within_a_second_and_outlives_the_learner(service: Fleet) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(service.client()) for _ in range(8)]
        for number in range(8):
            answer_once(clients[number], f"learn-{number}")
        assert champions(service, clients) == {"main"}

        done = clients[0].post("/v1/models/promotions", json={"model": "simple", "author": "ada"}).json()
        seconds = wait_for(lambda: champions(service, clients) == {"simple"}, 10)
        print(f"promoted everywhere after {seconds:.2f} s; the process that was asked took {done['live_ms']:.0f} ms")
        assert seconds <= EVERYWHERE_SECONDS
        assert done["champion"] == "simple"

        with open_storage(service.store) as storage:
            storage.write([ChangeModels(id="back", order="promote", model="main")])
        killed = service.children("learner")[0]
        signal_to(killed, signal.SIGKILL)
        wait_for(lambda: champions(service, clients) == {"main"}, 30, 0.1)
        for number in range(8):
            answer_once(clients[number], f"after-{number}")
        wait_for(lambda: set(service.children("learner")) - {killed}, 30, 0.1)
    service.stop()

    with open_storage(service.store, read_only=True) as storage:
        assert verify_storage(storage) == []
        stretches, faults = prove_models(storage)
        assert (stretches > 0, faults) == (True, [])
