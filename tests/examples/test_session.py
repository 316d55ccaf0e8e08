"""The call in six turns, as an agent's desk has it over HTTP: what persona tests say, a service does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opportune.learning import PropensityModel
from opportune.outcomes import new_model
from opportune.service import Settings
from opportune.service.revisions import Strategy, compiled
from opportune.strategy import check_files
from opportune.strategy.files import read_texts
from opportune.strategy.persona import FixedPropensities
from opportune.strategy.sections.personas import Persona, Turn
from tests.service.shop import Service, serving

TELECOM = Path(__file__).parents[2] / "examples" / "telecom"
SIX_TURNS = "A call in six turns"


@dataclass(frozen=True)
class Untaught:
    """A model that stays as the test fixes it: what is to be seen are the rules, not what is learned meanwhile."""

    model: PropensityModel
    position: int = 0


class Clock:
    """A clock that the conversation turns."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def telecom() -> tuple[Strategy, Persona]:
    """Compile the example without exploration and control groups, as persona tests run; and give the test."""
    files = dict(read_texts(TELECOM)[0])
    del files["control_groups.yaml"]
    files["project.yaml"] = files["project.yaml"].replace(
        "{method: thompson, scale: 0.2, floor: 0.02}", "{method: none}"
    )
    checked = check_files(files)
    return compiled(checked), next(one for one in checked.personas if one.name == SIX_TURNS)


@dataclass(frozen=True)
class Desk:
    """The agent's side of the conversation."""

    service: Service
    persona: Persona
    clock: Clock
    session: str = "call-1"

    def take(self, number: int, turn: Turn, answers: list[dict[str, Any]], keeps: bool = True) -> dict[str, Any]:
        """Report what came of earlier answers, say what is new, and ask for the next answer."""
        if number > 1:
            self.clock.now += timedelta(seconds=turn.after.elapsed_seconds)
        for action, outcome in turn.outcomes.items():
            answer = next(one for one in reversed(answers) if action in ranking(one))
            report = {"id": f"{number}-{action}", "decision": answer["id"], "action": action, "outcome": outcome}
            told = self.service.call("POST", "/v1/outcomes", {**report, "occurred_at": self.clock.now.isoformat()})
            assert told.status_code == 200, told.text
        body = {
            "id": f"turn-{number}",
            "customer": "caller",
            "channel": self.persona.channel,
            "placements": [{"name": self.persona.placement}],
            "context": {**self.persona.context, **turn.context},
        }
        if keeps:
            body["session"] = self.session
        answer = self.service.call("POST", "/v1/decisions", body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        assert found["degraded"] is None
        return found


def ranking(answer: dict[str, Any]) -> list[str]:
    return [shown["action"] for shown in answer["placements"][0]["actions"]]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    strategy, persona = telecom()
    clock = Clock(persona.at)
    with serving(tmp_path / "telecom.db", Settings(kernel="numpy", clock=clock), strategy) as service:
        fixed = FixedPropensities(new_model(strategy.plan, "numpy"), strategy.plan, dict(persona.propensities))
        live = service.runtime.live
        live.current = replace(live.current, learned=Untaught(fixed))  # type: ignore[arg-type]
        told = service.call("PUT", "/v1/customers/caller", {"attributes": dict(persona.customer)})
        assert told.status_code == 200, told.text
        yield Desk(service, persona, clock)


def test_a_service_answers_the_six_turns_as_the_persona_test_says(desk: Desk) -> None:
    answers: list[dict[str, Any]] = []
    for number, turn in enumerate(desk.persona.turns, start=1):
        answers.append(desk.take(number, turn, answers))
        record = desk.service.call("GET", f"/v1/decisions/{answers[-1]['id']}").json()
        fates = {one["action"]: one for one in record["explanation"]["placements"][0]["candidates"]}

        assert tuple(ranking(answers[-1])) == turn.expect.ranking, turn.says
        for action, absence in turn.expect.absent.items():
            assert fates[action]["stage"] == absence.stage
            assert (absence.because or "").casefold() in fates[action]["reason"].casefold()

    rankings = [ranking(one) for one in answers]
    assert all(rankings[place] != rankings[place - 1] for place in range(1, 6))


def test_the_objection_is_what_lifts_the_discount(desk: Desk) -> None:
    answers: list[dict[str, Any]] = []
    weights = []
    for number, turn in enumerate(desk.persona.turns[:5], start=1):
        answers.append(desk.take(number, turn, answers))
        record = desk.service.call("GET", f"/v1/decisions/{answers[-1]['id']}").json()
        fates = {one["action"]: one for one in record["explanation"]["placements"][0]["candidates"]}
        weights.append(fates["loyalty_discount"].get("parts", {}).get("context_weight"))

    assert weights[2:] == [1.0, 1.0, 2.5]


def test_without_a_session_what_was_said_is_forgotten(desk: Desk) -> None:
    answers: list[dict[str, Any]] = []
    for number, turn in enumerate(desk.persona.turns[:3], start=1):
        answers.append(desk.take(number, turn, answers, keeps=False))

    assert "fix_invoice" in ranking(answers[1])
    assert "fix_invoice" not in ranking(answers[2])


def test_the_same_question_in_the_same_session_gets_the_same_answer(desk: Desk) -> None:
    first = desk.take(1, desk.persona.turns[0], [])
    second = desk.take(7, Turn(says="asked again", expect=desk.persona.turns[0].expect), [first])

    assert ranking(first) == ranking(second)


def test_the_guide_tells_the_turns_of_the_test() -> None:
    guide = (TELECOM.parents[1] / "docs" / "guides" / "a-call-in-six-turns.md").read_text(encoding="utf-8")
    picture = (TELECOM.parents[1] / "docs" / "pictures" / "six-turns.svg").read_text(encoding="utf-8")
    _, persona = telecom()

    rows = re.findall(r"^\| (\d) \| (.+?) \| (.+?) \| .+ \|$", guide, re.MULTILINE)
    told = [(number, says, tuple(re.findall(r"`(\w+)`", actions))) for number, says, actions in rows]
    meant = [(str(number), turn.says, turn.expect.ranking) for number, turn in enumerate(persona.turns, start=1)]
    assert told == meant
    boxes = [
        " ".join(words) for words in re.findall(r'fill="#ffffff">(\w+)</text>\n<text[^>]*>([\w ]+)</text>', picture)
    ]
    assert boxes == [action.replace("_", " ") for turn in persona.turns for action in turn.expect.ranking]
