"""Limits over a household in plans, funnels and goals: judged by the contacts of all members, as decisions do."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from opportune.decide import decide, seed_of
from opportune.decide.draws import Draws
from opportune.decide.pipeline import State
from opportune.evaluate.foresight import Case, Policy, funnel_of, outlook
from opportune.evaluate.foresight.recorded import recorded_cases, with_history
from opportune.evaluate.goals import decided_rows
from opportune.outcomes import new_model
from opportune.records import DecisionRequest, Origin, PlacementRequest
from opportune.service.foreseeing import side_of, sides_of
from opportune.service.revisions import Strategy, strategy_from_files
from opportune.storage import JoinUnit, SaveDecision, SaveProfile, SqliteStorage, Storage
from tests.service.shop import files

BEGIN = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
LEVELS = "household: {attributes: {size: {type: integer}}}\n"
CAPPED = Policy("limited", "limit:shared")
DAYS = 5
HOMES = {"c-0": "h-1", "c-1": "h-1", "c-2": "h-1", "c-3": "h-2", "c-4": "h-2", "c-5": None, "c-6": None}
"""Customer → household, after all moves."""


def capped(most: int, over: str = "over: household, ") -> Strategy:
    policy = f"shared: {{at_most: {most}, within: {{days: {DAYS}}}, counts: shown, per: person, {over}exempt: []}}\n"
    return strategy_from_files(files(levels=LEVELS, contact_policies=policy))[0]


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """Seven customers, two households and 60 decisions; one moved from a household to the other."""
    plain = strategy_from_files(files(levels=LEVELS))[0]
    model, numbers = new_model(plain.plan, "numpy"), random.Random(11)
    with SqliteStorage(tmp_path_factory.mktemp("homes") / "shop.db") as opened:
        for customer in HOMES:
            opened.write([SaveProfile(id=f"p-{customer}", identifier=customer, attributes={"age": 30}, replace=True)])
        opened.write([JoinUnit(id="j-first", identifier="c-3", level="household", unit="h-1")])
        for number in range(60):
            customer, at = numbers.choice([*HOMES]), BEGIN + timedelta(hours=7 * number)
            request = DecisionRequest(
                id=f"r-{number}", customer=customer, channel="app", placements=(PlacementRequest(name="card"),)
            )
            state = State(model=model, position=0, person=opened.person_of(customer), profile={"customer.age": 30})
            made = decide(plain.plan, state, request, at, Draws(seed_of(plain.plan, state, request)))
            opened.write([SaveDecision(decision=made, answer=b"{}", origin=Origin.ENGINE)])
        for customer, home in HOMES.items():
            opened.write([JoinUnit(id=f"j-{customer}", identifier=customer, level="household", unit=home)])
        yield opened


def met_before(storage: Storage, case: Case) -> int:
    """Count by hand, from all decisions, how often the household was contacted within the window of a contact."""
    customer = case.request.customer
    home = HOMES[customer or ""]
    members = {one for one, lives in HOMES.items() if lives == home} if home else {customer}
    return sum(
        one.request.customer in members and case.at - timedelta(days=DAYS) < one.at <= case.at and one.name != case.name
        for one in recorded_cases(storage, 1_000)
    )


@pytest.mark.parametrize("most", [1, 2, 4])
def test_a_cap_of_a_household_holds_back_whom_a_count_by_hand_says(storage: Storage, most: int) -> None:
    strategy = capped(most)
    cases = with_history(storage, recorded_cases(storage, 1_000), [strategy.plan])
    side = side_of(strategy, None, None, "numpy")

    held = {case.name for case in cases if (made := side.decide(case)) and any(not one.left for one in made.holds)}

    assert held == {case.name for case in cases if met_before(storage, case) >= most}
    assert 0 < len(held) < len(cases)


def test_own_contacts_alone_would_hold_back_fewer(storage: Storage) -> None:
    strategy = capped(2)
    cases = with_history(storage, recorded_cases(storage, 1_000), [strategy.plan])
    alone = [replace(case, standing=replace(case.standing, units={})) for case in cases]
    side = side_of(strategy, None, None, "numpy")

    fallen = [
        next(one.dropped for one in funnel_of(side, side_cases).policies if one.policy == CAPPED)
        for side_cases in (cases, alone)
    ]

    assert fallen[0] > fallen[1] > 0


def test_plan_and_goals_count_by_the_household_too(storage: Storage) -> None:
    before, after = capped(2, over=""), capped(2)
    cases = with_history(storage, recorded_cases(storage, 1_000), [before.plan, after.plan])
    own = {
        case.name
        for case in cases
        if sum(c.at > (case.at - timedelta(days=DAYS)).timestamp() * 1e6 for c in case.standing.contacts) >= 2
    }

    seen = outlook(sides_of(before, after, None, None, "numpy"), cases)
    rows = decided_rows(side_of(before, None, None, "numpy"), cases, [before.plan, after.plan], 0, lambda *_: None)

    expected = {case.name for case in cases if met_before(storage, case) >= 2} - own
    assert {change.name for change in seen.changes} == expected
    assert rows.differing == (0, len(expected))


def test_whoever_belongs_to_no_household_counts_alone(storage: Storage) -> None:
    cases = with_history(storage, recorded_cases(storage, 1_000), [capped(2).plan])

    assert {HOMES[case.request.customer or ""] for case in cases if not case.standing.units} == {None}


def test_households_are_not_read_where_no_limit_asks(storage: Storage) -> None:
    cases = with_history(storage, recorded_cases(storage, 1_000), [capped(2, over="").plan])

    assert not any(case.standing.units for case in cases)
