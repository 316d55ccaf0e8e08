"""Actions that are worth what their outcomes turn out to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from opportune.decide import Draws, Plan, State, canonical, decide, explain
from opportune.decide.plan import WITHHELD, ControlGroup, Exploration
from opportune.learning import Contest
from opportune.outcomes import Learner, Lesson, Report
from opportune.records import Decision, Sign
from tests.worlds import NOON, Item, World, model_of, request

SHOWN = ("small", "large")
AMOUNTS = {"small": 2_000.0, "large": 9_000.0}
CHANCES = {"small": 0.5, "large": 0.25}


def plan_of(exploration: Exploration | None = None) -> Plan:
    """Two actions that are worth what is bought: often little, or seldom much."""
    world = World(tuple(Item(name, value=0.0) for name in sorted(SHOWN)))
    plan = world.plan() if exploration is None else replace(world, exploration=exploration).plan()
    return replace(
        plan,
        amounts={"accept": (0.0, 1e9)},
        amount_units={"accept": (0.01, "EUR")},
        amount_scale=np.full((1, 1, 2), 0.01),
    )


def lesson(sequence: int, action: str, amount: float | None, after: tuple[Report, ...] = ()) -> Lesson:
    sign = Sign.NEGATIVE if amount is None else Sign.POSITIVE
    outcome = "reject" if amount is None else "accept"
    report = Report(f"o-{sequence}", action, "card", outcome, sign, sequence, amount=amount)
    reports = (report, *after)
    return Lesson(sequence, f"d-{sequence}", 0, "", {"customer.age": 40}, "desk", (), report, reports)


def taught(plan: Plan, kernel: str = "numpy", count: int = 400) -> Learner:
    learner, rng = Learner(plan, model_of(plan, kernel)), np.random.default_rng(3)
    for number in range(1, count + 1):
        action = SHOWN[number % 2]
        amount = AMOUNTS[action] * rng.uniform(0.5, 1.5) if rng.random() < CHANCES[action] else None
        learner.learn(lesson(number, action, amount))
    return learner


def run(plan: Plan, learner: Learner) -> Decision:
    return decide(plan, State(learner.model, 0, profile={"customer.age": 40}), request(), NOON, Draws("s"))


def test_what_is_expected_in_all_goes_first_and_not_what_is_most_likely() -> None:
    plan = plan_of()
    learner = taught(plan)
    first, second = run(plan, learner).placements[0].actions

    assert (first.action, second.action) == ("large", "small")
    assert first.propensity["accept"] < second.propensity["accept"]
    for one in (first, second):
        assert one.priority == pytest.approx(CHANCES[one.action] * AMOUNTS[one.action] / 100, rel=0.35)


def test_without_amounts_the_likelier_goes_first() -> None:
    plan = World(tuple(Item(name) for name in sorted(SHOWN))).plan()

    assert run(plan, taught(plan)).placements[0].actions[0].action == "small"


def test_explanations_say_the_expected_amount_also_from_the_record_alone() -> None:
    plan = plan_of()
    learner = taught(plan, count=1_600)
    decision = run(plan, learner)
    (why,) = (one for one in explain(plan, decision, learner.model).placements[0].candidates if one.place == 1)
    (recorded,) = (one for one in explain(plan, decision).placements[0].candidates if one.place == 1)

    amount = why.parts["amount.accept"]
    assert amount == pytest.approx(90.0, rel=0.2)
    assert why.amounts == f"expected amount of accept {amount:.2f} EUR"
    assert why.parts["goal.profit"] == pytest.approx(why.parts["propensity.accept"] * amount, rel=1e-5)
    assert why.parts["goal.profit"] == pytest.approx(why.parts["priority"], rel=1e-5)
    assert recorded.parts["goal.profit"] == pytest.approx(why.parts["goal.profit"], rel=1e-5)
    assert recorded.amounts == why.amounts


def test_what_is_expected_makes_priorities_less_sure() -> None:
    explored = plan_of(Exploration("thompson", 1.0, 0.0))
    chances = [run(explored, taught(explored, count=count)).placements[0].actions[0] for count in (40, 800)]

    assert 0.0 < chances[0].selection_probability <= 1.0
    assert chances[1].action == "large"
    assert chances[1].selection_probability > 0.9


def test_both_kernels_give_the_same_expected_amounts() -> None:
    plan = plan_of()
    parts = []
    for kernel in ("numpy", "numba"):
        learner = taught(plan, kernel)
        prediction = learner.model.predict(learner.model.encode({"customer.age": 40}))
        assert prediction.amount is not None
        parts.append(prediction.amount.tobytes())

    assert parts[0] == parts[1]


def test_an_amount_that_is_corrected_is_taken_back() -> None:
    plan = plan_of()
    learner, plain = taught(plan), taught(plan)
    wrong = lesson(401, "large", 900_000.0)
    right = replace(wrong.report, id="o-402", amount=9_000.0, replaces="o-401", occurred_at=402)

    learner.learn(wrong)
    moved = run(plan, learner).placements[0].actions[0].priority
    learner.learn(replace(wrong, sequence=402, before=wrong.after, report=right, after=(*wrong.after, right)))
    plain.learn(lesson(401, "large", 9_000.0))

    end, want = (run(plan, one).placements[0].actions[0].priority for one in (learner, plain))
    assert moved > 1.2 * want
    assert end == pytest.approx(want, rel=0.05)


def test_state_is_carried_with_the_models_and_decides_the_same() -> None:
    plan = plan_of()
    learner, other = taught(plan), Learner(plan, model_of(plan))
    assert isinstance(other.model, Contest)

    other.model.restore(learner.model.snapshot())

    assert other.model.digest() == learner.model.digest()
    assert canonical(run(plan, other)) == canonical(run(plan, learner))


def test_a_model_without_amounts_leaves_no_trace_of_them() -> None:
    plan = World(tuple(Item(name) for name in SHOWN)).plan()
    learner = taught(plan)
    prediction = learner.model.predict(learner.model.encode({}))

    assert prediction.amount is None
    assert "amounts" not in learner.model.snapshot().meta["parts"]
    assert not any("amount" in name for name in plan.part_names)


def test_incremental_worth_counts_the_same_amount_for_both_chances() -> None:
    held = ControlGroup("held", 0.5, "withhold", "forever")
    world = World(tuple(Item(name, value=0.0) for name in sorted(SHOWN)), control_groups=(held,), score="incremental")
    plan = replace(
        world.plan(),
        amounts={"accept": (0.0, 1e9)},
        amount_units={"accept": (0.01, "EUR")},
        amount_scale=np.stack((np.full((1, 2), 0.01), np.full((1, 2), -0.01)), axis=1),
    )
    assert plan.outcomes == ("accept", "accept" + WITHHELD)
    learner = taught(plan)
    for number in range(200):
        for candidate in (0, 1):
            learner.model.learn({"customer.age": 40}, candidate, 1, number % 10 == 0)
    decision = run(plan, learner)
    found = [one for one in explain(plan, decision, learner.model).placements[0].candidates if one.place == 1]

    for why in found:
        more = why.parts["propensity.accept"] - why.parts["propensity.accept" + WITHHELD]
        assert why.parts["goal.profit"] == pytest.approx(more * why.parts["amount.accept"], rel=1e-4)
        assert why.parts["goal.profit"] == pytest.approx(why.parts["priority"], rel=1e-4)
