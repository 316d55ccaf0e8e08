"""Explanations name changes that would come true, and the inputs of the propensity that people see."""

from dataclasses import replace

import numpy as np
import pytest

from opportune.decide import Draws, State, decide, explain
from opportune.decide.limits.limits import Limits, Minors, Scope
from opportune.decide.limits.windows import Length
from opportune.decide.plan import ControlGroup, Fatigue
from opportune.records import Hold, Sign, Stage, Tired
from tests.worlds import NOON, Item, World, model_of, request

GROWN_UP = [Item("wine", eligibility=["customer.age >= 18"]), Item("water")]


def placed(plan, **changes):
    """The plan with a changed placement."""
    desk = plan.channels["desk"]
    slot = replace(desk.placements["main"], **changes)
    return replace(plan, channels={"desk": replace(desk, placements={"main": slot})})


def decided(plan, model, profile, holds=()):
    return decide(plan, State(model=model, position=0, profile=profile, holds=holds), request(), NOON, Draws("s"))


def change_of(plan, decision, action, model=None):
    explained = explain(plan, decision, model)
    return next(one.change for one in explained.placements[0].candidates if one.action == action)


def taught_by_age(plan):
    """A model that has seen only people above 50 accept."""
    model = model_of(plan)
    for number in range(400):
        age = 20 + number % 60
        model.learn({"customer.age": age}, number % 2, 0, age > 50)
    return model


def test_no_change_lets_through_what_a_limit_holds_as_well():
    plan = World(GROWN_UP).plan()
    own = {name: (slice(n, n + 1), "things", "offer") for n, name in enumerate(["water", "wine"])}
    limits = Limits(actions=own, size=2)
    plan, model = replace(plan, limits=limits), model_of(plan)
    off = Hold("", "switch", "action:wine", 0, 0, 0)

    free = decided(plan, model, {"customer.age": 17})
    held = decided(plan, model, {"customer.age": 17}, (off,))

    assert change_of(plan, free, "wine", model).after == 18
    assert change_of(plan, held, "wine", model) is None


def test_no_change_lets_through_what_would_be_irrelevant_then():
    plan = placed(World(GROWN_UP).plan(), minimum_relevance=0.5)
    model = taught_by_age(plan)

    decision = decided(plan, model, {"customer.age": 17})

    assert change_of(plan, decision, "wine", model) is None
    again = decided(plan, model, {"customer.age": 18})
    assert again.traces[0].stages[plan.index_of("wine", "desk")] == Stage.IRRELEVANT


def test_a_change_that_reaches_the_least_relevance_is_named_while_the_model_is_known():
    items = [Item("wine", eligibility=["customer.age >= 60"]), Item("water")]
    plan = placed(World(items).plan(), minimum_relevance=0.5)
    model = taught_by_age(plan)

    decision = decided(plan, model, {"customer.age": 17})

    assert change_of(plan, decision, "wine", model).after == 60
    assert change_of(plan, decision, "wine") is None


@pytest.mark.parametrize(("below", "after"), [(0, 12), (18, None)])
def test_no_change_makes_somebody_a_minor(below, after):
    plan = World([Item("toy", eligibility=["customer.age <= 12"]), Item("water")]).plan()
    plan = replace(plan, limits=Limits(minors=Minors("customer.age", below, False), size=2))
    model = model_of(plan)

    change = change_of(plan, decided(plan, model, {"customer.age": 30}), "toy", model)

    assert (change and change.after) == after


@pytest.mark.parametrize(
    ("rule", "known", "change"),
    [
        ("customer.age - 5 > 100", {"customer.age": 40}, ("customer.age", 106)),
        ("customer.age - 5 > 115", {"customer.age": 40}, None),
        ("customer.age > context.minutes", {"customer.age": 119, "context.minutes": 130.0}, ("context.minutes", 118.0)),
    ],
)
def test_a_change_stays_within_the_declared_range(rule, known, change):
    plan = World([Item("a", eligibility=[rule])]).plan()
    model = model_of(plan)

    found = change_of(plan, decided(plan, model, known), "a", model)

    assert (found and (found.input, found.after)) == change


@pytest.mark.parametrize(
    ("rules", "age", "after"),
    [
        ({"eligibility": ["customer.age != 30"], "applicability": ["customer.age <= 30"]}, 30, 29),
        ({"eligibility": ["customer.age >= 40"], "suitability": ["customer.age >= 50"]}, 30, 50),
        ({"eligibility": ["customer.age != 0"]}, 0, 1),
        ({"eligibility": ["customer.age != 120"]}, 120, 119),
        ({"eligibility": ["customer.age < 0 || customer.age > 110"]}, 5, 111),
    ],
)
def test_a_change_meets_all_layers_within_the_declared_range(rules, age, after):
    plan = World([Item("a", **rules), Item("b")]).plan()

    assert change_of(plan, decided(plan, model_of(plan), {"customer.age": age}), "a").after == after


def test_a_declared_value_lets_through_where_a_rule_is_against_other():
    plan = World([Item("a", eligibility=["context.topic != 'other'"])]).plan()
    state = State(model=model_of(plan), position=0)
    decision = decide(plan, state, request(context={"topic": "other"}), NOON, Draws("s"))

    assert change_of(plan, decision, "a").after == "invoice"


def test_no_change_that_makes_somebody_a_minor_puts_first():
    plan = World([Item("a", value=2), Item("b", weights=[("customer.age < 18", 900)])]).plan()
    model = model_of(plan)
    adults = replace(plan, limits=Limits(minors=Minors("customer.age", 18, False), size=2))

    assert change_of(plan, decided(plan, model, {"customer.age": 30}), "b", model).after < 18
    assert change_of(adults, decided(adults, model, {"customer.age": 30}), "b", model) is None


def test_contributions_are_those_to_the_first_positive_outcome_of_the_channel():
    plan = World([Item("a")]).plan()
    plan = replace(plan, outcomes=("click", "accept"), values=np.ones((1, 2, 1)))
    desk = plan.channels["desk"]
    outcomes = {"accept": Sign.POSITIVE}
    plan = placed(replace(plan, channels={"desk": replace(desk, outcomes=outcomes)}), relevant=1)
    model = model_of(plan)
    for number in range(400):
        age = 20 + number % 60
        model.learn({"customer.age": age}, 0, 0, age > 50)
        model.learn({"customer.age": age}, 0, 1, age <= 50)

    explained = explain(plan, decided(plan, model, {"customer.age": 70}), model)

    assert explained.placements[0].candidates[0].contributions["customer.age"] < 0


@pytest.mark.parametrize(("choose", "said"), [("no_levers", "50 % of the draws"), ("random", "")])
def test_ramp_up_is_told_only_where_it_holds_an_action_back(choose, said):
    world = World([Item("new"), Item("old")], control_groups=(ControlGroup("all", 1.0, choose, "forever"),))
    plan = replace(world.plan(), ramp_up=np.array([[0.5, 1.0], [100.0, 0.0]]))
    model = model_of(plan)
    decision = decide(plan, State(model=model, position=0, person="p-1"), request(), NOON, Draws("s"))

    reason = explain(plan, decision, model).placements[0].candidates[0].reason

    assert ("ramp-up" in reason, said in reason) == (bool(said), True)


@pytest.mark.parametrize(("choose", "said"), [("no_levers", True), ("propensity", False)])
def test_fatigue_is_told_only_where_it_costs(choose, said):
    plan = World([Item("a")], control_groups=(ControlGroup("all", 1.0, choose, "forever"),)).plan()
    scope = Scope(np.ones(1, dtype=bool), frozenset({"a"}), {"things": 1}, None, True)
    fatigue = Fatigue(0, scope, frozenset({"shown"}), Length(7), "person", 0.1)
    plan = replace(plan, fatigues=(fatigue,), limits=Limits(size=1))
    model = model_of(plan)
    state = State(model=model, position=0, person="p-1", tired=(Tired("profit", "", 3, 0),))

    shown = explain(plan, decide(plan, state, request(), NOON, Draws("s")), model).placements[0].candidates[0]

    assert bool(shown.fatigue) is said
    assert ("3 contacts" in shown.reason) is said
