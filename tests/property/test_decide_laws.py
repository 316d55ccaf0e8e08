"""Laws of deciding, over generated worlds."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opportune.decide import Draws, State, canonical, decide, explain
from opportune.decide.plan import Exploration
from opportune.records import PlacementRequest, Stage
from tests.worlds import NOON, Item, World, model_of, request

RULES = ["customer.age >= 18", "customer.age < 65", "customer.city == 'Oslo'", "context.topic != 'outage'"]
EXPLORATIONS = [Exploration("none", 0, 0), Exploration("thompson", 0.3, 0.05), Exploration("thompson", 1.0, 0.0)]

rules = st.lists(st.sampled_from(RULES), max_size=2)
facts = st.fixed_dictionaries(
    {}, optional={"customer.age": st.integers(0, 99), "customer.city": st.sampled_from(["Oslo", "Rome"])}
)
contexts = st.fixed_dictionaries({}, optional={"topic": st.sampled_from(["outage", "invoice"])})


@st.composite
def worlds(draw):
    count = draw(st.integers(1, 8))
    items = [
        Item(
            f"a{n}",
            group=draw(st.sampled_from(["g1", "g2"])),
            value=draw(st.floats(-5, 50, width=32)),
            lever=draw(st.sampled_from([0.5, 1.0, 2.0])),
            eligibility=draw(rules),
            suitability=draw(rules),
            exclusive=frozenset(draw(st.sets(st.sampled_from(["x", "y"]), max_size=1))),
            treatments=draw(st.sampled_from([("card",), ("card", "text")])),
        )
        for n in range(count)
    ]
    return World(items, exploration=draw(st.sampled_from(EXPLORATIONS)), sizes={"main": 3, "side": 2})


def run(world, known, context, id_="r-1"):
    plan = world.plan()
    both = (PlacementRequest(name="main"), PlacementRequest(name="side"))
    asked = request(id_, placements=both, context=context)
    return plan, decide(plan, State(model=model_of(plan), position=0, profile=known), asked, NOON, Draws(id_))


def shown(decision):
    return [action.action for placement in decision.placements for action in placement.actions]


@settings(max_examples=150, deadline=None)
@given(worlds(), facts, contexts)
def test_same_request_and_seed_same_decision(world, known, context):
    assert canonical(run(world, known, context)[1]) == canonical(run(world, known, context)[1])


@settings(max_examples=150, deadline=None)
@given(worlds(), facts, contexts, st.randoms())
def test_order_of_files_does_not_matter(world, known, context, random):
    shuffled = list(world.items)
    random.shuffle(shuffled)

    _, one = run(world, known, context)
    _, other = run(replace(world, items=shuffled), known, context)

    assert canonical(one) == canonical(other)


@settings(max_examples=150, deadline=None)
@given(worlds(), facts, contexts, st.sampled_from(RULES), st.integers(0, 7))
def test_a_new_rule_never_adds_a_candidate(world, known, context, rule, which):
    which %= len(world.items)
    stricter = [
        replace(item, eligibility=[*item.eligibility, rule]) if n == which else item
        for n, item in enumerate(world.items)
    ]

    _, before = run(world, known, context)
    _, after = run(replace(world, items=stricter), known, context)

    early = {Stage.ELIGIBILITY, Stage.APPLICABILITY, Stage.SUITABILITY}
    dropped_before = [stage in early for stage in before.traces[0].stages]
    dropped_after = [stage in early for stage in after.traces[0].stages]
    assert all(now or not then for then, now in zip(dropped_before, dropped_after, strict=True))


@settings(max_examples=150, deadline=None)
@given(worlds(), facts, contexts, st.integers(1, 20), st.integers(0, 7))
def test_raising_a_value_never_lowers_a_rank(world, known, context, more, which):
    which %= len(world.items)
    name = world.items[which].name
    plain = replace(world, exploration=EXPLORATIONS[0], items=[replace(i, exclusive=frozenset()) for i in world.items])
    raised = [replace(item, value=item.value + more) if item.name == name else item for item in plain.items]

    order = shown(run(plain, known, context)[1])
    new_order = shown(run(replace(plain, items=raised), known, context)[1])

    if name in order:
        assert new_order.index(name) <= order.index(name)


@settings(max_examples=150, deadline=None)
@given(worlds(), facts, contexts)
def test_the_answer_as_a_whole_is_valid(world, known, context):
    plan, decision = run(world, known, context)
    order = shown(decision)
    groups = {item.name: item.exclusive for item in world.items}

    assert len(order) == len(set(order))
    for x in ("x", "y"):
        assert sum(x in groups[name] for name in order) <= 1
    for trace in decision.traces:
        for candidate in trace.chosen:
            assert trace.stages[candidate] == Stage.SHOWN
    assert len(plan.candidates) == len(decision.traces[0].stages)


@settings(max_examples=100, deadline=None)
@given(worlds(), facts, contexts)
def test_every_dropped_candidate_has_a_reason_and_every_change_holds(world, known, context):
    plan, decision = run(world, known, context)
    model = model_of(plan)
    explanation = explain(plan, decision, model)

    for number, placement in enumerate(explanation.placements):
        for candidate in placement.candidates:
            assert candidate.reason
            if candidate.change is None or candidate.change.after is None:
                continue
            changed = {**decision.facts, candidate.change.input: candidate.change.after}
            index = plan.index_of(candidate.action, "desk", candidate.treatment)
            action = int(plan.action_of[index])
            count = len(plan.actions)
            passed = plan.gate.passed(changed)
            assert all(passed[layer * count + action] for layer in range(3)), (number, candidate)


@settings(max_examples=100, deadline=None)
@given(worlds(), facts, contexts)
def test_recorded_parts_make_the_recorded_priority(world, known, context):
    plan, decision = run(world, known, context)

    for placement in explain(plan, decision).placements:
        for candidate in placement.candidates:
            if candidate.parts:
                parts = candidate.parts
                worth = parts["goal.profit"] * parts["lever"] * parts["context_weight"]
                assert worth == pytest.approx(parts["priority"], rel=1e-4, abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(worlds(), facts, contexts, st.randoms(use_true_random=False))
def test_a_change_that_is_said_to_put_first_does(world, known, context, random):
    plan = replace(world, exploration=EXPLORATIONS[0]).plan()
    model = model_of(plan)
    for _ in range(30):
        seen = {"customer.age": random.randrange(100), "context.topic": random.choice(["outage", "invoice", "other"])}
        model.learn(seen, random.randrange(len(plan.candidates)), 0, random.random() < 0.5)

    def first(profile, situation):
        decision = decide(
            plan, State(model=model, position=0, profile=profile), request(context=situation), NOON, Draws("s")
        )
        return decision, next(iter(decision.placements[0].actions), None)

    decision, _ = first(known, context)
    for candidate in explain(plan, decision, model).placements[0].candidates:
        if candidate.change is not None and candidate.change.effect == "put first":
            name, value = candidate.change.input, candidate.change.after
            is_context = name.startswith("context.")
            profile = known if is_context else {**known, name: value}
            situation = {**context, name.removeprefix("context."): value} if is_context else context

            _, shown = first(profile, situation)

            assert (shown.action, shown.treatment) == (candidate.action, candidate.treatment)
