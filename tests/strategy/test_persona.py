"""What a persona test fixes."""

from dataclasses import replace

import numpy as np
import pytest

from opportune.decide.chains import chained
from opportune.strategy.persona import FixedPropensities
from tests.worlds import Item, World, model_of


def plan_of(relevant, after):
    plan = World([Item("a"), Item("b")]).plan()
    desk = plan.channels["desk"]
    main = replace(desk.placements["main"], relevant=relevant)
    channels = {"desk": replace(desk, placements={"main": main})}
    return replace(plan, outcomes=("click", "accept"), values=np.ones((1, 2, 2)), channels=channels, after=after)


@pytest.mark.parametrize("after", [{}, {"accept": "click"}])
@pytest.mark.parametrize("relevant", [0, 1])
def test_the_chance_of_the_first_positive_outcome_of_the_channel_is_fixed(relevant, after):
    plan = plan_of(relevant, after)
    model = model_of(plan)
    fixed = FixedPropensities(model, plan, {"a": 0.3})

    chances = chained(plan, fixed.predict(fixed.encode({})))
    untaught = chained(plan, model.predict(model.encode({})))

    assert chances.propensity[relevant, 0] == pytest.approx(0.3)
    assert chances.log_odds[relevant, 0] == pytest.approx(np.log(3 / 7))
    assert (chances.propensity[:, 1] == untaught.propensity[:, 1]).all()
    assert (chances.propensity[1] <= chances.propensity[0]).all() or not after
