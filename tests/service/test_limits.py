"""Limits through the whole service: exact under concurrency, drawn again where lost, explained and replayed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opportune.service import Settings
from opportune.service.redeciding import prove_decisions
from opportune.service.revisions import Strategy, strategy_from_files
from opportune.service.windows import Sweeper
from opportune.storage import SqliteStorage, SwitchAction, open_storage, verify_storage

from .shop import Service, decision, files, serving

COFFEES = 5
POLICIES = """
two_coffees: {at_most: 2, within: {days: 7}, counts: shown, per: person, actions: [coffee]}
after_no: {after: {outcome: reject}, rest: {days: 90}, rests: group, groups: [drinks]}
"""
STOCKS = f"""
beans: {{units: {COFFEES}, lease: {{minutes: 10}}, confirmed_by: [accept], released_by: [reject]}}
"""
BEFORE_CLOCKS_CHANGE = datetime(2026, 10, 20, 10, tzinfo=UTC)
"""A week with an hour more begins in Warsaw."""


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 4, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def limited(policies: str = "", stocks: str = "") -> Strategy:
    texts = files()
    if policies:
        texts["contact_policies.yaml"] = policies
    if stocks:
        texts["stocks.yaml"] = stocks
        texts["actions/drinks/coffee.yaml"] += "uses: {beans: 1}\n"
    return strategy_from_files(texts)[0]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def capped(tmp_path: Path, clock: Clock) -> Iterator[Service]:
    with serving(tmp_path / "shop.db", Settings(kernel="numpy", clock=clock), limited(POLICIES)) as service:
        yield service


@pytest.fixture
def stocked(tmp_path: Path, clock: Clock) -> Iterator[Service]:
    with serving(tmp_path / "shop.db", Settings(kernel="numpy", clock=clock), limited(stocks=STOCKS)) as service:
        yield service


def know(service: Service, *customers: str) -> None:
    for customer in customers:
        service.call("PATCH", f"/v1/customers/{customer}", {"attributes": {"age": 40}})


def shown(answer: dict[str, Any]) -> list[str]:
    return [one["action"] for placement in answer["placements"] for one in placement["actions"]]


def ask_at_once(service: Service, count: int, customer: str = "", **fields: Any) -> list[dict[str, Any]]:
    """Ask so many times before the first answer is there."""

    async def ask() -> list[dict[str, Any]]:
        names = {f"{customer}-{number}": customer or f"c-{number}" for number in range(count)}
        bodies = [decision(id, customer=name, **fields) for id, name in names.items()]
        answers = await asyncio.gather(*(service.acall("POST", "/v1/decisions", body) for body in bodies))
        return [answer.json() for answer in answers]

    return service.runner.run(ask())


def test_whom_several_decisions_meet_first_is_made_once(capped: Service) -> None:
    ask_at_once(capped, 4, "c-new")

    entries = capped.call("GET", "/v1/customers/c-new/history").json()["entries"]
    assert Counter(entry["kind"] for entry in entries) == {"profile": 1, "decision": 4}
    assert capped.call("GET", "/v1/customers/c-new").json()["version"] == 1


def test_a_person_is_shown_no_more_than_the_policy_allows_however_many_ask_at_once(capped: Service) -> None:
    know(capped, "c-1")

    answers = ask_at_once(capped, 12, "c-1")

    counted = Counter(action for answer in answers for action in shown(answer))
    assert counted["coffee"] == 2
    assert sum(counted.values()) == 24
    assert all(len(shown(answer)) == 2 for answer in answers)


def test_a_customer_who_is_in_no_store_yet_is_counted_from_the_first_contact(capped: Service) -> None:
    for number in range(3):
        capped.decide(f"r-{number}", customer="new")
    capped.call("PATCH", "/v1/customers/new", {"attributes": {"age": 40}})

    counted = [shown(capped.decide(f"s-{number}", customer="new")).count("coffee") for number in range(5)]

    assert sum(counted) == 2


def test_one_answer_to_nobody_shows_no_more_than_a_window_allows_and_counts_for_nobody(tmp_path: Path) -> None:
    one = "one: {at_most: 1, within: {days: 7}, exempt: []}\nbreath: {apart: {hours: 4}, exempt: []}\n"

    with serving(tmp_path / "shop.db", of=limited(one)) as service:
        answers = [shown(service.decide(f"r-{number}")) for number in range(3)]

    assert [len(answer) for answer in answers] == [1, 1, 1]


@pytest.mark.parametrize("is_read_anew", [False, True])
@pytest.mark.parametrize(("begin", "longer"), [(datetime(2026, 5, 4, 10, tzinfo=UTC), 0), (BEFORE_CLOCKS_CHANGE, 1)])
def test_a_window_slides(tmp_path: Path, clock: Clock, begin: datetime, longer: int, is_read_anew: bool) -> None:
    # No other policy asks for a longer past.
    alone = limited(POLICIES.strip().splitlines()[0])
    end = timedelta(days=7, hours=longer)
    with serving(tmp_path / "shop.db", Settings(kernel="numpy", clock=clock), alone) as service:

        def has_coffee(id: str, after: timedelta) -> bool:
            clock.now = begin + after
            if is_read_anew:
                service.runtime.histories.forget_all()
            return "coffee" in shown(service.decide(id, customer="c-1"))

        know(service, "c-1")
        assert has_coffee("r-0", timedelta(0))
        assert has_coffee("r-1", timedelta(days=1))
        assert not has_coffee("r-2", end - timedelta(seconds=1))
        assert has_coffee("r-3", end + timedelta(seconds=1))


def test_a_refusal_rests_its_group_until_the_day_that_the_explanation_names(capped: Service, clock: Clock) -> None:
    know(capped, "c-1")
    answer = capped.decide("r-1", customer="c-1")
    report = {"id": "o-1", "decision": answer["id"], "action": "coffee", "outcome": "reject"}
    clock.now += timedelta(hours=1)
    capped.call("POST", "/v1/outcomes", {**report, "occurred_at": "2026-05-04T10:30:00Z"})

    after = capped.decide("r-2", customer="c-1")

    assert "coffee" not in shown(after)
    told = capped.call("GET", f"/v1/decisions/{after['id']}").json()["explanation"]
    reasons = {one["action"]: one["reason"] for one in told["placements"][0]["candidates"]}
    assert reasons["coffee"] == (
        "after_no: group drinks rested until 2 August 2026, 12:30 after reject 4 May 2026, 12:30"
    )


def test_one_person_with_two_identities_has_one_cap(capped: Service) -> None:
    know(capped, "c-1", "c-2")
    assert "coffee" in shown(capped.decide("r-1", customer="c-1"))
    assert "coffee" in shown(capped.decide("r-2", customer="c-2"))

    capped.call("POST", "/v1/customers/c-1/merge", {"id": "m-1", "other": "c-2"})

    assert "coffee" not in shown(capped.decide("r-3", customer="c-1"))
    assert "coffee" not in shown(capped.decide("r-4", customer="c-2"))


def test_who_became_one_person_or_are_two_again_need_no_second_draw(capped: Service) -> None:
    def coffees(round: str) -> list[tuple[bool, bool]]:
        answers = [capped.decide(f"{round}-{customer}", customer=customer) for customer in ("c-1", "c-2")]
        return [("coffee" in shown(answer), "redrawn" in answer) for answer in answers]

    know(capped, "c-1", "c-2")
    apart = coffees("apart")
    capped.call("POST", "/v1/customers/c-1/merge", {"id": "m-1", "other": "c-2"}).raise_for_status()
    together = coffees("together")
    (merge,) = capped.call("GET", "/v1/customers/c-1/merges").json()["merges"]
    capped.call("POST", "/v1/customers/c-1/split", {"id": "s-1", "merge": merge["entry"]}).raise_for_status()
    again = coffees("again")

    assert (apart, together, again) == ([(True, False)] * 2, [(False, False)] * 2, [(True, False)] * 2)


def test_exactly_what_is_there_is_given_out_when_all_ask_at_once(stocked: Service) -> None:
    know(stocked, *(f"c-{number}" for number in range(20)))

    answers = ask_at_once(stocked, 20)

    assert sum("coffee" in shown(answer) for answer in answers) == COFFEES
    assert all(len(shown(answer)) == 2 for answer in answers)
    (beans,) = stocked.runtime.storage.stocks([("beans", "")])
    assert (beans.taken, beans.confirmed) == (COFFEES, 0)


def test_an_outcome_confirms_or_releases_and_an_ended_lease_comes_back(stocked: Service, clock: Clock) -> None:
    know(stocked, *(f"c-{number}" for number in range(COFFEES)))
    answers = ask_at_once(stocked, COFFEES)
    for number, outcome in enumerate(("accept", "reject")):
        report = {"id": f"o-{number}", "decision": answers[number]["id"], "action": "coffee", "outcome": outcome}
        stocked.call("POST", "/v1/outcomes", report)
    runtime = stocked.runtime
    (beans,) = runtime.storage.stocks([("beans", "")])
    assert (beans.taken, beans.confirmed) == (COFFEES - 1, 1)

    clock.now += timedelta(minutes=11)
    stocked.runner.run(Sweeper(runtime.live, runtime.storage, runtime.writer, runtime.settings).sweep())

    (beans,) = runtime.storage.stocks([("beans", "")])
    assert (beans.taken, beans.confirmed) == (1, 1)
    look_again(stocked)
    know(stocked, *(f"d-{number}" for number in range(9)))
    again = [stocked.decide(f"again-{number}", customer=f"d-{number}") for number in range(9)]
    assert sum("coffee" in shown(answer) for answer in again) == COFFEES - 1


def look_again(service: Service) -> None:
    """Let the service see what is left of its stocks, as it does now and then."""
    runtime = service.runtime
    service.runner.run(runtime.standings.refresh(runtime.strategy.plan, runtime.settings.clock()))


def test_a_switch_holds_from_the_next_decision_on(stocked: Service) -> None:
    know(stocked, "c-1", "c-2")
    assert "coffee" in shown(stocked.decide("r-1", customer="c-1"))

    switch = SwitchAction(id="s-1", target="group:drinks", off=True, author="risk", reason="recall")
    stocked.runner.run(stocked.runtime.writer.write(switch))
    stocked.until(lambda: stocked.runtime.standings.switched_off(stocked.runtime.strategy.plan))

    assert shown(stocked.decide("r-2", customer="c-2")) == ["call_back"]


def test_decisions_with_limits_and_redraws_are_decided_again_to_the_same_bytes(
    tmp_path: Path, stocked: Service
) -> None:
    know(stocked, *(f"c-{number}" for number in range(20)))
    answers = ask_at_once(stocked, 20)
    assert any(answer.get("redrawn") for answer in answers)

    with open_storage(str(tmp_path / "shop.db"), read_only=True) as storage:
        counts, problems = prove_decisions(storage)
        assert not list(problems)
        assert counts.compared == 20
        assert verify_storage(storage) == []


def test_reading_before_writing_grants_too_much(tmp_path: Path) -> None:
    """The control: who looks and then takes, without the store's judgement, gives out more than there is."""
    storage = SqliteStorage(tmp_path / "naive.db")
    taken = 0

    async def naive() -> bool:
        nonlocal taken
        seen = taken
        await asyncio.sleep(0)
        if seen >= COFFEES:
            return False
        taken = seen + 1
        return True

    async def all_at_once() -> int:
        return sum(await asyncio.gather(*(naive() for _ in range(20))))

    assert asyncio.run(all_at_once()) > COFFEES
    storage.close()


def test_a_switch_over_http_holds_when_it_answers_and_is_taken_back(stocked: Service) -> None:
    know(stocked, "c-1")

    answer = stocked.call("POST", "/v1/limits/switches", {"target": "coffee", "off": True, "reason": "recall"})

    assert answer.json()["target"] == "action:coffee"
    assert "coffee" not in shown(stocked.decide("r-1", customer="c-1"))
    stocked.call("POST", "/v1/limits/switches", {"target": "action:coffee", "off": False})
    assert "coffee" in shown(stocked.decide("r-2", customer="c-1"))


def test_what_was_switched_off_stays_off_under_a_new_name(tmp_path: Path, clock: Clock) -> None:
    texts = files()
    renamed = {path: text.replace("coffee", "espresso") for path, text in texts.items()}
    text = renamed.pop("actions/drinks/coffee.yaml")
    renamed["actions/drinks/espresso.yaml"] = f"{text}renamed_from: coffee\n"
    with serving(tmp_path / "shop.db", Settings(kernel="numpy", clock=clock)) as service:
        know(service, "c-1")
        assert "coffee" in shown(service.decide("r-1", customer="c-1"))
        service.call("POST", "/v1/limits/switches", {"target": "coffee", "off": True})

        published = service.call("POST", "/v1/revisions", {"files": renamed})
        off = shown(service.decide("r-2", customer="c-1"))
        service.call("POST", "/v1/limits/switches", {"target": "espresso", "off": False})
        on = shown(service.decide("r-3", customer="c-1"))

    assert published.status_code == 200
    assert ("espresso" in off, "espresso" in on) == (False, True)


@pytest.mark.parametrize("target", ["tea", "group:coffee", "coffee:drinks", ""])
def test_a_switch_of_nothing_is_refused(stocked: Service, target: str) -> None:
    answer = stocked.call("POST", "/v1/limits/switches", {"target": target, "off": True})

    assert answer.status_code == 422
    assert answer.json()["code"] == "unknown-action"


def test_the_report_says_what_is_reserved_left_and_when_it_ends(stocked: Service, clock: Clock) -> None:
    know(stocked, "c-1", "c-2", "c-3")
    for number in range(3):
        answer = stocked.decide(f"r-{number}", customer=f"c-{number + 1}")
        clock.now += timedelta(minutes=2)
    report = {"id": "o-1", "decision": answer["id"], "action": "coffee", "outcome": "accept"}
    stocked.call("POST", "/v1/outcomes", report)

    (beans,) = stocked.call("GET", "/v1/limits").json()["stocks"]

    assert (beans["units"], beans["reserved"], beans["confirmed"], beans["left"]) == (COFFEES, 2, 1, 2)
    # Three within the shortest span of an hour; two are left.
    assert beans["per_day"] == pytest.approx(3 * 24)
    assert beans["runs_out_at"] == "2026-05-04T10:46:00Z"


def test_an_outcome_that_changes_no_hold_costs_no_second_draw(tmp_path: Path, clock: Clock) -> None:
    policies = (
        "two_rests: {after: {outcome: reject, times: 2, within: {days: 7}}, rest: {days: 90}, actions: [coffee]}\n"
    )
    with serving(tmp_path / "shop.db", Settings(kernel="numpy", clock=clock), limited(policies)) as service:
        know(service, "c-1")
        answers = []
        for number in range(3):
            clock.now += timedelta(hours=1)
            answers.append(service.decide(f"r-{number}", customer="c-1"))
            report = {"id": f"o-{number}", "decision": answers[-1]["id"], "action": "coffee", "outcome": "reject"}
            assert service.call("POST", "/v1/outcomes", report).status_code < 300

    assert ["coffee" in shown(answer) for answer in answers] == [True, True, False]
    assert not any(answer.get("redrawn") for answer in answers)


def test_an_acceptance_after_its_lease_is_measured_by_the_whole_period(tmp_path: Path, clock: Clock) -> None:
    """What pacing holds back now is still there for somebody who was offered it."""
    paced = "beans: {units: 4, per: day, pacing: even, lease: {minutes: 10}}\n"
    with serving(tmp_path / "paced.db", Settings(kernel="numpy", clock=clock), limited(stocks=paced)) as service:
        know(service, *(f"c-{number}" for number in range(6)))
        answers = [service.decide(f"r-{number}", customer=f"c-{number}") for number in range(2)]
        offered = [answer["id"] for answer in answers if "coffee" in shown(answer)]
        runtime = service.runtime
        clock.now += timedelta(minutes=11)
        service.runner.run(Sweeper(runtime.live, runtime.storage, runtime.writer, runtime.settings).sweep())
        look_again(service)
        others = [service.decide(f"s-{number}", customer=f"c-{number}") for number in range(2, 6)]
        taken = sum("coffee" in shown(answer) for answer in others)

        for number, id in enumerate(offered):
            report = {"id": f"o-{number}", "decision": id, "action": "coffee", "outcome": "accept"}
            service.call("POST", "/v1/outcomes", report)
        (beans,) = runtime.storage.stocks([("beans", "2026-05-04")])

    assert offered
    assert beans.taken == min(4, taken + len(offered)) > taken
    assert beans.unmet == max(0, taken + len(offered) - 4)
