"""What a limit leaves room for is a quota of the answer as a set, through all its placements."""

import numpy as np
import pytest

from opportune.decide import Draws, State, decide
from opportune.decide.limits.limits import Limits, Stock
from opportune.decide.limits.windows import Length
from opportune.decide.plan import Exploration
from opportune.records import Hold
from tests.decide.linked_worlds import asked
from tests.worlds import NOON, Item, World, model_of, replace

SURE, DRAWN = Exploration("none", 0.0, 0.0), Exploration("thompson", 0.8, 0.3)
ONE_LEFT = (Hold("headsets", "stock", "within:1", 1, 9, 10),)


def plan_with(exploration, fits):
    """Two placements of one place; a0 and a1 each take a headset."""
    items = [Item("a0", value=3.0), Item("a1", value=2.5), Item("a2", value=1.0)]
    plan = World(items, exploration=exploration, sizes={"one": 1, "two": 1}).plan()
    stock = Stock("headsets", 10, "", False, Length(0, 3_600), ("accept",), ("reject",), np.array([1, 1, 0]), (1,))
    actions = {f"a{n}": (slice(n, n + 1), "things", "offer") for n in range(3)}
    limits = Limits(zone="UTC", stocks={stock.name: stock}, actions=actions, groups={"things": slice(0, 3)}, size=3)
    desk = plan.channels["desk"]
    slots = {
        name: replace(slot, fits=np.isin(np.arange(3), own))
        for (name, slot), own in zip(desk.placements.items(), fits, strict=True)
    }
    return replace(plan, limits=limits, channels={"desk": replace(desk, placements=slots)})


def shown(plan, holds, seed, kernel):
    state = State(model_of(plan, kernel), 0, holds=holds)
    return tuple(trace.chosen for trace in decide(plan, state, asked(plan), NOON, Draws(seed)).traces)


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_the_last_one_of_a_stock_goes_where_the_whole_answer_gains_most(kernel):
    plan = plan_with(SURE, [(0, 2), (1,)])

    assert shown(plan, ONE_LEFT, "s", kernel) == ((2,), (1,))
    assert shown(plan, (), "s", kernel) == ((0,), (1,))


def test_no_draw_takes_more_than_is_left():
    plan = plan_with(DRAWN, [(0, 1, 2), (0, 1, 2)])

    drawn = [shown(plan, ONE_LEFT, f"s-{number}", "numpy") for number in range(60)]

    assert all(not {0, 1} <= {c for own in slate for c in own} for slate in drawn)
    assert len(set(drawn)) > 1
    free = [shown(plan, (), f"s-{number}", "numpy") for number in range(60)]
    assert any({0, 1} <= {c for own in slate for c in own} for slate in free)
