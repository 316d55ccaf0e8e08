"""What a goal's weight does to all goals, compared with strategies that are written with that weight."""

from __future__ import annotations

import math

import numpy as np
import pytest

from opportune.evaluate.goals import decided_rows, tradeoff
from opportune.evaluate.goals.tradeoff import PRESENT, Rows, plans_of, weights_tried
from opportune.service.foreseeing import side_of
from tests.evaluate.foresight.examples import Edit, edited, example, people, replacing
from tests.evaluate.goals.deciding import by_hand, decided

COUNT = 40
WEIGHT = "unit: percentage points\n  weight: 0.5\n  normal: 10\n  segments: {churn_risk: 1.5, best_customers: 1.0}"


def weighing(factor: float):
    """Write the example with another weight of its second goal."""
    text = f"weight: {0.5 * factor}\n  normal: 10\n  segments: {{churn_risk: {1.5 * factor}, best_customers: {factor}}}"
    change = replacing("goals.yaml", WEIGHT, f"unit: percentage points\n  {text}")
    return edited(Edit("a weight", "telecom", change))


def quiet(done: int, total: int) -> None:
    """Tell nobody."""


@pytest.fixture(scope="module")
def curve():
    side, factors = side_of(example("telecom"), None, None, "numpy"), (0.0, PRESENT, 4.0)
    rows = decided_rows(side, people("telecom", COUNT), plans_of(side.plan, "retention", factors), 1, quiet)
    return tradeoff(side.plan, "retention", factors, rows)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_figures_are_those_of_deciding_with_that_weight_by_hand(curve, place):
    point = curve.points[place]
    strategy = weighing(point.factor)
    decisions = decided(strategy, people("telecom", COUNT))

    found = [point.amounts[name].value for name in strategy.project.goals]
    assert found == pytest.approx(by_hand(strategy, decisions).tolist(), rel=1e-4)
    assert point.weight == pytest.approx(0.5 * point.factor)
    present = decided(example("telecom"), people("telecom", COUNT))
    shown = [[[one.action for one in answer.actions] for answer in one.placements] for one in decisions]
    now = [[[one.action for one in answer.actions] for answer in one.placements] for one in present]
    assert point.changed == sum(one != other for one, other in zip(shown, now, strict=True))


def test_what_one_more_unit_costs_is_the_slope_of_the_curve(curve):
    low, high = curve.points[0].amounts, curve.points[2].amounts
    profit = next(one for one in curve.present if one.goal == "profit")

    slope = (high["profit"].value - low["profit"].value) / (high["retention"].value - low["retention"].value)
    assert profit.each.value == pytest.approx(slope)
    assert (profit.low, profit.high) == (0.0, 4.0)
    assert profit.each.low <= profit.each.value <= profit.each.high
    assert {one.goal for one in curve.exchanges} == {"profit", "calls_avoided"}
    assert len(curve.exchanges) == 4
    assert set(curve.told_by.values()) == {"untaught"}


def test_more_weight_never_gives_a_goal_less_without_exploration():
    cases = people("telecom", COUNT)
    factors = (0.0, 0.5, PRESENT, 3.0, 10.0)
    one = example("telecom")
    found = [by_hand(one, decided(weighing(factor), cases, is_explored=False))[1] for factor in factors]

    assert found == sorted(found)
    assert found[0] < found[-1]


def test_answers_tell_the_goals_that_they_can():
    side, factors = side_of(example("telecom"), None, None, "numpy"), (0.0, PRESENT)
    model = decided_rows(side, people("telecom", 10), plans_of(side.plan, "retention", factors), 1, quiet)
    told = np.arange(2 * 4 * 3, dtype=np.float64).reshape(2, 4, 3)
    answers = Rows(
        "answers", np.arange(4), told, remarks={"calls_avoided": ("too few",)}, unknown=frozenset({"calls_avoided"})
    )

    curve = tradeoff(side.plan, "retention", factors, model, answers)

    assert curve.told_by == {"profit": "answers", "retention": "answers", "calls_avoided": "untaught"}
    assert curve.remarks == {"calls_avoided": ("too few",)}
    assert curve.points[0].amounts["profit"].value == pytest.approx(told[0, :, 0].mean())
    each = {one.goal: one.each.value for one in curve.present}
    assert each["profit"] == pytest.approx(1.0)
    # One of both goals is told by the model: then both are, so that they are of the same contacts.
    more = model.amounts[1] - model.amounts[0]
    gained = float(more[:, 1].sum())
    expected = float(more[:, 2].sum()) / gained if gained else math.nan
    assert each["calls_avoided"] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(("changed", "is_told"), [(1, False), (2, False), (6, True)])
def test_a_range_is_told_where_the_goal_changes_for_more_than_hardly_anybody(changed, is_told):
    side = side_of(example("telecom"), None, None, "numpy")
    amounts = np.zeros((2, 50, 3))
    amounts[1, :changed, 1] = np.arange(1, changed + 1)
    amounts[1, :changed, 0] = 5.0

    curve = tradeoff(side.plan, "retention", (0.0, PRESENT), Rows("model", np.arange(50), amounts, (0, changed)))

    profit = next(one.each for one in curve.present if one.goal == "profit")
    assert profit.value == pytest.approx(5.0 * changed / sum(range(changed + 1)))
    assert math.isfinite(profit.low) == math.isfinite(profit.high) == is_told
    assert not is_told or profit.low < profit.value < profit.high


def test_the_weight_as_it_is_is_always_tried():
    assert weights_tried(0.0, 3.0, 7) == (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
    assert weights_tried(2.0, 3.0, 2) == (1.0, 2.0, 3.0)
