"""Features in the service: what is in memory is what the store has, and an acknowledged event counts at once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opportune.records import DecisionRequest, PlacementRequest
from opportune.service import Settings
from opportune.service.revisions import Strategy, strategy_from_files
from opportune.storage import JoinUnit, Kind, SaveProfile

from .shop import Service, decision, files, serving

FEATURES = """
calls_7d: {count: call_ended, within: {days: 7}}
minutes_ever: {sum: call_ended.minutes}
shown_1d: {count: shown, over: contacts, within: {days: 1}}
"""


def with_features(**more: str) -> Strategy:
    return strategy_from_files(files(features=FEATURES, **more))[0]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path / "shop.db", of=with_features()) as one:
        yield one


def facts(service: Service, answer: dict[str, Any]) -> dict[str, Any]:
    record = service.call("GET", f"/v1/decisions/{answer['id']}").json()["decision"]["facts"]
    return {name.removeprefix("feature."): value for name, value in record.items() if name.startswith("feature.")}


def shown_in(answer: dict[str, Any]) -> int:
    return sum(len(placement["actions"]) for placement in answer["placements"])


def happen(service: Service, id: str, customer: str = "c-1", **more: Any) -> None:
    event = {"id": id, "type": "call_ended", "customer": customer, "attributes": {"minutes": 2.0}, **more}
    assert service.call("POST", "/v1/events", [event]).json()["recorded"] == 1


def test_an_acknowledged_event_is_in_the_features_of_the_next_decision(service: Service) -> None:
    shown = 0
    for number in range(20):
        happen(service, f"e-{number}")
        answer = service.decide(f"r-{number}", customer="c-1")
        expected = {"calls_7d": number + 1, "minutes_ever": 2.0 * (number + 1), "shown_1d": shown}
        assert facts(service, answer) == expected
        shown += shown_in(answer)
    assert service.runtime.histories.reads == 1


def test_the_first_event_of_somebody_whom_a_decision_did_not_find_counts_too(service: Service) -> None:
    assert facts(service, service.decide("r-1", customer="c-9"))["calls_7d"] == 0
    happen(service, "e-1", "c-9")
    assert facts(service, service.decide("r-2", customer="c-9"))["calls_7d"] == 1


def test_nobody_has_no_features_and_somebody_without_a_past_has_counts_of_nothing(service: Service) -> None:
    events = [{"type": "call_ended", "attributes": {"minutes": 5}}]

    assert facts(service, service.decide("r-1", events=events)) == {}
    assert facts(service, service.decide("r-2", customer="c-9")) == {"calls_7d": 0, "minutes_ever": 0.0, "shown_1d": 0}


def test_what_is_in_memory_is_what_the_store_has_whatever_happens(service: Service) -> None:
    chance = random.Random(3)
    customers = ["a", "b", "c"]
    for number in range(40):
        customer = chance.choice(customers)
        what = chance.random()
        if what < 0.5:
            back = timedelta(days=chance.choice([0, 0, 6, 8]))
            happen(service, f"e-{number}", customer, occurred_at=(datetime.now(UTC) - back).isoformat())
        elif what < 0.6:
            other = chance.choice(customers)
            if other != customer:
                body = {"id": f"m-{number}", "other": other}
                service.call("POST", f"/v1/customers/{customer}/merge", body)
        answer = service.decide(f"r-{number}", customer=customer)
        if what > 0.9:
            outcome = {"id": f"o-{number}", "decision": answer["id"], "action": "water", "outcome": "accept"}
            service.call("POST", "/v1/outcomes", outcome)
        between = service.decide(f"w-{number}", customer=customer)
        warm = facts(service, between)
        service.runtime.histories.forget_all()
        cold = facts(service, service.decide(f"x-{number}", customer=customer))
        assert {**warm, "shown_1d": warm["shown_1d"] + shown_in(between)} == cold


def test_a_zone_that_does_not_exist_ends_no_decision(tmp_path: Path) -> None:
    attributes = files()["attributes.yaml"] + "\ntime_zone: {type: text}\n"
    policies = "cap: {at_most: 100, per: action, within: {days: 2}}\n"
    with serving(tmp_path / "shop.db", of=with_features(attributes=attributes, contact_policies=policies)) as service:
        # A profile of before such a name was refused.
        wrong = SaveProfile(id="p", identifier="c-1", attributes={"time_zone": "Nope/Zone"}, replace=False)
        service.runtime.storage.write([wrong])
        happen(service, "e-1")
        answer = service.decide("r-1", customer="c-1")
        record = service.call("GET", f"/v1/decisions/{answer['id']}").json()["decision"]
        export = service.call("GET", "/v1/customers/c-1/export")

    assert (answer["degraded"], record["facts"]["feature.calls_7d"]) == (None, 1)
    assert record["doubts"] == ["customer.time_zone: unreadable"]
    assert export.status_code == 200


def test_memory_is_bounded_by_entries(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db", Settings(kernel="numpy", entries_max=40), with_features()) as service:
        for number in range(30):
            happen(service, f"e-{number}", f"c-{number % 10}")
            service.decide(f"r-{number}", customer=f"c-{number % 10}")
        histories = service.runtime.histories
        assert histories.entries <= 40
        assert 0 < histories.persons < 10
        found = facts(service, service.decide("last", customer="c-0"))
        assert found["calls_7d"] == 3


def test_what_just_happened_counts_in_its_own_decision_and_is_recorded_with_it(service: Service) -> None:
    happen(service, "e-1")
    service.decide("r-0", customer="c-1")
    events = [{"type": "call_ended", "attributes": {"minutes": 5}}, {"type": "call_ended", "id": "own"}]
    answer = service.decide("r-1", customer="c-1", events=events)

    assert facts(service, answer)["calls_7d"] == 3
    assert facts(service, answer)["minutes_ever"] == 7.0
    again = service.decide("r-1", customer="c-1", events=events)
    assert again == answer
    assert facts(service, service.decide("r-2", customer="c-1"))["calls_7d"] == 3
    entries = service.call("GET", "/v1/customers/c-1/history").json()["entries"]
    assert [one["id"] for one in entries if one["kind"] == "event"][:1] == ["own"]


def test_events_of_a_request_are_judged_with_all_that_is_wrong(service: Service) -> None:
    events = [{"type": "call_ende"}, {"type": "call_ended", "attributes": {"minutes": "x"}}]
    body = {"id": "r", "channel": "tilt", "placements": [{"name": "receipt"}], "events": events}

    problems = service.call("POST", "/v1/decisions", body).json()["problems"]

    assert [problem["where"] for problem in problems] == ["channel", "events[0].type", "events[1].event.minutes"]


def test_a_project_without_features_reads_no_history(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db") as service:
        happen(service, "e-1")
        service.decide("r-1", customer="c-1")
        assert service.runtime.histories.reads == 0
        request = DecisionRequest(id="r", channel="till", placements=(PlacementRequest(name="receipt"),), session="s")
        assert not service.runtime.gatherer.is_needed(service.runtime.live.current, request)


def live_together(service: Service, *customers: str) -> None:
    for customer in customers:
        join = JoinUnit(id=f"j-{customer}", identifier=customer, level="household", unit="h-1")
        service.runner.run(service.runtime.writer.write(join))


def test_what_others_of_a_household_did_counts_at_once(tmp_path: Path) -> None:
    more = {
        "features": "calls: {count: call_ended, per: household}\n",
        "levels": "household: {attributes: {size: {type: integer}}}\n",
    }
    with serving(tmp_path / "shop.db", of=strategy_from_files(files(**more))[0]) as service:
        live_together(service, "a", "b")
        home = SaveProfile(id="h", identifier="h-1", identifier_kind="household", attributes={"size": 2}, replace=False)
        service.runner.run(service.runtime.writer.write(home))
        for number in range(5):
            happen(service, f"e-{number}", "a" if number % 2 else "b")
            answer = service.decide(f"r-{number}", customer="a")
            assert facts(service, answer)["calls"] == number + 1
        record = service.call("GET", f"/v1/decisions/{answer['id']}").json()["decision"]["facts"]
        assert record["household.size"] == 2


def test_what_happened_is_recorded_though_the_answer_was_the_fallback(service: Service) -> None:
    body = decision("r-1", customer="c-1", events=[{"type": "call_ended", "attributes": {"minutes": 1}}])
    service.call("POST", "/v1/decisions", body, opportune_deadline_ms="1").raise_for_status()
    service.until(lambda: service.runtime.storage.journal(kinds=(Kind.EVENT,)))

    assert facts(service, service.decide("r-2", customer="c-1"))["calls_7d"] == 1


def test_an_event_that_is_sent_twice_counts_once(service: Service) -> None:
    happen(service, "e-1")
    one = {"type": "call_ended", "attributes": {"minutes": 1}}
    again = service.decide("r-1", customer="c-1", events=[{"id": "e-1", **one}])
    twice = service.decide("r-2", customer="c-1", events=[{"id": "e-2", **one}, one, {"id": "e-2", **one}])

    assert facts(service, again)["calls_7d"] == 1
    assert facts(service, twice)["calls_7d"] == 3
    assert facts(service, service.decide("r-3", customer="c-1"))["calls_7d"] == 3


def test_an_event_that_is_dated_ahead_counts_when_it_is_told(service: Service) -> None:
    ahead = {"type": "call_ended", "occurred_at": "2100-01-01T00:00:00Z"}
    answer = service.decide("r-1", customer="c-1", events=[ahead])

    assert facts(service, answer)["calls_7d"] == 1
    assert facts(service, service.decide("r-2", customer="c-1"))["calls_7d"] == 1


def test_what_an_objector_did_counts_for_others_of_the_household_alone(tmp_path: Path) -> None:
    more = {
        "features": "calls: {count: call_ended, per: household}\n",
        "levels": "household: {attributes: {size: {type: integer}}}\n",
        "consents": "profiling: {basis: objection, profiling: true}\n",
    }
    with serving(tmp_path / "shop.db", of=strategy_from_files(files(**more))[0]) as service:
        live_together(service, "a", "b")
        service.call("PUT", "/v1/customers/a/consents", {"purpose": "profiling", "given": False})
        happen(service, "e-1", "a")

        assert facts(service, service.decide("r-1", customer="a")) == {}
        assert facts(service, service.decide("r-2", customer="b")) == {"calls": 1}
