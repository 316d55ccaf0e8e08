"""What a persona test decides turn by turn is what the service decides for such a person."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opportune.decide.pipeline import canonical
from opportune.service import Settings
from opportune.service.revisions import Strategy, strategy_from_files
from opportune.storage import SqliteStorage
from opportune.strategy.conversation import Conversation
from opportune.strategy.files import read_texts
from opportune.strategy.sections.personas import Persona

from .shop import Service, serving

TELECOM = Path(__file__).parents[2] / "examples" / "telecom"
PEOPLE = 6
TURNS = 4
NEVER_LATE = {"Opportune-Deadline-Ms": "60000"}
AGO = ({"minutes": 50}, {"hours": 23}, {"hours": 25}, {"days": 29}, {"days": 31})
LATER = ({"minutes": 1}, {"minutes": 20}, {"minutes": 30}, {"hours": 5}, {"days": 1})
SAID = {"topic": ["invoice", "outage", "contract"], "mood": ["calm", "angry"], "waiting_minutes": [3, 25]}
TEXTS = ("Nienawidzę was! Oddajcie mi moje pieniądze!", "Thank you, all is well")


class Call:
    """The same person and the same call, once as a persona test and once served."""

    def __init__(self, service: Service, strategy: Strategy, chance: random.Random, number: int) -> None:
        self.service, self.strategy, self.chance = service, strategy, chance
        self.customer = f"c-{number}"
        self.shown: list[tuple[str, list[str]]] = []
        channel, placement = chance.choice([("call_centre", "desk"), ("call_centre", "desk"), ("app", "account")])
        self.persona: dict[str, Any] = {
            "name": self.customer,
            "at": service.runtime.settings.clock(),
            "customer": {"tenure_months": chance.randrange(72), "products": ["phone", "fiber"][: chance.randrange(3)]},
            "consents": {
                purpose: [{"given": chance.random() < 0.5, "ago": chance.choice(AGO)}]
                for purpose in ("app_offers", "profiling")
                if chance.random() < 0.4
            },
            "events": [self._event(chance.choice(AGO)) for _ in range(chance.randrange(3))],
            "channel": channel,
            "placement": placement,
            "language": "pl",
            # Several turns are one session.
            "turns": [{"says": "Hello", "expect": {}}],
        }
        self._tell()
        read = Persona.model_validate(self.persona)
        profile = strategy.registries.customer.read(read.customer)[0]
        self.conversation = Conversation(strategy.plan, read, profile, strategy.registries, strategy.features)

    def _event(self, ago: dict[str, int]) -> dict[str, Any]:
        attributes = {"number": "support", "dropped": self.chance.random() < 0.5}
        return {"event": "call", "ago": ago, "attributes": attributes}

    def _tell(self) -> None:
        path = f"/v1/customers/{self.customer}"
        self._send("PUT", path, {"attributes": self.persona["customer"]})
        self._report(self.persona["events"])
        for purpose, said in self.persona["consents"].items():
            at = self._moment(said[0]["ago"])
            self._send("PUT", f"{path}/consents", {"purpose": purpose, "given": said[0]["given"], "occurred_at": at})

    def _report(self, events: list[dict[str, Any]]) -> None:
        for one in events:
            name = f"e-{self.customer}-{self.chance.random()}"
            body = {"id": name, "type": one["event"], "customer": self.customer, "attributes": one["attributes"]}
            self._send("POST", "/v1/events", body | {"occurred_at": self._moment(one["ago"])})

    def _moment(self, ago: dict[str, int]) -> str:
        moment: datetime = self.service.runtime.settings.clock() - timedelta(**ago)
        return moment.isoformat()

    def _send(self, method: str, path: str, body: dict[str, Any]) -> Any:
        answer = self.service.call(method, path, body, **NEVER_LATE)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def turn(self, later: dict[str, int]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Let one turn happen, `later` than the one before; give both decisions."""
        chance = self.chance
        of_desk = self.persona["channel"] == "call_centre"
        context = {name: chance.choice(said) for name, said in SAID.items() if of_desk and chance.random() < 0.4}
        text = chance.choice(TEXTS) if chance.random() < 0.3 else ""
        events = [self._event({"minutes": 2})] if chance.random() < 0.3 else []
        answered = chance.choice(self.shown) if self.shown and chance.random() < 0.7 else ("", [])
        outcomes = {one: chance.choice(["accept", "reject", "not_now", "mentioned"]) for one in answered[1][:1]}
        # A persona test answers the last answer that held the action.
        decision = next((name for name, actions in reversed(self.shown) if {*outcomes} & {*actions}), "")
        self._report(events)
        for action, outcome in outcomes.items():
            said = {"id": f"o-{self.customer}-{len(self.shown)}", "decision": decision, "action": action}
            self._send("POST", "/v1/outcomes", said | {"outcome": outcome})
        self.service.until(lambda: not self._is_due())
        # Receipts come in order: with this one, those of silence have come.
        self._send("PUT", "/v1/customers/nobody", {"attributes": {}})
        self.service.settle()

        made = {"says": "Hello", "after": later, "context": context, "text": text, "events": events}
        turn = Persona.model_validate({**self.persona, "turns": [made | {"outcomes": outcomes, "expect": {}}]}).turns[0]
        assert self.conversation.take(turn) == []
        learned = self.service.runtime.live.current.learned
        assert learned is not None
        imagined = json.loads(canonical(self.conversation.decide(learned.model)))
        request: dict[str, Any] = {name: self.persona[name] for name in ("channel", "language")}
        request |= {"id": f"r-{self.customer}-{len(self.shown)}", "session": self.customer, "customer": self.customer}
        request |= {"placements": [{"name": self.persona["placement"]}], "context": context}
        answer = self._send("POST", "/v1/decisions", request | ({"text": text} if text else {}))
        assert answer["degraded"] is None
        self.shown.append((answer["id"], [one["action"] for one in answer["placements"][0]["actions"]]))
        served = self.service.call("GET", f"/v1/decisions/{request['id']}").json()["decision"]
        return compared(imagined), compared(served)

    def _is_due(self) -> bool:
        """Whether silence waits to be recorded."""
        return bool(self.service.runtime.storage.due_windows(self.service.runtime.settings.clock(), 1))


def compared(decision: dict[str, Any]) -> dict[str, Any]:
    """Leave out names, draws, and the doubts about a profile, of which a persona test does not say how old it is."""
    kept = {name: decision.get(name) for name in ("at", "holds", "tired", "model", "kernel", "placements")}
    stages = [(trace["stages"], trace["chosen"]) for trace in decision["traces"]]
    # What was answered at one moment is in no particular order.
    facts = {name: sorted(value) if isinstance(value, list) else value for name, value in decision["facts"].items()}
    return kept | {"stages": stages, "facts": facts}


@pytest.fixture(scope="module")
def strategy() -> Strategy:
    """The call centre without exploration and control groups, as persona tests run."""
    files = dict(read_texts(TELECOM)[0])
    del files["control_groups.yaml"]
    settings = files["project.yaml"]
    files["project.yaml"] = settings.replace("{method: thompson, scale: 0.2, floor: 0.02}", "{method: none, floor: 0}")
    assert files["project.yaml"] != settings
    return strategy_from_files(files)[0]


@pytest.fixture
def calls(tmp_path: Path, strategy: Strategy) -> Iterator[Iterator[tuple[Call, dict[str, int]]]]:
    """Calls one after the other, turn by turn, with the time since the turn before."""
    now = [datetime(2026, 6, 15, 18, 30, tzinfo=UTC)]
    chance = random.Random(20260616)

    def turns(service: Service) -> Iterator[tuple[Call, dict[str, int]]]:
        for number in range(PEOPLE):
            now[0] += timedelta(hours=7)
            call = Call(service, strategy, chance, number)
            for turn in range(TURNS):
                later = chance.choice(LATER) if turn else {"minutes": 0}
                now[0] += timedelta(**later)
                yield call, later

    storage = SqliteStorage(tmp_path / "calls.db", clock=lambda: now[0])
    with serving(storage, Settings(kernel="numpy", clock=lambda: now[0]), of=strategy) as service:
        yield turns(service)


def test_a_persona_is_decided_for_as_the_service_decides(calls: Iterator[tuple[Call, dict[str, int]]]) -> None:
    rejected = 0
    for call, later in calls:
        imagined, served = call.turn(later or {"minutes": 1})
        assert imagined == served
        rejected += len(served["facts"].get("session.rejected", ()))
    assert rejected > PEOPLE
