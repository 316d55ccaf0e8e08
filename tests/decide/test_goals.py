"""Goals that weigh less in a channel, and goals to be kept small."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from opportune.decide import Plan, explain
from opportune.decide.arbitrate import goal_weights
from opportune.records import Decision
from tests.decide.test_amounts import plan_of, run, taught


def priorities(decision: Decision) -> dict[str, float]:
    return {one.action: one.priority for one in decision.placements[0].actions}


def weighed(plan: Plan, factor: float, sign: float = 1.0) -> Plan:
    goal = replace(plan.goals[0], sign=sign)
    return replace(plan, goals=(goal,), channel_factors=np.full((1, 2), factor), _worth={})


@pytest.mark.parametrize("factor", [0.0, 0.5, 2.0])
def test_a_channel_multiplies_what_everything_is_worth(factor: float) -> None:
    plan = plan_of()
    learner = taught(plan)

    own, other = priorities(run(plan, learner)), priorities(run(weighed(plan, factor), learner))

    assert other == pytest.approx({name: factor * value for name, value in own.items()}, abs=1e-5)


def test_what_is_to_be_kept_small_counts_against() -> None:
    plan = plan_of()
    learner = taught(plan)
    less = weighed(plan, 1.0, sign=-1.0)

    own, other = run(plan, learner), run(less, learner)

    assert priorities(other) == pytest.approx({name: -value for name, value in priorities(own).items()})
    assert [one.action for one in other.placements[0].actions] == ["small", "large"]
    (first, _) = explain(less, other, learner.model).placements[0].candidates
    assert first.parts["goal.profit"] == pytest.approx(first.parts["priority"], rel=1e-4)
    assert goal_weights(less, {}) == (-1.0,)
