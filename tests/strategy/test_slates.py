"""Rules of slates from the files of a strategy to the answer and its explanation."""

from datetime import UTC, datetime

import pytest

from opportune.decide import Draws, State, decide
from opportune.decide.explain import explain
from opportune.outcomes import new_model
from opportune.records import DecisionRequest, PlacementRequest
from opportune.strategy import check_files, compile_plan
from tests.strategy.test_broken import edited

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
PROFILE = {
    "customer.age": 40,
    "customer.plan": "basic",
    "customer.monthly_bill": 80.0,
    "customer.data_used_percent": 95.0,
    "customer.customer_since": datetime(2020, 1, 1, tzinfo=UTC),
    "customer.products": ["roaming"],
}
BEST_ONLY = [{"find": "method: thompson\n  floor: 0.02", "put": "method: none\n  floor: 0"}]


def answered(slates, bill=80.0):
    """Give the actions on the agent's screen, and what is said of all."""
    plan = compile_plan(check_files(edited({"slates.yaml": slates, "project.yaml": BEST_ONLY})))
    model = new_model(plan, "numpy")
    asked = DecisionRequest(
        id="r", channel="call_centre", placements=(PlacementRequest(name="agent"),), context={"topic": "invoice"}
    )
    state = State(model=model, position=0, profile={**PROFILE, "customer.monthly_bill": bill})
    decision = decide(plan, state, asked, NOON, Draws("s"))
    (placement,) = explain(plan, decision, model).placements
    said = {one.action: (one.stage, one.reason) for one in placement.candidates}
    return [one.action for one in decision.placements[0].actions], said


def test_without_rules_the_best_stand_there():
    actions, _ = answered("")

    assert {"plus_plan", "family_sim", "explain_invoice"} == set(actions)


def test_a_quota_leaves_room_for_others():
    rule = "one_plan: { at_most: 1, of: { groups: [plans] }, because: One at a time }\n"
    actions, said = answered(rule)

    assert [action for action in actions if action in ("plus_plan", "family_sim", "travel_pack")] == ["plus_plan"]
    assert said["family_sim"] == ("linked", "One at a time (quota one_plan: 1 of 1 of group plans)")


@pytest.mark.parametrize(("bill", "is_asked"), [(80.0, False), (150.0, True)])
def test_a_minimum_holds_where_its_rule_is_true(bill, is_asked):
    rules = (
        "no_service: { at_most: 1, of: { actions: [plus_plan, explain_invoice] } }\n"
        "served: { at_least: 1, of: { actions: [explain_invoice] }, when: customer.monthly_bill > 100.0 }\n"
    )
    actions, _ = answered(rules, bill)

    assert ("explain_invoice" in actions) is is_asked
    assert ("plus_plan" in actions) is not is_asked


def test_what_stays_apart_and_bundles():
    actions, _ = answered('apart: { not_together: [plus_plan, "group:care"] }\n')
    assert "plus_plan" in actions
    assert "explain_invoice" not in actions

    actions, _ = answered("pair: { only_together: [plus_plan, explain_invoice] }\n")
    assert ("plus_plan" in actions) == ("explain_invoice" in actions)
