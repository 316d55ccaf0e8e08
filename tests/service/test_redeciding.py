"""Decisions of the past, decided again, are the same bytes; what was altered is noticed."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import apsw
import msgspec
import pytest

from opportune.learning import from_bytes, to_bytes
from opportune.learning.snapshot import state_digest
from opportune.outcomes import new_model
from opportune.service import Settings, redeciding
from opportune.service.proof import prove_models
from opportune.service.redeciding import DECISIONS, Redecided, prove_decisions
from opportune.service.revisions import strategy_from_folder
from opportune.storage import ErasePayloads, Kind, SaveDecision, SqliteStorage, open_storage, verify_storage
from opportune.storage.digests import digest_of

from .shop import PROJECT, Service, serving, strategy


def busy(service: Service, count: int, start: int = 0) -> None:
    """Decide for known and unknown customers, explore, learn."""
    for number in range(start, start + count):
        customer = f"c-{number % 7}"
        if number % 3 == 0:
            service.call("PATCH", f"/v1/customers/{customer}", {"attributes": {"age": number % 90, "since": SINCE}})
        fields = {"customer": customer} if number % 2 else {}
        placements = [{"name": "receipt", "size": 3}, {"name": "screen"}]
        answer = service.decide(f"r-{number}", context={"minutes": number}, placements=placements, **fields)
        outcome = ("accept", "reject")[number % 2]
        body = {"id": f"o-{number}", "decision": answer["id"], "action": "water", "outcome": outcome}
        service.call("POST", "/v1/outcomes", body)


SINCE = "2026-01-02T03:04:05.678901+02:00"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with restarts, two revisions and more decisions than are decided again."""
    path = tmp_path / "shop.db"
    with serving(path, Settings(kernel="numpy", checkpoint_lessons=40)) as service:
        busy(service, 30)
    with serving(path) as service:
        busy(service, 30, 30)
    folder = shutil.copytree(PROJECT, tmp_path / "project")
    (folder / "project.yaml").write_text((folder / "project.yaml").read_text() + "\n# Another revision.\n")
    with serving(path, of=strategy_from_folder(folder)) as service:
        assert service.runtime.strategy.plan.revision != strategy().plan.revision
        busy(service, 20, 60)
    return path


def proven(path: Path) -> tuple[Redecided, list[str]]:
    with open_storage(str(path), read_only=True) as storage:
        counts, problems = prove_decisions(storage)
    return counts, [f"{problem.code}: {problem.message}" for problem in problems]


def test_every_decision_comes_out_the_same(store: Path) -> None:
    assert proven(store) == (Redecided(compared=80, degraded=0, gone=0), [])


@pytest.mark.parametrize("page", [1, 7])
def test_pages_of_the_journal_leave_out_no_decision_and_take_none_twice(
    store: Path, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(redeciding, "PAGE", page)

    assert proven(store) == (Redecided(compared=80, degraded=0, gone=0), [])


def test_only_the_last_ones_are_decided_again(store: Path) -> None:
    with serving(store) as service:
        busy(service, 60, 80)

    assert proven(store) == (Redecided(compared=DECISIONS, degraded=0, gone=0), [])


def test_fallbacks_and_erased_decisions_are_counted(store: Path) -> None:
    with open_storage(str(store)) as storage:
        entry = storage.journal(kinds=(Kind.DECISION,))[-1]
        storage.write([ErasePayloads(id="e-1", sequences=(entry.sequence,))])
    with serving(store) as service:
        fallen = service.runner.run(_degraded(service))

    counts, problems = proven(store)
    assert fallen == "store-slow"
    assert (counts.degraded, counts.gone, problems) == (1, 1, [])


def test_an_erasure_leaves_nothing_at_fault_and_what_follows_is_decided_again(tmp_path: Path) -> None:
    place = tmp_path / "shop.db"
    with serving(place) as service:
        busy(service, 30)
        service.settle()
        service.call("POST", "/v1/customers/c-1/erasure", {"reason": "asked by letter"}).raise_for_status()
        service.until(lambda: service.runtime.storage.journal(kinds=(Kind.MODEL,)))
        busy(service, 20, 30)
        service.settle()

    with open_storage(str(place), read_only=True) as storage:
        assert prove_models(storage) == (1, [])
    counts, problems = proven(place)
    assert (counts.compared >= 20, counts.compared + counts.gone, problems) == (True, 50, [])


async def _degraded(service: Service) -> str | None:
    from opportune.records import DecisionRequest, PlacementRequest

    asked = DecisionRequest(id="late", channel="till", placements=(PlacementRequest(name="receipt"),))
    answer = await service.runtime.decide(asked, 0.001)
    while service.runtime.late_records.waiting:
        await asyncio.sleep(0.01)
    return answer.degraded


def test_an_altered_probability_is_noticed_by_the_chain(store: Path) -> None:
    connection = apsw.Connection(str(store))
    sequence, body = connection.execute(
        "select sequence, body from journal where kind = 'decision' order by sequence limit 1"
    ).fetchall()[0]
    plain = msgspec.msgpack.decode(body)
    plain["placements"][0]["actions"][0]["selection_probability"] /= 2
    connection.execute("update journal set body = ? where sequence = ?", (msgspec.msgpack.encode(plain), sequence))
    connection.close()

    with SqliteStorage(str(store), read_only=True) as storage:
        assert any(f"journal entry {sequence}" in str(problem) for problem in verify_storage(storage))


def test_a_record_that_its_inputs_do_not_lead_to_is_noticed(store: Path) -> None:
    with open_storage(str(store)) as storage:
        entry = storage.journal(kinds=(Kind.DECISION,))[-1]
        stored = storage.decision(entry.decision or "")
        assert stored is not None
        request = msgspec.structs.replace(stored.decision.request, id="forged")
        forged = msgspec.structs.replace(stored.decision, id="d-forged", request=request, traces=())
        storage.write([SaveDecision(decision=forged, answer=b"{}", origin=entry.origin)])  # type: ignore[arg-type]

        assert verify_storage(storage) == []
    _, problems = proven(store)
    assert len(problems) == 1
    assert "decision-differs" in problems[0]
    assert "traces" in problems[0]


def test_an_altered_model_is_noticed(store: Path) -> None:
    connection = apsw.Connection(str(store))
    sequence, state = connection.execute("select sequence, state from models order by sequence limit 1").fetchall()[0]
    model = new_model(strategy().plan, "numpy")
    model.restore(from_bytes(state))
    model.learn({"customer.age": 30}, 0, 0, True)
    snapshot = model.snapshot()
    state = to_bytes(snapshot)
    connection.execute(
        "update models set state = ?, hash = ?, digest = ? where sequence = ?",
        (state, state_digest(snapshot), digest_of(state), sequence),
    )
    connection.close()

    _, problems = proven(store)
    assert problems
    assert all("placements" in problem or "traces" in problem for problem in problems)
