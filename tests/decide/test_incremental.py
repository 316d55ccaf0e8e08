"""Ranking by what showing changes: small worlds, and a stream whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opportune.decide import Draws, State, canonical, decide, explain
from opportune.decide.arbitrate import arbitrate
from opportune.decide.plan import WITHHELD, ControlGroup, Exploration
from opportune.decide.steps import steps_of
from opportune.learning.base import Prediction
from opportune.outcomes import Learner, Lesson, Names
from opportune.records import Decision, Renamed, Shown, Sign
from opportune.storage.standing import Report
from tests.worlds import NOON, Item, World, model_of, request

HELD = ControlGroup("held", 0.3, "withhold", "forever")
TWO = (Item("anyway"), Item("nudge"))
COUNT = 2_500

Chances = Mapping[tuple[str, str], tuple[float, float]]
"""(action, city) → chance of "accept" if shown, and if withheld."""


def chances(sure: float = 0.0) -> Chances:
    """A product that everybody buys with chance `sure` whatever is shown, and two that persuade one city each."""
    return {
        ("anyway", "Oslo"): (sure, sure),
        ("anyway", "Rome"): (sure, sure),
        ("nudge", "Oslo"): (0.25, 0.02),
        ("nudge", "Rome"): (0.05, 0.05),
        ("push", "Oslo"): (0.05, 0.05),
        ("push", "Rome"): (0.25, 0.02),
    }


def lesson(sequence: int, decision: Decision, shown: Shown, happened: bool) -> Lesson:
    outcome, sign = ("accept", Sign.POSITIVE) if happened else ("reject", Sign.NEGATIVE)
    report = Report(f"o-{sequence}", shown.action, shown.treatment, outcome, sign, 0)
    held = frozenset((one.action, one.treatment) for place in decision.withheld for one in place.actions)
    return Lesson(sequence, decision.id, 0, "", decision.facts, "desk", (), report, (report,), held)


def lived(score: str, truth: Chances, seed: int) -> tuple[list[float], list[float]]:
    """Serve a stream and learn from it; give what every decision of the second half changed, and who it was by lot."""
    names = sorted({action for action, _ in truth})
    world = World(
        tuple(map(Item, names)), Exploration("thompson", 1.0, 0.02), {"main": 1}, control_groups=(HELD,), score=score
    )
    plan = world.plan()
    learner = Learner(plan, model_of(plan))
    rng = np.random.default_rng(seed)
    changed: list[float] = []
    chosen_by: list[float] = []
    for number in range(COUNT):
        city = "Oslo" if rng.random() < 0.5 else "Rome"
        state = State(model=learner.model, position=0, person=f"p-{number}", profile={"customer.city": city})
        decision = decide(plan, state, request(f"r-{number}"), NOON, Draws(f"{seed}/{number}"))
        (shown,) = (*decision.placements[0].actions, *(one for place in decision.withheld for one in place.actions))
        if_shown, if_not = truth[shown.action, city]
        happened = rng.random() < (if_not if decision.withheld else if_shown)
        learner.learn(lesson(number + 1, decision, shown, happened))
        if number >= COUNT // 2 and not decision.withheld:
            changed.append(if_shown - if_not)
            chosen_by.append(if_shown)
    return changed, chosen_by


def gain(truth: Chances) -> tuple[float, float]:
    """What ranking by the difference changes more than ranking by the chance, per decision, with 95 % interval."""
    runs = [(lived("incremental", truth, seed)[0], lived("expected", truth, seed)[0]) for seed in (1, 2)]
    ours, theirs = (np.concatenate([np.array(run[side]) for run in runs]) for side in (0, 1))
    error = np.sqrt(ours.var() / len(ours) + theirs.var() / len(theirs))
    middle = ours.mean() - theirs.mean()
    return float(middle - 1.96 * error), float(middle + 1.96 * error)


def test_incremental_ranking_earns_more_where_some_buy_anyway() -> None:
    low, _ = gain(chances(sure=0.5))

    assert low > 0.08


def test_it_gains_nothing_where_nobody_buys_anyway() -> None:
    low, high = gain(chances())

    assert low < 0.01
    assert high > -0.04


def taught(score: str, kernel: str = "numpy") -> tuple[World, Learner]:
    """A world that knows: "anyway" is taken by half of all, shown or not; "nudge" by 30 % if shown, by 2 % if not."""
    world = World(TWO, sizes={"main": 2}, control_groups=(replace(HELD, share=0.5),), score=score)
    plan = world.plan()
    learner = Learner(plan, model_of(plan, kernel))
    own, other = 0, 1
    for action, shown, held in ((0, 50, 50), (1, 30, 2)):
        for n in range(100):
            learner.model.learn({}, action, own, 37 * n % 100 < shown)
            learner.model.learn({}, action, other, 37 * n % 100 < held)
    return world, learner


def run(world: World, learner: Learner, session: str | None = None) -> Decision:
    state = State(model=learner.model, position=0)
    return decide(world.plan(), state, request(session=session), NOON, Draws("s"))


def test_an_action_that_all_take_anyway_loses_to_one_that_persuades() -> None:
    first = {score: run(*taught(score)).placements[0].actions[0].action for score in ("expected", "incremental")}

    assert first == {"expected": "anyway", "incremental": "nudge"}


def test_explanations_say_both_chances_and_their_difference() -> None:
    world, learner = taught("incremental")
    decision = run(world, learner)
    first = next(
        one for one in explain(world.plan(), decision, learner.model).placements[0].candidates if one.rank == 1
    )
    own, other = first.parts["propensity.accept"], first.if_withheld["accept"]

    assert first.action == "nudge"
    assert f"accept {100 * own:.1f} % if shown, {100 * other:.1f} % if not: +{100 * (own - other):.1f} points" in (
        first.reason
    )
    assert set(first.interval) == set(decision.placements[0].actions[0].propensity) == {"accept"}
    assert decision.placements[0].actions[0].priority == pytest.approx(own - other, abs=1e-6)


def test_who_is_shown_nothing_is_decided_for_with_the_same_draws() -> None:
    world, learner = taught("incremental")
    sessions = [f"s-{n}" for n in range(20)]
    both = {run(world, learner, session).control: run(world, learner, session) for session in sessions}
    held, shown = both["held"], both[None]

    assert not held.placements[0].actions
    assert [(one.action, one.selection_probability, one.priority) for one in held.withheld[0].actions] == [
        (one.action, one.selection_probability, one.priority) for one in shown.placements[0].actions
    ]
    assert held.traces == shown.traces
    found = explain(world.plan(), held, learner.model).placements[0].candidates
    assert {one.stage for one in found} == {"withheld"}
    assert canonical(held) == canonical(run(world, learner, held.request.session))
    assert b"withheld" not in canonical(shown)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.001, 0.999), st.floats(0.01, 3)), min_size=1, max_size=6),
    st.floats(-100, 100, width=32),
    st.floats(-10, 10, width=32),
)
def test_equal_chances_are_worth_what_showing_is_worth(
    known: list[tuple[float, float]], value: float, shown: float
) -> None:
    items = [Item(f"a{n}", value=value, shown_value=shown) for n in range(len(known))]
    plan = World(items, score="incremental").plan()
    chance = np.array([[p for p, _ in known]] * 2, dtype=np.float32)
    spread = np.array([[s for _, s in known]] * 2, dtype=np.float32)
    told = Prediction(chance, np.log(chance / (1 - chance)), spread)

    weighing = arbitrate(plan, {}, told, "", "numpy")

    assert weighing.priority.tolist() == [np.float32(shown)] * len(known)


@pytest.mark.parametrize("kernel", ["numba"])
def test_kernels_weigh_alike(kernel: str) -> None:
    rng = np.random.default_rng(5)
    chance = rng.uniform(0.01, 0.99, (4, 300)).astype(np.float32)
    spread = rng.uniform(0.01, 2, (4, 300)).astype(np.float32)
    worth = rng.uniform(-50, 50, (2, 300)).astype(np.float32)
    values, shown = np.concatenate((worth, -worth)), np.zeros(300, dtype=np.float32)
    ones = np.ones(300, dtype=np.float32)

    plain = steps_of("numpy").weigh(chance, spread, values, shown, ones)
    compiled = steps_of(kernel).weigh(chance, spread, values, shown, ones)

    for one, other in zip(plain, compiled, strict=True):
        assert one.tobytes() == other.tobytes()


def test_answers_teach_the_head_of_what_was_done_alone() -> None:
    plan = World(TWO, control_groups=(HELD,), score="incremental").plan()
    assert plan.outcomes == ("accept", "accept" + WITHHELD)
    learner = Learner(plan, model_of(plan))
    report = Report("o-1", "nudge", "card", "accept", Sign.POSITIVE, 0)
    for sequence, held in ((1, frozenset({("nudge", "card")})), (2, frozenset())):
        learner.learn(
            Lesson(sequence, f"d-{sequence}", 0, "", {"customer.age": 40}, "desk", (), report, (report,), held)
        )

    assert learner.model.evidence().tolist() == [[0, 1], [0, 1]]


def test_what_was_withheld_counts_for_no_ramp_up() -> None:
    world, learner = taught("incremental")
    learner.model.learn({}, 1, 1, True)
    plan = replace(world.plan(), ramp_up=np.array([[0.1, 0.1], [100.0, 101.0]]))
    state = State(model=learner.model, position=0)
    decision = decide(plan, state, request(), NOON, Draws("s"))
    found = explain(plan, decision, learner.model).placements[0].candidates

    assert ["ramp-up" in one.reason for one in found] == [False, True]


def test_a_withheld_action_may_be_reported_by_its_name_of_today() -> None:
    plan = World(TWO, control_groups=(HELD,), score="incremental").plan()
    names = Names().after([Renamed("action", "shove", "nudge")])
    learner = Learner(plan, model_of(plan), names=names)
    held = frozenset({("shove", "card")})
    for sequence, name in ((1, "nudge"), (2, "shove")):
        report = Report(f"o-{sequence}", name, "card", "accept", Sign.POSITIVE, 0)
        learner.learn(
            Lesson(sequence, f"d-{sequence}", 0, "", {"customer.age": 40}, "desk", (), report, (report,), held)
        )

    assert learner.model.evidence().tolist() == [[0, 0], [0, 2]]
