"""A rebuild of what a running service learns: decisions go on, and it is adopted by the journal."""

from __future__ import annotations

import asyncio
from pathlib import Path

from opportune.service import Settings
from opportune.service.proof import prove_models
from opportune.storage import open_storage
from tests.service.shop import Service, serving
from tests.service.test_changes import teach, with_models

CORRECTED = 5


def correct(service: Service, count: int) -> None:
    """Say of some decisions that what was reported first was wrong."""
    for number in range(count):
        decision = service.decide(f"c-{number}")
        action = decision["placements"][0]["actions"][0]["action"]
        first = {"id": f"first-{number}", "decision": decision["id"], "action": action, "outcome": "accept"}
        then = first | {"id": f"then-{number}", "outcome": "reject", "replaces": f"first-{number}"}
        for said in (first, then):
            assert service.call("POST", "/v1/outcomes", said).status_code < 300


def test_a_rebuild_beside_decisions_is_adopted(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with serving(open_storage(str(path)), Settings(kernel="numpy"), with_models()) as service:
        correct(service, CORRECTED)
        teach(service, 0, 30)
        before = service.runtime.learner.model.digest()

        steps: list[dict[str, int]] = []

        async def beside() -> tuple[int, int, dict[str, object]]:
            asked = asyncio.create_task(service.acall("POST", "/v1/models/rebuilds", {"reason": "many corrections"}))
            await asyncio.sleep(0)
            decided = 0
            steps.append((await service.acall("GET", "/v1/models/rebuilds", None)).json())
            second = await service.acall("POST", "/v1/models/rebuilds", {})
            while not asked.done():
                body = {"id": f"b-{decided}", "channel": "till", "placements": [{"name": "receipt"}]}
                answer = await service.acall("POST", "/v1/decisions", body)
                assert answer.json()["degraded"] is None
                steps.append((await service.acall("GET", "/v1/models/rebuilds", None)).json())
                decided += 1
            return decided, second.status_code, (await asked).json()

        decided, second, done = service.runner.run(beside())
        assert decided >= 3
        assert second == 409
        assert steps[0] == {"running": True, "done": 0, "total": 0}
        # Two steps for every answered decision, never fewer than before.
        assert {one["total"] for one in steps} <= {0, 2 * (30 + CORRECTED)}
        told = [one["done"] for one in steps if one["running"]]
        assert told == sorted(told)
        ended = service.call("GET", "/v1/models/rebuilds").json()
        assert ended == {"running": False, "done": 0, "total": 0}
        assert done["decisions"] == 30 + CORRECTED
        assert done["champion"] == "main"
        assert service.runtime.learner.model.digest() == done["model"] != before
        evidence = service.call("GET", "/v1/models").json()["models"][0]["models"]
        assert [one["answers"] for one in evidence] == [30 + CORRECTED] * 2
        # It can be done again, and learning goes on.
        assert service.call("POST", "/v1/models/rebuilds", {}).json()["model"] == done["model"]
        teach(service, 30, 33)
    with open_storage(str(path), read_only=True) as storage:
        assert prove_models(storage)[1] == []


def test_a_store_that_no_other_process_can_open_is_rebuilt_in_a_thread(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db", Settings(kernel="numpy"), with_models()) as service:
        assert service.runtime.storage.url == ""
        teach(service, 0, 4)
        done = service.call("POST", "/v1/models/rebuilds", {}).json()

        assert (done["decisions"], done["champion"]) == (4, "main")
        assert service.runtime.learner.model.digest() == done["model"]


def test_a_rebuild_that_fails_changes_nothing(tmp_path: Path) -> None:
    with serving(open_storage(str(tmp_path / "shop.db")), Settings(kernel="numpy"), with_models()) as service:
        teach(service, 0, 4)
        before = service.runtime.learner.model.digest()
        service.runtime.storage.url = f"sqlite://{tmp_path / 'nowhere.db'}"
        refused = service.call("POST", "/v1/models/rebuilds", {})
        wordy = service.call("POST", "/v1/models/rebuilds", {"author": "a" * 201})

        assert (refused.status_code, wordy.status_code) == (503, 422)
        assert str(tmp_path) not in refused.text
        assert service.runtime.learner.model.digest() == before
