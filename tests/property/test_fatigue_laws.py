"""Laws of what contacts cost that a person had already, over generated histories."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opportune.decide import Draws, Standing, State, canonical, decide, explain, tired_of
from opportune.decide.arbitrate import arbitrate, goal_weights
from opportune.decide.fatigue import fatigue_of_goals, worth_of_fatigue
from opportune.decide.limits.limits import Limits, Scope
from opportune.decide.limits.windows import Length, instant, micros
from opportune.decide.plan import Exploration, Fatigue
from opportune.records import Contact, Decision
from opportune.storage.entries import Entry
from opportune.storage.kinds import Kind
from opportune.storage.parting import decision_of, split_decision
from tests.worlds import NOON, Item, World, model_of, replace, request

ZONES = ("Europe/Warsaw", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kolkata")
GROUPS = {"a0": "g0", "a1": "g0", "a2": "g1", "a3": "g1", "a4": "g1"}
NAMES = tuple(GROUPS)

contacts = st.lists(
    st.builds(
        lambda ago, what, action, channel: Contact(
            micros(NOON) - ago * 1_000_000, what, action, "card", channel, "main", f"d{ago}"
        ),
        st.integers(0, 12 * 86_400),
        st.sampled_from(["shown", "seen", "reject"]),
        st.sampled_from([*NAMES, "gone", "old_a1"]),
        st.sampled_from(["desk", "post"]),
    ),
    max_size=15,
)
lengths = st.one_of(st.builds(Length, st.integers(1, 9)), st.builds(Length, st.just(0), st.integers(60, 900_000)))


@st.composite
def worlds(draw):
    """Make a plan whose goals tire, and a history."""
    items = [Item(name, group=group, value=1.0 + n) for n, (name, group) in enumerate(GROUPS.items())]
    exploration = draw(st.sampled_from([Exploration("none", 0, 0), Exploration("thompson", 0.5, 0.05)]))
    plan = World(items, exploration=exploration, sizes={"main": 3, "side": 1}).plan()
    costing = draw(st.sets(st.sampled_from(NAMES), min_size=1))
    channels = draw(st.sampled_from([None, frozenset({"desk"}), frozenset({"post"})]))
    scope = Scope(np.array([name in costing for name in NAMES]), frozenset(costing), {}, channels, draw(st.booleans()))
    fatigue = Fatigue(
        goal=0,
        scope=scope,
        counts=draw(st.sampled_from([frozenset({"shown"}), frozenset({"seen", "reject"})])),
        within=draw(lengths),
        per=draw(st.sampled_from(["person", "group", "action"])),
        each=draw(st.floats(0.01, 2.0)),
    )
    limits = Limits(
        zone="UTC",
        actions={name: (slice(n, n + 1), GROUPS[name], "offer") for n, name in enumerate(NAMES)},
        groups={"g0": slice(0, 2), "g1": slice(2, 5)},
        former={"old_a1": "a1"},
        size=5,
        horizon_seconds=1,
    )
    goal = replace(plan.goals[0], sign=draw(st.sampled_from([1.0, -1.0])), weight=draw(st.floats(0.0, 3.0)))
    factors = draw(st.sampled_from([None, np.array([[1.0, 0.5, 0.0, 2.0, 1.0]])]))
    plan = replace(plan, goals=(goal,), fatigues=(fatigue,), limits=limits, channel_factors=factors)
    return plan, draw(contacts), draw(st.sampled_from(ZONES))


def tired(plan, history, zone):
    return tired_of(plan, Standing(history), {"zone": zone}, NOON)


def run(plan, history, zone, kernel="numpy"):
    state = State(model=model_of(plan, kernel), position=0, tired=tired(plan, history, zone))
    return decide(plan, state, request(zone=zone), NOON, Draws("x"))


def by_hand(plan, history, zone, name):
    """Count again what showing an action costs, contact by contact, without anything of the engine."""
    fatigue = plan.fatigues[0]
    if not fatigue.scope.mask[NAMES.index(name)]:
        return 0
    local = NOON.astimezone(ZoneInfo(zone)) - timedelta(days=fatigue.within.days)
    begin = local.timestamp() - fatigue.within.seconds
    count = 0
    for one in history:
        action = {"old_a1": "a1"}.get(one.action, one.action)
        is_counted = action in fatigue.scope.actions or (action == "gone" and fatigue.scope.strangers)
        is_near = fatigue.per == "person" or action == name
        is_near |= fatigue.per == "group" and GROUPS.get(action) == GROUPS[name]
        is_there = fatigue.scope.channels is None or one.channel in fatigue.scope.channels
        is_late = instant(one.at).timestamp() > begin
        count += is_counted and is_near and is_there and is_late and one.what in fatigue.counts
    return count


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_the_cost_is_that_of_counting_by_hand(world):
    plan, history, zone = world
    counted = tired(plan, history, zone)
    weights = goal_weights(plan, {})
    worth = worth_of_fatigue(plan, weights, counted)

    for place, name in enumerate(NAMES):
        count = by_hand(plan, history, zone, name)
        goal, each = plan.goals[0], plan.fatigues[0].each
        factor = 1.0 if plan.channel_factors is None else plan.channel_factors[0, place]
        assert fatigue_of_goals(plan, counted, place) == {0: pytest.approx(-goal.sign * each * count)}
        found = 0.0 if worth is None else worth[place]
        assert found == pytest.approx(-goal.weight / goal.normal * each * count * factor, rel=1e-6)


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_an_explanation_adds_up_to_the_priority(world):
    plan, history, zone = world
    decision = run(plan, history, zone)

    for one in explain(plan, decision, model_of(plan)).placements[0].candidates:
        worth = sum(value for name, value in one.parts.items() if name.startswith(("goal.", "fatigue.")))
        whole = worth * one.parts["lever"] * one.parts["context_weight"]
        assert whole == pytest.approx(one.parts["priority"], rel=1e-4, abs=1e-5)
        assert bool(one.fatigue) == bool(by_hand(plan, history, zone, one.action))
        assert one.fatigue in one.reason


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_a_recorded_decision_comes_out_again_without_the_history(world):
    plan, history, zone = world
    decision = run(plan, history, zone)
    body, payload = split_decision(decision, b"{}", ())
    body = msgspec.msgpack.decode(msgspec.msgpack.encode(body), type=type(body))
    entry = msgspec.structs.replace(_entry(decision), body=body, payload=payload)
    stored = decision_of(entry)
    state = State(model=model_of(plan), position=0, tired=stored.tired)

    assert canonical(stored) == canonical(decision)
    assert canonical(decide(plan, state, decision.request, NOON, Draws("x"))) == canonical(decision)
    if decision.tired and plan.goals[0].weight:
        # What was counted matters: without it the priorities are others, unless nothing costs in this channel.
        fresh = decide(plan, State(model=model_of(plan), position=0), decision.request, NOON, Draws("x"))
        assert canonical(fresh) != canonical(decision)


def _entry(decision: Decision) -> Entry:
    values = dict.fromkeys(Entry.__struct_fields__)
    return Entry(
        **values
        | {
            "sequence": 1,
            "kind": Kind.DECISION,
            "id": decision.request.id,
            "decision": decision.id,
            "person": decision.person,
            "session": decision.request.session,
            "revision": decision.revision,
            "occurred_at": decision.at,
        }
    )


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_both_kernels_weigh_alike(world):
    pytest.importorskip("numba")
    plan, history, zone = world
    counted = tired(plan, history, zone)
    weighed = []
    for kernel in ("numpy", "numba"):
        prediction = model_of(plan).predict(model_of(plan).encode({}))
        weighed.append(arbitrate(plan, {}, prediction, "", kernel, counted))

    assert weighed[0].priority.tobytes() == weighed[1].priority.tobytes()
    assert weighed[0].spread.tobytes() == weighed[1].spread.tobytes()
