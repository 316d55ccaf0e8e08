"""Ramp-up of new actions, least relevance, and how sure the model is: in answers, records and explanations."""

from dataclasses import replace

import numpy as np
import pytest

from opportune.decide import Draws, State, decide, explain
from opportune.decide.plan import ControlGroup, Exploration
from opportune.learning.maturity import interval
from opportune.records import Stage
from tests.worlds import NOON, Item, World, model_of, request

OLD_AND_NEW = [Item("new", value=9), Item("old"), Item("older", value=0.9)]


def changed(plan, **changes):
    """The plan with changed placements."""
    desk = plan.channels["desk"]
    placements = {name: replace(slot, **changes) for name, slot in desk.placements.items()}
    return replace(plan, channels={"desk": replace(desk, placements=placements)}, _worth={}, _standing={})


def ramping(plan, start=0.1, full_after=100.0, names=("new",)):
    """The plan with some actions in ramp-up."""
    held = [action.name in names for action in plan.actions]
    return replace(plan, ramp_up=np.array([np.where(held, start, 1.0), np.where(held, full_after, 0.0)]))


def taught(plan, answers, kernel="numpy"):
    """The plan's model after so many answers (accepts, all) to each action."""
    model = model_of(plan, kernel)
    for action, (accepts, count) in answers.items():
        for number in range(count):
            model.learn(
                {"customer.age": 20 + number % 50}, plan.index_of(action, "desk"), 0, number * accepts % count < accepts
            )
    return model


def run(plan, model, seed="seed", **changes):
    state = State(model=model, position=0, profile={"customer.age": 40})
    return decide(plan, state, request(**changes), NOON, Draws(seed))


def first_places(plan, model, count=600):
    """How often each action took the first place, and with which logged chance."""
    found, logged = dict.fromkeys((action.name for action in plan.actions), 0), {}
    for number in range(count):
        shown = run(plan, model, f"s-{number}").placements[0].actions[0]
        found[shown.action] += 1
        logged[shown.action] = shown.selection_probability
    return found, logged


def why_of(plan, decision, model):
    return {c.action: c for c in explain(plan, decision, model).placements[0].candidates}


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
@pytest.mark.parametrize("method", ["thompson", "igw", "none"])
def test_a_new_action_takes_no_more_than_its_share_and_says_so(kernel, method):
    pytest.importorskip(kernel)
    world = World(OLD_AND_NEW, exploration=Exploration(method, 0.2, 0.02), sizes={"main": 1})
    plan = ramping(world.plan())
    model = taught(plan, {"new": (10, 20)}, kernel)

    found, logged = first_places(plan, model)

    share = 0.1 + 0.9 * 20 / 100
    assert logged["new"] == pytest.approx(share)
    assert found["new"] / 600 == pytest.approx(share, abs=0.08)
    decision = run(plan, model)
    why = why_of(plan, decision, model)["new"]
    assert "in ramp-up, 20 of 100 answers: at most 28 % of the draws" in why.reason
    assert why.parts["largest_share"] == pytest.approx(share)
    assert why_of(plan, decision, None)["new"].parts["largest_share"] == pytest.approx(share)
    assert "in ramp-up until 100 answers: at most 28 %" in why_of(plan, decision, None)["new"].reason


def test_an_action_with_enough_answers_is_held_back_no_longer():
    plan = ramping(World(OLD_AND_NEW, sizes={"main": 1}).plan())
    model = taught(plan, {"new": (50, 100)})

    decision = run(plan, model)

    assert decision.placements[0].actions[0].action == "new"
    assert decision.placements[0].actions[0].selection_probability == 1.0
    assert "ramp-up" not in why_of(plan, decision, model)["new"].reason


def test_answers_to_all_treatments_of_an_action_count():
    plan = ramping(World([Item("new", treatments=("card", "text"), value=9), Item("old")], sizes={"main": 1}).plan())
    model = model_of(plan)
    for treatment in ("card", "text"):
        for number in range(50):
            model.learn({}, plan.index_of("new", "desk", treatment), 0, number % 2 == 0)

    assert run(plan, model).placements[0].actions[0].action == "new"


def test_a_mandatory_action_and_a_random_control_group_are_not_held_back():
    items = [Item("new", mandatory="context.topic == 'outage'"), Item("old")]
    plan = ramping(World(items, sizes={"main": 1}).plan(), start=0.001)
    everybody = (ControlGroup("universal", 1.0, "random", "month"),)
    control = replace(plan, control_groups=everybody)

    urgent = run(plan, model_of(plan), context={"topic": "outage"}).placements[0].actions[0]
    random = run(control, model_of(plan), session="s").placements[0].actions[0]

    assert (urgent.action, urgent.selection_probability) == ("new", 1.0)
    assert random.selection_probability == 0.5


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_what_is_below_the_least_relevance_is_not_shown_and_says_why(kernel):
    pytest.importorskip(kernel)
    plan = changed(World([Item("low", value=100), Item("high")]).plan(), minimum_relevance=0.2)
    model = taught(plan, {"low": (2, 100), "high": (40, 100)}, kernel)

    decision = run(plan, model)

    assert [shown.action for shown in decision.placements[0].actions] == ["high"]
    assert Stage(decision.traces[0].stages[plan.index_of("low", "desk")]) is Stage.IRRELEVANT
    why = why_of(plan, decision, model)["low"]
    assert why.stage == "irrelevant"
    assert why.reason.startswith("propensity of accept 0.0")
    assert why.reason.endswith("100 answers), below the 0.2 that placement main asks for")
    assert why.rank is None
    recorded = why_of(plan, decision, None)["low"]
    assert (recorded.stage, recorded.reason) == (
        "irrelevant",
        "propensity of accept below the 0.2 that placement main asks for",
    )


def test_the_smallest_change_that_would_make_it_relevant_is_named_and_true():
    plan = changed(World([Item("a"), Item("b")]).plan(), minimum_relevance=0.5)
    model = model_of(plan)
    for number in range(400):
        age = 20 + number % 60
        model.learn({"customer.age": age}, number % 2, 0, age > 50)
    decision = run(plan, model)

    why = why_of(plan, decision, model)["a"]

    assert decision.placements[0].actions == ()
    assert (why.change.effect, why.change.input) == ("let through", "customer.age")
    state = State(model=model, position=0, profile={"customer.age": why.change.after})
    again = decide(plan, state, request(), NOON, Draws("seed"))
    assert "a" in [shown.action for shown in again.placements[0].actions]
    less = State(model=model, position=0, profile={"customer.age": why.change.after - 3})
    assert "a" not in [shown.action for shown in decide(plan, less, request(), NOON, Draws("s")).placements[0].actions]


def test_mandatory_actions_and_new_ones_need_no_relevance():
    items = [Item("urgent", mandatory="true"), Item("new"), Item("old")]
    plan = changed(ramping(World(items).plan()), minimum_relevance=0.9)

    shown = {action.action for action in run(plan, model_of(plan)).placements[0].actions}

    assert shown == {"urgent", "new"}


def test_a_random_control_group_does_not_ask_for_relevance():
    everybody = (ControlGroup("universal", 1.0, "random", "month"),)
    plan = changed(World([Item("a"), Item("b")], control_groups=everybody).plan(), minimum_relevance=0.9)

    assert len(run(plan, model_of(plan), session="s").placements[0].actions) == 2


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_evidence_and_interval_stand_beside_every_propensity_also_from_the_record_alone(kernel):
    pytest.importorskip(kernel)
    plan = World([Item("a"), Item("b")], sizes={"main": 1}).plan()
    model = taught(plan, {"a": (10, 40), "b": (1, 4)}, kernel)
    decision = run(plan, model)

    for known in (model, None):
        why = why_of(plan, decision, known)
        assert (why["a"].evidence, why["b"].evidence) == ({"accept": 40.0}, {"accept": 4.0})
        for one in why.values():
            low, high = one.interval["accept"]
            assert low < one.parts["propensity.accept"] < high
        (low, high), (low_of_few, high_of_few) = why["a"].interval["accept"], why["b"].interval["accept"]
        assert high - low < high_of_few - low_of_few


def test_an_interval_holds_nine_in_ten_of_the_normal_of_the_log_odds():
    rng = np.random.default_rng(1)
    log_odds = rng.normal(-2.0, 0.7, 100_000)
    p = 1 / (1 + np.exp(-log_odds))

    low, high = interval(float(1 / (1 + np.exp(2.0))), 0.7)

    assert ((low <= p) & (p <= high)).mean() == pytest.approx(0.9, abs=0.005)
    assert interval(0.3, 0.0) == pytest.approx((0.3, 0.3))
