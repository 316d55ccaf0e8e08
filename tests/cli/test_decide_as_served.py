"""What `opportune decide` says of a contact and a store is what the service decides next."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opportune.cli import decide as command
from opportune.service import Settings
from opportune.service.revisions import Strategy, strategy_from_folder
from opportune.storage import SqliteStorage
from tests.service.shop import Service, serving

from .conftest import Run

TELECOM = Path(__file__).parents[2] / "examples" / "telecom"
PEOPLE = 6
STEPS = 70
STEP_SECONDS = 15
"""So short that no response window ends between the two decisions of a step: its silence would be learned."""
OLD = timedelta(days=60)
NEVER_LATE = {"Opportune-Deadline-Ms": "60000"}
TEXTS = ("Nienawidzę was! Oddajcie mi moje pieniądze!", "dzień dobry", "Thank you, all is well")


class Clock:
    """A clock that the test turns."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def telecom() -> Strategy:
    return strategy_from_folder(TELECOM)


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 6, 15, 18, 30, tzinfo=UTC))


@pytest.fixture
def service(tmp_path: Path, telecom: Strategy, clock: Clock) -> Iterator[Service]:
    """A call centre whose customers billing wrote long ago, or not at all."""
    chance = random.Random(5)
    now, clock.now = clock.now, clock.now - OLD
    storage = SqliteStorage(tmp_path / "calls.db", clock=clock)
    with serving(storage, Settings(clock=clock), of=telecom) as one:
        for number in range(PEOPLE):
            saved = one.call("PUT", f"/v1/customers/c-{number}", {"attributes": profile(chance)})
            assert saved.status_code == 200
        clock.now = now
        yield one


def profile(chance: random.Random) -> dict[str, Any]:
    whole = {
        "tenure_months": chance.randrange(72),
        "contract": chance.choice(["Month-to-month", "One year", "Two year"]),
        "monthly_charges": chance.randrange(20, 120),
        "products": chance.sample(["phone", "dsl", "fiber", "tech_support", "streaming_tv"], chance.randrange(4)),
        "paperless_billing": chance.random() < 0.5,
    }
    return {name: value for name, value in whole.items() if chance.random() < 0.85}


def contact(chance: random.Random) -> dict[str, Any]:
    """Make a contact as the command takes it."""
    channel, placement = chance.choice([("call_centre", "desk"), ("app", "home"), ("app", "account")])
    made: dict[str, Any] = {"channel": channel, "placement": placement, "session": f"s-{chance.randrange(8)}"}
    if chance.random() < 0.85:
        made["customer"] = f"c-{chance.randrange(PEOPLE)}"
    if channel == "call_centre":
        said = {"topic": "outage", "mood": chance.choice(["calm", "angry", None]), "waiting_minutes": 25}
        made["context"] = {name: value for name, value in said.items() if chance.random() < 0.5}
    for name, values in (("language", ["pl"]), ("zone", ["Asia/Tokyo"]), ("size", [1, 5]), ("text", TEXTS)):
        if chance.random() < 0.25:
            made[name] = chance.choice(values)
    return made


def happen(service: Service, chance: random.Random, number: int, now: datetime, answers: list[dict[str, Any]]) -> None:
    """Let something happen that a later decision may go by."""
    person = f"c-{chance.randrange(PEOPLE)}"
    shown = [(one["id"], each["action"]) for one in answers for each in one["placements"][0]["actions"]]
    match chance.choice(["profile", "event", "consent", "outcome", "outcome"]):
        case "profile":
            answer = service.call("PATCH", f"/v1/customers/{person}", {"attributes": profile(chance)})
        case "event":
            at = now - timedelta(hours=chance.choice([0, 23, 25, 719, 721]))
            call = {"number": chance.choice(["support", "other"]), "dropped": chance.random() < 0.5}
            event = {"id": f"e-{number}", "type": "call", "customer": person, "attributes": call}
            answer = service.call("POST", "/v1/events", event | {"occurred_at": at.isoformat()})
        case "consent":
            said = {"purpose": chance.choice(["app_offers", "profiling"]), "given": chance.random() < 0.3}
            answer = service.call("PUT", f"/v1/customers/{person}/consents", said)
        case _ if shown:
            decision, action = chance.choice(shown)
            outcome = chance.choice(["accept", "reject", "not_now", "mentioned"])
            said = {"id": f"o-{number}", "decision": decision, "action": action, "outcome": outcome}
            answer = service.call("POST", "/v1/outcomes", said)
        case _:
            return
    assert answer.status_code == 200, answer.text


def compared(decision: dict[str, Any]) -> dict[str, Any]:
    """Leave out what names the request; the command does not say whose identifier it was, nor what the text was."""
    request = {name: value for name, value in decision["request"].items() if name not in ("id", "customer", "text")}
    return {name: value for name, value in decision.items() if name != "id"} | {"request": request}


def test_decide_says_what_the_service_decides_next(
    run: Run, service: Service, telecom: Strategy, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Compiled once instead of at every step.
    monkeypatch.setattr(command, "strategy_from_folder", lambda folder: telecom)
    chance = random.Random(20260615)
    answers: list[dict[str, Any]] = []
    seen: set[str] = set()
    for number in range(STEPS):
        clock.now += timedelta(seconds=chance.uniform(1, STEP_SECONDS))
        if chance.random() < 0.4:
            happen(service, chance, number, clock.now, answers)
            continue
        service.settle()
        made = contact(chance)
        customer = ("--customer", made["customer"]) if "customer" in made else ()
        asked = json.dumps({name: value for name, value in made.items() if name != "customer"})
        store = service.runtime.storage.place
        said = run("decide", TELECOM, asked, "--at", clock.now.isoformat(), "--store", store, *customer, "--json")
        size = {"size": made.pop("size")} if "size" in made else {}
        request = {"id": f"r-{number}", "placements": [{"name": made.pop("placement")} | size], **made}
        answers.append(service.call("POST", "/v1/decisions", request, **NEVER_LATE).json())
        served = service.call("GET", f"/v1/decisions/r-{number}").json()["decision"]

        assert compared(said.json["decision"]) == compared(served)
        seen |= {*served["facts"], *served.get("doubts", ()), *(name for name, *_ in served.get("holds", ()))}
    # Something of every kind was compared.
    assert seen >= {"feature.support_calls_30d", "context.mood", "customer.monthly_charges: stale", "profiling"}
