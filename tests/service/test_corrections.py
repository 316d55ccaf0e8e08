"""Corrections, withdrawals, amounts and tokens over HTTP."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opportune.service import Settings
from opportune.service.proof import prove_models
from opportune.service.revisions import Strategy, strategy_from_files
from opportune.service.windows import Sweeper
from opportune.storage import SqliteStorage, verify_storage

from .shop import Service, files, serving


def shop(**changed: str) -> Strategy:
    """The project with tokens, and a purchase that has an amount."""
    texts = files()
    outcomes = texts["outcomes.yaml"] + "buy: {sign: positive, value: {currency: EUR}}\n"
    channels = texts["channels.yaml"].replace("till:\n", "till:\n  tokens: true\n")
    channels = channels.replace("[impression, accept, reject]", "[impression, accept, buy, reject]", 1)
    return strategy_from_files(texts | {"outcomes.yaml": outcomes, "channels.yaml": channels} | changed)[0]


def evidence(service: Service, candidate: str = "drinks/water/till/card") -> dict[str, float]:
    service.settle()
    found: dict[str, float] = service.runtime.model_report().evidence[candidate]
    return found


def report(service: Service, **fields: Any) -> Any:
    return service.call("POST", "/v1/outcomes", fields)


def test_what_was_withdrawn_is_unlearned(service: Service) -> None:
    answer = service.decide()
    before = service.runtime.learner.model.evidence().copy()
    report(service, id="o-1", decision=answer["id"], action="water", outcome="accept")
    assert evidence(service)["accept"] == 1

    response = report(service, id="w-1", decision=answer["id"], withdraws="o-1")

    assert (response.status_code, response.json()["status"]) == (200, "recorded")
    assert evidence(service)["accept"] == 0
    assert (service.runtime.learner.model.evidence() == before).all()
    assert service.runtime.learning().unlearned >= 1
    assert verify_storage(service.runtime.storage) == []


def test_a_correction_takes_the_place_of_what_was_wrong(service: Service) -> None:
    answer = service.decide()
    report(service, id="o-1", decision=answer["id"], action="water", outcome="accept")
    report(service, id="o-2", decision=answer["id"], action="wine", outcome="accept", replaces="o-1")

    assert evidence(service)["accept"] == 0
    assert evidence(service, "drinks/wine/till/card")["accept"] == 1


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"action": "water", "outcome": "accept", "withdraws": "o-1"}, "withdraws"),
        ({"withdraws": ""}, "withdraws"),
        ({"action": "water", "outcome": "accept", "replaces": "x" * 300}, "replaces"),
        ({"action": "water", "outcome": "accept", "amount": 5}, "amount"),
        ({"action": "water", "outcome": "buy", "amount": 19.99}, "amount"),
        ({"action": "water", "outcome": "buy", "amount": 10**13}, "amount"),
        ({"action": "water"}, "outcome"),
        ({"outcome": "accept"}, "action"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(tmp_path: Path, fields: dict[str, Any], where: str) -> None:
    with serving(tmp_path / "shop.db", of=shop()) as service:
        answer = service.decide()
        response = report(service, id="o-1", decision=answer["id"], **fields)

        assert response.status_code == 422, response.text
        assert response.json()["problems"][0]["where"] == where
        assert service.runtime.storage.counts().outcomes == 0


@pytest.mark.parametrize("amount", [1999, 1999.0])
def test_an_amount_is_kept(tmp_path: Path, amount: float) -> None:
    with serving(tmp_path / "shop.db", of=shop()) as service:
        answer = service.decide()
        said = {"id": "o-1", "decision": answer["id"], "action": "water", "outcome": "buy"}
        report(service, **said, amount=amount)

        (outcome,) = service.runtime.storage.outcomes_of(answer["id"])
        assert outcome.body.amount == 1999
        assert isinstance(outcome.body.amount, int)
        assert report(service, **said, amount=1999).json()["status"] == "repeated"


class Clock:
    """Time that a test moves."""

    now = datetime(2026, 5, 4, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_a_token_stands_for_its_decision_alone(tmp_path: Path) -> None:
    clock = Clock()
    settings = Settings(kernel="numpy", clock=clock)
    with serving(tmp_path / "shop.db", settings, of=shop()) as service:
        token = service.decide("r-1")["token"]
        other = service.decide("r-2")
        shown = service.decide("r-1")["placements"][0]["actions"][0]["action"]
        said = {"action": shown, "outcome": "accept"}

        assert report(service, id="o-1", token=token, **said).status_code == 200
        hidden = report(service, id="o-2", token=token, action="nothing", outcome="accept")
        foreign = report(service, id="o-3", token=token, decision=other["id"], **said)
        forged = [report(service, id=f"f-{n}", token=text, **said) for n, text in enumerate(forgeries(token))]
        clock.now += timedelta(days=400)
        late = report(service, id="o-4", token=token, **said)

        assert hidden.json()["code"] == "unknown-action"
        assert foreign.json()["code"] == "invalid-token"
        assert {response.json()["code"] for response in forged} == {"invalid-token"}
        assert late.json()["code"] == "expired-token"
        assert token not in late.text + foreign.text + "".join(response.text for response in forged)
        assert service.runtime.storage.counts().outcomes == 1

    with serving(tmp_path / "other.db", settings, of=shop()) as service:
        clock.now -= timedelta(days=400)
        assert report(service, id="o-1", token=token, **said).json()["code"] == "invalid-token"


def test_a_token_stands_for_what_its_answer_showed_alone(tmp_path: Path) -> None:
    coffee = files()["actions/drinks/coffee.yaml"].replace('eligibility: "customer.age >= 18"\n', "")
    coffee = coffee.replace("  till:\n", "  till:\n    flyer: {content: {en: {title: Coffee}, pl: {title: Kawa}}}\n")
    with serving(tmp_path / "shop.db", of=shop(**{"actions/drinks/coffee.yaml": coffee})) as service:
        answer = service.decide("r-1", placements=[{"name": "receipt", "size": 5}])
        (shown,) = (one for one in answer["placements"][0]["actions"] if one["action"] == "coffee")
        unseen = "card" if shown["treatment"] == "flyer" else "flyer"
        said = {"token": answer["token"], "action": "coffee", "outcome": "accept"}

        action = report(service, id="o-1", **said | {"action": "wine"})
        treatment = report(service, id="o-2", **said, treatment=unseen)
        placement = report(service, id="o-3", **said, placement="screen")
        seen = report(service, id="o-4", **said, treatment=shown["treatment"], placement="receipt")

        assert [one.json()["code"] for one in (action, treatment, placement)] == [
            "unknown-action",
            "unknown-treatment",
            "unknown-placement",
        ]
        assert placement.json()["problems"][0] == {
            "where": "placement",
            "message": "the answer of the token showed no such placement",
            "remedy": "shown: receipt",
        }
        assert seen.json()["status"] == "recorded"


def forgeries(token: str) -> list[str]:
    said, sealed = token.split(".")
    body = bytearray(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)))
    body[5] ^= 1
    changed = base64.urlsafe_b64encode(body).rstrip(b"=").decode()
    return [f"{changed}.{sealed}", f"{said}.{sealed[:-2]}", f"{said}.", said, "", ".", f"{token}=", f"{token}.x", "é.é"]


def test_an_outcome_by_token_may_come_before_its_decision(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db", settings := Settings(kernel="numpy", token_key=b"k" * 32), of=shop()) as one:
        answer = one.decide("r-1")
        shown = answer["placements"][0]["actions"][0]["action"]
    with serving(tmp_path / "late.db", settings, of=shop()) as service:
        said = {"id": "o-1", "token": answer["token"], "action": shown, "outcome": "accept"}
        assert report(service, **said).json()["status"] == "recorded"
        assert service.runtime.storage.counts().outcomes_waiting == 1
        service.wait(0.05)
        assert service.runtime.learning().learned == 0

        service.decide("r-1")
        service.until(lambda: service.runtime.learning().learned)

        assert service.runtime.storage.counts().outcomes_waiting == 0
        assert service.runtime.learning().learned >= 1
        assert report(service, **said).json()["status"] == "repeated"
        assert verify_storage(service.runtime.storage) == []


def test_a_person_teaches_so_much_and_no_more(service: Service) -> None:
    for number in range(24):
        answer = service.decide(f"r-{number}", customer="c-1")
        report(service, id=f"o-{number}", decision=answer["id"], action="water", outcome="reject")

    assert evidence(service)["accept"] == 20
    assert service.runtime.learning().over_quota == 4
    assert "opportune_model_over_quota 4.0" in service.call("GET", "/metrics").text


def test_unknown_decisions_are_counted(service: Service) -> None:
    response = report(service, id="o-1", decision="never", action="water", outcome="accept")

    assert response.json()["code"] == "unknown-decision"
    assert "opportune_outcomes_unmatched 1.0" in service.call("GET", "/metrics").text
    assert service.runtime.storage.last_sequence() > 0
    assert service.runtime.storage.counts().outcomes == 0


@pytest.mark.parametrize("value", ["1e400", "-1e400", "1e308", "NaN", "Infinity", "1" + "0" * 400])
def test_no_number_reaches_a_score_that_is_none(service: Service, value: str) -> None:
    text = f'{{"attributes": {{"age": {value}}}}}'
    service.call("PATCH", "/v1/customers/c-9", text.encode())
    answer = service.call("POST", "/v1/decisions", decision_text(value)).json()
    healthy = service.decide("r-after", customer="c-9")

    places = [place for found in (answer, healthy) for place in found.get("placements", ())]
    for shown in [one for place in places for one in place["actions"]]:
        assert 0 < min(shown["propensity"].values()) <= max(shown["propensity"].values()) < 1
        assert abs(shown["priority"]) < 1e30


def decision_text(value: str) -> bytes:
    return (
        '{"id": "r-number", "channel": "till", "placements": [{"name": "receipt"}], "customer": "c-9",'
        f' "context": {{"minutes": {value}}}}}'
    ).encode()


def test_silence_gives_way_to_a_late_answer_and_comes_back_with_its_withdrawal(tmp_path: Path) -> None:
    clock = Clock()
    with serving(tmp_path / "shop.db", Settings(kernel="numpy", clock=clock, sweep_seconds=3_600)) as service:
        runtime = service.runtime
        sweeper = Sweeper(runtime.live, runtime.storage, runtime.writer, runtime.settings)
        asked = {"id": "r-1", "channel": "app", "placements": [{"name": "card"}]}
        answer = service.call("POST", "/v1/decisions", asked).json()
        action = answer["placements"][0]["actions"][0]["action"]
        clock.now += timedelta(hours=2)
        assert service.runner.run(sweeper.sweep()) == 1
        service.settle()
        assert (runtime.learning().learned, runtime.learning().unlearned) == (1, 0)

        clock.now += timedelta(days=29)
        report(service, id="o-1", decision=answer["id"], action=action, outcome="accept")
        service.settle()
        assert (runtime.learning().learned, runtime.learning().unlearned) == (2, 1)

        report(service, id="w-1", decision=answer["id"], withdraws="o-1")
        service.settle()
        assert (runtime.learning().learned, runtime.learning().unlearned) == (3, 2)
        assert service.runner.run(sweeper.sweep()) == 0
        assert verify_storage(runtime.storage) == []


def test_a_window_that_nothing_answers_any_more_is_silence_in_the_end(tmp_path: Path) -> None:
    clock = Clock()
    with serving(tmp_path / "shop.db", Settings(kernel="numpy", clock=clock, sweep_seconds=3_600)) as service:
        runtime = service.runtime
        sweeper = Sweeper(runtime.live, runtime.storage, runtime.writer, runtime.settings)
        asked = {"id": "r-1", "channel": "app", "placements": [{"name": "card"}]}
        answer = service.call("POST", "/v1/decisions", asked).json()
        action = answer["placements"][0]["actions"][0]["action"]
        report(service, id="o-1", decision=answer["id"], action=action, outcome="accept")
        report(service, id="w-1", decision=answer["id"], withdraws="o-1")
        clock.now += timedelta(hours=2)

        assert service.runner.run(sweeper.sweep()) == 1
        service.wait(0.05)
        (outcome,) = [one for one in runtime.storage.outcomes_of(answer["id"]) if one.body.expiry]
        assert outcome.body.outcome == "reject"
        assert service.runner.run(sweeper.sweep()) == 0


def test_what_a_person_taught_is_known_after_a_restart(tmp_path: Path) -> None:
    def answered(service: Service, numbers: range) -> None:
        for number in numbers:
            answer = service.decide(f"r-{number}", customer="c-1")
            report(service, id=f"o-{number}", decision=answer["id"], action="water", outcome="reject")

    with serving(tmp_path / "shop.db") as service:
        answered(service, range(18))
    with serving(tmp_path / "shop.db") as service:
        answered(service, range(18, 23))
        assert evidence(service)["accept"] == 20
        assert service.runtime.learning().over_quota == 3
    with SqliteStorage(tmp_path / "shop.db") as storage:
        assert prove_models(storage) == (2, [])


def test_an_action_may_wait_for_silence_longer_than_its_channel(tmp_path: Path) -> None:
    texts = files()
    path = next(path for path in texts if path.endswith("water.yaml"))
    texts[path] += "response_windows:\n  app: {days: 3, default: reject}\n"
    with serving(tmp_path / "shop.db", of=strategy_from_files(texts)[0]) as service:
        asked = {"id": "r-1", "channel": "app", "placements": [{"name": "card"}]}
        answer = service.call("POST", "/v1/decisions", asked).json()
        action = answer["placements"][0]["actions"][0]["action"]
        far = datetime(2126, 1, 1, tzinfo=UTC)
        (due,) = service.runtime.storage.due_windows(far, 10)
        decided = service.runtime.storage.decision(answer["id"]).decision.at  # type: ignore[union-attr]

        assert due.due_at - decided == (timedelta(days=3) if action == "water" else timedelta(hours=1))
