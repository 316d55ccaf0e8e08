"""What a decision does, in small worlds without exploration."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opportune.decide import Draws, State, canonical, decide, explain, fallback
from opportune.decide.pipeline import _rounded, gathered_in
from opportune.decide.plan import ControlGroup, Exploration
from opportune.outcomes import new_model
from opportune.records import PlacementRequest, Stage
from tests.worlds import NOON, Item, World, model_of, request


def run(world, facts=None, **changes):
    plan = world.plan()
    state = State(model=model_of(plan), position=0, profile=facts or {})
    return plan, decide(plan, state, request(**changes), NOON, Draws("seed"))


def names(decision, placement=0):
    return [shown.action for shown in decision.placements[placement].actions]


def stage_of(plan, decision, action, placement=0):
    index = plan.index_of(action, "desk")
    return Stage(decision.traces[placement].stages[index])


def test_higher_value_comes_first():
    _, decision = run(World([Item("a", value=1), Item("b", value=3), Item("c", value=2)]))

    assert names(decision) == ["b", "c", "a"]


def test_tied_priorities_go_to_the_first_in_alphabet():
    _, decision = run(World([Item("b"), Item("a"), Item("c")]))

    assert names(decision) == ["a", "b", "c"]


def test_a_lever_multiplies_the_priority():
    _, decision = run(World([Item("a", lever=4), Item("b", value=3)]))

    assert names(decision) == ["a", "b"]


def test_value_when_shown_counts_without_any_answer():
    _, decision = run(World([Item("a", value=1), Item("b", value=0, shown_value=5)]))

    assert names(decision) == ["b", "a"]


@pytest.mark.parametrize("layer", ["eligibility", "applicability", "suitability"])
def test_a_false_rule_drops_at_its_layer(layer):
    plan, decision = run(World([Item("a", **{layer: ["customer.age >= 18"]}), Item("b")]), {"customer.age": 16})

    assert names(decision) == ["b"]
    assert stage_of(plan, decision, "a") is Stage[layer.upper()]


def test_an_unknown_value_keeps_the_action_out_and_says_which():
    plan, decision = run(World([Item("a", eligibility=["customer.age >= 18"]), Item("b")]))

    why = {c.action: c for c in explain(plan, decision).placements[0].candidates}

    assert names(decision) == ["b"]
    assert why["a"].rules[0].verdict == "unknown"
    assert "customer.age" in why["a"].reason


def test_a_switched_off_action_is_never_shown():
    plan, decision = run(World([Item("a", active=False), Item("b")]))

    assert names(decision) == ["b"]
    assert stage_of(plan, decision, "a") is Stage.INACTIVE


def test_validity_begins_and_ends():
    now = NOON.timestamp()
    items = [Item("begins", active_from=now), Item("ended", active_until=now), Item("later", active_from=now + 1)]
    plan, decision = run(World(items))

    assert names(decision) == ["begins"]
    assert stage_of(plan, decision, "ended") is Stage.NOT_VALID
    assert stage_of(plan, decision, "later") is Stage.NOT_VALID


def test_a_plan_notices_that_a_validity_date_passed():
    plan = World([Item("a", active_until=NOON.timestamp() + 10), Item("b")]).plan()
    state = State(model=model_of(plan), position=0)

    before = decide(plan, state, request("r-1"), NOON, Draws("seed"))
    after = decide(plan, state, request("r-2"), NOON + timedelta(seconds=10), Draws("seed"))

    assert names(before) == ["a", "b"]
    assert names(after) == ["b"]


def test_exclusive_actions_do_not_stand_together_in_any_placement():
    items = [Item("a", value=3, exclusive=frozenset({"x"})), Item("b", value=2, exclusive=frozenset({"x"})), Item("c")]
    world = World(items, sizes={"main": 1, "side": 2})
    plan, decision = run(world, placements=(PlacementRequest(name="main"), PlacementRequest(name="side")))

    assert names(decision, 0) == ["a"]
    assert names(decision, 1) == ["c"]
    assert stage_of(plan, decision, "b", 1) is Stage.EXCLUSIVE
    assert stage_of(plan, decision, "a", 1) is Stage.ALREADY_SHOWN


def test_no_action_stands_twice_by_another_treatment():
    plan, decision = run(World([Item("a", treatments=("card", "text")), Item("b", value=0.5)]))

    assert names(decision) == ["a", "b"]
    assert sorted(decision.traces[0].stages).count(Stage.ALREADY_SHOWN) == 1
    assert len(plan.candidates) == 3


def test_mandatory_actions_come_before_all_others():
    world = World([Item("a", value=9), Item("b", value=0.1, mandatory="context.topic == 'outage'")])

    _, calm = run(world, context={"topic": "invoice"})
    _, urgent = run(world, context={"topic": "outage"})

    assert names(calm) == ["a", "b"]
    assert names(urgent) == ["b", "a"]
    assert urgent.placements[0].actions[0].how == "mandatory"
    assert urgent.placements[0].actions[0].selection_probability == 1.0


def test_context_weights_add_up():
    item = Item("a", weights=[("context.topic == 'invoice'", 50), ("context.minutes > 3.0", 70)])
    world = World([item, Item("b", value=2)])

    _, one = run(world, context={"topic": "invoice", "minutes": 1.0})
    _, both = run(world, context={"topic": "invoice", "minutes": 5.0})

    assert names(one)[0] == "b"
    assert names(both)[0] == "a"


def test_a_wanted_size_is_obeyed():
    _, decision = run(World([Item(name) for name in "abcd"]), placements=(PlacementRequest(name="main", size=2),))

    assert len(names(decision)) == 2


def test_a_member_of_the_random_control_group_gets_any_eligible_action_alike():
    everybody = (ControlGroup("universal", 1.0, "random", "month"),)
    world = World([Item("a", value=100), Item("b"), Item("c")], control_groups=everybody)
    _, decision = run(world, session="s-1")

    first = decision.placements[0].actions[0]
    assert decision.control == "universal"
    assert first.how == "control"
    assert first.selection_probability == pytest.approx(1 / 3)


def test_a_member_of_the_propensity_control_group_is_decided_for_without_values_and_levers():
    everybody = (ControlGroup("universal", 1.0, "propensity", "month"),)
    world = World([Item("b", value=100, lever=50), Item("a")], control_groups=everybody)
    _, decision = run(world, session="s-1")

    assert names(decision) == ["a", "b"]


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_the_propensity_control_group_goes_by_the_first_positive_outcome_of_the_channel(kernel):
    everybody = (ControlGroup("universal", 1.0, "propensity", "month"),)
    plan = World([Item("a"), Item("b")], control_groups=everybody).plan()
    desk = plan.channels["desk"]
    main = replace(desk.placements["main"], relevant=1)
    plan = replace(
        plan,
        outcomes=("click", "accept"),
        values=np.ones((1, 2, 2)),
        channels={"desk": replace(desk, placements={"main": main})},
    )
    model = new_model(plan, kernel)
    for _ in range(50):
        model.learn({}, 0, 0, True)
        model.learn({}, 1, 1, True)

    decision = decide(plan, State(model=model, position=0), request(session="s-1"), NOON, Draws("s"))

    assert names(decision) == ["b", "a"]
    assert decision.placements[0].actions[0].priority == decision.placements[0].actions[0].propensity["accept"]


def test_the_same_request_gives_the_same_bytes():
    world = World([Item(name) for name in "abcdef"], exploration=Exploration("thompson", 0.3, 0.05))

    assert canonical(run(world)[1]) == canonical(run(world)[1])


def test_the_fallback_obeys_rules_that_can_be_checked():
    plan = World([Item("a"), Item("b", eligibility=["customer.age >= 18"]), Item("c")], fallback=("b", "c")).plan()

    answer = fallback(plan, request(), {"now": NOON, "zone": "UTC"}, NOON, "store-slow")

    assert names(answer) == ["c"]
    assert answer.degraded == "store-slow"


def test_every_candidate_is_explained():
    items = [Item("a", eligibility=["customer.age >= 18"]), Item("b", active=False), Item("c"), Item("d", value=5)]
    plan, decision = run(World(items, sizes={"main": 1}), {"customer.age": 16})

    why = {c.action: c for c in explain(plan, decision, model_of(plan)).placements[0].candidates}

    assert why["a"].stage == "eligibility"
    assert why["b"].reason == "switched off"
    assert (why["c"].stage, why["c"].rank) == ("outranked", 2)
    assert (why["d"].stage, why["d"].rank, why["d"].place) == ("shown", 1, 1)
    assert why["d"].parts["priority"] == pytest.approx(decision.placements[0].actions[0].priority, rel=1e-5)


def test_explained_scores_are_those_that_decided_though_explaining_asks_the_model_again():
    world = World([Item("a"), Item("b", value=1.1), Item("c", value=1.2)])
    plan = world.plan()
    model = model_of(plan)
    for age in range(20, 60):
        model.learn({"customer.age": age}, age % 3, 0, age > 40)
    state = State(model=model, position=0, profile={"customer.age": 45})
    decision = decide(plan, state, request(), NOON, Draws("seed"))

    why = {c.action: c for c in explain(plan, decision, model).placements[0].candidates}

    for shown in decision.placements[0].actions:
        parts = why[shown.action].parts
        assert parts["propensity.accept"] == pytest.approx(shown.propensity["accept"], abs=1e-6)
        assert parts["goal.profit"] * parts["lever"] * parts["context_weight"] == pytest.approx(
            shown.priority, rel=1e-5
        )


def test_a_fallback_over_two_placements_records_each_action_once():
    plan = World([Item("a"), Item("b")], sizes={"main": 1, "side": 2}, fallback=("a", "b")).plan()
    asked = request(placements=(PlacementRequest(name="main"), PlacementRequest(name="side")))

    answer = fallback(plan, asked, {"now": NOON, "zone": "UTC"}, NOON, "store-slow")

    assert [names(answer, 0), names(answer, 1)] == [["a"], ["b"]]
    assert stage_of(plan, answer, "a", 1) is Stage.ALREADY_SHOWN
    assert stage_of(plan, answer, "b", 1) is Stage.SHOWN


def test_nothing_that_stays_behind_a_mandatory_action_is_told_it_would_be_first():
    world = World([Item("a"), Item("b", value=2), Item("m", value=0.1, mandatory="context.minutes > 1.0")])
    plan = world.plan()
    model = model_of(plan)
    for n in range(40):
        model.learn({"context.topic": ("invoice", "outage")[n % 2]}, n % 2, 0, n % 4 < 2)
    asked = request(context={"topic": "invoice", "minutes": 5.0})
    decision = decide(plan, State(model=model, position=0), asked, NOON, Draws("seed"))

    why = {c.action: c for c in explain(plan, decision, model).placements[0].candidates}

    assert names(decision)[0] == "m"
    assert why["a"].change is None
    assert why["b"].change is None


def test_an_excluded_action_is_told_by_whom():
    items = [Item("a", value=3, exclusive=frozenset({"x"})), Item("b", exclusive=frozenset({"x", "y"}))]
    plan, decision = run(World(items))

    why = {c.action: c for c in explain(plan, decision).placements[0].candidates}

    assert why["b"].reason == "a stands in the answer, and both are in x"


def test_what_was_gathered_counts_in_rules_and_gives_way_to_what_the_request_says():
    plan = World([Item("a", eligibility=["context.topic == 'invoice'"])]).plan()
    state = State(model=model_of(plan), position=0, gathered={"context.topic": "invoice", "feature.calls": 3})

    said = decide(plan, state, request(context={"topic": "data"}), NOON, Draws("seed"))
    silent = decide(plan, state, request(), NOON, Draws("seed"))

    assert names(said) == []
    assert names(silent) == ["a"]
    assert gathered_in(said) == {"feature.calls": 3}
    assert gathered_in(silent) == state.gathered


@pytest.mark.parametrize("zone", ["Nope/Zone", "../../etc/passwd", "x" * 500, "Europe/Warsaw\x01", "localtime"])
def test_a_customer_whose_zone_is_none_lives_in_that_of_the_project(zone):
    plan, first = run(World([Item("a")]), {"customer.time_zone": zone})
    state = State(model=model_of(plan), position=0, profile={"customer.time_zone": zone}, doubts=first.doubts)

    assert first.facts["zone"] == plan.zone
    assert first.doubts == ("customer.time_zone: unreadable",)
    assert canonical(decide(plan, state, request(), NOON, Draws("seed"))) == canonical(first)
    assert run(World([Item("a")]), {"customer.time_zone": zone}, zone="Asia/Tokyo")[1].doubts == ()


def test_a_decision_follows_again_from_what_it_says_of_its_inputs():
    plan = World([Item("a", eligibility=["customer.age >= 18"]), Item("b")]).plan()
    state = State(
        model=model_of(plan),
        position=0,
        profile={"customer.age": 20},
        gathered={"feature.calls": 3},
        doubts=("context.weather: late",),
    )
    first = decide(plan, state, request(), NOON, Draws("seed"))
    profile = {name: value for name, value in first.facts.items() if name.startswith("customer.")}
    again = State(model=model_of(plan), position=0, profile=profile, gathered=gathered_in(first), doubts=first.doubts)

    assert canonical(decide(plan, again, request(), NOON, Draws("seed"))) == canonical(first)


@given(
    st.floats(width=32, allow_nan=False, allow_infinity=False) | st.integers(-(10**7), 10**7).map(lambda n: n / 2**20)
)
def test_parts_are_rounded_as_python_rounds(part):
    assert repr(_rounded(part)) == repr(round(part, 6))
