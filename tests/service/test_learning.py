"""What is acknowledged is learned at once, once, and survives the process."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from opportune.errors import InputError, StoreError
from opportune.service import Settings, proof, teacher, windows
from opportune.service.settings import wall_clock
from opportune.storage import Kind, SqliteStorage

from .shop import Service, another, serving, strategy

NUMPY = Settings(kernel="numpy")


def answer_with(service: Service, number: int, outcome: str = "accept") -> None:
    answer = service.decide(f"r-{number}")
    response = service.call(
        "POST",
        "/v1/outcomes",
        {"id": f"o-{number}", "decision": answer["id"], "action": "water", "outcome": outcome},
    )
    assert response.status_code == 200


def propensity(service: Service, id: str) -> float:
    actions = service.decide(id, placements=[{"name": "receipt", "size": 9}])["placements"][0]["actions"]
    return next(float(shown["propensity"]["accept"]) for shown in actions if shown["action"] == "water")


def test_an_outcome_changes_the_served_propensity_within_a_second(service: Service) -> None:
    before = propensity(service, "before")
    answer_with(service, 1)
    acknowledged = monotonic()
    number = 0

    while propensity(service, f"after-{number}") == before:
        number += 1
        assert monotonic() - acknowledged < 1

    assert propensity(service, "late") > before


def test_learning_goes_on_beside_decisions(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db", replace(NUMPY, lessons_per_slice=1)) as service:
        answers = [service.decide(f"r-{number}") for number in range(60)]
        batch = [
            {"id": f"o-{number}", "decision": answer["id"], "action": "water", "outcome": "accept"}
            for number, answer in enumerate(answers)
        ]

        service.call("POST", "/v1/outcomes", batch)
        service.settle()

        report = service.call("GET", "/v1/models").json()["models"][0]
        assert report["evidence"]["drinks/water/till/card"]["accept"] == 60
        assert (report["learned"], report["lag"]) == (60, 0)


@pytest.mark.parametrize("checkpoints", [0, 5, 1000])
def test_a_restart_brings_the_same_model(tmp_path: Path, checkpoints: int) -> None:
    settings = replace(NUMPY, checkpoint_lessons=checkpoints or 10**9)
    with serving(tmp_path / "shop.db", settings) as service:
        for number in range(20):
            answer_with(service, number, "accept" if number % 3 else "reject")
        service.settle()
        digest = service.runtime.learner.model.digest()
        if not checkpoints:
            service.runtime.teacher._kept_position = service.runtime.learner.position

    with serving(tmp_path / "shop.db", settings) as service:
        assert service.runtime.learner.model.digest() == digest
        assert service.runtime.model_report().evidence["drinks/water/till/card"]["accept"] == 20


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path / "shop.db") as service:
        for number in range(5):
            answer_with(service, number)
        service.settle()
        digest = service.runtime.learner.model.digest()

    def damaged(self: Any, name: str, limit: int = 10) -> list[Any]:
        import msgspec

        return [msgspec.structs.replace(state, hash="0" * 64) for state in whole(self, name, limit)]

    whole = SqliteStorage.model_states
    monkeypatch.setattr(SqliteStorage, "model_states", damaged)
    with serving(tmp_path / "shop.db") as service:
        assert service.runtime.learner.model.digest() == digest


def test_a_new_revision_keeps_what_was_learned(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db") as service:
        for number in range(5):
            answer_with(service, number)
        service.settle()
        digest = service.runtime.learner.model.digest()
    other = another("a new revision")

    with serving(tmp_path / "shop.db", of=other) as service:
        storage = service.runtime.storage
        assert service.runtime.learner.model.digest() == digest
        assert storage.journal()[-1].kind is Kind.REVISION
        assert service.decide("new")["revision"] == other.plan.revision != strategy().plan.revision


def test_silence_counts_when_the_response_window_ends(tmp_path: Path) -> None:
    ahead = timedelta()
    settings = replace(NUMPY, clock=lambda: wall_clock() + ahead, sweep_seconds=0.02)
    with serving(tmp_path / "shop.db", settings) as service:
        silent = service.decide("r-1", channel="app", placements=[{"name": "card"}])
        answered = service.decide("r-2", channel="app", placements=[{"name": "card"}])
        (shown,) = answered["placements"][0]["actions"]
        service.call(
            "POST",
            "/v1/outcomes",
            {"id": "o-1", "decision": answered["id"], "action": shown["action"], "outcome": "accept"},
        )
        service.settle()
        before = len(service.runtime.storage.outcomes_of(silent["id"]))
        ahead = timedelta(hours=2)
        service.until(lambda: service.runtime.storage.outcomes_of(silent["id"]))

        outcomes = [one.body for one in service.runtime.storage.outcomes_of(silent["id"])]
        assert before == 0
        assert [(one.outcome, one.expiry) for one in outcomes] == [("reject", True)]
        assert len(service.runtime.storage.outcomes_of(answered["id"])) == 1


def test_learning_waits_for_a_store_that_cannot_be_read_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teacher, "RETRY_SECONDS", 0.05)
    with serving(tmp_path / "shop.db") as service:
        answer = service.decide()
        service.runtime.teacher._book._open.clear()
        whole = service.runtime.storage.about

        def away(decisions: object) -> Any:
            raise StoreError("gone")

        monkeypatch.setattr(service.runtime.storage, "about", away)
        outcome = {"id": "o-1", "decision": answer["id"], "action": "water", "outcome": "accept"}
        service.call("POST", "/v1/outcomes", outcome)
        service.wait(0.2)
        before = service.runtime.model_report()
        monkeypatch.setattr(service.runtime.storage, "about", whole)
        service.settle()

        assert (before.learned, before.lag) == (0, 1)
        assert (service.runtime.model_report().learned, service.runtime.teacher.lag) == (1, 0)


def test_decisions_go_on_while_a_batch_is_learned(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db", replace(NUMPY, lessons_per_slice=1)) as service:
        answers = [service.decide(f"r-{number}") for number in range(100)]
        batch = [
            {"id": f"o-{number}", "decision": answer["id"], "action": "water", "outcome": "accept"}
            for number, answer in enumerate(answers)
        ]

        async def both() -> list[Any]:
            await service.acall("POST", "/v1/outcomes", batch)
            begin = monotonic()
            response = await service.acall(
                "POST", "/v1/decisions", {"id": "x", "channel": "till", "placements": [{"name": "receipt"}]}
            )
            return [response.json()["degraded"], monotonic() - begin]

        degraded, seconds = service.runner.run(asyncio.wait_for(both(), 10))
        assert degraded is None
        assert seconds < 1


def learning_that_breaks_at(service: Service, monkeypatch: pytest.MonkeyPatch, outcome: str) -> None:
    model = type(service.runtime.learner.model)
    whole = model.learn

    def broken(self: Any, facts: Any, candidate: int, head: int, happened: bool) -> None:
        if facts.get("context.minutes") == 13.0:
            raise ZeroDivisionError(outcome)
        whole(self, facts, candidate, head, happened)

    monkeypatch.setattr(model, "learn", broken)


def test_an_outcome_that_breaks_learning_is_set_aside_and_learning_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path / "shop.db") as service:
        learning_that_breaks_at(service, monkeypatch, "private words")
        for number, minutes in enumerate((1, 13, 2)):
            answer = service.decide(f"r-{number}", context={"minutes": minutes})
            body = {"id": f"o-{number}", "decision": answer["id"], "action": "water", "outcome": "accept"}
            service.call("POST", "/v1/outcomes", body)
            service.settle()
        report = service.runtime.model_report()
        metrics = service.call("GET", "/metrics").text
        digest = service.runtime.learner.model.digest()
        last = service.runtime.storage.last_sequence()
        service.runtime.teacher._kept_position = service.runtime.learner.position

    assert (report.learned, report.set_aside, report.lag, report.position) == (2, 1, 0, last)
    assert "opportune_model_set_aside 1.0" in metrics
    said = capsys.readouterr()
    assert "ZeroDivisionError" in said.out + said.err
    assert "private words" not in said.out + said.err
    with serving(tmp_path / "shop.db") as service:
        assert service.runtime.learner.model.digest() == digest
        assert service.runtime.learner.set_aside == 1


def test_closing_releases_the_store_when_the_last_outcomes_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path / "shop.db") as service:
        runtime = service.runtime

        def away() -> None:
            raise StoreError("gone")

        monkeypatch.setattr(runtime.teacher, "drain", away)

    with pytest.raises(StoreError):
        runtime.storage.last_sequence()
    SqliteStorage(tmp_path / "shop.db").close()


def test_windows_that_are_all_refused_do_not_keep_the_sweep_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = timedelta()
    settings = replace(NUMPY, clock=lambda: wall_clock() + ahead, sweep_seconds=1000)
    monkeypatch.setattr(windows, "BATCH", 3)
    with serving(tmp_path / "shop.db", settings) as service:
        for number in range(5):
            service.decide(f"r-{number}", channel="app", placements=[{"name": "card"}])
        ahead = timedelta(hours=2)
        runtime = service.runtime
        sweeper = windows.Sweeper(runtime.live, runtime.storage, runtime.writer, settings)

        async def refused(write: Any) -> Any:
            raise InputError.of("outcome", "it cannot be taken")

        with monkeypatch.context() as patch:
            patch.setattr(runtime.writer, "write", refused)
            assert service.runner.run(asyncio.wait_for(sweeper.sweep(), 2)) == 0
        assert service.runner.run(sweeper.sweep()) == 5


def test_a_checkpoint_carries_the_digests_of_its_folds_and_another_count_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path / "shop.db") as service:
        for number in range(3):
            answer_with(service, number)
        service.settle()
    with SqliteStorage(tmp_path / "shop.db", read_only=True) as storage:
        folds = [entry.body.folds for entry in storage.journal(kinds=(Kind.MODEL,))]  # type: ignore[union-attr]
        assert [sorted(one) for one in folds] == [["answers", "model"]]
        assert proof.prove_models(storage) == (1, [])

        monkeypatch.setattr(proof, "answers_digest", lambda plan, answers: "0")
        assert [problem.code for problem in proof.prove_models(storage)[1]] == ["model-differs"]
