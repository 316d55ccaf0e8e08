"""Changes of models are steps of the fold: they take effect at once, outlive the process, and can be proved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from opportune.learning import Contest, from_bytes, to_bytes
from opportune.service import Settings
from opportune.service.course import Course
from opportune.service.promoting import RULE
from opportune.service.proof import prove_models
from opportune.service.redeciding import prove_decisions
from opportune.service.revisions import Strategy, strategy_from_files
from opportune.service.training import STATES, trained
from opportune.storage import (
    ChangeBody,
    ChangeModels,
    Kind,
    Receipt,
    SqliteStorage,
    Storage,
    verify_storage,
)
from opportune.storage.digests import digest_of

from .shop import Service, files, serving

MODELS = "main: {kind: bayes}\nsimple: {kind: bayes, settings: {base_rate: 0.6}}\n"
NUMPY = Settings(kernel="numpy")


def with_models(models: str = MODELS, champion: str = "main", **changed: str) -> Strategy:
    """The shop with models of its own."""
    texts = files(models=models, **changed)
    return strategy_from_files(texts | {"project.yaml": f"{texts['project.yaml']}\nchampion: {champion}\n"})[0]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Service]:
    """A service with two models."""
    with serving(tmp_path / "shop.db", NUMPY, with_models()) as service:
        yield service


def teach(service: Service, begin: int, end: int) -> None:
    """Let customers accept water."""
    for number in range(begin, end):
        answer = service.decide(f"r-{number}")
        outcome = {"id": f"o-{number}", "decision": answer["id"], "action": "water", "outcome": "accept"}
        assert service.call("POST", "/v1/outcomes", outcome).status_code == 200
    service.settle()


def change(service: Service, key: str, order: Any, **fields: Any) -> int:
    """Write a change of models and wait until it took effect; give its entry."""
    if "state" in fields:
        fields["hash"] = digest_of(fields["state"]).hex()
    write = ChangeModels(id=key, order=order, **fields)
    receipt: Receipt = service.runner.run(service.runtime.writer.write(write))
    end = monotonic() + 1
    while service.runtime.learner.position < receipt.sequence:
        assert monotonic() < end, "it took no effect within a second"
        service.wait(0.005)
    return receipt.sequence


def live(service: Service) -> Contest:
    """What decides now."""
    learned = service.runtime.live.current.learned
    assert learned is not None
    assert learned is service.runtime.learner.taught
    assert isinstance(learned.model, Contest)
    return learned.model


def decided_by(service: Service, key: str) -> str:
    """The model that a decision names."""
    stored = service.runtime.storage.decision(service.decide(key)["id"])
    assert stored is not None
    return stored.decision.model


def proved(storage: Storage) -> None:
    """The store, its models and its decisions follow from the journal."""
    assert verify_storage(storage) == []
    stretches, faults = prove_models(storage)
    assert (stretches > 0, faults) == (True, [])
    redecided, faults = prove_decisions(storage)
    assert (redecided.gone, faults) == (0, [])


def test_a_promotion_decides_within_a_second_and_nothing_is_lost(shop: Service, tmp_path: Path) -> None:
    teach(shop, 0, 20)
    assert decided_by(shop, "a") == "main"
    before = live(shop).digest()

    change(shop, "p1", "promote", model="simple", author="ada", reason="simpler")
    assert (decided_by(shop, "b"), live(shop).champion) == ("simple", "simple")
    change(shop, "p2", "promote", model="main")
    assert (decided_by(shop, "c"), live(shop).digest()) == ("main", before)
    change(shop, "p3", "promote", model="simple")
    teach(shop, 20, 30)
    digest = live(shop).digest()
    shop.runner.run(shop.runtime.close())

    with SqliteStorage(tmp_path / "shop.db") as storage:
        learner = trained(storage, Course(storage), "numpy")
        assert learner is not None
        assert (learner.model.name, learner.model.digest()) == ("simple", digest)
        proved(storage)


def test_a_promotion_of_nobody_changes_nothing(shop: Service) -> None:
    teach(shop, 0, 5)
    before = live(shop).digest()

    change(shop, "p", "promote", model="unknown")
    change(shop, "q", "part", model="main", part="trees", state=b"trees")
    change(shop, "r", "replace", state=b"no state")

    assert live(shop).digest() == before
    assert decided_by(shop, "a") == "main"


def test_a_restored_state_gives_its_digest_and_what_was_learned_since_is_gone(shop: Service, tmp_path: Path) -> None:
    teach(shop, 0, 10)
    state, position = to_bytes(live(shop).snapshot()), shop.runtime.learner.position
    digest = live(shop).digest()
    teach(shop, 10, 20)
    assert live(shop).digest() != digest

    change(shop, "r", "replace", state=state, position=position)

    assert live(shop).digest() == digest
    teach(shop, 20, 25)
    shop.runner.run(shop.runtime.close())
    with SqliteStorage(tmp_path / "shop.db") as storage:
        proved(storage)


def test_a_rebuilt_state_learns_again_what_came_since(shop: Service, tmp_path: Path) -> None:
    teach(shop, 0, 10)
    state, position = to_bytes(live(shop).snapshot()), shop.runtime.learner.position
    teach(shop, 10, 15)
    change(shop, "p", "promote", model="simple")
    teach(shop, 15, 20)
    digest = live(shop).digest()

    change(shop, "r", "replace", state=state, position=position, again=True)

    assert (live(shop).champion, live(shop).digest()) == ("simple", digest)
    teach(shop, 20, 25)
    shop.runner.run(shop.runtime.close())
    with SqliteStorage(tmp_path / "shop.db") as storage:
        proved(storage)


def test_each_kept_version_gives_its_digest(shop: Service, tmp_path: Path) -> None:
    for number in range(12):
        teach(shop, number * 3, number * 3 + 3)
        shop.runner.run(shop.runtime.teacher.keep())
    storage = shop.runtime.storage
    versions = storage.model_states(STATES)
    assert len(versions) == 10

    for version in versions:
        begin = monotonic()
        change(shop, f"back-{version.sequence}", "replace", state=version.state, position=version.position)
        assert monotonic() - begin < 1
        assert live(shop).digest() == version.hash
        assert to_bytes(live(shop).snapshot()) == version.state

    shop.runner.run(shop.runtime.close())
    with SqliteStorage(tmp_path / "shop.db") as storage:
        proved(storage)


def test_a_version_of_an_earlier_revision_is_led_on_to_the_one_of_today(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db", NUMPY, with_models("main: {kind: bayes}\n")) as service:
        teach(service, 0, 10)
        service.runner.run(service.runtime.teacher.keep())
        (version,) = service.runtime.storage.model_states(STATES)
    with serving(tmp_path / "shop.db", NUMPY, with_models()) as service:
        teach(service, 10, 20)

        change(service, "back", "replace", state=version.state, position=version.position)

        contest = live(service)
        assert list(contest.models) == ["main", "simple"]
        assert contest.models["simple"].evidence().sum() == 0
        kept = from_bytes(version.state)
        assert (
            contest.models["main"].snapshot().arrays["weights"].tolist() == kept.arrays["model/main/weights"].tolist()
        )
        service.runner.run(service.runtime.close())
    with SqliteStorage(tmp_path / "shop.db") as storage:
        proved(storage)


def test_a_proof_that_passes_over_a_change_fails(shop: Service, tmp_path: Path) -> None:
    """Negative control: a checkpoint of models that no promotion led to."""
    teach(shop, 0, 10)
    contest = live(shop)
    contest.promote("simple")
    shop.runner.run(shop.runtime.close())

    with SqliteStorage(tmp_path / "shop.db") as storage:
        _, faults = prove_models(storage)
        assert faults != []


def test_the_rule_of_the_project_promotes_who_is_better(tmp_path: Path) -> None:
    rule = "promotion: {by: 0.01, after: 100, confidence: 0.5}\n"
    texts = files(models=MODELS)
    texts["project.yaml"] += f"\nchampion: main\n{rule}"
    settings = Settings(kernel="numpy", sweep_seconds=0.05)
    with serving(tmp_path / "shop.db", settings, strategy_from_files(texts)[0]) as service:
        teach(service, 0, 45)
        assert live(service).champion == "main"
        teach(service, 45, 130)
        service.until(lambda: live(service).champion == "simple")

        (entry,) = service.runtime.storage.journal(kinds=(Kind.CHANGE,))
        assert isinstance(entry.body, ChangeBody)
        assert entry.body.author == RULE
        assert "log loss is lower by" in entry.body.reason
        change(service, "by-hand", "promote", model="main")
        teach(service, 130, 140)
        service.wait(0.3)
        assert live(service).champion == "main"
    with SqliteStorage(tmp_path / "shop.db") as storage:
        proved(storage)
