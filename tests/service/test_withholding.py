"""A control group that is shown nothing: over HTTP, with windows, tokens, restarts and proof."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from opportune.decide.plan import WITHHELD
from opportune.service import Settings
from opportune.service.proof import prove_models
from opportune.service.redeciding import prove_decisions
from opportune.service.revisions import Strategy, strategy_from_files
from opportune.service.windows import Sweeper
from opportune.storage import Kind, SqliteStorage, verify_storage

from .shop import Service, files, serving
from .test_corrections import Clock

HELD = "accept" + WITHHELD
WINDOW = "response_window: {hours: 1, default: reject}"


def shop(share: float = 1.0, score: str = "incremental", **changed: str) -> Strategy:
    """The project with a group that is shown nothing."""
    texts = files(control_groups=f"held: {{share: {share}, choose: withhold}}\n")
    texts["channels.yaml"] = texts["channels.yaml"].replace("till:\n", f"till:\n  {WINDOW}\n")
    texts["project.yaml"] += f"score: {score}\n"
    return strategy_from_files(texts | changed)[0]


def asked(id: str = "r-1", **fields: Any) -> dict[str, Any]:
    return {"id": id, "channel": "app", "placements": [{"name": "card"}], "session": "s-1", **fields}


def evidence(service: Service, action: str) -> dict[str, float]:
    service.settle()
    found = service.runtime.model_report().evidence
    (one,) = [own for key, own in found.items() if key.split("/")[1:3] == [action, "app"]]
    return one


def withheld_action(service: Service, decision: str) -> str:
    stored = service.runtime.storage.decision(decision)
    assert stored is not None
    ((shown,),) = [place.actions for place in stored.decision.withheld]
    return shown.action


def test_nothing_is_shown_and_all_is_recorded(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db", of=shop()) as service:
        answer = service.call("POST", "/v1/decisions", asked()).json()
        again = service.call("POST", "/v1/decisions", asked()).json()
        record = service.call("GET", f"/v1/decisions/{answer['id']}").json()

        assert answer["placements"] == [{"name": "card", "actions": []}]
        assert answer["control"] == "held"
        assert "withheld" not in answer
        assert again == answer
        (withheld,) = record["decision"]["withheld"]
        assert withheld["actions"][0]["content"] == {}
        assert withheld["actions"][0]["selection_probability"] > 0
        told = [one for one in record["explanation"]["placements"][0]["candidates"] if one["stage"] == "withheld"]
        assert [one["action"] for one in told] == [withheld["actions"][0]["action"]]
        assert verify_storage(service.runtime.storage) == []


def test_silence_and_answers_teach_what_happens_where_it_is_withheld(tmp_path: Path) -> None:
    clock = Clock()
    settings = Settings(kernel="numpy", clock=clock, sweep_seconds=3_600)
    with serving(tmp_path / "shop.db", settings, shop()) as service:
        runtime = service.runtime
        answer = service.call("POST", "/v1/decisions", asked()).json()
        action = withheld_action(service, answer["id"])
        clock.now += timedelta(hours=2)
        assert service.runner.run(Sweeper(runtime.live, runtime.storage, runtime.writer, settings).sweep()) == 1
        assert evidence(service, action) == {"accept": 0, HELD: 1}

        body = {"id": "o-1", "decision": answer["id"], "action": action, "outcome": "accept"}
        assert service.call("POST", "/v1/outcomes", body).status_code == 200
        assert evidence(service, action) == {"accept": 0, HELD: 1}
        assert (runtime.learning().learned, runtime.learning().unlearned) == (2, 1)
        assert verify_storage(runtime.storage) == []


def test_each_head_learns_its_own_answers_alone(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db", of=shop(0.5)) as service:
        shown = held = 0
        for number in range(30):
            answer = service.call("POST", "/v1/decisions", asked(f"r-{number}", session=f"s-{number}")).json()
            is_held = answer["control"] == "held"
            actions = answer["placements"][0]["actions"]
            action = withheld_action(service, answer["id"]) if is_held else actions[0]["action"]
            body = {"id": f"o-{number}", "decision": answer["id"], "action": action, "outcome": "accept"}
            assert service.call("POST", "/v1/outcomes", body).status_code == 200
            shown, held = shown + (not is_held), held + is_held
        service.settle()
        found = service.runtime.model_report().evidence.values()

        assert shown > 5
        assert held > 5
        assert sum(one["accept"] for one in found) == shown
        assert sum(one[HELD] for one in found) == held
    with SqliteStorage(tmp_path / "shop.db") as storage:
        counts, problems = prove_decisions(storage)
        assert (counts.compared, problems) == (30, [])
        assert prove_models(storage)[1] == []


def test_what_the_channel_shows_by_itself_was_shown(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db", of=shop()) as service:
        answer = service.call("POST", "/v1/decisions", asked()).json()
        own = withheld_action(service, answer["id"])
        candidates = service.runtime.live.current.strategy.plan.candidates
        other = next(key.action for key in candidates if key.channel == "app" and key.action != own)
        body = {"id": "o-1", "decision": answer["id"], "action": other, "outcome": "accept"}
        assert service.call("POST", "/v1/outcomes", body).status_code == 200

        assert evidence(service, other) == {"accept": 1, HELD: 0}


def test_what_is_mandatory_is_shown_to_everybody(tmp_path: Path) -> None:
    texts = files()
    path = next(path for path in texts if path.endswith("/water.yaml"))
    with serving(tmp_path / "shop.db", of=shop(**{path: texts[path] + "mandatory: 'true'\n"})) as service:
        answer = service.decide(session="s-1")

        assert [one["action"] for one in answer["placements"][0]["actions"]] == ["water"]
        stored = service.runtime.storage.decision(answer["id"])
        assert stored is not None
        assert len(stored.decision.withheld[0].actions) == 1


@pytest.mark.parametrize("outcome", ["accept|withheld", "accept|"])
def test_the_name_of_the_second_head_is_no_outcome_type(tmp_path: Path, outcome: str) -> None:
    with serving(tmp_path / "shop.db", of=shop()) as service:
        answer = service.call("POST", "/v1/decisions", asked()).json()
        body = {"id": "o-1", "decision": answer["id"], "action": "water", "outcome": outcome}

        assert service.call("POST", "/v1/outcomes", body).status_code == 422


def test_a_project_without_such_a_group_has_one_head(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db") as service:
        service.call("POST", "/v1/decisions", asked())
        plan = service.runtime.live.current.strategy.plan

        (entry,) = service.runtime.storage.journal(0, 10, (Kind.DECISION,))

        assert plan.outcomes == plan.scored == ("accept",)
        assert plan.values.shape[1] == 1
        assert b"withheld" not in msgspec.msgpack.encode(entry.body)


def test_a_token_stands_for_what_was_withheld_too(tmp_path: Path) -> None:
    channels = files()["channels.yaml"].replace("app:\n", "app:\n  tokens: true\n")
    channels = channels.replace("till:\n", f"till:\n  {WINDOW}\n")
    with serving(tmp_path / "shop.db", of=shop(**{"channels.yaml": channels})) as service:
        answer = service.call("POST", "/v1/decisions", asked()).json()
        action = withheld_action(service, answer["id"])
        body = {"id": "o-1", "token": answer["token"], "action": action, "outcome": "accept"}
        assert service.call("POST", "/v1/outcomes", body).status_code == 200

        assert evidence(service, action) == {"accept": 0, HELD: 1}
