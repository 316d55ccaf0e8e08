"""The benchmark of limits decides with limits that hold."""

from __future__ import annotations

import numpy as np

from benchmarks.decide_limits import LimitedEngine, limited_plan
from benchmarks.engine import build_plan, warm_model
from benchmarks.world import make_world
from opportune.records import Stage


def test_sold_out_stocks_and_histories_keep_actions_out():
    world = make_world(60, customers=20)
    plan = limited_plan(build_plan(world), world)
    engine = LimitedEngine(plan, world, warm_model(world, "numpy"), 40)

    decisions = [engine.decide(customer) for customer in range(20)]

    third = np.arange(60) % 3
    for decision in decisions:
        stages = np.frombuffer(decision.traces[0].stages, dtype=np.uint8)
        assert not ((stages == Stage.SHOWN) & (third < 2)).any()
        assert ((stages == Stage.LIMITED) & (third < 2)).any()
    assert any(hold.kind == "rest" for decision in decisions for hold in decision.holds)
    assert any(one.actions for decision in decisions for one in decision.placements)
