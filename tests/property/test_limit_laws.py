"""Laws of limits, over generated histories, policies, stocks and switches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from opportune.decide import Draws, Standing, State, canonical, decide, explain, holds_of
from opportune.decide.limits.limits import Apart, AtMost, Limits, Quiet, Rest, Scope, Stock
from opportune.decide.limits.quiet import quiet_until
from opportune.decide.limits.windows import Length, instant, micros
from opportune.decide.plan import Exploration
from opportune.records import Contact, PlacementRequest, Stage
from opportune.strategy.persona import unexplored
from tests.worlds import NOON, Item, World, model_of, replace, request

ZONES = ("Europe/Warsaw", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kolkata")
GROUPS = {"a0": "g0", "a1": "g0", "a2": "g1", "a3": "g1", "a4": "g1"}
NAMES = tuple(GROUPS)
PLACES = 4

lengths = st.builds(Length, st.integers(0, 9), st.integers(1, 100_000))
contacts = st.lists(
    st.builds(
        lambda ago, what, action: Contact(
            micros(NOON) - ago * 1_000_000, what, action, "card", "desk", "main", f"d{ago}"
        ),
        st.integers(0, 12 * 86_400),
        st.sampled_from(["shown", "seen", "accept", "reject"]),
        st.sampled_from([*NAMES, "gone"]),
    ),
    max_size=12,
)


@st.composite
def scopes(draw):
    actions = draw(st.sets(st.sampled_from(NAMES), min_size=1))
    counts = {group: sum(GROUPS[name] == group for name in actions) for group in ("g0", "g1")}
    mask = np.array([name in actions for name in NAMES])
    return Scope(
        mask, frozenset(actions), counts, draw(st.sampled_from([None, frozenset({"desk"})])), draw(st.booleans())
    )


@st.composite
def policies(draw, name):
    scope = draw(scopes())
    match draw(st.sampled_from(["at_most", "rest", "quiet", "apart"])):
        case "at_most":
            counts = draw(st.sampled_from([frozenset({"shown"}), frozenset({"seen", "reject"})]))
            per = draw(st.sampled_from(["person", "group", "action"]))
            return AtMost(
                name, scope, draw(st.integers(1, 4)), draw(lengths), counts, per, draw(st.sampled_from(["", "why"]))
            )
        case "rest":
            times = draw(st.integers(1, 2))
            without = draw(st.sampled_from([None, "accept"]))
            rests = draw(st.sampled_from(["action", "group", "all"]))
            return Rest(name, scope, "seen", times, draw(lengths) if times > 1 else None, without, draw(lengths), rests)
        case "quiet":
            begin, end = draw(st.lists(st.integers(0, 1439), min_size=2, max_size=2, unique=True))
            return Quiet(name, scope, begin, end, frozenset(draw(st.sets(st.integers(0, 6), min_size=1))))
    return Apart(name, scope, draw(lengths))


@st.composite
def worlds(draw):
    """Make a plan with limits, and what they are judged by."""
    items = [Item(name, group=group, value=1.0 + n) for n, (name, group) in enumerate(GROUPS.items())]
    exploration = draw(st.sampled_from([Exploration("none", 0, 0), Exploration("thompson", 0.5, 0.05)]))
    plan = World(items, exploration=exploration, sizes={"main": 3, "side": 1}).plan()
    uses = draw(st.lists(st.integers(0, 3), min_size=5, max_size=5))
    stocks = {}
    if any(uses):
        amounts = tuple(sorted(use for use in uses if use))
        stocks["pens"] = Stock("pens", 9, "", False, Length(1), ("accept",), ("reject",), np.array(uses), amounts)
    limits = Limits(
        zone="UTC",
        policies=tuple(draw(policies(f"p{n}")) for n in range(draw(st.integers(1, 3)))),
        stocks=stocks,
        actions={name: (slice(n, n + 1), GROUPS[name], "offer") for n, name in enumerate(NAMES)},
        groups={"g0": slice(0, 2), "g1": slice(2, 5)},
        size=5,
        horizon_seconds=1,
    )
    off = draw(st.sampled_from([frozenset(), frozenset({"action:a3"}), frozenset({"group:g0"})]))
    standing = Standing(draw(contacts), {("pens", ""): draw(st.integers(0, 9))}, off)
    return replace(plan, limits=limits), standing, draw(st.sampled_from(ZONES))


def run(plan, standing, zone, kernel="numpy"):
    holds = holds_of(plan, standing, {"zone": zone}, NOON, PLACES)
    both = (PlacementRequest(name="main"), PlacementRequest(name="side"))
    state = State(model=model_of(plan, kernel), position=0, holds=holds)
    return decide(plan, state, request(placements=both, zone=zone), NOON, Draws("x"))


def members(plan, hold):
    return [name for name, is_in in zip(NAMES, plan.limits.members(hold.limit, hold.part), strict=True) if is_in]


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_nothing_is_shown_that_a_limit_holds_and_no_more_than_it_leaves(world):
    plan, standing, zone = world
    decision = run(plan, standing, zone)
    shown = [one.action for placement in decision.placements for one in placement.actions]

    for hold in decision.holds:
        assert len(set(members(plan, hold)) & set(shown)) <= hold.left
    stages = np.frombuffer(decision.traces[0].stages, dtype=np.uint8)
    held = {name for hold in decision.holds if not hold.left for name in members(plan, hold)}
    assert held <= {name for name, stage in zip(NAMES, stages, strict=True) if stage == Stage.LIMITED}


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_every_refusal_names_limit_counter_and_end(world):
    plan, standing, zone = world
    decision = run(plan, standing, zone)

    for one in explain(plan, decision).placements[0].candidates:
        if one.stage != "limited":
            continue
        assert one.reason
        assert one.limits
        for found in one.limits:
            assert found.limit in found.reason or found.kind == "switch"
            if found.until is not None:
                assert f"{found.until.astimezone(ZoneInfo(zone)).year}" in found.reason


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_a_recorded_decision_comes_out_again_without_the_history(world):
    plan, standing, zone = world
    decision = run(plan, standing, zone)
    state = State(model=model_of(plan), position=0, holds=decision.holds)

    assert canonical(decide(plan, state, decision.request, NOON, Draws("x"))) == canonical(decision)


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_both_kernels_give_the_same_bytes_with_limits(world):
    pytest.importorskip("numba")
    plan, standing, zone = world

    plan = unexplored(plan)  # Chances of explored places agree within a tolerance only.

    one, other = (
        msgspec.structs.replace(run(plan, standing, zone, kernel), kernel="") for kernel in ("numpy", "numba")
    )

    assert canonical(one) == canonical(other)


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_what_leaves_room_for_the_whole_answer_does_not_bind(world):
    plan, standing, zone = world
    wide = holds_of(plan, standing, {"zone": zone}, NOON)

    for hold in wide:
        assert hold.left < len(members(plan, hold)) or not hold.left
    assert [one for one in wide if not one.left] == [
        one for one in holds_of(plan, standing, {"zone": zone}, NOON, 1) if not one.left
    ]


def is_quiet(policy, local):
    """Say it by the minutes since the begin on each of the last two days."""
    length = (policy.end - policy.begin) % 1440 or 1440
    for back in (0, 1):
        day = (local - timedelta(days=back)).date()
        minute = 1440 * back + local.hour * 60 + local.minute
        if day.weekday() in policy.days and 0 <= minute - policy.begin < length:
            return True
    return False


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 1439),
    st.integers(1, 1439) | st.just(1440),
    st.sets(st.integers(0, 6), min_size=1),
    st.sampled_from(ZONES),
    st.sampled_from([datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC), NOON]),
    st.integers(-2_880, 2_880),
)
def test_quiet_hours_are_those_of_the_wall_clock_and_end_when_they_say(begin, length, days, zone, day, minutes):
    assume(length < 1440 or len(days) < 7)
    scope = Scope(np.ones(1, dtype=bool), frozenset({"a0"}), {}, None, True)
    policy = Quiet("nights", scope, begin, (begin + length) % 1440, frozenset(days))
    now = day + timedelta(minutes=minutes)

    until = quiet_until(policy, now, zone)

    assert (until is not None) == is_quiet(policy, now.astimezone(ZoneInfo(zone)))
    if until is not None:
        end = instant(until)
        assert not is_quiet(policy, end.astimezone(ZoneInfo(zone)))
        quarters = range(int((end - now) / timedelta(minutes=15)))
        assert all(is_quiet(policy, (now + q * timedelta(minutes=15)).astimezone(ZoneInfo(zone))) for q in quarters)


@settings(max_examples=150, deadline=None)
@given(contacts, st.integers(60, 500_000))
def test_a_distance_is_kept_to_every_contact_before(history, seconds):
    scope = Scope(np.ones(5, dtype=bool), frozenset(NAMES), {"g0": 2, "g1": 3}, None, True)
    plan = World([Item(name, group=group) for name, group in GROUPS.items()]).plan()
    actions = {name: (slice(n, n + 1), GROUPS[name], "offer") for n, name in enumerate(NAMES)}
    limits = Limits(policies=(Apart("breath", scope, Length(0, seconds)),), actions=actions, size=5, horizon_seconds=1)

    holds = holds_of(replace(plan, limits=limits), Standing(history), {"zone": "UTC"}, NOON)

    last = max((one.at for one in history if one.what == "shown"), default=None)
    is_near = last is not None and micros(NOON) - last < seconds * 1_000_000
    assert [hold.until for hold in holds] == ([last + seconds * 1_000_000] if is_near else [])
