"""What is gathered for a contact: the same for persona tests, the command line and whoever foresees."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from opportune.customers.context import NO_SOURCES
from opportune.evaluate.foresight import Case
from opportune.outcomes import new_model
from opportune.records import DecisionRequest, Hold, PlacementRequest, Value
from opportune.service.foreseeing import side_of
from opportune.service.revisions import Strategy, strategy_from_files
from opportune.strategy.gathering import gathered_of
from opportune.strategy.persona import run_persona, unexplored
from tests.service.shop import files as shop

SATURDAY = datetime(2026, 5, 9, 10, 0, tzinfo=UTC)
COFFEE = "actions/drinks/coffee.yaml"
CONTEXT = """
weekend: { type: boolean, source: time.weekend }
waited: { type: number, source: time.session_minutes }
hour: { type: integer, source: time.hour }
loyal: { type: integer, personal: true, source: since.years }
"""
PERSONA = """
- name: coffee is for weekends
  at: 2026-05-09T10:00:00Z
  customer: { age: 34, since: 2020-01-15T00:00:00Z, products: [] }
  channel: till
  placement: receipt
  size: 3
  expect: { EXPECT }
"""


def strategy(expect: str = "present: [coffee]", rule: str = "context.weekend && context.loyal >= 5") -> Strategy:
    files = shop()
    files["attributes.yaml"] += "time_zone: { type: text }\n"
    files["context.yaml"] += CONTEXT
    files["sources.yaml"] = "since: { kind: anniversary, of: customer.since }\n"
    files[COFFEE] = files[COFFEE].replace('"customer.age >= 18"', json.dumps(rule))
    files["tests/weekend.yaml"] = PERSONA.replace("EXPECT", expect)
    return strategy_from_files(files)[0]


def failures(one: Strategy) -> tuple[str, ...]:
    plan = unexplored(one.plan)
    persona = next(test for test in one.project.personas if test.name == "coffee is for weekends")
    return run_persona(plan, one.registries, new_model(plan, "numpy"), persona).failures


def request(**context: Value) -> DecisionRequest:
    placements = (PlacementRequest(name="receipt", size=3),)
    return DecisionRequest(id="r-1", channel="till", placements=placements, context=context)


def test_persona_tests_see_what_sources_give() -> None:
    assert failures(strategy()) == ()
    assert failures(strategy("absent: [coffee]", "!context.weekend")) == ()
    assert failures(strategy("present: [coffee]", "!context.weekend")) != ()


def test_the_request_goes_first_then_what_is_known_then_sources() -> None:
    sources = strategy().sources
    profile: dict[str, Value] = {"customer.since": datetime(2020, 1, 15, tzinfo=UTC)}
    known: dict[str, Value] = {"feature.calls": 3, "context.hour": 1}

    found = gathered_of(sources, profile, request(weekend=False), SATURDAY, known)

    assert found.facts == {"feature.calls": 3, "context.hour": 1, "context.loyal": 6}


def test_a_strategy_without_sources_gives_what_is_known() -> None:
    known: dict[str, Value] = {"feature.calls": 3}

    assert gathered_of(NO_SOURCES, {}, request(), SATURDAY, known).facts is known


def test_of_an_unprofiled_person_nothing_is_made_of_the_profile() -> None:
    sources = strategy().sources
    profile: dict[str, Value] = {
        "customer.since": datetime(2020, 1, 15, tzinfo=UTC),
        "customer.time_zone": "Pacific/Kiritimati",
    }
    objected = (Hold("profiling", "consent", "profile", 0, 1, 0),)

    told, untold = (gathered_of(sources, profile, request(), SATURDAY, holds=holds).facts for holds in ((), objected))

    assert (told["context.hour"], told["context.loyal"]) == (0, 6)
    assert (untold["context.hour"], "context.loyal" in untold) == (12, False)


def test_contacts_that_are_tried_again_see_what_sources_give_now() -> None:
    side = side_of(strategy(), None, None, "numpy")
    since = {"since": "2020-01-15T00:00:00Z"}

    def decided(gathered: dict[str, Value], name: str = "context.weekend") -> tuple[list[str], Value | None]:
        case = Case("c-1", None, request(), {**since, "age": 34}, SATURDAY, "seed", gathered=gathered)
        decision = side.decide(case)
        assert decision is not None
        return [shown.action for shown in decision.placements[0].actions], decision.facts.get(name)

    assert ("coffee" in decided({})[0], decided({})[1]) == (True, True)
    assert ("coffee" in decided({"context.weekend": False})[0], decided({})[1]) == (True, True)
    assert decided({"context.weather": "Rainy"}, "context.weather")[1] == "Rainy"
