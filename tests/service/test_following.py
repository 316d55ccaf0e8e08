"""A process that decides and never learns: which models it takes over, and what it does without one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec
import pytest

from opportune.service import Settings, following
from opportune.service.course import Course
from opportune.service.follower import Follower
from opportune.service.following import FollowingRuntime
from opportune.service.http import App
from opportune.service.publishing import revision_of
from opportune.service.training import STATES
from opportune.storage import SqliteStorage, Storage
from opportune.storage.cluster import LiveModel
from opportune.testing.storage import forget

from .shop import Service, strategy
from .variants import variant

NUMPY = Settings(kernel="numpy")


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with SqliteStorage(tmp_path / "shop.db") as one:
        one.write([revision_of(Course(one), strategy(), "first")])
        yield one


@pytest.fixture
def follower(storage: Storage) -> Follower:
    one = Follower(storage, NUMPY)
    assert one.begin()
    return one


@contextmanager
def deciding(storage: Storage) -> Iterator[Service]:
    """A decider in this process; others learn and publish."""
    runtime = FollowingRuntime(strategy(), storage, NUMPY)
    runtime.prepare()
    app = App(runtime)
    with asyncio.Runner() as runner:
        runner.run(runtime.start())
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")
        yield Service(runtime, runner, client, app)  # type: ignore[arg-type]
        runner.run(client.aclose())
        runtime.storage = Unclosed()  # type: ignore[assignment]
        runner.run(runtime.close())


class Unclosed:
    """Stands in for a store that goes on after its service."""

    def close(self) -> None:
        """Leave it open."""


def answer(service: Service, name: str) -> None:
    decided = service.decide(name)
    spoken = {"id": f"o-{name}", "decision": decided["id"], "action": "water", "outcome": "accept"}
    assert service.call("POST", "/v1/outcomes", spoken).status_code == 200


def learn_and_post(follower: Follower) -> None:
    while follower.step():
        pass
    follower.post(at_once=True)


def until_served(service: Service, position: int) -> None:
    """Wait until the model of a position is served."""
    for _ in range(1_000):
        if service.runtime.learning().position >= position:
            return
        service.wait(0.01)
    raise AssertionError("it was not taken over within ten seconds")


def propensity(service: Service, name: str) -> float:
    shown = service.decide(name)["placements"][0]["actions"]
    found: float = next(one["propensity"]["accept"] for one in shown if one["action"] == "water")
    return found


def test_it_serves_what_was_posted(storage: Storage, follower: Follower) -> None:
    with deciding(storage) as service:
        before = propensity(service, "before")
        answer(service, "a")
        assert propensity(service, "between") == before
        learn_and_post(follower)
        until_served(service, follower.learner.position)

        assert propensity(service, "after") > before
        assert service.runtime.learning().position == follower.learner.position
        assert service.runtime.learning().lag == 0


def test_it_begins_with_what_was_posted(storage: Storage, follower: Follower) -> None:
    with deciding(storage) as service:
        answer(service, "a")
        learn_and_post(follower)

    with deciding(storage) as service:
        assert service.runtime.learning().position == follower.learner.position


@pytest.mark.parametrize("harm", ["flipped", "cut", "swapped"])
def test_it_refuses_a_damaged_model_and_begins_with_the_journal(
    storage: Storage, follower: Follower, harm: str
) -> None:
    with deciding(storage) as service:
        answer(service, "a")
        learn_and_post(follower)
        posted = storage.cluster.live(STATES)
        assert posted is not None
        storage.cluster.post(damaged(posted, harm))
        service.wait(0.2)
        assert service.decide("beside")["degraded"] is None

    with deciding(storage) as service:
        assert service.runtime.refused >= 1  # type: ignore[attr-defined]
        assert service.runtime.learning().position == follower.learner.position
        assert service.decide("again")["degraded"] is None


def damaged(live: LiveModel, harm: str) -> LiveModel:
    state = bytearray(live.state)
    if harm == "flipped":
        state[len(state) // 2] ^= 1
    elif harm == "cut":
        del state[-40:]
    else:
        return msgspec.structs.replace(live, hash="0" * 64, position=live.position + 1)
    return msgspec.structs.replace(live, state=bytes(state), position=live.position + 1)


def test_it_leaves_a_model_of_another_revision(storage: Storage, follower: Follower) -> None:
    with deciding(storage) as service:
        answer(service, "a")
        learn_and_post(follower)
        until_served(service, follower.learner.position)
        served = service.runtime.learning().position
        posted = storage.cluster.live(STATES)
        assert posted is not None
        storage.cluster.post(msgspec.structs.replace(posted, revision="f" * 64, position=served + 5))
        service.wait(0.2)

        assert service.runtime.learning().position == served
        assert service.runtime.refused == 0  # type: ignore[attr-defined]


def test_it_leads_its_model_on_to_a_new_revision(storage: Storage, follower: Follower) -> None:
    with deciding(storage) as service:
        answer(service, "a")
        learn_and_post(follower)
        until_served(service, follower.learner.position)
        before = propensity(service, "before")
        storage.write([revision_of(Course(storage), variant("lever"), "second")])
        service.runner.run(service.runtime.switch(variant("lever"), 2))

        assert service.decide("after")["revision"] == variant("lever").plan.revision
        assert propensity(service, "after-2") == before

        learn_and_post(follower)
        until_served(service, follower.learner.position)
        assert service.runtime.learning().position == follower.learner.position > 1


def test_without_a_model_it_falls_back_until_one_comes(
    storage: Storage, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    with deciding(storage) as service:
        answer(service, "a")
    monkeypatch.setattr(following, "some_model", lambda *arguments: None)

    with deciding(storage) as service:
        answer_without = service.decide("without")
        models = service.call("GET", "/v1/models").json()["models"]
        learn_and_post(follower)
        until_served(service, follower.learner.position)
        answer_with = service.decide("with")

    assert answer_without["degraded"] == "model-missing"
    assert [one["action"] for one in answer_without["placements"][0]["actions"]] == ["water"]
    assert models == []
    assert answer_with["degraded"] is None


def test_an_erasure_is_followed_by_a_checkpoint(storage: Storage, follower: Follower) -> None:
    with deciding(storage) as service:
        service.call("PATCH", "/v1/customers/c-1", {"attributes": {"age": 40}}).raise_for_status()
        answer(service, "a")
    learn_and_post(follower)
    before = follower.checkpoint(is_due=False)
    storage.write([forget("f", "c-1")])
    learn_and_post(follower)
    after = follower.checkpoint(is_due=False)

    assert before is None
    assert after is not None
    assert follower.checkpoint(is_due=False) is None
