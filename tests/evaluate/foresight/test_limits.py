"""Limits in plans and funnels: judged by what each person's history held at the moment of the contact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from opportune.decide import Standing, decide, seed_of
from opportune.decide.draws import Draws
from opportune.decide.pipeline import State
from opportune.evaluate.foresight import Case, Policy, conflicts, funnel_of, outlook
from opportune.evaluate.foresight.recorded import customers_of, recorded_cases, with_history, with_present
from opportune.outcomes import new_model
from opportune.records import Contact, DecisionRequest, Origin, PlacementRequest
from opportune.service.foreseeing import side_of, sides_of
from opportune.service.revisions import strategy_from_files
from opportune.storage import JoinUnit, SaveDecision, SaveProfile, SqliteStorage, SwitchAction
from tests.service.shop import files

BEGIN = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
ONCE = "once: {at_most: 1, within: {days: 7}, counts: shown, per: person}\n"
ONE_LIMIT = Policy("limited", "limit:once")
HOME = ", over: household"
LEVELS = "household: {attributes: {size: {type: integer}}}\n"


def strategy(**changed):
    return strategy_from_files(files(**changed))[0]


def request(number, customer="c-001"):
    return DecisionRequest(
        id=f"r-{number}", customer=customer, channel="app", placements=(PlacementRequest(name="card"),)
    )


@pytest.fixture
def storage(tmp_path):
    """One customer with three decisions, a day apart; another with one."""
    plain = strategy()
    model = new_model(plain.plan, "numpy")
    with SqliteStorage(tmp_path / "shop.db") as opened:
        for customer in ("c-001", "c-002"):
            opened.write([SaveProfile(id=f"p-{customer}", identifier=customer, attributes={"age": 30}, replace=True)])
        for number, customer in enumerate(("c-001", "c-001", "c-002", "c-001")):
            state = State(model=model, position=0, person=opened.person_of(customer), profile={"customer.age": 30})
            wanted, at = request(number, customer), BEGIN + timedelta(days=number)
            made = decide(plain.plan, state, wanted, at, Draws(seed_of(plain.plan, state, wanted)))
            opened.write([SaveDecision(decision=made, answer=b"{}", origin=Origin.ENGINE)])
        yield opened


def test_a_new_contact_policy_leaves_with_nothing_whoever_was_met_before(storage):
    before, after = strategy(), strategy(contact_policies=ONCE)
    cases = with_history(storage, recorded_cases(storage, 100), [before.plan, after.plan])

    seen = outlook(sides_of(before, after, None, None, "numpy"), cases)

    assert [len(case.standing.contacts) for case in cases] == [0, 1, 0, 2]
    assert [change.name for change in seen.changes] == [cases[1].name, cases[3].name]
    assert [want.policies for want in seen.wants] == [(ONE_LIMIT,)]
    assert next(one for one in seen.funnel_after.policies if one.policy == ONE_LIMIT).dropped > 0


@pytest.mark.parametrize("over", ["", HOME])
def test_who_is_known_by_a_cookie_alone_has_a_history_too(tmp_path, over):
    known = {"identifiers": "cookie: {trust: anonymous}\n", "levels": LEVELS}
    before = strategy(**known)
    after = strategy(**known, contact_policies=ONCE.replace("per: person", f"per: person{over}"))
    model = new_model(before.plan, "numpy")
    with SqliteStorage(tmp_path / "shop.db") as opened:
        opened.write([SaveProfile(id="p", identifier="k-1", identifier_kind="cookie", attributes={}, replace=True)])
        opened.write([JoinUnit(id="j", identifier="k-1", identifier_kind="cookie", level="household", unit="h-1")])
        for number in range(2):
            wanted = replace(request(number, None), identifiers={"cookie": "k-1"})
            state = State(model=model, position=0, person=opened.person_of("k-1", "cookie"))
            draws = Draws(seed_of(before.plan, state, wanted))
            made = decide(before.plan, state, wanted, BEGIN + timedelta(days=number), draws)
            opened.write(
                [
                    SaveDecision(
                        decision=made, answer=b"{}", origin=Origin.ENGINE, identifier="k-1", identifier_kind="cookie"
                    )
                ]
            )
        cases = with_history(opened, recorded_cases(opened, 100), [before.plan, after.plan])

    seen = outlook(sides_of(before, after, None, None, "numpy"), cases)

    assert [len(case.standing.contacts) for case in cases] == [0, 1]
    assert [change.name for change in seen.changes] == [cases[1].name]


def test_what_came_later_does_not_count(storage):
    (case,) = with_history(storage, recorded_cases(storage, 100), [strategy(contact_policies=ONCE).plan])[:1]

    assert case.standing.contacts == []


def test_customers_are_judged_by_what_is_switched_off_now(storage):
    storage.write([SwitchAction(id="s-1", target="action:water", off=True, author="c-001", reason="wrong price")])
    case = Case("c-001", "c-001", request(9), {"age": 10}, BEGIN, "s")
    (present,) = with_present(storage, [case])

    funnel = funnel_of(side_of(strategy(), None, None, "numpy"), [present])

    assert {name: dict(found) for name, found in customers_of(storage, 10).items()} == {
        "c-001": {"age": 30},
        "c-002": {"age": 30},
    }
    assert (Policy("limited", "switch:action:water"),) in [want.policies for want in funnel.wants]


def test_a_stock_is_seen_as_the_recorded_decision_saw_it():
    stocks = "sips: {units: 3}\n"
    water = files()["actions/drinks/water.yaml"] + "uses: {sips: 1}\n"
    channels = files()["channels.yaml"].replace("[water]", "[]")
    scarce = strategy(stocks=stocks, actions__drinks__water=water, channels=channels)
    empty = Case("c-001", "c-001", request(9), {"age": 10}, BEGIN, "s", Standing(stocks={("sips", ""): 3}))
    full = Case("c-002", "c-002", request(9), {"age": 10}, BEGIN, "s", Standing(stocks={("sips", ""): 1}))

    funnel = funnel_of(side_of(scarce, None, None, "numpy"), [empty, full])

    assert funnel.empty == 1
    assert ((Policy("limited", "limit:sips"),), ("c-001",)) in [(want.policies, want.names) for want in funnel.wants]


@pytest.mark.parametrize(
    ("more", "is_unreachable"),
    [
        ("{at_most: 2, within: {days: 7}, counts: shown, per: person}", True),
        ("{at_most: 2, within: {days: 3}, counts: shown, per: group}", True),
        ("{at_most: 2, within: {hours: 5}, counts: shown, per: action}", True),
        ("{at_most: 2, within: {days: 8}, counts: shown, per: person}", False),
        ("{at_most: 1, within: {days: 7}, counts: shown, per: person}", False),
        ("{at_most: 2, within: {days: 7}, counts: reject, per: person}", False),
    ],
)
def test_a_limit_behind_a_stricter_one_can_never_be_reached(more, is_unreachable):
    side = side_of(strategy(contact_policies=f"{ONCE}more: {more}\n"), None, None, "numpy")

    found = [one for one in conflicts(side, funnel_of(side, [])) if one.code == "limit-unreachable"]

    assert [one.subject for one in found] == (["limit:more"] if is_unreachable else [])


@pytest.mark.parametrize(
    ("stricter", "wider", "is_unreachable"), [("", HOME, False), (HOME, "", True), (HOME, HOME, True)]
)
def test_a_stricter_limit_of_one_person_leaves_that_of_the_household_to_be_reached(stricter, wider, is_unreachable):
    policies = (
        f"one: {{at_most: 1, within: {{days: 7}}, counts: shown, per: person{stricter}}}\n"
        f"more: {{at_most: 2, within: {{days: 7}}, counts: shown, per: person{wider}}}\n"
    )
    side = side_of(strategy(levels=LEVELS, contact_policies=policies), None, None, "numpy")

    found = [one for one in conflicts(side, funnel_of(side, [])) if one.code == "limit-unreachable"]

    assert [one.subject for one in found] == (["limit:more"] if is_unreachable else [])


def test_a_limit_that_held_nobody_is_named_where_histories_are_known():
    side = side_of(strategy(contact_policies=ONCE), None, None, "numpy")
    contact = Contact(
        at=0, what="shown", action="water", treatment="card", channel="app", placement="card", decision="d"
    )
    known = Case("c-001", "c-001", request(9), {"age": 30}, BEGIN, "s", Standing(contacts=[contact]))
    unknown = Case("c-001", "c-001", request(9), {"age": 30}, BEGIN, "s")

    for case, expected in ((known, {"limit:once"}), (unknown, set())):
        found = funnel_of(side, [case]).conflicts
        assert {one.subject for one in found if one.code == "limit-idle"} == expected
